"""Tensors in safetensors files, written by the studio's own rule for writing.

The safetensors package's writer neither syncs to the disk nor tells a full disk from other failures, and wants the whole file
in memory or a rename of its own. The format is one length, one JSON header and the numbers, so it is written here;
reading stays with the package, which checks what it reads.
Format: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import safetensors
import torch
from torch import Tensor

from vgg_studio.core.writing import replacing

NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_CHUNK = 1 << 24


def write(path: Path, tensors: dict[str, Tensor], facts: dict[str, str] | None = None) -> str:
    """Write tensors and a few texts beside them; returns the file's sha256. Raises StorageError, the old file then stands."""
    digest = hashlib.sha256()
    with replacing(path) as temporary, temporary.open("wb") as stream:
        for data in _parts(tensors, facts or {}):
            digest.update(data)
            stream.write(data)
    return digest.hexdigest()


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors (on the processor) and texts of a file. Raises OSError or safetensors.SafetensorError."""
    with safetensors.safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118 - no mapping


def sha256(path: Path) -> str:
    """The checksum of a file's content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()


def size(tensors: dict[str, Tensor]) -> int:
    """Bytes of the numbers themselves."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _parts(tensors: dict[str, Tensor], facts: dict[str, str]) -> Iterator[bytes | memoryview]:
    yield _header(tensors, facts)
    for tensor in tensors.values():
        flat = tensor.detach().to("cpu").reshape(-1)
        yield flat.view(torch.uint8).numpy().data


def _header(tensors: dict[str, Tensor], facts: dict[str, str]) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt", **facts}}
    end = 0
    for key, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        entries[key] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    header = msgspec.json.encode(entries)
    header += b" " * (-len(header) % 8)  # the numbers behind it stay aligned
    return len(header).to_bytes(8, "little") + header
