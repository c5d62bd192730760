"""The frozen convolutions computed by ncnn, with fewer multiplications than the sum is written with: exact fp32, or bf16.

Winograd's algorithm (Lavin and Gray 2015, arXiv 1509.09308) takes 36 or 64 products for a tile where a 3 x 3 convolution is
written with 144 or 324; ncnn's are the fastest we know on a processor. ncnn is an extra that need not be installed:
nothing of it is imported before `available` is asked.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vgg_studio.core.errors import BackendFailed, BackendMissing
from vgg_studio.engine.folding import folded, parted

_RAW_FP32 = b"\0\0\0\0"  # ncnn's tag before weights that are plain numbers
_MAGIC = "7767517"  # ncnn's text format
_BF16 = ("use_bf16_storage", "use_bf16_packed")
_NARROWER = (
    "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", *_BF16, "use_int8_inference", "use_vulkan_compute",
)  # fmt: skip

Picture = npt.NDArray[np.float32]


@cache
def _library() -> ModuleType | None:
    try:
        from ncnn import ncnn  # the compiled part alone: its own extras are neither needed nor looked for
    except ImportError:
        return None
    found: ModuleType = ncnn
    return found


def available() -> bool:
    """Whether ncnn is installed and can be loaded."""
    return _library() is not None


class NcnnTrunk:
    """Frozen layers as one function: pictures (N, channels, side, side) to features, both fp32 on the processor.

    `precision` is what convolutions are computed in between: fp32, or bf16 on a processor that has it.

    Convolutions, ReLU and pooling go through ncnn one picture at a time, so that a picture's features cannot depend on its
    neighbours; `workers` pictures at once, each on `threads // workers` threads. What follows (average pool, linear layers)
    stays torch's, for all pictures together, because a linear layer is bound by reading its weights once for each call; it
    shares them with `modules`. All workers share one copy of the weights, four to seven times the convolutions' own size,
    because they are kept as Winograd needs them (VGG-16: 315 MB), and take some 100 MB each while they compute at 224 px.
    Several threads may call it at a time: a worker that is done with one batch goes on with the next.

    Raises BackendMissing where ncnn is not installed, BackendFailed where it cannot load the network.
    """

    def __init__(
        self,
        modules: Sequence[nn.Module],
        channels: int,
        side: int,
        threads: int,
        workers: int,
        precision: str = "fp32",
    ) -> None:
        layers, rest = parted(folded(modules))
        self._rest = nn.Sequential(*rest).eval()
        self.side_by_side = workers > 1
        shared = max(1, threads // workers)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ncnn")  # extract() lets other threads run
        self._net, self._last = _loaded(layers, channels, side, shared, precision)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features of the pictures, in their order."""
        given: Picture = np.ascontiguousarray(pictures.detach().numpy(), dtype=np.float32)
        spatial = torch.from_numpy(np.stack(list(self._pool.map(self._one, given))))
        with torch.no_grad():
            features: Tensor = self._rest(spatial)
        return features

    def _one(self, picture: Picture) -> Picture:
        library = _required()
        extractor = self._net.create_extractor()
        given = library.Mat(picture)
        if extractor.input("in", given) != 0:
            raise BackendFailed(backend="ncnn", detail="input")
        code, found = extractor.extract(self._last)
        if code != 0:
            raise BackendFailed(backend="ncnn", detail=f"extract {code}")
        return np.array(found, dtype=np.float32)


def _required() -> ModuleType:
    library = _library()
    if library is None:
        raise BackendMissing(backend="ncnn")
    return library


def _loaded(layers: Sequence[nn.Module], channels: int, side: int, threads: int, precision: str) -> tuple[Any, str]:
    """A network of ncnn's and the name of its output."""
    text, last = _described(layers, channels, side)
    network = _required().Net()
    for option in _NARROWER:
        setattr(network.opt, option, precision == "bf16" and option in _BF16)
    network.opt.num_threads = threads
    network.opt.lightmode = True  # let go of the weights as they were written, and of what a layer has used up
    if network.load_param_mem(text) != 0:
        raise BackendFailed(backend="ncnn", detail="layers")
    with _weights_file(layers) as path:
        if network.load_model(path) != 0:
            raise BackendFailed(backend="ncnn", detail="weights")
    return network, last


def _described(layers: Sequence[nn.Module], channels: int, side: int) -> tuple[str, str]:
    """The layers in ncnn's text format (its wiki: "param and model file structure"), and the name of the last output."""
    last = "in"
    lines = [f"Input in 0 1 in 0={side} 1={side} 2={channels}"]
    for number, layer in enumerate(layers):
        name = f"layer{number}"
        kind, settings = _settings(layer)
        lines.append(f"{kind} {name} 1 1 {last} {name} {settings}")
        last = name
    return "\n".join([_MAGIC, f"{len(lines)} {len(lines)}", *lines, ""]), last


def _settings(layer: nn.Module) -> tuple[str, str]:
    if isinstance(layer, nn.Conv2d):
        sides = (layer.kernel_size, layer.padding, layer.stride)
        if sides not in (((3, 3), (1, 1), (1, 1)), ((1, 1), (0, 0), (1, 1))):
            raise BackendFailed(backend="ncnn", detail=str(layer))
        bias, side = int(layer.bias is not None), layer.kernel_size[0]
        return "Convolution", f"0={layer.out_channels} 1={side} 4={side // 2} 5={bias} 6={layer.weight.numel()}"
    if isinstance(layer, nn.LocalResponseNorm):
        return "LRN", f"0=0 1={layer.size} 2={layer.alpha} 3={layer.beta} 4={layer.k}"
    if isinstance(layer, nn.MaxPool2d):
        return "Pooling", "0=0 1=2 2=2 5=1"
    return "ReLU", ""


@contextlib.contextmanager
def _weights_file(layers: Sequence[nn.Module]) -> Iterator[str]:
    """A file with the weights for as long as they are read: in memory where the system has such files."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("weights"), "wb") as file:
            _write(file, layers)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "weights.bin"
        with path.open("wb") as file:
            _write(file, layers)
        yield str(path)


def _write(file: BinaryIO, layers: Sequence[nn.Module]) -> None:
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            file.write(_RAW_FP32)
            file.write(_plain(layer.weight))
            if layer.bias is not None:
                file.write(_plain(layer.bias))


def _plain(tensor: Tensor) -> memoryview:
    return tensor.detach().float().contiguous().numpy().data
