"""The one way a file is written: whole or not at all, and on the disk before anybody is told.

Temporary file in the same folder, flush, fsync, replace, fsync of the folder. A kill or a power cut leaves the old file
or the new one; a temporary file left behind is litter that `sweep` removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from vgg_studio.core.errors import from_os_error

LITTER = ".part~"
# Access denied, sharing violation, lock violation: virus scanners hold new files for a moment.
_WINDOWS_BUSY = (5, 32, 33)


def standing(path: Path) -> Path:
    """The path itself where it exists, else the nearest folder above it that does: whose disk it will lie on."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_MASK = _mask()  # read once, before there are threads: reading it sets it for a moment


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well it takes the place of `path`. Raises StorageError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=LITTER, dir=path.parent)
    except OSError as error:
        raise from_os_error(error, str(path)) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        _readable(temporary)
        _replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise from_os_error(error, str(path), _megabytes(temporary)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file. Raises StorageError; the old file then stands as it was."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    write_bytes(path, as_json(value))


def as_json(value: Any) -> bytes:
    """A value as indented JSON that ends with a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def sweep(folder: Path) -> int:
    """Remove the temporary files of writers that were killed; returns how many there were."""
    litter = [entry for entry in folder.iterdir() if entry.name.endswith(LITTER)]
    for entry in litter:
        entry.unlink(missing_ok=True)
    return len(litter)


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder last. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some network file systems cannot
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _readable(path: Path) -> None:
    # mkstemp makes files for the owner alone; a run should be as readable as any other file of the user's.
    if os.name != "nt":
        path.chmod(0o666 & ~_MASK)


def _replace(source: Path, target: Path) -> None:
    limit = time.monotonic() + 3.0
    while True:
        try:
            source.replace(target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _WINDOWS_BUSY or time.monotonic() > limit:
                raise
            time.sleep(0.05)
        else:
            return


def _megabytes(path: Path) -> int:
    try:
        return max(1, path.stat().st_size >> 20)
    except OSError:
        return 1
