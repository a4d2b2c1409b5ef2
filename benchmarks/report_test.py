#!/usr/bin/env python3
"""The report on results written by hand: which numbers are compared, and what is done about missing ones."""
import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def load(name, path):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


report = load("report", "report")
common = load("common", "peers/common.py")
sys.modules["common"] = common
steps = load("pytorch_step", "peers/pytorch_step.py")  # imports no PyTorch


def step(format, images, **more):
    return {"bench": "step", "library": "subbyte", "model": "resnet20", "batch": 128, "size": 32, "threads": 2,
            "format": format, "images_per_second": images, "gmacs": 0.122 * images,
            "seconds_per_step": {"min": 0.9 * 128 / images, "median": 128 / images}, "peak_rss_mib": 100.0,
            "saved_activation_bytes": 128 * 1000, **more}


def pytorch(format, images, execution="eager", **more):
    return step(format, images, library="pytorch", variant=f"{execution} {format} channels_last", version="2.0", **more)


def product(library, format, direction, gmacs):
    return {"bench": "products", "library": library, "model": "resnet20", "n": 128, "h": 32, "w": 32, "ci": 16, "co": 16,
            "kh": 3, "stride": 1, "pad": 1, "direction": direction, "format": format, "threads": 2, "gmacs": gmacs}


def row(text, *cells):
    """The first table row that has all these cells."""
    for line in text.splitlines():
        found = [cell.strip() for cell in line.strip("|").split("|")]
        if all(cell in found for cell in cells):
            return found
    raise AssertionError(f"no row with {cells} in\n{text}")


class Steps(unittest.TestCase):
    def test_ratios_are_to_the_best_variant(self):
        text = report.report([step("w4a4g4", 1500.0), step("fp32", 750.0), pytorch("fp32", 500.0),
                              pytorch("fp32", 600.0, "compiled"), pytorch("bf16", 1000.0)])
        summary = row(text, "w4a4g4", "1,500", "750", "600", "1,000")
        self.assertEqual(summary[-4:], ["2.00", "–", "2.50", "1.50"])  # to the twins, to PyTorch FP32 and BF16

    def test_repetitions_are_shown_and_the_best_counts(self):
        text = report.report([step("w4a4g4", 900.0), step("w4a4g4", 1200.0), pytorch("fp32", 400.0), pytorch("fp32", 300.0)])
        self.assertEqual(row(text, "Subbyte w4a4g4")[1:3], ["900.0, 1,200.0", "1,333.3"])
        self.assertEqual(row(text, "w4a4g4", "1,200")[-2:], ["3.00", "–"])

    def test_disturbed_runs_are_marked(self):
        text = report.report([step("w4a4g4", 128.0, seconds_per_step={"min": 0.5, "median": 1.0})])
        self.assertEqual(row(text, "Subbyte w4a4g4")[1], "128.0†")
        self.assertNotIn("†", report.report([step("w4a4g4", 128.0)]))

    def test_failure_is_shown(self):
        failed = {k: pytorch("bf16", 1.0)[k] for k in ("bench", "library", "model", "batch", "size", "threads", "format",
                                                       "variant")}
        text = report.report([step("w4a4g4", 900.0), {**failed, "error": "took longer than the limit of 9 s"}])
        self.assertEqual(row(text, "pytorch eager bf16 channels_last")[1], "failed: took longer than the limit of 9 s")
        self.assertIn("## Memory", text)

    def test_steps_of_other_threads_are_not_compared(self):
        text = report.report([step("w4a4g4", 900.0), {**pytorch("fp32", 300.0), "threads": 1}])
        self.assertEqual(row(text, "w4a4g4", "900")[-2:], ["–", "–"])

    def test_memory_is_an_image(self):
        text = report.report([step("w4a4g4", 900.0), pytorch("fp32", 300.0, saved_activation_bytes=None,
                                                             rss_beyond_program_mib=55.0)])
        self.assertEqual(row(text, "1,000")[2:], ["1,000", "0.1", "100", "–"])
        self.assertEqual(row(text, "pytorch fp32")[2:], ["–", "–", "100", "55"])


