"""What the engine computes on, and why: graphics card or processor, precision, threads, memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from vgg_studio.core.errors import DeviceMissing
from vgg_studio.core.events import DeviceFact

MEND_COMMAND = "uv pip install --torch-backend=auto torch torchvision --reinstall"
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # malloc.h of glibc
_NEVER = -1


@dataclass(frozen=True)
class Card:
    """A graphics card that torch can use, the first of `count`. `bf16` means in hardware, not emulated."""

    name: str
    memory_bytes: int = 0
    bf16: bool = False
    count: int = 1


@dataclass(frozen=True)
class Probe:
    """What a machine offers, as plain values, so that tests can describe machines that nobody has at hand.

    `driver_cuda` is the newest CUDA that NVIDIA's driver knows ((0, 0): no driver), `torch_cuda` the one torch was built for
    ((0, 0): built without), `nvidia_cards` how many cards the driver itself sees.
    """

    cuda: Card | None = None
    mps: Card | None = None
    xpu: Card | None = None
    driver_cuda: tuple[int, int] = (0, 0)
    nvidia_cards: int = 0
    torch_cuda: tuple[int, int] = (0, 0)
    processor: str = ""
    processor_bf16: bool = False
    cores: int = 1
    memory_bytes: int = 0


@dataclass(frozen=True)
class Device:
    """The choice: `precision` is fp32, bf16 or fp16 (which needs a gradient scaler); `threads` are those of the processor."""

    torch: torch.device
    fact: DeviceFact
    precision: str = "fp32"
    threads: int = 1

    @property
    def bf16(self) -> bool:
        """Whether the device computes bf16 in hardware."""
        return self.fact.bf16


def prepare_process() -> None:
    """Make the process fit for the work: call it before torch allocates anything.

    glibc gives large blocks back to the system after each layer and gets them again, zeroed page by page, at the next; told
    to keep them, VGG on a processor is 1.5 times as fast. That counts for the main heap alone, so all threads have to use it:
    orders run in a thread of their own, whose own heaps would be given back (a learning step of VGG-16: 471,000 page faults
    in such a thread, none on the one heap). One computing thread for each real core: a second one on a core only disturbs the
    first. Graphics cards may use TF32 for fp32 (torch lets them in convolutions anyway) and search the fastest kernel for each
    shape once.
    """
    _keep_memory()
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.backends.cudnn.benchmark = True
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(real_cores())


def choose(asked: str = "auto", probe: Probe | None = None) -> Device:
    """The device for `asked` (auto, cpu, cuda, mps or xpu): auto is CUDA, then MPS, then XPU, then the processor.

    "all" is what auto is: each of the processes that train together (joining.py) computes on one card.
    Raises DeviceMissing where the asked one is not there.
    """
    machine = look() if probe is None else probe
    cards = {kind: card for kind in ("cuda", "mps", "xpu") if (card := getattr(machine, kind)) is not None}
    asked = "auto" if asked == "all" else asked
    if asked == "cpu" or (asked == "auto" and not cards):
        return _processor(machine, "asked" if cards else _why_no_card(machine))
    kind = next(iter(cards)) if asked == "auto" else asked
    if kind not in cards:
        raise DeviceMissing(
            device=kind, detail=_why_no_card(machine) if kind == "cuda" else "no_gpu", command=MEND_COMMAND
        )
    return _on_card(kind, cards[kind])


def autocast(device: Device) -> contextlib.AbstractContextManager[object]:
    """The context in which forward passes run: mixed precision where the device has it, else nothing."""
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    if device.precision not in kinds:
        return contextlib.nullcontext()
    return torch.autocast(device.torch.type, dtype=kinds[device.precision])


def _on_card(kind: str, card: Card) -> Device:
    fact = DeviceFact(
        kind=kind,
        name=card.name,
        cores=usable_cores(),
        memory_bytes=card.memory_bytes,
        bf16=card.bf16,
        cards=card.count,
    )
    precision = ("bf16" if card.bf16 else "fp16") if kind == "cuda" else "fp32"
    return Device(torch.device(kind), fact, precision, torch.get_num_threads())


def _processor(machine: Probe, reason: str) -> Device:
    mendable = reason in ("torch_without_cuda", "driver_too_old")
    fact = DeviceFact(
        kind="cpu",
        name=machine.processor,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        bf16=machine.processor_bf16,
        reason=reason,
        command=MEND_COMMAND if mendable else "",
    )
    return Device(torch.device("cpu"), fact, "fp32", torch.get_num_threads())


def _why_no_card(machine: Probe) -> str:
    """The reason (see DeviceFact) why torch uses no NVIDIA card. Minor versions of one CUDA generation get on with each other."""
    if machine.driver_cuda == (0, 0) or not machine.nvidia_cards:
        return "no_gpu"
    if machine.torch_cuda == (0, 0):
        return "torch_without_cuda"
    return "driver_too_old" if machine.driver_cuda[0] < machine.torch_cuda[0] else "no_gpu"


def look() -> Probe:
    """What this machine offers."""
    driver_cuda, nvidia_cards = _nvidia_driver()
    return Probe(
        cuda=_cuda_card(),
        mps=Card("Apple GPU") if torch.backends.mps.is_available() else None,
        xpu=_xpu_card(),
        driver_cuda=driver_cuda,
        nvidia_cards=nvidia_cards,
        torch_cuda=_version(torch.version.cuda or "0.0"),
        processor=_processor_name(),
        processor_bf16=_processor_bf16(),
        cores=usable_cores(),
        memory_bytes=_memory_bytes(),
    )


def _cuda_card() -> Card | None:
    with _without_warnings():  # torch warns where a driver is missing or old; we say it as a reason
        if not torch.cuda.is_available():
            return None
        facts = torch.cuda.get_device_properties(0)
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Card(facts.name, facts.total_memory, bf16, torch.cuda.device_count())


def _xpu_card() -> Card | None:
    with _without_warnings():
        if not torch.xpu.is_available():
            return None
        facts = torch.xpu.get_device_properties(0)
        return Card(facts.name, facts.total_memory)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _nvidia_driver() -> tuple[tuple[int, int], int]:
    """The CUDA version that NVIDIA's driver knows, and its number of cards.

    Asked of the driver itself, because a torch without CUDA cannot tell.
    """
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return (0, 0), 0
    number, count = ctypes.c_int(0), ctypes.c_int(0)
    if (
        library.cuDriverGetVersion(ctypes.byref(number))
        or library.cuInit(0)
        or library.cuDeviceGetCount(ctypes.byref(count))
    ):
        count.value = 0
    return (number.value // 1000, number.value % 1000 // 10), count.value


def _version(text: str) -> tuple[int, int]:
    major, minor = (int(part) for part in text.split(".")[:2])
    return major, minor


def usable_cores() -> int:
    """Logical cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def real_cores() -> int:
    """Cores that this process may use, counting two threads of one core once (where the system tells)."""
    if not hasattr(os, "sched_getaffinity"):
        return usable_cores()
    topology = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(topology.format(cpu)).read_text(encoding="ascii") for cpu in os.sched_getaffinity(0)})
    except OSError:
        return usable_cores()


def _processor_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _processor_bf16() -> bool:
    """Whether the processor multiplies bf16 itself (AVX512_BF16, AMX, ARM's bf16) and oneDNN is allowed to let it.

    Without it bf16 is 6 to 500 times slower than fp32 (pytorch issues 146508 and 183815), so it is not even tried.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # noqa: SLF001 - heeds ONEDNN_MAX_CPU_ISA, as nothing public does
        return False
    if platform.machine().lower() in ("x86_64", "amd64"):
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - as above
    with contextlib.suppress(OSError):
        return " bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return False


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0


def _keep_memory() -> None:
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)
    libc.mallopt(_M_ARENA_MAX, 1)
