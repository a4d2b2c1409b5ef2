#!/usr/bin/env python3
"""What a per-sample-scaled quantized gradient product (PSQ) costs in PyTorch on the CPU, on the models' shapes.

The output gradient of a convolution is quantized to 4 bits, one real scale a sample, by stochastic rounding; then the
FP32 products (backward-data, backward-weights) of the *dequantized* values run, since integer kernels with a real scale
for each sample exist neither in PyTorch nor in oneDNN: those scales stand on the dimension that backward-weights sums
over. So this is the cost of simulating PSQ, and `quantize_ms` beside `products_ms` says what the quantization adds.
"""
import json
import sys

import common


def quantize_per_sample(torch, g, bits):
    """Stochastic rounding to `bits` bits, symmetric, a real scale a sample; returns the dequantized values."""
    top = 2 ** (bits - 1) - 1
    scale = g.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min_(1e-30).div_(top)
    return g.div(scale).add_(torch.rand_like(g)).floor_().clamp_(-top, top).mul_(scale)


def child(job):
    torch = common.setup_torch(job["threads"])
    import models

    layout = torch.channels_last if job["layout"] == "channels_last" else torch.contiguous_format
    batch, done = job["batch"], set()
    for index, shape in enumerate(models.product_shapes(job["model"], job["size"], 10)[:-1]):
        h, w, ci, co, k, stride, pad = shape
        if shape in done:
            continue
        done.add(shape)
        x = torch.randn(batch, ci, h, w).to(memory_format=layout)
        weight = torch.randn(co, ci, k, k).to(memory_format=layout)
        g = torch.randn_like(torch.nn.functional.conv2d(x, weight, None, stride, pad))
        need_data = index > 0

        def products(gradient):
            return torch.ops.aten.convolution_backward(gradient, x, weight, None, [stride] * 2, [pad] * 2, [1, 1], False,
                                                       [0, 0], 1, [need_data, True, False])

        def quantize():
            return quantize_per_sample(torch, g, job["bits"])

        error = (quantize() - g).abs() / g.abs().amax(dim=(1, 2, 3), keepdim=True) * (2 ** (job["bits"] - 1) - 1)
        if float(error.max()) > 1.001:
            raise ArithmeticError("Error: a rounded gradient is further than one step from the gradient")
        with torch.no_grad():
            product_ms = 1e3 * common.summary(common.measure(lambda: products(g), job["seconds"]))["median"]
            quantize_ms = 1e3 * common.summary(common.measure(quantize, job["seconds"]))["median"]
            whole_ms = 1e3 * common.summary(common.measure(lambda: products(quantize()), job["seconds"]))["median"]
        gmac = models.macs(shape, batch) * (2 if need_data else 1) / 1e9
        common.emit({"n": batch, "h": h, "w": w, "ci": ci, "co": co, "kh": k, "stride": stride, "pad": pad,
                     "products_ms": product_ms, "quantize_ms": quantize_ms, "ms": whole_ms, "gmacs": 1e3 * gmac / whole_ms,
                     "version": torch.__version__})


def main(arguments):
    parser = common.argument_parser(__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(common.MODELS), help="comma-separated")
    parser.add_argument("--bits", type=int, default=4)
    args = parser.parse_args(arguments)
    if args.child:
        child(json.loads(args.child))
        return 0
    common.require_torch()
    print(f"per-sample quantization to {args.bits} bits, simulated, then backward-data + backward-weights in FP32, "
          f"{args.threads} threads: ms")
    results = []
    for model in args.models.split(","):
        for layout in ("channels_last", "contiguous"):
            job = {"bench": "per-sample", "library": "pytorch", "model": model, "format": f"simulated g{args.bits}",
                   "layout": layout, "variant": f"eager {layout}", "bits": args.bits, "threads": args.threads,
                   "isa": args.isa, "allocator": args.allocator, **common.MODELS.get(model, {})}
            for answer in common.run_child(__file__, {**job, "seconds": args.seconds}, args):
                result = {**job, **answer}
                results.append(result)
                if "error" in result:
                    print(f"  {model} {layout}: failed: {result['error']}")
                else:
                    shape = "{h}x{w} {ci}->{co} k{kh} s{stride}".format(**result)
                    print(f"  {model:<10}{layout:<14}{shape:<24} products {result['products_ms']:8.2f}  quantize "
                          f"{result['quantize_ms']:8.2f}  both {result['ms']:8.2f}", flush=True)
    common.write_json(args.json, results)
    return 0 if any("error" not in result for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
