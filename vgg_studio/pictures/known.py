"""What is known of pictures' files without opening them: a digest of the content, whether it can be used, what it looks like.

All is remembered in the cache folder by the file's path, size, times and inode, so that a second run over the same
pictures looks at each file's entry and reads none.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from hashlib import blake2b, file_digest
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from vgg_studio import paths
from vgg_studio.core.data_events import Seen
from vgg_studio.core.errors import PictureRefused, StorageError
from vgg_studio.core.facts import PictureRef
from vgg_studio.pictures import datasets
from vgg_studio.pictures.files import locate, ordinary_file, shown
from vgg_studio.pictures.guard import WORKERS, Guard
from vgg_studio.pictures.known_file import KnownFile, Row
from vgg_studio.pictures.opening import DOOR

FILE = "known-pictures.sqlite"
MOST = 200_000  # files that are remembered: about 50 MB
_SIZE = 16  # bytes of a digest
_YOUNG = 2_000_000_000  # ns: a file may change again within this time without a change of its times (FAT counts in 2 s)
_TOGETHER = 256  # files written down in one commit
_SECONDS = 1.0  # or after this long
_MOST_WAITING = 4096  # files that are held in memory where they cannot be written down
# Reasons that lie in the content; all others may be gone the next time.
_LASTING = {
    "empty", "cut_off", "web_page", "document", "not_a_picture", "kind_not_allowed", "raw_picture", "too_large", "too_long",
    "damaged", "decoder_crashed", "too_much_memory",
}  # fmt: skip
_ENDLESS = 1 << 30  # bytes: no picture of the allowed size
_Refusal = tuple[str, dict[str, str | int | float]]


def _door() -> bytes:
    """Who judges a picture: the rules with their library, and the other library, which alone decodes HEIC."""
    try:
        heif = metadata.version("pillow-heif")
    except metadata.PackageNotFoundError:  # bundled without its description
        heif = ""
    return f"{DOOR} {heif}".encode()


_DOOR = _door()


class Verdict(NamedTuple):
    """How a picture was judged: None if it is good."""

    refusal: PictureRefused | None


class Known:
    """Digests and verdicts of files, remembered in `folder` for all processes. Close it: what is not written down is lost.

    Safe for several threads. Where nothing can be written, or `folder` is None, everything is answered and nothing is
    remembered. Pictures that are not known are opened by a guard's processes.
    """

    def __init__(self, folder: Path | None, most: int = MOST) -> None:
        self._file = KnownFile(folder / FILE if folder else None, most)
        self._lock = threading.Lock()
        self._waiting: dict[bytes, Row] = {}
        self._since = 0  # rows that came after the last attempt to write them down
        self._written = time.monotonic()
        self._looked: dict[bytes, Seen] = {}  # by digest: what was seen of files that could not be remembered
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def digest(self, path: bytes | str) -> bytes:
        """BLAKE2b of the file's content, 16 bytes. Raises PictureRefused where it cannot be read."""
        row = self._row(path)
        return row.digest if row else self._read(path)

    def digest_of(self, ref: PictureRef, root: str) -> bytes:
        """The digest of a reference's picture: of its file below `root`, or of a row of the data set in `root`.

        Raises PictureRefused.
        """
        return self.digest(locate(ref, root)) if ref.row < 0 else datasets.digest(ref, root)

    @property
    def guard(self) -> Guard:
        """Processes that open pictures that are not known, begun when they are needed."""
        with self._lock:
            if self._guard is None:
                self._guard = Guard(WORKERS)
            return self._guard

    def check(self, path: bytes | str) -> PictureRefused | None:
        """Why the file cannot be used, None if it can: known, or found by a look at the picture, and then remembered."""
        endless = _is_endless(path)
        try:
            if not endless and (verdict := self._judged(path)) and (verdict.refusal or self.seen(path)):
                return verdict.refusal
            seen = self.guard.look(path)
        except PictureRefused as refusal:
            if not endless:
                self.refuse(path, refusal)
            return refusal
        if not endless:
            self.accept(path, seen)
        return None

    def seen(self, path: bytes | str) -> Seen | None:
        """What a look at the file saw that `check` took; None where nobody looked at this content. Opens no picture."""
        row = self._row(path)
        if row and row.seen and row.door == _DOOR:
            return msgspec.msgpack.decode(row.seen, type=Seen)
        with contextlib.suppress(PictureRefused):
            return self._looked.get(row.digest if row else self.digest(path))
        return None

    def verdict(self, path: bytes | str) -> Verdict | None:
        """How the file was judged, by one look at its entry; None where this content was not judged yet."""
        row = self._row(path)
        return _verdict(row, path) if row and row.door == _DOOR else None

    def accept(self, path: bytes | str, seen: Seen | None = None) -> None:
        """Remember that the file was decoded, and what it looks like."""
        self._judge(path, b"", seen)

    def refuse(self, path: bytes | str, refusal: PictureRefused) -> None:
        """Remember why the file cannot be used, if that lies in its content and not in a moment's trouble."""
        if refusal.reason in _LASTING:
            values = {name: value for name, value in refusal.values.items() if name not in ("path", "reason")}
            self._judge(path, msgspec.json.encode((refusal.reason, values)))

    def flush(self) -> None:
        """Write down what has come together."""
        with self._lock:
            self._since, self._written = 0, time.monotonic()
            rows = dict(self._waiting)
        written = bool(rows) and self._file.put(list(rows.values()))
        if written or len(rows) > _MOST_WAITING:
            with self._lock:
                for name, row in rows.items():
                    if self._waiting.get(name) is row:
                        del self._waiting[name]
                    if row.seen and not written:
                        self._looked[row.digest] = msgspec.msgpack.decode(row.seen, type=Seen)

    def close(self) -> None:
        """Write down what has come together and let go of the file and of the guard's processes."""
        self.let_go()
        self.flush()
        self._file.close()

    def let_go(self) -> None:
        """End the guard's processes, also those that are at a picture; the next check begins others."""
        with self._lock:
            guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()

    def _judged(self, path: bytes | str) -> Verdict | None:
        """The verdict, also where it is only known of the same content under another name. Raises PictureRefused."""
        if self._row(path) is None:
            self._read(path)
        return self.verdict(path)

    def _row(self, path: bytes | str) -> Row | None:
        """What is known of the file as it lies there now."""
        try:
            stamp = _stamp(os.stat(path))
        except (OSError, ValueError):  # a NUL in the name
            return None
        name = _name(path)
        row = self._waiting.get(name) or self._file.by_name(name)
        return row if row and row.stamp == stamp else None

    def _read(self, path: bytes | str) -> bytes:
        now = time.time_ns()
        try:
            with ordinary_file(path) as file:
                before = os.fstat(file.fileno())
                digest = file_digest(file, _hash).digest()
                after = os.fstat(file.fileno())
        except OSError as error:
            raise PictureRefused("unreadable", path=shown(os.fsencode(path))) from error
        if _stamp(before) == _stamp(after) and now - before.st_mtime_ns >= _YOUNG:
            alike = self._file.judged(digest, _DOOR)  # perhaps under another name
            verdict = (alike.door, alike.refusal, alike.seen) if alike else (b"", b"", b"")
            if seen := self._looked.get(digest):  # looked at while it was too young
                verdict = (_DOOR, b"", msgspec.msgpack.encode(seen))
            self._remember(Row(_name(path), _stamp(before), digest, *verdict))
        return digest

    def _judge(self, path: bytes | str, refusal: bytes, seen: Seen | None = None) -> None:
        digest = b""
        with contextlib.suppress(PictureRefused):  # gone in the meantime
            digest = self.digest(path)
        if row := self._row(path):
            looked = msgspec.msgpack.encode(seen) if seen else row.seen
            self._remember(row._replace(door=_DOOR, refusal=refusal, seen=looked))
        elif seen and digest:
            self._looked[digest] = seen

    def _remember(self, row: Row) -> None:
        with self._lock:
            self._waiting[row.name] = row
            self._since += 1
            due = self._since >= _TOGETHER or time.monotonic() - self._written >= _SECONDS
        if due:
            self.flush()


def in_cache() -> Known:
    """What is known in the user's own cache folder."""
    try:
        return Known(paths.cache_folder())
    except StorageError:
        return Known(None)


def _verdict(row: Row, path: bytes | str) -> Verdict:
    if not row.refusal:
        return Verdict(None)
    reason, values = msgspec.json.decode(row.refusal, type=_Refusal)
    return Verdict(PictureRefused(reason, **values, path=shown(os.fsencode(path))))


def _is_endless(path: bytes | str) -> bool:
    """Whether reading all of the file takes longer than judging it."""
    try:
        return os.stat(path).st_size > _ENDLESS
    except (OSError, ValueError):
        return False


def _name(path: bytes | str) -> bytes:
    """The path as the database knows it: its digest, because the names of pictures are nobody's business."""
    return blake2b(os.path.abspath(os.fsencode(path)), digest_size=_SIZE).digest()


def _stamp(entry: os.stat_result) -> bytes:
    return b"%d %d %d %d" % (entry.st_size, entry.st_mtime_ns, entry.st_ctime_ns, entry.st_ino)


def _hash() -> blake2b:
    return blake2b(digest_size=_SIZE)
