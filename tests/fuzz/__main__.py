"""``python -m tests.fuzz --format onnx --count 100000 --seconds 600 --seed 1``: a long run.

Inputs are tried in a child process with limits on time and memory; when one kills it, a new one goes on behind it.
Those that fail are written to ``--out``; once mended they belong into ``corpus/<format>/``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.mutate import MUTATIONS, mutant
from tests.fuzz.trial import ROOT, corpus


def run(form: str, first: int, count: int, seconds: float) -> tuple[Counter[str], dict[int, str]]:
    """Outcomes of mutants ``first`` to ``first + count - 1``, and what was wrong with those that failed."""
    outcomes: Counter[str] = Counter()
    failures: dict[int, str] = {}
    at, end, until = first, first + count, time.monotonic() + seconds
    while at < end and time.monotonic() < until:
        left = until - time.monotonic()
        command = [sys.executable, "-W", "error", "-m", "tests.fuzz.trial", form, str(at), str(end), f"{left:.1f}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
            current = at
            assert child.stdout is not None and child.stderr is not None
            for line in child.stdout:
                number, outcome, text = json.loads(line)
                outcomes[outcome] += 1
                if outcome == "failed":
                    failures[number] = text
                current = number + 1
            error = child.stderr.read()
        if child.returncode:
            outcomes["died"] += 1
            failures[current] = f"the process ended with {child.returncode}: {error[-500:]}"
            current += 1
        elif current < end and time.monotonic() < until:
            break  # out of time by the child's clock
        at = current
    return outcomes, failures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--format", choices=sorted(MUTATIONS), required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for the inputs that fail")
    given = parser.parse_args()
    outcomes, failures = run(given.format, given.seed * 10_000_000, given.count, given.seconds)
    print(f"{given.format}: {sum(outcomes.values())} mutants: {dict(outcomes)}")
    seeds = corpus(given.format)
    for number, text in failures.items():
        print(f"  {number}: {text}")
        if given.out:
            given.out.mkdir(parents=True, exist_ok=True)
            (given.out / f"{given.format}-{number}").write_bytes(mutant(seeds, given.format, number))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
