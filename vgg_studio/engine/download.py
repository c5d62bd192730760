"""Fetching official weights: resumed where a try broke off, cancelled at once, not used before the file's hash is right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vgg_studio.core.events import Event, PhaseStarted
from vgg_studio.core.fetching import fetch_file
from vgg_studio.core.jobs import Stop
from vgg_studio.engine.official import OfficialWeights
from vgg_studio.engine.weights import sha256_of

LIMIT_BYTES = 1 << 30  # the largest, VGG-19-BN, has 575 MB


def fetch(official: OfficialWeights, folder: Path, stop: Stop, limit_bytes: int = LIMIT_BYTES) -> Iterator[Event]:
    """Bring the file to `place(official, folder)`; nothing is told or done where it lies there already.

    Ends early, without the file, when `stop` is asked; what has arrived is kept for the next time.
    Raises DownloadFailed, DownloadDamaged (the file is then deleted), StorageError.
    """
    if is_whole(official, folder):
        return
    yield PhaseStarted(phase="downloading", total=official.size_bytes)
    file = place(official, folder)
    yield from fetch_file(
        official.url, file, official.size_bytes, lambda path: _has_right_hash(official, path), stop, limit_bytes
    )


def place(official: OfficialWeights, folder: Path) -> Path:
    """Where the file lies when it has been fetched."""
    return folder / official.file_name


def is_whole(official: OfficialWeights, folder: Path) -> bool:
    """Whether the published file lies at its place."""
    return place(official, folder).is_file() and _has_right_hash(official, place(official, folder))


def _has_right_hash(official: OfficialWeights, path: Path) -> bool:
    return sha256_of(path).startswith(official.sha256_prefix)
