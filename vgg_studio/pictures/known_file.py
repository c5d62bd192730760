"""The small database behind `known.Known`: it may be damaged, foreign, locked or unwritable, and nobody has to care.

Rows are sealed, so a flipped bit makes a row unknown instead of wrong. Commits wait for no disk: what a power cut
spoils is made anew; a killed process leaves a journal, which the next one plays back.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TypeVar

Value = TypeVar("Value")

_OURS, _FORMAT = 0x56474B4E, 2  # SQLite's application_id ("VGKN") and user_version
_PATIENCE = 1.0  # seconds that another process's commit is waited for
_MOST_REMADE = 3  # then it is the disk, and nothing is remembered any more
_DAMAGED = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_TABLE = """CREATE TABLE pictures (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, stamp BLOB NOT NULL,
    digest BLOB NOT NULL, door BLOB NOT NULL, refusal BLOB NOT NULL, seen BLOB NOT NULL, seal BLOB NOT NULL)"""
_INDEX = "CREATE INDEX by_digest ON pictures (digest)"
_COLUMNS = "name, stamp, digest, door, refusal, seen, seal"


class Row(NamedTuple):
    """What is known of one file. `stamp` says of which state of it, `door` who judged it ("": nobody), `refusal` how.

    `seen` is what one look at it saw, where there was one.
    """

    name: bytes
    stamp: bytes
    digest: bytes
    door: bytes = b""
    refusal: bytes = b""
    seen: bytes = b""


class KnownFile:
    """Rows in an SQLite file, for several threads and processes; at most `most`, the oldest are forgotten."""

    def __init__(self, path: Path | None, most: int) -> None:
        self._path = path
        self._most = most
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opens = self._writes = True
        self._remade = 0

    def by_name(self, name: bytes) -> Row | None:
        """The row of a file."""
        return self._tried(lambda base: _sound(base, "name = ?", (name,)), None)

    def judged(self, digest: bytes, door: bytes) -> Row | None:
        """A row of the same content that this door has judged."""
        return self._tried(lambda base: _sound(base, "digest = ? AND door = ?", (digest, door)), None)

    def put(self, rows: Sequence[Row]) -> bool:
        """Write rows, all or none; False where it could not be done now, or cannot be done at all."""
        return self._writes and self._tried(lambda base: self._put(base, rows), False)

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            self._disconnect()

    def _put(self, base: sqlite3.Connection, rows: Sequence[Row]) -> bool:
        base.execute("BEGIN IMMEDIATE")
        with base:  # commits, or rolls back
            insert = f"INSERT OR REPLACE INTO pictures ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own text
            base.executemany(insert, [(*row, _seal(row)) for row in rows])
            ends = "SELECT (SELECT max(number) FROM pictures) - (SELECT min(number) FROM pictures)"
            if (base.execute(ends).fetchone()[0] or 0) >= self._most:
                oldest = "SELECT number FROM pictures ORDER BY number DESC LIMIT 1 OFFSET ?"
                base.execute(f"DELETE FROM pictures WHERE number <= ({oldest})", (self._most,))  # noqa: S608 - our own text
        return True

    def _tried(self, work: Callable[[sqlite3.Connection], Value], otherwise: Value) -> Value:
        """What the work gives; `otherwise` where the file cannot serve. A damaged one is made anew, and tried once more."""
        with self._lock:
            while self._path and self._opens:
                try:
                    return work(self._connected(self._path))
                except (sqlite3.Error, OSError) as error:
                    if not self._may_try_again(error, self._path):
                        return otherwise
            return otherwise

    def _connected(self, path: Path) -> sqlite3.Connection:
        if self._connection is None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = _opened(path)
        return self._connection

    def _may_try_again(self, error: Exception, path: Path) -> bool:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF  # the upper bits tell details
        if code in _DAMAGED or isinstance(error, _ForeignError):
            self._remade += 1
            self._opens = self._remade <= _MOST_REMADE and self._removed(path)
            return self._opens
        if code not in (sqlite3.SQLITE_OK, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):  # full, read-only, gone
            self._writes = False
        if self._connection is None and code != sqlite3.SQLITE_BUSY:  # it could not even be opened
            self._opens = False
        return False

    def _removed(self, path: Path) -> bool:
        self._disconnect()
        try:
            for ending in ("-journal", "-wal", "-shm", ""):
                path.with_name(path.name + ending).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


class _ForeignError(sqlite3.DatabaseError):
    """A sound database of somebody else, or of another version."""


def _opened(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        base.execute("PRAGMA journal_mode = TRUNCATE")  # works on network drives too, unlike WAL
        base.execute("PRAGMA synchronous = OFF")
        if not _is_ours(base):
            _create(base)
    except BaseException:
        base.close()
        raise
    return base


def _is_ours(base: sqlite3.Connection) -> bool:
    numbers = [base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    return numbers == [_OURS, _FORMAT]


def _create(base: sqlite3.Connection) -> None:
    base.execute("BEGIN IMMEDIATE")
    with base:
        if _is_ours(base):  # another process was faster
            return
        if base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise _ForeignError
        base.execute(_TABLE)
        base.execute(_INDEX)
        base.execute(f"PRAGMA application_id = {_OURS}")
        base.execute(f"PRAGMA user_version = {_FORMAT}")


def _sound(base: sqlite3.Connection, where: str, values: tuple[bytes, ...]) -> Row | None:
    found = base.execute(f"SELECT {_COLUMNS} FROM pictures WHERE {where} LIMIT 1", values).fetchone()  # noqa: S608 - our own text
    if found is None:
        return None
    row = Row(*found[:-1])
    return row if _seal(row) == found[-1] else None


def _seal(row: Row) -> bytes:
    return blake2b(repr(tuple(row)).encode(), digest_size=8).digest()
