"""How much memory the library may take: one budget, from what is free now and the limits of a container or shell.

A function that is about to take much asks `afford` before it does, so that a run ends in one line that says what to
raise or shrink, never in a kill by the operating system.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import ParamSpec, TypeVar

from specgeo._cast import as_budget
from specgeo.errors import BudgetError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_SHARE = 0.8  # of what is available; the rest is for what nobody counts
_UNLIMITED = 1 << 60  # limits beyond this are the kernel's way to say that there is none


def available_bytes() -> int:
    """Bytes that this process can still take: free memory, within its control group and ``ulimit -v``."""
    free = [_machine_bytes(), *_group_bytes(), *_ulimit_bytes()]
    return max(0, min(free))


def memory_budget(max_bytes: int | None = None, name: str = "max_bytes") -> int:
    """The caller's budget in bytes, or four fifths of what is available where none is given."""
    given = as_budget(max_bytes, name)
    return int(_SHARE * available_bytes()) if given is None else given


def afford(needed: float, what: str, remedy: str, max_bytes: int | None = None) -> None:
    """Raise `BudgetError` unless ``needed`` bytes are within the budget; ``remedy`` says what to change."""
    if needed < _SMALLEST and max_bytes is None:
        return
    allowed = memory_budget(max_bytes)
    if needed > allowed:
        kind = "available" if max_bytes is None else "allowed"
        raise BudgetError(f"{what}: {int(needed):,} bytes would be needed, {allowed:,} are {kind}; {remedy}")


def within_memory(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A public function whose last word on memory is `BudgetError` too, where an estimate was too low."""

    @wraps(function)
    def guarded(*arguments: _P.args, **options: _P.kwargs) -> _R:
        try:
            return function(*arguments, **options)
        except MemoryError as error:
            reason = str(error) or "an allocation failed"
            name = function.__qualname__
            raise BudgetError(f"{name}: memory ran out ({reason}); free some or ask for less") from error

    return guarded


_SMALLEST = 1 << 24  # less than this is taken without a look at the machine, which costs some 50 microseconds


def _lines(path: str) -> list[bytes]:
    """Of a small file of the system; it is read in the middle of work, and `open` would take three times as long."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, 1 << 16).splitlines()
    finally:
        os.close(handle)


def _machine_bytes() -> int:
    """Memory of the machine that is free or can be freed."""
    with suppress(OSError, ValueError, IndexError):
        for line in _lines("/proc/meminfo"):
            if line.startswith(b"MemAvailable:"):
                return 1024 * int(line.split()[1])
    if sys.platform == "win32":
        return _windows_bytes()
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return _UNLIMITED


def _windows_bytes() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "page_total", "page_free", "virtual_total", "virtual_free", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    found = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined, unused-ignore]
    return int(status.free) if found else _UNLIMITED


def _group_bytes() -> list[int]:
    """What the limits of the process's control groups leave, their parents' included; version 2, then 1."""
    left: list[int] = []
    groups: list[tuple[str, str, str, str]] = []
    with suppress(OSError):
        for line in _lines("/proc/self/cgroup"):
            _, controllers, name = os.fsdecode(line).split(":", 2)
            if controllers == "":
                groups.append(("/sys/fs/cgroup", name, "memory.max", "memory.current"))
            elif "memory" in controllers.split(","):
                groups.append(("/sys/fs/cgroup/memory", name, "memory.limit_in_bytes", "memory.usage_in_bytes"))
    for root, name, limit, usage in groups:
        parts = [part for part in name.split("/") if part]
        for n in range(len(parts), -1, -1):
            folder = "/".join([root, *parts[:n]])
            with suppress(OSError, ValueError, IndexError):  # "max": no limit
                allowed = int(_lines(f"{folder}/{limit}")[0])
                if allowed < _UNLIMITED:
                    left.append(allowed - int(_lines(f"{folder}/{usage}")[0]) + _cache_bytes(folder))
    return left


def _cache_bytes(folder: str) -> int:
    """Pages of files that count as usage and are given back on demand."""
    with suppress(OSError, ValueError):
        for line in _lines(f"{folder}/memory.stat"):
            name, _, value = line.partition(b" ")
            if name in (b"inactive_file", b"total_inactive_file"):
                return int(value)
    return 0


def _ulimit_bytes() -> list[int]:
    """What a limit on the address space leaves."""
    try:
        import resource
    except ImportError:  # not on Windows
        return []
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return []
    with suppress(OSError, ValueError, IndexError):
        return [limit - int(_lines("/proc/self/statm")[0].split()[0]) * resource.getpagesize()]
    return [limit]
