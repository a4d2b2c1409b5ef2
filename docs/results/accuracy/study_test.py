#!/usr/bin/env python3
"""The study's tables and figures on metrics written by hand, and its configurations as the program reads them: study_test.py SUBBYTE"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = sys.argv.pop(1)


def tables(runs):
    return script("tables", runs)


def script(name, runs, *more, then=lambda folder: None):
    """Outcome of the script for {run: [metrics of an epoch]}; `then` looks at the folder."""
    with tempfile.TemporaryDirectory() as folder:
        for run_name, epochs in runs.items():
            run = pathlib.Path(folder, run_name)
            run.mkdir()
            (run / "metrics.jsonl").write_text("".join(json.dumps(m) + "\n" for m in epochs))
        done = subprocess.run([sys.executable, "-B", HERE / name, ".", *more], cwd=folder, capture_output=True, text=True)
        then(pathlib.Path(folder))
        return done


def run(accuracy, epochs=2, loss=0.5):
    return [{"epoch": e + 1, "train_loss": loss, "train_accuracy": 0.5 + 0.1 * e,
             "test_accuracy": 0.99 if e + 1 < epochs else accuracy} for e in range(epochs)]


class Tables(unittest.TestCase):
    def test_last_epochs_and_paired_gaps(self):
        done = tables({"fp32-seed1": run(0.92), "fp32-seed2": run(0.90), "w4a4g4-seed1": run(0.915),
                       "w4a4g4-seed2": run(0.905), "w2a4g4-seed7": run(0.8), "w8a8g8-seed1": run(0.7, epochs=1),
                       "2x2-fp32-l2-seed1": run(0.89)})
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
        self.assertEqual(rows[1:4], ["| fp32 | 1, 2 | 0.5000 ± 0.0000 | 91.00 ± 1.41 | – |",
                                "| w4a4g4 | 1, 2 | 0.5000 ± 0.0000 | 91.00 ± 0.71 | 0.00 ± 0.71 |",
                                "| w2a4g4 | 7 | 0.5000 | 80.00 | – |"])
        self.assertEqual(rows[5:], ["| fp32 | 0.5000; 89.00 | 0.5000 ± 0.0000; 91.00 ± 1.41 |"])
        self.assertIn("w8a8g8-seed1 has fewer than 2 epochs", done.stdout)

    def test_bf16_stands_in_for_fp32(self):
        runs = {"bf16-seed1": run(0.92), "w4a4g4-seed1": run(0.915)}
        done = tables(runs)
        self.assertIn("gap to bf16, points |", done.stdout)
        self.assertIn("| bf16 | 1 | 0.5000 | 92.00 | – |\n| w4a4g4 | 1 | 0.5000 | 91.50 | 0.50 |", done.stdout)
        self.assertIn("| bf16 | 1 | 0.5000 | 92.00 | 1.00 |", tables(runs | {"fp32-seed1": run(0.93)}).stdout)

    def test_differences_over_the_seeds_that_both_have(self):
        done = tables({"w4a4g4-seed1": run(0.90), "w4a4g4-seed2": run(0.91), "w4a4g4-seed3": run(0.92),
                       "groups-g2-seed1": run(0.89), "groups-g2-seed2": run(0.908), "groups-g2-seed4": run(0.5),
                       "groups-g1-seed3": run(0.925, loss=0.7)})
        rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| groups")]
        what = (HERE / "configs/groups-g1.toml").read_text().splitlines()[0].removeprefix("# ").removesuffix(".")
        self.assertIn("Ng = 1", what)
        self.assertEqual(rows[0], ["| groups-g1", what, "1", "0.7000", "+0.2000", "92.50", "+0.50", "– |"])
        self.assertEqual(rows[1][:1] + rows[1][2:3] + rows[1][4:5] + rows[1][6:], ["| groups-g2", "2", "+0.0000", "-0.60", "0.40 |"])
        self.assertEqual(len(rows), 2)

    def test_two_by_two(self):
        done = tables({"w4a4g4-seed1": run(0.9), "2x2-w4a4g4-shiftquant-l2-seed1": run(0.88, loss=0.6),
                       "2x2-w4a4g4-tensor-l1-seed1": run(0.8, loss=0.7)})
        rows = [line for line in done.stdout.splitlines() if line.startswith("| w4a4g4, ")]
        self.assertEqual(rows, ["| w4a4g4, one scale a tensor | – | 0.7000; 80.00 |",
                                "| w4a4g4, ShiftQuant | 0.6000; 88.00 | 0.5000; 90.00 |"])
        self.assertNotIn("beside", done.stdout)  # nothing else was run

    def test_mixed_kinds(self):
        held_out = [{"epoch": 2, "train_loss": 1, "val_accuracy": 0.9}]
        self.assertIn("with and without a test accuracy", tables({"fp32-seed1": run(0.9), "w4a4g4-seed1": held_out}).stderr)

    def test_nothing_or_damaged(self):
        self.assertIn("no NAME-seedN", tables({}).stderr)
        self.assertIn("fp32-seed1/metrics.jsonl: found no complete line", tables({"fp32-seed1": []}).stderr)


class Figures(unittest.TestCase):
    RUNS = {"fp32-seed1": run(0.92), "fp32-seed2": run(0.90), "w4a4g4-seed1": run(0.915), "w4a4g4-all-seed1": run(0.905),
            "2x2-w4a4g4-tensor-l1-seed1": run(0.8)}

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_both_as_svg_and_png(self):
        pictures = {}
        done = script("figures", self.RUNS, "-o", "to/figures",
                      then=lambda folder: pictures.update((f.name, f.read_bytes()) for f in (folder / "to/figures").iterdir()))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(pictures), ["bits.png", "bits.svg", "curves.png", "curves.svg"])
        for name, content in pictures.items():
            self.assertEqual(content[:8] == b"\x89PNG\r\n\x1a\n", name.endswith(".png"), name)
        svg = pictures["bits.svg"].decode()
        for text in ["test accuracy, %", "Accuracy against bits, 2 epochs", "w4a4g4", "one scale a tensor", "fp32"]:
            self.assertIn(text, svg)
        self.assertIn("training accuracy, %", pictures["curves.svg"].decode())

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_nothing_to_draw(self):
        self.assertIn("found no run of a format", script("figures", {"groups-g2-seed1": run(0.9)}, "-o", "x").stderr)

    def test_usage(self):
        self.assertIn("figures DIR -o FIGURES", script("figures", self.RUNS).stderr)


def sharpness(eigenvalue, tolerance=0.05):
    return {"batch": 128, "batches": 4, "seed": 1, "tolerance": tolerance, "relative_step": 0.002, "loss": 0.5,
            "hessian": {"top_eigenvalue": eigenvalue, "converged": eigenvalue < 4},
            "landscape": {"x": [-0.5, 0, 0.5], "mean": [0.9, 0.5, 0.7], "curvature": {"mean": 2.5}}}


class Sharpness(unittest.TestCase):
    def run_on(self, files, *more):
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                pathlib.Path(folder, name).write_text(json.dumps(content))
            return subprocess.run([sys.executable, "-B", HERE / "sharpness", folder, *more], capture_output=True, text=True)

    def test_means_and_deviations(self):
        done = self.run_on({"a-seed1.json": sharpness(2), "a-seed2.json": sharpness(3), "b-seed1.json": sharpness(5)})
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = done.stdout.splitlines()
        self.assertEqual(rows[2], "| a | 1, 2 | 0.500 ± 0.000 | 2.50 ± 0.71 | 2.50 ± 0.00 | 0.300 ± 0.000 |")
        self.assertEqual(rows[3], "| b | 1 | 0.500 | 5.00 | 2.50 | 0.300 |")
        self.assertEqual(rows[5:], ["b-seed1: the power iteration ended before it converged."])

    def test_what_does_not_compare(self):
        done = self.run_on({"a-seed1.json": sharpness(2), "a-seed2.json": sharpness(2, tolerance=0.01)})
        self.assertIn("a-seed2.json: options differ from those of", done.stderr)
        self.assertIn("a-seed1.json: found something else", self.run_on({"a-seed1.json": {"loss": 1}}).stderr)
        self.assertIn("no NAME-seedN.json", self.run_on({}).stderr)

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_figure(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_on({"a-seed1.json": sharpness(2), "b-seed1.json": sharpness(1)}, "-o", folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(f.name for f in pathlib.Path(folder).iterdir()), ["sharpness.png", "sharpness.svg"])


class Configurations(unittest.TestCase):
    def test_every_file_is_understood(self):
        files = sorted((HERE / "configs").glob("*.toml"))
        self.assertGreater(len(files), 20)
        for file in files:
            command = [PROGRAM, "train", "--config", file, "--data-dir", "/nonexistent", "--dry-run"]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 1, file)  # 2: a key or value is wrong
            self.assertIn("/nonexistent", done.stderr, file)


unittest.main()
