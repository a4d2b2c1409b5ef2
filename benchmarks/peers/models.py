"""The models of src/nn/models in PyTorch, node for node (projection shortcuts included), and their useful arithmetic."""
import torch
from torch import nn


def conv(inputs, outputs, kernel, stride=1, pad=None):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if pad is None else pad, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, projected where the shape changes."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = conv(inputs, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = None
        if stride != 1 or inputs != channels:
            self.shortcut = nn.Sequential(conv(inputs, channels, 1, stride), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = nn.functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += x if self.shortcut is None else self.shortcut(x)
        return nn.functional.relu(y, inplace=True)


def stage(inputs, channels, blocks, stride):
    return [BasicBlock(inputs if i == 0 else channels, channels, stride if i == 0 else 1) for i in range(blocks)]


def norm_act(channels):
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


def classifier(features, classes):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes)]


def cifar_resnet(blocks, classes):
    layers = [conv(3, 16, 3), *norm_act(16)]
    for inputs, channels, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        layers += stage(inputs, channels, blocks, stride)
    return nn.Sequential(*layers, *classifier(64, classes))


def resnet18(size, classes):
    large = size >= 64
    layers = [conv(3, 64, 7, 2) if large else conv(3, 64, 3), *norm_act(64)]
    if large:
        layers.append(nn.MaxPool2d(3, 2, 1))
    for inputs, channels, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        layers += stage(inputs, channels, 2, stride)
    return nn.Sequential(*layers, *classifier(512, classes))


def vgg_small(size, classes):
    layers, inputs = [], 3
    for channels in (128, 256, 512):
        for _ in range(2):
            layers += [conv(inputs, channels, 3), *norm_act(channels)]
            inputs = channels
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512 * (size // 8) ** 2, classes))


def build(name, size, classes):
    if name == "resnet20":
        return cifar_resnet(3, classes)
    if name == "resnet18":
        return resnet18(size, classes)
    if name == "vgg-small":
        return vgg_small(size, classes)
    raise ValueError(f"unknown model '{name}'")


def product_shapes(name, size, classes):
    """Every convolution and linear layer in order of execution as (h, w, ci, co, k, stride, pad), h and w of the input."""
    shapes, hooks = [], []

    def note(module, inputs, _):
        x = inputs[0]
        if isinstance(module, nn.Conv2d):
            shapes.append((*x.shape[2:], module.in_channels, module.out_channels, module.kernel_size[0], module.stride[0],
                           module.padding[0]))
        else:
            shapes.append((1, 1, module.in_features, module.out_features, 1, 1, 0))

    with torch.device("meta"):
        model = build(name, size, classes).eval()
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                hooks.append(module.register_forward_hook(note))
        model(torch.empty(1, 3, size, size))
    return shapes


def macs(shape, batch):
    """Multiply-accumulates of one of the three products of a layer."""
    h, w, ci, co, k, stride, pad = shape
    return batch * ((h + 2 * pad - k) // stride + 1) * ((w + 2 * pad - k) // stride + 1) * ci * co * k * k


def step_macs(name, size, classes, batch):
    """Forward, backward-weights, and backward-data of all but the first layer, which needs none."""
    counts = [macs(shape, batch) for shape in product_shapes(name, size, classes)]
    return 3 * sum(counts) - counts[0]
