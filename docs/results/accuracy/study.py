"""What the study's scripts share: metrics files of runs, and what several seeds say.

DIR holds NAME-seedN/metrics.jsonl as docs/results/accuracy/run writes them. Accuracies are the last epoch's, in percent.
"""
import collections
import json
import math
import pathlib
import statistics
import sys

FORMATS = ["fp32", "bf16", "w8a8g8", "w6a6g6", "w4a4g8", "w4a4g4", "w4a4g4-all", "w3a3g4", "w2a4g4"]
REFERENCE = "w4a4g4"


def fail(text):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {text}")


class Runs:
    """The complete runs of DIR.

    epochs   number of epochs of each, `short` names the runs that have fewer
    kind     "test" or "val", whichever accuracy all of them have
    metrics  {name: {seed: [metrics of an epoch]}}
    """

    def __init__(self, folder):
        found = collections.defaultdict(dict)
        for path in sorted(pathlib.Path(folder).glob("*-seed*/metrics.jsonl")):
            name, _, seed = path.parent.name.rpartition("-seed")
            try:
                found[name][int(seed)] = lines = [json.loads(line) for line in path.read_text().splitlines()]
                lines[-1]["epoch"], lines[-1]["train_loss"]
            except (IndexError, KeyError, TypeError, ValueError):
                fail(f"{path}: found no complete line, expected JSON objects with epoch and train_loss")
        if not found:
            fail(f"{folder}: no NAME-seedN/metrics.jsonl")
        every = [(name, seed, lines) for name, seeds in found.items() for seed, lines in seeds.items()]
        self.epochs = max(lines[-1]["epoch"] for _, _, lines in every)
        self.short = [f"{name}-seed{seed}" for name, seed, lines in every if lines[-1]["epoch"] < self.epochs]
        self.metrics = collections.defaultdict(dict)
        for name, seed, lines in every:
            if lines[-1]["epoch"] == self.epochs:
                self.metrics[name][seed] = lines
        kinds = [{k for k in ("test", "val") if f"{k}_accuracy" in lines[-1]}
                 for seeds in self.metrics.values() for lines in seeds.values()]
        common = set.intersection(*kinds)
        if len(common) != 1 or any(k != common for k in kinds):
            fail("found runs with and without a test accuracy, expected one kind")
        self.kind = common.pop()

    def names(self):
        """Formats first, widest to narrowest, then the rest by name."""
        return sorted(self.metrics, key=lambda n: (FORMATS.index(n) if n in FORMATS else len(FORMATS), n))

    def twin(self):
        """What gaps are against; bf16 stands in where fp32 was not trained."""
        return "bf16" if "bf16" in self.metrics and "fp32" not in self.metrics else "fp32"

    def accuracy(self, name):
        """{seed: percent}; empty for a configuration without runs."""
        return {s: 100 * lines[-1][f"{self.kind}_accuracy"] for s, lines in self.metrics.get(name, {}).items()}

    def losses(self, name):
        return [lines[-1]["train_loss"] for lines in self.metrics[name].values()]

    def loss_differences(self, name, other):
        """Last training loss of `name` minus that of `other`, over the seeds that both have."""
        a, b = self.metrics.get(name, {}), self.metrics.get(other, {})
        return [a[s][-1]["train_loss"] - b[s][-1]["train_loss"] for s in sorted(a) if s in b]

    def differences(self, name, other):
        """Accuracy of `name` minus that of `other`, points, over the seeds that both have."""
        a, b = self.accuracy(name), self.accuracy(other)
        return [a[s] - b[s] for s in sorted(a) if s in b]


def spread(values):
    """Mean and standard deviation (n - 1), None for one value."""
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def standard_error(values):
    """Of the mean; None for one value."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
