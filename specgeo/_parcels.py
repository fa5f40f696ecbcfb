"""What workers need as a whole, handed over once: by a name to threads of this process, pickled to other processes."""

from __future__ import annotations

import pickle
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from specgeo._workers import is_elsewhere
from specgeo.errors import InvalidInputError

_known: dict[bytes, Any] = {}  # of callers in this process, by their parcels
_sent: dict[bytes, Any] = {}  # by callers in others; one at a time
_unpacking = threading.Lock()


@contextmanager
def parcelled(executor: Any, thing: Any, blame: str) -> Iterator[bytes]:
    """What stands for a thing in the tasks of an executor, within the block; ``blame`` begins the error message."""
    parcel = _pickled(thing, blame) if is_elsewhere(executor) else secrets.token_bytes(16)
    _known[parcel] = thing
    try:
        yield parcel
    finally:
        _known.pop(parcel, None)  # another call may have sent the same


def _pickled(thing: Any, blame: str) -> bytes:
    try:
        return pickle.dumps(thing)
    except Exception as error:  # whatever the objects of users raise
        raise InvalidInputError(
            f"{blame} cannot be sent to other processes ({error!s:.200}); define their classes in a module, or "
            "pass a number of threads as executor"
        ) from error


def opened(parcel: bytes) -> Any:
    """The thing; in another process it is unpacked, and made ready by its ``prepare``, once."""
    thing = _known.get(parcel)
    if thing is None:
        with _unpacking:
            if parcel not in _sent:
                _sent.clear()
                sent = pickle.loads(parcel)
                sent.prepare()
                _sent[parcel] = sent
            thing = _sent[parcel]
    return thing
