"""The members of an archive, one after the other, each checked: name, kind, size, and the sums of all of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

from vgg_studio.core.errors import ArchiveRefused
from vgg_studio.pictures.files import ordinary_file, shown

ODD = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, LookupError, struct.error,
    NotImplementedError, RuntimeError, OverflowError, MemoryError,
)  # fmt: skip
_MOST_MEMBERS = 500_000
_MOST_BYTES = 1 << 30  # of one member
_MOST_TOGETHER = 64 << 30
_RATIO, _FREE_OF_RATIO = 100, 64 << 20  # pictures hardly pack: more than a hundredfold is a bomb
_DEEPEST = 24  # folders inside each other
_LONGEST = 255  # bytes of a name
_AT_ONCE = 16 << 20  # bytes that tarfile may ask for: names, which it reads in one piece
_ODD_SIGNS = re.compile(r"[\x00-\x1f\x7f]")
_WINDOWS_SIGNS = re.compile(r'[<>:"|?*]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
_UTF8, _ENCRYPTED = 0x800, 0x1  # flags of a zip's member
_MAGICS: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
)


class Bounds(NamedTuple):
    """How much an archive may hold: bytes in all, bytes and number of its members; `packed` are its own bytes."""

    packed: int = 0
    together: int = _MOST_TOGETHER
    one: int = _MOST_BYTES
    members: int = _MOST_MEMBERS

    @classmethod
    def of(cls, packed: int) -> Self:
        """The bounds of an archive of so many bytes."""
        return cls(packed, min(_MOST_TOGETHER, _FREE_OF_RATIO + _RATIO * packed))


class Member(NamedTuple):
    """A file in an archive: its name in parts, its size in bytes, how far into the archive it stands, and its content.

    A folder has no parts: it is counted, and made where a file needs it.
    """

    parts: tuple[str, ...]
    size: int
    place: int
    open: Callable[[], IO[bytes]]


def members(archive: Path, bounds: Bounds) -> Iterator[Member]:
    """Files and folders of a tar (plain or packed) or zip archive. Raises ArchiveRefused, PictureRefused, and what ODD lists."""
    with ordinary_file(archive) as raw:
        head = raw.read(6)
        raw.seek(0)
        found = _of_zip(raw) if head[:2] == b"PK" else _of_tar(raw, head)
        together = 0
        for count, member in enumerate(found, start=1):
            together += member.size
            if count > bounds.members or member.size > bounds.one or together > bounds.together:
                raise ArchiveRefused(detail="too_much")
            yield member


def parts_of(name: str) -> tuple[str, ...]:
    """A member's name as the names of folders and file, safe to join to a folder. Raises ArchiveRefused."""
    plain = name.replace("\\", "/")
    parts = tuple(part for part in plain.split("/") if part not in ("", "."))
    if plain.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", plain):
        raise _refused("leads_out", name)
    odd = len(parts) > _DEEPEST or any(
        _ODD_SIGNS.search(part)
        or len(os.fsencode(part)) > _LONGEST
        or (os.name == "nt" and _WINDOWS_SIGNS.search(part))
        for part in parts
    )
    if odd:
        raise _refused("odd_member", name)
    return parts


def _of_tar(raw: IO[bytes], head: bytes) -> Iterator[Member]:
    unpacked = next((wrap(raw) for magic, wrap in _MAGICS if head.startswith(magic)), raw)
    try:
        with unpacked, tarfile.open(fileobj=cast("IO[bytes]", _Sparing(unpacked)), mode="r:") as tar:
            for info in tar:
                parts = parts_of(info.name)
                if info.isdir():
                    yield Member((), 0, raw.tell(), io.BytesIO)
                elif info.isreg() and not info.issparse():
                    yield Member(parts, info.size, raw.tell(), partial(_opened, tar, info))
                else:
                    raise _refused("no_plain_member", info.name)
                tar.members.clear()  # type: ignore[attr-defined]  # unknown to typeshed; else it keeps all it has seen
    except OSError as error:  # gzip's and bz2's own word for damage
        raise EOFError from error


def _opened(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(info)
    if file is None:
        raise EOFError
    return file


def _of_zip(raw: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            name = _zip_name(info)
            if info.flag_bits & _ENCRYPTED:
                raise ArchiveRefused(detail="encrypted")
            mode = stat.S_IFMT(info.external_attr >> 16)
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused("no_plain_member", name)
            parts = parts_of(name)
            if info.is_dir() or mode == stat.S_IFDIR:
                yield Member((), 0, info.header_offset, io.BytesIO)
            else:
                yield Member(parts, info.file_size, info.header_offset, partial(archive.open, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name as its maker meant it: old programs wrote it in their system's own letters and did not say so."""
    name = info.orig_filename
    if info.flag_bits & _UTF8 or name.isascii():
        return name
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


class _Sparing(io.RawIOBase):
    """A stream that gives no more than some megabytes at once: a header may announce a name of many gigabytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _AT_ONCE:
            raise ArchiveRefused(detail="too_much")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _refused(detail: str, name: str) -> ArchiveRefused:
    return ArchiveRefused(detail=detail, member=shown(os.fsencode(name)))
