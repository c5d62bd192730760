"""Opening a stranger's file of weights: `.pth` in both of torch's layouts, and `.safetensors`.

Nothing in the file is believed before it is checked against the file's own size, and nothing in it is run.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import pickle
import stat
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import msgspec
import torch
from torch import Tensor

from vgg_studio.core.errors import WeightsMissing, WeightsUnreadable, WeightsUnsafe
from vgg_studio.engine.pickle_census import HEAD_LIMIT, BadPickle, UnsafePickle, claims

MOST_TENSORS = 500
_HEADER_LIMIT = 1 << 20
_LENGTH_BYTES = 8  # in front of the header, and of each block in torch's old layout
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # what torch.save wrote first until 1.6, as torchvision's old files have it
_SAFETENSORS_KINDS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
}
_LOAD_ERRORS = (
    pickle.UnpicklingError, RuntimeError, EOFError, OSError, LookupError, TypeError, ValueError, AttributeError, AssertionError,
    OverflowError, MemoryError,
)  # fmt: skip


def read_any(path: str) -> dict[str, Any]:
    """Whatever the file holds under names, loaded to the processor. Raises WeightsMissing, WeightsUnreadable, WeightsUnsafe."""
    with open_regular(path) as stream:
        head = stream.read(64)
        stream.seek(0)
        if _looks_like_safetensors(head):
            return _read_safetensors(stream, path)
        try:
            _check_pickled(stream, head)
        except BadPickle as error:
            raise WeightsUnreadable(path=path, detail=str(error)) from error
        except UnsafePickle as error:
            raise WeightsUnsafe(path=path, detail=str(error)) from error
        stream.seek(0)
        return _load(stream, path)


@contextlib.contextmanager
def open_regular(path: str) -> Iterator[io.BufferedReader]:
    """Open an ordinary file; a pipe or a device is refused at once instead of waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise WeightsMissing(path=path) from None
    except OSError as error:
        detail = "not_a_file" if os.path.isdir(path) else "not_allowed"
        raise WeightsUnreadable(path=path, detail=detail) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise WeightsUnreadable(path=path, detail="not_a_file")
    with os.fdopen(handle, "rb") as stream:
        yield stream


def _load(stream: io.BufferedReader, path: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks about old layouts are for programmers
            found = torch.load(stream, map_location="cpu", weights_only=True)
    except _LOAD_ERRORS as error:
        raise WeightsUnreadable(path=path, detail="damaged") from error
    if not isinstance(found, dict):
        raise WeightsUnreadable(path=path, detail="not_vgg")
    return found


def _check_pickled(stream: io.BufferedReader, head: bytes) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        raise BadPickle("empty")
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        raise BadPickle("web_page")
    if text.startswith(b"version https://git-lfs"):
        raise BadPickle("pointer")
    size = os.fstat(stream.fileno()).st_size
    if head.startswith(b"PK\x03\x04"):
        _check_archive(stream, size)
    else:
        _check_legacy(stream, size)


def _check_archive(stream: io.BufferedReader, size: int) -> None:
    """The layout since torch 1.6: a zip whose members are stored as they are, `data.pkl` and one member for each block."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {member.filename: member for member in archive.infolist()}
            _check_members(members, len(archive.infolist()), size)
            prefix = _only([name for name in members if name.endswith("/data.pkl")]).removesuffix("data.pkl")
            pickled = archive.read(f"{prefix}data.pkl")
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise BadPickle("damaged") from error
    for key, nbytes in claims(pickled)[0].items():
        member = members.get(f"{prefix}data/{key}")
        if member is None or member.file_size != nbytes:
            raise BadPickle("too_large_inside" if member is not None else "damaged")


def _check_members(members: dict[str, zipfile.ZipInfo], count: int, size: int) -> None:
    if any("/code/" in name or name.endswith("/constants.pkl") for name in members):
        raise UnsafePickle("TorchScript")
    pickled = max((member.file_size for name, member in members.items() if name.endswith(".pkl")), default=0)
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members.values())
    total = sum(member.file_size for member in members.values())
    if packed or total > size or pickled > HEAD_LIMIT or count != len(members) or count > 10 * MOST_TENSORS:
        raise BadPickle("too_large_inside")


def _only(names: list[str]) -> str:
    if len(names) != 1:
        raise BadPickle("other_kind")
    return names[0]


def _check_legacy(stream: io.BufferedReader, size: int) -> None:
    """The layout before torch 1.6: five pickles, then the blocks, each behind its length."""
    stream.seek(0)
    head = stream.read(HEAD_LIMIT)
    _, magic, position = claims(head)
    if magic != _LEGACY_MAGIC:
        raise BadPickle("other_kind")
    for _ in range(2):  # protocol, facts about the machine
        position = claims(head, position)[2]
    blocks, _, position = claims(head, position)
    keys, position = claims(head, position)[1:]
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(blocks):
        raise BadPickle("damaged")
    if position + sum(_LENGTH_BYTES + nbytes for nbytes in blocks.values()) > size:
        raise BadPickle("damaged")


def _looks_like_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 40


class _Entry(msgspec.Struct, frozen=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def _read_safetensors(stream: io.BufferedReader, path: str) -> dict[str, Any]:
    """Read by hand, into memory: a mapped file that somebody shortens would end the process."""
    size = os.fstat(stream.fileno()).st_size
    length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
    if length > min(_HEADER_LIMIT, size - _LENGTH_BYTES):
        raise WeightsUnreadable(path=path, detail="too_large_inside")
    entries = _safetensors_entries(stream.read(length), path)
    _check_extents(entries, size - _LENGTH_BYTES - length, path)
    return {name: _read_entry(stream, _LENGTH_BYTES + length, entry, path) for name, entry in entries.items()}


def _safetensors_entries(header: bytes, path: str) -> dict[str, _Entry]:
    try:
        raw = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        raw.pop("__metadata__", None)
        entries = {name: msgspec.json.decode(value, type=_Entry) for name, value in raw.items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WeightsUnreadable(path=path, detail="damaged") from error
    if len(entries) > MOST_TENSORS:
        raise WeightsUnreadable(path=path, detail="too_large_inside")
    for name, entry in entries.items():
        if entry.dtype not in _SAFETENSORS_KINDS:
            raise WeightsUnreadable(path=path, detail="odd_numbers", tensor=name, kind=entry.dtype)
    return entries


def _check_extents(entries: dict[str, _Entry], size: int, path: str) -> None:
    """Each tensor's bytes must follow the one before, up to the end of the file; this also tells of a name that came twice."""
    position = 0
    for entry in sorted(entries.values(), key=lambda entry: entry.data_offsets):
        nbytes = math.prod(entry.shape) * _SAFETENSORS_KINDS[entry.dtype].itemsize
        if min(entry.shape, default=0) < 0 or entry.data_offsets != (position, position + nbytes):
            raise WeightsUnreadable(path=path, detail="damaged")
        position += nbytes
    if position != size:
        raise WeightsUnreadable(path=path, detail="damaged")


def _read_entry(stream: io.BufferedReader, start: int, entry: _Entry, path: str) -> Tensor:
    begin, end = entry.data_offsets
    numbers = torch.empty(end - begin, dtype=torch.uint8)
    stream.seek(start + begin)
    if stream.readinto(numbers.numpy().data) != end - begin:
        raise WeightsUnreadable(path=path, detail="damaged")
    return numbers.view(_SAFETENSORS_KINDS[entry.dtype]).view(entry.shape)
