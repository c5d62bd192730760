"""What is kept between two starts, in one small file: recent folders, last choices, geometry, language, scheme."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from typing import Any

import msgspec
from PySide6.QtCore import QByteArray, QSettings

from vgg_studio import paths
from vgg_studio.core.jobs import TrainJob

log = logging.getLogger(__name__)
RECENT = 8


class RecentFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of pictures that was open: where, what was in it, when, and the thumbnail to show (a file of the cache)."""

    path: str
    pictures: int = 0
    classes: int = 0
    opened: float = 0.0
    thumbnail: str = ""


class Settings:
    """Every value has a kind and a default: a damaged entry counts as absent, a damaged file is put aside."""

    def __init__(self) -> None:
        self._file = str(paths.settings_file())
        _put_aside_if_damaged(self._file)
        self._store = QSettings(self._file, QSettings.Format.IniFormat)

    @property
    def language(self) -> str:
        """Code of the language, "" for the system's."""
        return self._text("language")

    @language.setter
    def language(self, code: str) -> None:
        self._store.setValue("language", code)

    @property
    def scheme(self) -> str:
        """`system`, `light` or `dark`."""
        found = self._text("scheme")
        return found if found in ("light", "dark") else "system"

    @scheme.setter
    def scheme(self, name: str) -> None:
        self._store.setValue("scheme", name)

    @property
    def geometry(self) -> QByteArray:
        """The window's place and size as Qt packs it; empty at the first start."""
        found = self._store.value("geometry")
        return found if isinstance(found, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, packed: QByteArray) -> None:
        self._store.setValue("geometry", packed)

    @property
    def recent(self) -> list[RecentFolder]:
        """The folders that were opened last, newest first."""
        found: list[RecentFolder] = self._read("recent", list[RecentFolder], [])
        return found

    def remember(self, folder: RecentFolder) -> None:
        """Put a folder first among the recent ones."""
        others = [other for other in self.recent if other.path != folder.path]
        self._write("recent", [folder, *others][:RECENT])

    def forget(self, path: str) -> None:
        """Take a folder out of the recent ones."""
        self._write("recent", [other for other in self.recent if other.path != path])

    @property
    def last_folder(self) -> str:
        """The folder that was open at the end; "" for none."""
        return self._text("folder")

    @last_folder.setter
    def last_folder(self, path: str) -> None:
        self._store.setValue("folder", path)

    @property
    def job(self) -> TrainJob | None:
        """The training settings that were chosen last; None before the first training."""
        found: TrainJob | None = self._read("job", TrainJob, None)
        return found

    @job.setter
    def job(self, job: TrainJob) -> None:
        self._write("job", job)

    def choice(self, name: str, default: str = "") -> str:
        """A page's small choice by its name, such as the network that answers."""
        return self._text(f"choice/{name}") or default

    def choose(self, name: str, value: str) -> None:
        """Keep a page's small choice."""
        self._store.setValue(f"choice/{name}", value)

    def save(self) -> None:
        """Write to the disk now; a disk that cannot be written loses choices, nothing else."""
        self._store.sync()
        if self._store.status() != QSettings.Status.NoError:
            log.info("settings were not saved: %s", self._store.status().name)

    def _text(self, name: str) -> str:
        found = self._store.value(name, "")
        return found if isinstance(found, str) else ""

    def _read(self, name: str, kind: Any, default: Any) -> Any:
        with contextlib.suppress(Exception):  # whatever stands there: a wrong value is no value
            return msgspec.json.decode(self._text(name).encode(), type=kind)
        return default

    def _write(self, name: str, value: object) -> None:
        self._store.setValue(name, msgspec.json.encode(value).decode())


def _put_aside_if_damaged(file: str) -> None:
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except FileNotFoundError:
        return
    except OSError:
        data = b"\0"
    if _whole(data):
        return
    with contextlib.suppress(OSError):
        os.replace(file, f"{file}.damaged-{int(time.time())}")
        log.info("damaged settings were put aside; starting with the usual ones")


def _whole(data: bytes) -> bool:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        return False
    return "\0" not in data.decode() and all(not line or line[0] in "[;" or "=" in line for line in lines)