class OtherSections(unittest.TestCase):
    def test_products(self):
        text = report.report([product("onednn", "fp32", "forward", 100.0), product("onednn", "bf16", "forward", 200.0),
                              product("onednn", "fp32", "backward-data", 50.0), product("subbyte", "w4a4g4", "forward", 300.0)])
        self.assertEqual(row(text, "32x32 16→16 3x3/1", "forward")[2:], ["300.0", "100.0", "200.0", "–", "3.00", "1.50"])
        self.assertEqual(row(text, "backward-data")[2:], ["–", "50.0", "–", "–", "–", "–"])

    def test_norm(self):
        shape = {"bench": "norm", "n": 128, "h": 32, "w": 32, "c": 16, "relu": True, "threads": 2}
        text = report.report([{**shape, "library": "pytorch", "variant": "eager", "format": "fp32", "ms": 4.0},
                              {**shape, "library": "pytorch", "variant": "compiled", "format": "fp32", "ms": 3.0},
                              {**shape, "library": "subbyte", "format": "integer L1", "ms": 1.5}])
        self.assertEqual(row(text, "[128,32,32,16]")[3:], ["integer L1", "1.500", "3.000", "compiled", "2.00"])

    def test_per_sample(self):
        text = report.report([{**product("pytorch", "simulated g4", None, 1.0), "bench": "per-sample", "products_ms": 2.0,
                               "quantize_ms": 1.0, "ms": 3.0}])
        self.assertEqual(row(text, "32x32 16→16 3x3/1")[-1], "1.50")

    def test_nothing_to_compare_with(self):
        for record in (step("w4a4g4", 900.0), pytorch("fp32", 3.0), product("onednn", "int8", "forward", 1.0)):
            self.assertIn("##", report.report([record]))


class FastestVariants(unittest.TestCase):
    def test_each_format_once(self):
        results = [pytorch("fp32", 1.0), pytorch("fp32", 3.0, "compiled"), pytorch("bf16", 2.0),
                   {"format": "bf16", "variant": "compiled", "error": "no compiler"}]
        self.assertEqual([r["variant"] for r in steps.fastest(results)], ["compiled fp32 channels_last",
                                                                          "eager bf16 channels_last"])


class Reading(unittest.TestCase):
    def test_our_products(self):
        rate = {"seconds": 1.0, "gmacs": 5.0}
        records = report.records_of({"bench": "products", "threads": 2, "format": "w4a4g4", "models": [
            {"model": "resnet20", "batch": 128, "shapes": [
                {"shape": "3x3/2 32x32x16 -> 16x16x32", "forward_phase": rate, "backward_weights_phase": rate,
                 "backward_data_phase": None, "format": "w8a8g8"}]}]})
        other = {**product("onednn", "fp32", "forward", 2.0), "stride": 2, "co": 32}
        self.assertEqual([r["direction"] for r in records], ["forward", "backward-weights"])
        text = report.report([{"library": "subbyte", **record} for record in records] + [other])
        self.assertEqual(row(text, "32x32 16→32 3x3/2", "forward")[2:], ["5.0", "2.0", "–", "–", "2.50", "–"])

    def test_our_norms(self):
        def time(seconds):
            return {"seconds": {"min": 0.0, "median": seconds}}

        records = report.records_of({"bench": "norm", "threads": 1, "batch": 16, "shapes": [
            {"shape": [56, 56, 64], "l1": {"forward": time(0.001), "backward": time(0.002)}}]})
        self.assertEqual([(r["format"], r["n"], r["c"], r["relu"], round(r["ms"], 6)) for r in records],
                         [("integer L1", 16, 64, True, 3.0)])

    def test_folder_and_bad_file(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "a.json"), "w") as file:
                json.dump([step("w4a4g4", 900.0)], file)
            self.assertEqual(len(report.read_run([folder])), 1)
            with open(os.path.join(folder, "b.json"), "w") as file:
                file.write("{")
            with self.assertRaisesRegex(SystemExit, "b.json"):
                report.read_run([folder])


class Children(unittest.TestCase):
    def run_child(self, body, limit=20.0):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
            script.write(body)
            script.flush()
            args = common.argument_parser("").parse_args(["--time-limit", str(limit), "--isa", "avx2", "--threads", "3"])
            return common.run_child(script.name, {}, args)

    def test_result_and_environment(self):
        answer = self.run_child("import os, json; print('RESULT ' + json.dumps({k: os.environ[k] for k in "
                                "('OMP_NUM_THREADS', 'ATEN_CPU_CAPABILITY', 'ONEDNN_MAX_CPU_ISA')}))")
        self.assertEqual(answer, [{"OMP_NUM_THREADS": "3", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}])

    def test_failure_has_its_reason(self):
        self.assertEqual(self.run_child("raise RuntimeError('no compiler')"), [{"error": "RuntimeError: no compiler"}])

    def test_signal(self):
        self.assertEqual(self.run_child("import os; os.kill(os.getpid(), 9)"), [{"error": "ended by signal 9"}])

    def test_time_limit(self):
        self.assertEqual(self.run_child("import time; time.sleep(60)", limit=0.5),
                         [{"error": "took longer than the limit of 0.5 s"}])


if __name__ == "__main__":
    unittest.main()
