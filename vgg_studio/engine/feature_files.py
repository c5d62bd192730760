"""Rows of numbers on the disk, found by name: what was computed once is there for every later run.

A folder holds rows of one length. Each process that adds some writes a pair of files of its own, `<token>.rows` and
`<token>.index`, so that nobody waits for anybody; readers see all pairs. A row counts once its record stands in the index,
with the row's checksum and its own: a kill, a full disk or a damaged file costs the rows it touched, and they are computed
again. Rows are read through a memory map, so memory does not grow with their number.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.uint8]

# One line of an index: the picture's digest, which view of it, checksum of the row, checksum of the 24 bytes before.
RECORD = np.dtype([("digest", "<u8", 2), ("view", "<u4"), ("row", "<u4"), ("seal", "<u4"), ("pad", "<u4")])
_SEALED = 24
USED = "used"  # its time of change tells when a folder was opened last
RESERVE = 1 << 30  # bytes of the disk that are left to others
MOST = 1 << 62
_UNKNOWN, _SOUND, _BAD = 0, 1, 2

Name = tuple[bytes, int]  # 16 bytes of digest, number of the view


class _Pair:
    """One pair of files: its records, and its rows as a memory map."""

    def __init__(self, index: Path, row_bytes: int, handle: int | None = None) -> None:
        self.index = index
        self._rows_file = index.with_suffix(".rows")
        self._handle = handle  # ours while we write: the folder may be deleted meanwhile, and what is ours goes on
        self._row_bytes = row_bytes
        self.records = _sound_records(index)
        self._map: Rows = np.empty((0, row_bytes), np.uint8)
        self._checked = np.zeros(len(self.records), np.uint8)

    def names(self) -> Iterator[Name]:
        for record in self.records:
            yield record["digest"].tobytes(), int(record["view"])

    def has_grown(self) -> bool:
        """Whether another process has added rows since."""
        try:
            return self._handle is None and self.index.stat().st_size >= (len(self.records) + 1) * RECORD.itemsize
        except OSError:
            return False

    def extend(self, records: npt.NDArray[np.void]) -> None:
        self.records = np.concatenate([self.records, records])
        self._checked = np.concatenate([self._checked, np.full(len(records), _SOUND, np.uint8)])

    def is_sound(self, number: int) -> bool:
        """Whether a row is there and is what was written; each is looked at once."""
        if self._checked[number] == _UNKNOWN:
            there = number < len(self._mapped(number))
            sound = there and zlib.crc32(self._map[number]) == self.records[number]["row"]
            self._checked[number] = _SOUND if sound else _BAD
        return bool(self._checked[number] == _SOUND)

    def read(self, numbers: npt.NDArray[np.intp]) -> Rows:
        """Rows by their numbers, copied."""
        copied: Rows = self._mapped(int(numbers.max()))[numbers]
        return copied

    def _mapped(self, number: int) -> Rows:
        if number >= len(self._map):
            with contextlib.suppress(OSError, ValueError):  # gone or empty: no row of it is sound
                self._map = self._new_map()
        return self._map

    def _new_map(self) -> Rows:
        source = self._rows_file if self._handle is None else self._handle
        with open(source, "rb", closefd=self._handle is None) as file:
            count = os.fstat(file.fileno()).st_size // self._row_bytes
            return np.memmap(file, np.uint8, "r", shape=(count, self._row_bytes))

    def let_go(self) -> None:
        """Read what is there a last time by the handle, which is closed now."""
        if len(self.records):
            self._mapped(len(self.records) - 1)
        self._handle = None


class FeatureFiles:
    """The rows of one folder, each of `row_bytes`, all together at most `most` bytes. One thread at a time adds rows."""

    def __init__(self, folder: Path, row_bytes: int, most: int = MOST) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.row_bytes = row_bytes
        self._most = most
        self.use()
        self._pairs = [_Pair(index, row_bytes) for index in sorted(folder.glob("*.index"), key=_age)]
        self._places: dict[Name, tuple[int, int]] = {}
        for pair_number in range(len(self._pairs)):
            self._note(pair_number)
        self._own: tuple[int, int, int] | None = None  # our pair's number and its two open files

    def __contains__(self, name: Name) -> bool:
        """Whether a sound row of that name is there."""
        place = self._places.get(name)
        return place is not None and self._pairs[place[0]].is_sound(place[1])

    def __len__(self) -> int:
        return len(self._places)

    def read(self, names: Sequence[Name]) -> Rows:
        """The rows (N, row_bytes) of names that are there. Raises KeyError for one that is not."""
        places = np.array([self._places[name] for name in names], np.intp).reshape(-1, 2)
        rows = np.empty((len(places), self.row_bytes), np.uint8)
        for pair in np.unique(places[:, 0]):
            mine = places[:, 0] == pair
            rows[mine] = self._pairs[pair].read(places[mine, 1])
        return rows

    def add(self, names: Sequence[Name], rows: Rows) -> None:
        """Keep rows. Raises OSError where the disk does not take them; what was kept before still counts."""
        there = sum(len(pair.records) for pair in self._pairs)
        full = (there + len(names)) * self.row_bytes > self._most
        if full or shutil.disk_usage(self.folder).free < RESERVE + rows.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        number, rows_file, index_file = self._own or self._begin()
        pair = self._pairs[number]
        start = len(pair.records)
        _write(rows_file, np.ascontiguousarray(rows).data.cast("B"), start * self.row_bytes)
        records = _records(names, rows)
        _write(index_file, records.tobytes(), start * RECORD.itemsize)
        pair.extend(records)
        self._places.update((name, (number, start + place)) for place, name in enumerate(names))

    def refresh(self) -> None:
        """See what other processes have added since the files were opened."""
        known = {pair.index: number for number, pair in enumerate(self._pairs)}
        for index in sorted(self.folder.glob("*.index"), key=_age):
            number = known.get(index, len(self._pairs))
            if number == len(self._pairs):
                self._pairs.append(_Pair(index, self.row_bytes))
            elif self._pairs[number].has_grown():
                self._pairs[number] = _Pair(index, self.row_bytes)
            else:
                continue
            self._note(number)

    def _note(self, pair: int) -> None:
        self._places.update((name, (pair, number)) for number, name in enumerate(self._pairs[pair].names()))

    def use(self) -> None:
        """Note that the folder is in use now, so that others go before it. Raises OSError."""
        (self.folder / USED).touch()

    def mark(self, word: str) -> None:
        """Note something about all rows; where nothing can be written it is forgotten."""
        with contextlib.suppress(OSError):
            (self.folder / word).touch()

    def is_marked(self, word: str) -> bool:
        """Whether that was noted, by this run or another."""
        return (self.folder / word).exists()

    def close(self) -> None:
        """Close what is open for writing."""
        if self._own is not None:
            self._pairs[self._own[0]].let_go()
            for handle in self._own[1:]:
                os.close(handle)
            self._own = None

    def _begin(self) -> tuple[int, int, int]:
        index = self.folder / f"{secrets.token_hex(8)}.index"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        rows_file = os.open(index.with_suffix(".rows"), flags, 0o600)
        index_file = os.open(index, flags, 0o600)
        self._pairs.append(_Pair(index, self.row_bytes, rows_file))
        self._own = len(self._pairs) - 1, rows_file, index_file
        return self._own


def make_room(root: Path, most: int, keep: Path | None = None) -> int:
    """Delete the folders below `root` that were not used for longest until all together have at most `most` bytes.

    `keep` stays. A folder that another process is using goes on for that process where the system allows it, and stays where
    it does not. Returns the bytes that are left.
    """
    found = [(_last_used(folder), size(folder), folder) for folder in folders(root)]
    left = sum(taken for _, taken, _ in found)
    for _, taken, folder in sorted(found):
        if left <= most:
            break
        if keep is None or folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            left -= taken - size(folder)
    return left


def folders(root: Path) -> list[Path]:
    """The folders of features below `root`; none where there is no such place."""
    try:
        return [Path(entry.path) for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _last_used(folder: Path) -> float:
    try:
        return (folder / USED).stat().st_mtime
    except OSError:
        return 0.0


def size(folder: Path) -> int:
    """Bytes of the files in a folder; 0 where there is none or it cannot be looked at."""
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    except OSError:
        return 0


def _age(index: Path) -> tuple[int, str]:
    """Sorts files by their age: what was computed again, because an older row was damaged, takes that one's place."""
    try:
        return index.stat().st_mtime_ns, index.name
    except OSError:
        return 0, index.name


