"""What two pictures laid upon each other said, remembered in the cache folder, so that a second scan opens neither."""

from __future__ import annotations

import contextlib
from hashlib import blake2b
from pathlib import Path

import msgspec

from vgg_studio import paths
from vgg_studio.core import writing
from vgg_studio.core.errors import StorageError

FILE = "compared-pictures.msgpack"
MOST = 100_000  # pairs: about 2 MB
_RULES = b"2"  # count up where likeness.py judges otherwise
_SIZE = 12  # bytes of a pair's name
_Table = dict[bytes, bool]


class Compared:
    """Whether pairs of contents are copies, by their digests. Damage and full disks cost the memory, nothing else."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder else None
        self._known = self._read()
        self._new: _Table = {}

    def verdict(self, one: bytes, other: bytes, mirrored: bool) -> bool | None:
        """What was found; None where the two were never compared."""
        name = _name(one, other, mirrored)
        return self._new.get(name, self._known.get(name))

    def remember(self, one: bytes, other: bytes, mirrored: bool, same: bool) -> None:
        """Keep what was found, until `save`."""
        self._new[_name(one, other, mirrored)] = same

    def save(self) -> None:
        """Write down what is new; the oldest make room."""
        if self._file and self._new:
            rows = [*self._known.items(), *self._new.items()][-MOST:]
            with contextlib.suppress(StorageError, OSError):
                writing.write_bytes(self._file, msgspec.msgpack.encode(dict(rows)))

    def _read(self) -> _Table:
        if self._file is None:
            return {}
        try:
            return msgspec.msgpack.decode(self._file.read_bytes(), type=_Table)
        except (OSError, msgspec.MsgspecError):
            return {}


def in_cache() -> Compared:
    """What is remembered in the user's own cache folder."""
    try:
        return Compared(paths.cache_folder())
    except StorageError:
        return Compared(None)


def _name(one: bytes, other: bytes, mirrored: bool) -> bytes:
    low, high = sorted((one, other))
    return blake2b(_RULES + bytes([mirrored]) + low + high, digest_size=_SIZE).digest()
