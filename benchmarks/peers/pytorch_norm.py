#!/usr/bin/env python3
"""BatchNorm2d (FP32, L2) in PyTorch on the CPU: forward and backward in training, alone and with the ReLU behind it."""
import json
import sys

import common

SHAPES = [(128, 16, 32, 32), (128, 32, 16, 16), (128, 64, 8, 8), (16, 64, 56, 56)]


def child(job):
    torch = common.setup_torch(job["threads"])
    layout = torch.channels_last if job["layout"] == "channels_last" else torch.contiguous_format
    for n, c, h, w in SHAPES:
        for relu in (False, True):
            layers = [torch.nn.BatchNorm2d(c)] + ([torch.nn.ReLU(inplace=True)] if relu else [])
            module = torch.nn.Sequential(*layers).to(memory_format=layout).train()
            forward = module
            if job["execution"] == "compiled":
                torch.compiler.reset()  # else the second shape would be compiled for sizes not known beforehand
                forward = torch.compile(module, dynamic=False)
            x = torch.randn(n, c, h, w).to(memory_format=layout).requires_grad_()
            gradient = torch.randn(n, c, h, w).to(memory_format=layout)

            def step():
                x.grad = None
                module.zero_grad(set_to_none=True)
                forward(x).backward(gradient)

            milliseconds = {key: 1e3 * value for key, value in common.summary(common.measure(step, job["seconds"])).items()}
            common.emit({"n": n, "h": h, "w": w, "c": c, "relu": relu, "ms": milliseconds["median"],
                         "ms_min": milliseconds["min"], "version": torch.__version__})


def main(arguments):
    parser = common.argument_parser(__doc__)
    parser.add_argument("--execution", default="eager,compiled", help="comma-separated, of eager and compiled")
    args = parser.parse_args(arguments)
    if args.child:
        child(json.loads(args.child))
        return 0
    common.require_torch()
    print(f"BatchNorm2d, FP32, forward + backward, {args.threads} threads: ms (min)")
    results = []
    for execution in args.execution.split(","):
        for layout in ("channels_last", "contiguous"):
            job = {"bench": "norm", "library": "pytorch", "format": "fp32", "execution": execution, "layout": layout,
                   "variant": f"{execution} fp32 {layout}", "threads": args.threads, "isa": args.isa,
                   "allocator": args.allocator}
            for answer in common.run_child(__file__, {**job, "seconds": args.seconds}, args):
                result = {**job, **answer}
                results.append(result)
                if "error" in result:
                    print(f"  {result['variant']:<28} failed: {result['error']}")
                else:
                    shape = f"[{result['n']},{result['c']},{result['h']},{result['w']}]"
                    print(f"  {result['variant']:<28} {shape:<16} {'with ReLU' if result['relu'] else 'alone':<10}"
                          f"{result['ms']:8.2f} ({result['ms_min']:.2f})", flush=True)
    common.write_json(args.json, results)
    return 0 if any("error" not in result for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