def _sound_records(index: Path) -> npt.NDArray[np.void]:
    """The records of an index up to the first that is torn or damaged: behind it nothing is sure."""
    try:
        data = index.read_bytes()
    except OSError:
        data = b""
    records = np.frombuffer(data[: len(data) // RECORD.itemsize * RECORD.itemsize], RECORD)
    raw = records.view(np.uint8).reshape(-1, RECORD.itemsize)[:, :_SEALED]
    for number, (sealed, record) in enumerate(zip(raw, records, strict=True)):
        if zlib.crc32(sealed.tobytes()) != record["seal"]:
            return records[:number]
    return records


def _records(names: Sequence[Name], rows: Rows) -> npt.NDArray[np.void]:
    records = np.zeros(len(names), RECORD)
    records["digest"] = np.frombuffer(b"".join(digest for digest, _ in names), "<u8").reshape(-1, 2)
    records["view"] = [view for _, view in names]
    records["row"] = [zlib.crc32(row) for row in rows]
    raw = records.view(np.uint8).reshape(-1, RECORD.itemsize)[:, :_SEALED]
    records["seal"] = [zlib.crc32(sealed.tobytes()) for sealed in raw]
    return records


def _write(handle: int, data: memoryview | bytes, start: int) -> None:
    """All of the data at a place of the file. Raises OSError."""
    os.lseek(handle, start, os.SEEK_SET)
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]
