"""One process that tries mutants one after the other, with limits, and prints a line of JSON for each."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import specgeo as sg
from tests.fuzz.mutate import mutant

ROOT = Path(__file__).parent.parent.parent
SUFFIX = {"onnx": ".onnx", "npz": ".npz", "nnet": ".nnet", "complex": ".npz"}
SECONDS = 10.0
BYTES = 1 << 30  # beside what the process has at the start


class Hang(BaseException):
    """An input took too long."""


def corpus(form: str) -> list[bytes]:
    """The files that mutants are made of, in a fixed order."""
    return [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus" / form).iterdir())]


def attempt(form: str, path: Path) -> tuple[str, str]:
    """What reading a file comes to: refused, read, or failed and why."""
    try:
        with _time_limit():
            if form == "complex":
                cx = sg.load_complex(path)
                assert cx.n_cells == cx.f_vector[-1] and np.all(np.isfinite(cx.vertices))
                return "read", ""
            for options in ({}, {"normalized": False}) if form == "nnet" else ({},):
                net = sg.read_network(path, **options)
                assert all(np.all(np.isfinite(array)) for array in (*net.weights, *net.biases))
                with np.errstate(all="ignore"):
                    assert net(np.ones(net.input_dim)).shape == (net.output_dim,)
    except sg.SpecgeoError as error:
        text = str(error)
        if "pickle" in text or "\n" in text.strip() or not text.strip():
            return "failed", f"message: {text[:300]!r}"
        return "refused", ""
    except Hang:
        return "failed", f"more than {SECONDS} s"
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"[:300]
    return "read", ""


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _limit_memory() -> None:
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, taken + BYTES))
    except (ImportError, OSError):  # no such limits here
        return


def main() -> None:
    form, first, end, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    seeds, until = corpus(form), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"mutant{SUFFIX[form]}"
        path.write_bytes(seeds[0])
        attempt(form, path)  # what is imported late is there before the limit
        _limit_memory()
        for number in range(first, end):
            if time.monotonic() > until:
                break
            path.write_bytes(mutant(seeds, form, number))
            outcome, text = attempt(form, path)
            sys.stdout.write(json.dumps([number, outcome, text]) + "\n")
            if outcome == "failed":
                sys.stdout.flush()


if __name__ == "__main__":
    main()
