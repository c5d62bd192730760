from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from vgg_studio.core import writing
from vgg_studio.core.errors import DiskFull, NotWritable


def test_that_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    writing.write_bytes(tmp_path / "a", b"one")
    writing.write_bytes(tmp_path / "a", b"two")
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"a": b"two"}


def test_that_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def fill_the_disk() -> None:
        with writing.replacing(tmp_path / "a") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull):
        fill_the_disk()
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"a": b"old"}


def test_that_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotWritable) as caught:
        writing.write_bytes(tmp_path / "none" / "a", b"")
    assert str(tmp_path) in str(caught.value)


def test_that_the_file_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        order.append("fsync")
        sync(handle)

    def noted_replace(self: Path, target: Path) -> Path:
        order.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    writing.write_bytes(tmp_path / "a", b"x")
    assert order[:2] == ["fsync", "replace"]
    assert os.name == "nt" or order == ["fsync", "replace", "fsync"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_that_the_file_is_as_readable_as_any_other_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    writing.write_json(tmp_path / "ours", {"a": 1})
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_that_litter_of_a_killed_writer_is_swept_and_files_stay(tmp_path: Path) -> None:
    (tmp_path / f"run.json.abc{writing.LITTER}").write_bytes(b"half")
    (tmp_path / "run.json").write_bytes(b"{}")
    assert writing.sweep(tmp_path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]
