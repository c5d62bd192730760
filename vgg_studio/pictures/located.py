"""Where the pictures of an order lie: a folder as it is, a data set by its name, an archive once it is unpacked."""

from __future__ import annotations

import os
from collections.abc import Generator
from hashlib import blake2b
from pathlib import Path

from vgg_studio import paths
from vgg_studio.core.data_sets import is_address, is_archive, resolve
from vgg_studio.core.events import Event
from vgg_studio.core.jobs import Stop
from vgg_studio.pictures.archives import unpack


def located(data: str, stop: Stop) -> Generator[Event, None, str]:
    """The folder that `data` means; an archive is unpacked the first time, and progress is told.

    Raises DataSetMissing, ArchiveRefused, StorageError; `walking.Stopped` when `stop` asks.
    """
    if is_address(data) or os.path.isfile(data):
        data = resolve(data, str(paths.data_sets_folder()))
    if not is_archive(data):
        return data
    target = place(data)
    yield from unpack(Path(data), target, stop)
    return str(target)


def folder_of(data: str, stop: Stop | None = None) -> str:
    """The same for whoever tells nobody of its progress."""
    way = located(data, stop or Stop())
    while True:
        try:
            next(way)
        except StopIteration as end:
            return str(end.value)


def place(archive: str) -> Path:
    """Where an archive's pictures go: its name, and what tells it from others of the same name and from its later states."""
    status = os.stat(archive)
    state = f"{os.path.abspath(archive)}\0{status.st_size}\0{status.st_mtime_ns}"
    mark = blake2b(os.fsencode(state), digest_size=4).hexdigest()
    return paths.data_sets_folder() / f"{_stem(os.path.basename(archive))}-{mark}"


def _stem(name: str) -> str:
    """The archive's name without its ending, as far as any system takes it for a folder's."""
    plain = name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").rpartition(".")[0] or name
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in plain)[:60] or "archive"
