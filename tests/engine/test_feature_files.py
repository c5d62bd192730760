"""Rows of numbers on the disk: found by name, whatever happened to the files in between."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from vgg_studio.engine import feature_files
from vgg_studio.engine.feature_files import RECORD, USED, FeatureFiles, Name, Rows, make_room

WIDTH = 24  # bytes of a row


def name(number: int, view: int = 0) -> Name:
    return number.to_bytes(16, "little"), view


def rows(*numbers: int) -> Rows:
    """Rows that differ from each other in every byte."""
    return np.array([np.arange(WIDTH) + 31 * number for number in numbers]).astype(np.uint8)


def add(files: FeatureFiles, *numbers: int) -> None:
    files.add([name(number) for number in numbers], rows(*numbers))


def filled(folder: Path, *groups: list[int]) -> Path:
    """A folder with one pair of files for each group."""
    for group in groups:
        files = FeatureFiles(folder, WIDTH)
        for number in group:
            add(files, number)
        files.close()
    return folder


def sound(folder: Path, most: int) -> set[int]:
    """Which of the first numbers are there; each of them is what was written."""
    files = FeatureFiles(folder, WIDTH)
    there = {number for number in range(most) if name(number) in files}
    chosen = sorted(there)
    assert np.array_equal(files.read([name(number) for number in chosen]), rows(*chosen).reshape(-1, WIDTH))
    return there


def only_file(folder: Path, kind: str) -> Path:
    (found,) = folder.glob(f"*.{kind}")
    return found


@pytest.fixture(autouse=True)
def _a_byte_of_room_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_files, "RESERVE", 0)


def test_that_rows_are_found_by_name_in_any_order_and_by_their_view(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path / "f", WIDTH)
    files.add([name(1), name(2), name(1, 7)], rows(1, 2, 9))
    add(files, 4)

    for reader in (files, FeatureFiles(tmp_path / "f", WIDTH)):
        assert np.array_equal(reader.read([name(4), name(1, 7), name(2), name(1)]), rows(4, 9, 2, 1))
        assert name(2, 7) not in reader
        assert name(3) not in reader
        assert len(reader) == 4
        with pytest.raises(KeyError):
            reader.read([name(3)])
        reader.close()


def test_that_rows_can_be_read_between_those_that_are_added(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path / "f", WIDTH)
    for number in range(20):
        add(files, number)
        assert np.array_equal(files.read([name(number), name(0)]), rows(number, 0))
    files.close()


def test_that_several_pairs_of_files_are_read_as_one(tmp_path: Path) -> None:
    assert sound(filled(tmp_path / "f", [0, 3], [1], [2, 4, 5]), 9) == {0, 1, 2, 3, 4, 5}


def test_that_two_writers_at_the_same_time_leave_each_others_rows_alone(tmp_path: Path) -> None:
    one, other = FeatureFiles(tmp_path / "f", WIDTH), FeatureFiles(tmp_path / "f", WIDTH)
    for number in range(6):
        add(one, number)
        add(other, number + 3)
    assert np.array_equal(one.read([name(2)]), rows(2))
    assert name(8) not in one
    one.close()
    other.close()

    assert sound(tmp_path / "f", 20) == set(range(9))


def test_that_an_index_torn_at_any_byte_costs_only_the_rows_behind(tmp_path: Path) -> None:
    folder = filled(tmp_path / "f", [0, 1, 2])
    index = only_file(folder, "index")
    whole = index.read_bytes()

    for length in range(len(whole) + 1):
        index.write_bytes(whole[:length])
        assert sound(folder, 5) == set(range(length // RECORD.itemsize))


def test_that_a_flipped_byte_in_the_index_costs_no_row_before_it_and_gives_none_that_is_wrong(tmp_path: Path) -> None:
    folder = filled(tmp_path / "f", [0, 1, 2])
    index = only_file(folder, "index")
    whole = index.read_bytes()

    for place in range(len(whole)):
        index.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        there = sound(folder, 5)
        at = place // RECORD.itemsize
        is_padding = place % RECORD.itemsize >= RECORD.itemsize - 4
        assert there == (set(range(3)) if is_padding else set(range(at)))


def test_that_a_flipped_byte_in_a_row_costs_that_row(tmp_path: Path) -> None:
    folder = filled(tmp_path / "f", [0, 1, 2])
    kept = only_file(folder, "rows")
    whole = kept.read_bytes()

    for place in range(len(whole)):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert sound(folder, 5) == {0, 1, 2} - {place // WIDTH}


def test_that_rows_that_are_cut_off_are_not_there(tmp_path: Path) -> None:
    folder = filled(tmp_path / "f", [0, 1, 2])
    kept = only_file(folder, "rows")
    whole = kept.read_bytes()

    for length in range(len(whole) + 1):
        kept.write_bytes(whole[:length])
        assert sound(folder, 5) == set(range(length // WIDTH))
    kept.unlink()
    assert sound(folder, 5) == set()


def test_that_garbage_in_the_folder_disturbs_nothing(tmp_path: Path) -> None:
    folder = filled(tmp_path / "f", [0, 1])
    (folder / "00.index").write_bytes(os.urandom(1000))
    (folder / "00.rows").write_bytes(os.urandom(1000))
    (folder / "zz.index").mkdir()
    (folder / "zy.index").touch()
    (folder / "zx.rows").touch()
    (folder / "notes.txt").write_text("mine")
    only_file(filled(tmp_path / "other", [7]), "index").rename(folder / "zw.index")  # a record without its row

    assert sound(folder, 9) == {0, 1}


@pytest.mark.parametrize("first", [0, 1])
def test_that_a_row_that_was_added_again_after_damage_is_found_from_then_on(tmp_path: Path, first: int) -> None:
    """Whichever of the two files comes first by name."""
    folder = filled(tmp_path / "f", [0, 1])
    damaged = only_file(folder, "rows")
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    for kind in ("rows", "index"):
        only_file(folder, kind).rename(folder / f"{'0f'[first] * 16}.{kind}")
    assert sound(folder, 3) == set()

    filled(folder, [0, 1])

    assert sound(folder, 3) == {0, 1}


class _Usage(msgspec.Struct):
    free: int


def test_that_a_full_disk_is_told_and_what_was_kept_before_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = FeatureFiles(tmp_path / "f", WIDTH)
    add(files, 0)
    monkeypatch.setattr(feature_files, "RESERVE", 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(free=1000 + WIDTH - 1))
    with pytest.raises(OSError, match="No space") as told:
        add(files, 1)
    files.close()

    assert told.value.errno == errno.ENOSPC
    assert sound(tmp_path / "f", 5) == {0}


@pytest.mark.parametrize("fails", [1, 2, 3, 4])
def test_that_a_write_that_fails_on_the_way_leaves_no_half_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    """Writes are cut into pieces; the `fails`-th after the first row finds the disk full."""
    write, calls = os.write, [0]

    def in_pieces(handle: int, data: memoryview) -> int:
        calls[0] += 1
        if calls[0] == fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[: WIDTH // 2 + 1])

    files = FeatureFiles(tmp_path / "f", WIDTH)
    add(files, 0)
    monkeypatch.setattr(os, "write", in_pieces)
    with pytest.raises(OSError, match="No space"):
        add(files, 1)
    monkeypatch.setattr(os, "write", write)
    assert name(1) not in files
    assert np.array_equal(files.read([name(0)]), rows(0))
    add(files, 2)  # there is room again
    files.close()

    assert sound(tmp_path / "f", 5) == {0, 2}


def test_that_all_rows_together_stay_below_the_most(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path / "f", WIDTH, most=3 * WIDTH)
    for number in range(3):
        add(files, number)
    with pytest.raises(OSError, match="No space"):
        add(files, 3)
    files.close()

    assert sound(tmp_path / "f", 5) == {0, 1, 2}


def test_that_rows_of_a_folder_that_was_deleted_meanwhile_can_still_be_read(tmp_path: Path) -> None:
    filled(tmp_path / "f", [0])
    files = FeatureFiles(tmp_path / "f", WIDTH)
    assert name(0) in files
    add(files, 1)
    shutil.rmtree(tmp_path / "f")

    with pytest.raises(FileNotFoundError):
        add(files, 2)
    kept = [number for number in range(3) if name(number) in files]
    assert np.array_equal(files.read([name(number) for number in kept]), rows(*kept))
    assert kept == [0, 1]
    files.close()


def test_that_no_handle_stays_open(tmp_path: Path) -> None:
    def handles() -> set[str]:
        return {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}

    for _ in range(3):
        files = FeatureFiles(tmp_path / "f", WIDTH)
        add(files, 1)
        assert np.array_equal(files.read([name(1)]), rows(1))
        files.close()
        files.close()
        del files
    assert not [handle for handle in handles() if str(tmp_path) in handle]
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


# --- room for all folders


def aged(root: Path, folder: str, used: float, numbers: int = 4) -> Path:
    made = filled(root / folder, list(range(numbers)))
    os.utime(made / USED, (used, used))
    return made


def test_that_the_folder_that_was_not_used_for_longest_goes_first_and_the_one_in_use_stays(tmp_path: Path) -> None:
    folders = [aged(tmp_path, folder, used) for folder, used in (("b", 1e9), ("a", 2e9), ("c", 3e9))]
    size = feature_files.size(folders[0])

    left = make_room(tmp_path, 2 * size)
    assert [folder.exists() for folder in folders] == [False, True, True]
    assert left == 2 * size
    make_room(tmp_path, 0, keep=folders[1])
    assert [folder.exists() for folder in folders] == [False, True, False]


def test_that_opening_a_folder_counts_as_using_it(tmp_path: Path) -> None:
    old, new = aged(tmp_path, "old", 1e9), aged(tmp_path, "new", 1.5e9)
    FeatureFiles(old, WIDTH).close()

    make_room(tmp_path, feature_files.size(old))

    assert (old.exists(), new.exists()) == (True, False)


def test_that_a_folder_without_its_mark_goes_before_all_others_and_files_are_left_alone(tmp_path: Path) -> None:
    kept, unmarked = aged(tmp_path, "kept", 1e9), aged(tmp_path, "unmarked", 3e9)
    (unmarked / USED).unlink()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to(kept)

    make_room(tmp_path, feature_files.size(kept))

    assert (kept.exists(), unmarked.exists()) == (True, False)
    assert (tmp_path / "notes.txt").exists()
    assert make_room(tmp_path / "nowhere", 0) == 0
