"""What the PyTorch peers share: variants in processes of their own, timing, versions, JSON. Imports no PyTorch itself."""
import argparse
import importlib.util
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time

MISSING_TORCH = "PyTorch is not installed for this python3: pip install torch"
RESULT_MARK = "RESULT "

# The published steps: pixels a side and batch.
MODELS = {"resnet20": {"size": 32, "batch": 128}, "vgg-small": {"size": 32, "batch": 128},
          "resnet18": {"size": 224, "batch": 16}}

# Freed blocks stay mapped, so that no step pays for page faults again. PyTorch's speed gains from it, its peak memory
# may lose: `--allocator system` measures the other one.
KEEP_ENVIRONMENT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(1 << 26)}
AVX2_ENVIRONMENT = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def available_threads():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def argument_parser(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--threads", type=int, default=available_threads(), help="default: every core this process may use")
    parser.add_argument("--isa", choices=["best", "avx2"], default="best", help="avx2: PyTorch and oneDNN are held to AVX2")
    parser.add_argument("--allocator", choices=["keep", "system"], default="keep",
                        help="keep (default): malloc keeps freed memory mapped; system: its default behaviour")
    parser.add_argument("--seconds", type=float, default=2.0, help="at least so long is measured, after the warm-up")
    parser.add_argument("--time-limit", type=float, default=300.0, help="seconds a variant may take in all, compiling included")
    parser.add_argument("--json", metavar="FILE", help="writes every result as a JSON list")
    parser.add_argument("--child", metavar="JOB", help=argparse.SUPPRESS)
    return parser


def one_line(text):
    """The line of a failed process' output that says why."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line.split(":")[0] or "error:" in line or "Exception" in line]
    return ((telling or lines or ["no output"])[-1])[:300]


def child_environment(args):
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads))
    if args.allocator == "keep":
        environment.update(KEEP_ENVIRONMENT)
    if args.isa == "avx2":
        environment.update(AVX2_ENVIRONMENT)
    return environment


def run_child(script, job, args):
    """Runs `script --child JOB` and returns the objects it printed, or an object with "error"; never raises for a failure."""
    command = [sys.executable, script, "--child", json.dumps(job)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                               env=child_environment(args))
    try:
        out, err = process.communicate(timeout=args.time_limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the compiler's workers too
        process.communicate()
        return [{"error": f"took longer than the limit of {args.time_limit:g} s"}]
    results = [json.loads(line[len(RESULT_MARK):]) for line in out.splitlines() if line.startswith(RESULT_MARK)]
    if process.returncode != 0 or not results:
        reason = one_line(err) if process.returncode >= 0 else f"ended by signal {-process.returncode}"
        results.append({"error": reason})
    return results


def emit(result):
    print(RESULT_MARK + json.dumps(result), flush=True)


def require_torch():
    """Exits with 2 where PyTorch is missing."""
    if importlib.util.find_spec("torch") is None:
        print(MISSING_TORCH, file=sys.stderr)
        raise SystemExit(2)


def setup_torch(threads):
    """PyTorch with the settings that are best on a CPU; to be called before its first parallel work."""
    import torch

    torch.set_flush_denormal(True)  # threads started later inherit it
    torch.set_num_threads(threads)
    torch.backends.mkldnn.enabled = True
    torch.manual_seed(1)
    return torch


def versions(torch):
    """Strings for the reader of a result."""
    show = torch.__config__.show()
    onednn = next((line.split("MKL-DNN")[1].split()[0] for line in show.splitlines() if "MKL-DNN" in line), "none")
    return {"torch": torch.__version__, "onednn": onednn, "cpu_capability": torch.backends.cpu.get_cpu_capability()}


def peak_rss_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 if sys.platform != "darwin" else 1024.0**2)


def rss_mib():
    """Resident set now; 0 where /proc is missing."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return 0.0


def measure(run, seconds, warm_up=3, least=5):
    """Seconds of every call of run() after the warm-up: at least `least` calls and `seconds`."""
    for _ in range(warm_up):
        run()
    times = []
    begin = time.perf_counter()
    while len(times) < least or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def summary(times):
    return {"min": min(times), "median": statistics.median(times)}


def write_json(path, results):
    if path:
        with open(path, "w") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
