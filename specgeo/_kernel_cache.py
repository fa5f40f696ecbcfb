"""The cache of compiled kernels: numba's, but no state of the disk makes an error or a wrong result of it.

Numba wants a writable place and whole files. Here a place that cannot be written is like none: kernels are compiled in
every process, and one warning says so. What is stored carries its key and a digest: a file that is damaged, or that
another process wrote at the same time for other types, is compiled again and replaced.
"""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from hashlib import blake2b
from typing import Any

from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    InTreeCacheLocator,
    IPythonCacheLocator,
    UserProvidedCacheLocator,
)
from numba.core.runtime import rtsys
from numba.misc.appdirs import AppDirs

_without = False  # whether some kernel could not be stored
_announced = False


def attach(function: Any, stamp: str) -> None:
    """Give a compiled function a cache; ``stamp`` stands for all that it depends on outside its own file."""
    try:
        function._cache = _Cache(function.py_func, stamp)
    except (RuntimeError, OSError):  # "no locator available", or a folder that vanishes
        _go_without("no folder for them can be written")


def works() -> bool:
    """Whether other processes will find what this one compiles, as far as is known."""
    return not _without


def stored(function: Any) -> bool:
    """Whether some compiled form of a kernel is in its cache."""
    return bool(function._cache._cache_file._load_index())


def _announce(place: str) -> None:
    """Say once in a process that it compiles, on stderr where logging is not set up otherwise."""
    global _announced
    if not _announced:
        _announced = True
        logging.getLogger("specgeo").warning(
            "specgeo: compiling kernels, once on this machine: 5 to 25 s for each kind of job (kept in %s)", place
        )


def _go_without(reason: str) -> None:
    global _without
    if not _without:
        _without = True
        warnings.warn(
            f"compiled kernels are not kept ({reason}): every process compiles its own, which takes up to minutes; "
            "set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )


class _Place(CompileResultCacheImpl):  # type: ignore[misc]
    """Where numba would put the files."""

    def __init__(self, function: Any) -> None:
        if not os.path.isabs(AppDirs("numba", False).user_cache_dir):  # no home: numba would make a folder "~" here
            self._locator_classes = [UserProvidedCacheLocator, InTreeCacheLocator, IPythonCacheLocator]
        super().__init__(function)


class _Files(IndexDataCacheFile):  # type: ignore[misc]
    """Numba's files; whatever is in them, an entry is what was saved under its key or nothing."""

    def _load_index(self) -> dict[Any, str]:
        try:
            index = super()._load_index()
        except Exception:  # damaged bytes unpickle to anything and raise anything
            return {}
        return index if isinstance(index, dict) else {}

    def save(self, key: Any, data: Any) -> None:
        contents = self._dump(data)
        super().save(key, (key, self._digest(contents), contents))

    def load(self, key: Any) -> Any:
        try:
            owner, digest, contents = super().load(key)
            return pickle.loads(contents) if owner == key and digest == self._digest(contents) else None
        except Exception:  # nothing there, or damaged
            return None

    def _digest(self, contents: bytes) -> bytes:
        return blake2b(repr(self._source_stamp).encode() + contents, digest_size=16).digest()


class _Cache(FunctionCache):  # type: ignore[misc]
    _impl_class = _Place

    def __init__(self, function: Any, stamp: str) -> None:
        super().__init__(function)
        stamps = (self._impl.locator.get_source_stamp(), stamp)
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamps)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What was stored; after nothing, numba compiles.

        What is stored needs numba's allocator to run; numba would load here all that it compiles with, and scipy.
        """
        try:
            rtsys.initialize(target_context)
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)
        except Exception:  # whole, but of another kind of machine, say
            found = None
        if found is None:
            _announce(self._cache_path)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:  # a full disk, a folder that has gone
            self.disable()
            _go_without(f"{self._cache_path}: {error.strerror or error}")
