#!/usr/bin/env python3
"""Whole training steps in PyTorch on the CPU: forward, cross entropy, backward, SGD with Nesterov momentum; data ready.

Every variant (execution x format x memory layout) runs in a process of its own, with the fastest of SGD's
implementations; what fails is reported with its reason. The results have the keys of `subbyte bench step --json`.
"""
import itertools
import json
import sys

import common


def autocast(torch, format):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=format == "bf16")


def fastest_sgd(torch, parameters):
    """SGD in the implementation whose step takes the shortest; gradients must be there. Returns (optimizer, its name)."""
    settings = {"lr": 1e-3, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
    candidates = []
    for name, extra in (("fused", {"fused": True}), ("foreach", {"foreach": True}), ("for-loop", {"foreach": False})):
        try:
            optimizer = torch.optim.SGD(parameters, **settings, **extra)
            candidates.append((min(common.measure(optimizer.step, 0.05, warm_up=2)), name, optimizer))
        except Exception:  # an implementation that this version lacks
            continue
    _, name, optimizer = min(candidates, key=lambda candidate: candidate[0])
    return optimizer, name


def saved_bytes(torch, model, forward):
    """Bytes of the distinct storages that one forward pass keeps for backward, without parameters and their copies."""
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    # autocast and the compiler keep converted or reordered copies of weights: no activations either
    copies = {tuple(sorted(p.shape)) for p in model.parameters() if p.dim() > 1}
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters and tuple(sorted(tensor.shape)) not in copies:
            storages[storage.data_ptr()] = storage  # kept, so that no address comes twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        forward()
    return sum(storage.nbytes() for storage in storages.values())


def child(job):
    torch = common.setup_torch(job["threads"])
    program = common.rss_mib()
    import models

    size, batch, classes, format = job["size"], job["batch"], job["classes"], job["format"]
    layout = torch.channels_last if job["layout"] == "channels_last" else torch.contiguous_format
    model = models.build(job["model"], size, classes).to(memory_format=layout).train()
    x = torch.randn(batch, 3, size, size).to(memory_format=layout)
    labels = torch.randint(0, classes, (batch,))
    loss_function = torch.nn.functional.cross_entropy

    def forward_eager():
        with autocast(torch, format):
            return loss_function(model(x), labels)

    forward = forward_eager
    if job["execution"] == "compiled":
        compiled = torch.compile(model)

        def forward():
            with autocast(torch, format):
                return loss_function(compiled(x), labels)

    forward().backward()
    optimizer, sgd = fastest_sgd(torch, list(model.parameters()))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        optimizer.step()
        return loss

    times = common.measure(step, job["seconds"], least=job["least_steps"])
    peak = common.peak_rss_mib()
    loss = float(step().detach())
    if loss != loss:
        raise ArithmeticError("Error: the loss is not a number")
    seconds = common.summary(times)
    gmac = models.step_macs(job["model"], size, classes, batch) / 1e9
    try:
        saved = saved_bytes(torch, model, forward)
    except Exception:
        saved = None
    common.emit({
        "images_per_second": batch / seconds["median"], "gmacs": gmac / seconds["median"], "gmac_per_step": gmac,
        "peak_rss_mib": peak, "rss_beyond_program_mib": peak - program, "saved_activation_bytes": saved,
        "seconds_per_step": seconds, "steps": len(times), "loss": loss, "optimizer": sgd, "version": torch.__version__,
        "versions": common.versions(torch),
    })


def parse(arguments):
    parser = common.argument_parser(__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet20", choices=list(common.MODELS))
    parser.add_argument("--batch", type=int, help="default: 128, and 16 for resnet18")
    parser.add_argument("--size", type=int, help="pixels a side; default: 32, and 224 for resnet18")
    parser.add_argument("--classes", type=int, help="default: 10, and 1000 from 64 pixels")
    parser.add_argument("--execution", default="eager,compiled", help="comma-separated, of eager and compiled")
    parser.add_argument("--formats", default="fp32,bf16", help="comma-separated, of fp32 and bf16")
    parser.add_argument("--layouts", default="channels_last,contiguous", help="comma-separated, of these two")
    parser.add_argument("--fastest-of", metavar="FILE", help="only each format's fastest variant in this earlier --json FILE")
    parser.add_argument("--least-steps", type=int, default=5, help="at least so many steps are measured")
    args = parser.parse_args(arguments)
    for option, allowed in (("execution", "eager,compiled"), ("formats", "fp32,bf16"), ("layouts", "channels_last,contiguous")):
        for value in getattr(args, option).split(","):
            if value not in allowed.split(","):
                parser.error(f"--{option}: found '{value}', expected one of {allowed}")
    args.size = args.size or common.MODELS[args.model]["size"]
    args.batch = args.batch or common.MODELS[args.model]["batch"]
    args.classes = args.classes or (1000 if args.size >= 64 else 10)
    return args


def chosen_variants(args):
    """(format, execution, layout) of what is to run."""
    if not args.fastest_of:
        return list(itertools.product(args.formats.split(","), args.execution.split(","), args.layouts.split(",")))
    with open(args.fastest_of) as file:
        earlier = json.load(file)
    return [(best["format"], best["execution"], best["layout"]) for best in fastest(earlier)]


def fastest(results):
    """The fastest result of each format, in order of appearance."""
    best = {}
    for result in results:
        speed = result.get("images_per_second", 0)
        if speed > best.get(result["format"], {"images_per_second": 0})["images_per_second"]:
            best[result["format"]] = result
    return list(best.values())


def line(result):
    name = f"  {result['variant']:<30}"
    if "error" in result:
        return f"{name} failed: {result['error']}"
    seconds, saved = result["seconds_per_step"], result["saved_activation_bytes"]
    kept = "not measured" if saved is None else f"{saved / 2**20:.1f} MiB"
    return (f"{name} {result['images_per_second']:8.1f} images/s  {1e3 * seconds['median']:8.1f} ms (min "
            f"{1e3 * seconds['min']:.1f})  {result['gmacs']:6.1f} GMAC/s  saved {kept}  peak {result['peak_rss_mib']:.0f} MiB "
            f"({result['rss_beyond_program_mib']:.0f} beyond the program)  SGD {result['optimizer']}")


def main(arguments):
    args = parse(arguments)
    if args.child:
        child(json.loads(args.child))
        return 0
    common.require_torch()
    print(f"{args.model}, {args.size}x{args.size}x3, batch {args.batch}, {args.threads} threads")
    results, printed = [], False
    for format, execution, layout in chosen_variants(args):
        job = {"bench": "step", "library": "pytorch", "model": args.model, "batch": args.batch, "size": args.size,
               "classes": args.classes, "format": format, "execution": execution, "layout": layout,
               "variant": f"{execution} {format} {layout}", "threads": args.threads, "isa": args.isa,
               "allocator": args.allocator}
        answer = common.run_child(__file__, {**job, "seconds": args.seconds, "least_steps": args.least_steps}, args)
        result = {**job, **answer[-1]}
        if "versions" in result and not printed:
            print("  " + ", ".join(f"{key} {value}" for key, value in result["versions"].items()))
            printed = True
        print(line(result), flush=True)
        results.append(result)
    for best in fastest(results):
        print(f"best {best['format']}: {best['images_per_second']:.1f} images/s ({best['variant']})")
    common.write_json(args.json, results)
    return 0 if any("error" not in result for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
