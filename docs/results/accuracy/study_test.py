#!/usr/bin/env python3
"""The study's table on metrics written by hand, and its configurations as the program reads them: study_test.py SUBBYTE"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = sys.argv.pop(1)


def tables(runs):
    """Output of `tables` for {run: [metrics of an epoch]}."""
    with tempfile.TemporaryDirectory() as folder:
        for name, epochs in runs.items():
            run = pathlib.Path(folder, name)
            run.mkdir()
            (run / "metrics.jsonl").write_text("".join(json.dumps(m) + "\n" for m in epochs))
        return subprocess.run([sys.executable, HERE / "tables", folder], capture_output=True, text=True)


def run(accuracy, epochs=2, loss=0.5):
    return [{"epoch": e + 1, "train_loss": loss, "test_accuracy": 0.99 if e + 1 < epochs else accuracy} for e in range(epochs)]


class Tables(unittest.TestCase):
    def test_last_epochs_and_paired_gaps(self):
        done = tables({"fp32-seed1": run(0.92), "fp32-seed2": run(0.90), "w4a4g4-seed1": run(0.915),
                       "w4a4g4-seed2": run(0.905), "w2a4g4-seed7": run(0.8), "w8a8g8-seed1": run(0.7, epochs=1)})
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
        self.assertEqual(rows, ["| fp32 | 1, 2 | 0.5000 ± 0.0000 | 91.00 ± 1.41 | – |",
                                "| w4a4g4 | 1, 2 | 0.5000 ± 0.0000 | 91.00 ± 0.71 | 0.00 ± 0.71 |",
                                "| w2a4g4 | 7 | 0.5000 | 80.00 | – |"])
        self.assertIn("w8a8g8-seed1 has fewer than 2 epochs", done.stdout)

    def test_nothing_or_damaged(self):
        self.assertIn("no NAME-seedN", tables({}).stderr)
        self.assertIn("fp32-seed1/metrics.jsonl: found no complete line", tables({"fp32-seed1": []}).stderr)


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
