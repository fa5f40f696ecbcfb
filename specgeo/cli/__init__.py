"""The command ``specgeo``.

Exit codes: 0 when all is well, 1 when a claim fails or no path is found, 2 for bad input (one line on stderr).
Results go to stdout, progress to stderr. One module a command: ``add`` declares its options, ``run`` does the work and
returns the exit code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from specgeo._process import discard_output, ended_well, own_process
from specgeo.cli.parser import make_parser, usable_words
from specgeo.cli.wording import in_options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if argv is None:
        own_process()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        return _run(make_parser().parse_args(usable_words(words or ["--help"])))
    finally:
        ended_well()


def _run(arguments: argparse.Namespace) -> int:
    """The exit code of a command; whatever goes wrong is one line on stderr."""
    from specgeo.errors import SpecgeoError, one_line

    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except SpecgeoError as error:
        reason = in_options(str(error), arguments)
    except BrokenPipeError:  # the reader of a pipe (head, less) has gone
        discard_output()
        return 0
    except OSError as error:
        discard_output()
        reason = str(error)
    except MemoryError:
        reason = "memory ran out; shrink the box, or set --max-bytes to stop earlier"
    except KeyboardInterrupt as interrupt:
        print(f"specgeo: interrupted: {interrupt if interrupt.args else 'nothing was written'}", file=sys.stderr)
        return 130
    except Exception as error:  # a fault of specgeo's own; exit code 1 would say that a claim fails
        fault = one_line(f"{type(error).__name__}: {error}")
        reason = f"{fault}; this is a fault of specgeo, please report it"
    print(f"specgeo: error: {reason}", file=sys.stderr)
    return 2
