from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
import warnings
from dataclasses import replace

import pytest
import torch

from vgg_studio.core.errors import DeviceMissing, describe
from vgg_studio.engine import device
from vgg_studio.engine.device import Card, Probe, autocast, choose

BARE = Probe(processor="Some CPU", cores=4, memory_bytes=8 << 30)
HOPPER = Card("H100", 80 << 30, bf16=True)
PASCAL = Card("GTX 1080", 8 << 30)
WITH_CARD = replace(BARE, cuda=HOPPER, driver_cuda=(13, 0), nvidia_cards=1, torch_cuda=(13, 2))


def test_that_a_machine_without_a_card_uses_its_processor_and_says_so() -> None:
    chosen = choose("auto", BARE)
    assert chosen.torch == torch.device("cpu")
    assert (chosen.fact.kind, chosen.fact.name, chosen.fact.reason) == ("cpu", "Some CPU", "no_gpu")
    assert (chosen.fact.cores, chosen.fact.memory_bytes, chosen.fact.command) == (4, 8 << 30, "")
    assert chosen.precision == "fp32"
    assert chosen.threads == torch.get_num_threads()


@pytest.mark.parametrize(
    ("probe", "kind", "precision"),
    [
        (WITH_CARD, "cuda", "bf16"),
        (replace(WITH_CARD, cuda=PASCAL), "cuda", "fp16"),
        (replace(WITH_CARD, mps=Card("Apple GPU"), xpu=Card("Arc")), "cuda", "bf16"),
        (replace(BARE, mps=Card("Apple GPU"), xpu=Card("Arc")), "mps", "fp32"),
        (replace(BARE, xpu=Card("Arc")), "xpu", "fp32"),
    ],
)
def test_that_auto_takes_the_best_card_with_its_precision(probe: Probe, kind: str, precision: str) -> None:
    chosen = choose("auto", probe)
    assert (chosen.fact.kind, chosen.torch.type, chosen.precision, chosen.fact.reason) == (kind, kind, precision, "")


def test_that_a_card_shows_its_name_and_memory() -> None:
    fact = choose("auto", WITH_CARD).fact
    assert (fact.name, fact.memory_bytes) == ("H100", 80 << 30)


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (replace(BARE, driver_cuda=(12, 8), nvidia_cards=1), "torch_without_cuda"),
        (replace(BARE, driver_cuda=(12, 8), nvidia_cards=1, torch_cuda=(13, 2)), "driver_too_old"),
        (replace(BARE, driver_cuda=(13, 0), nvidia_cards=1, torch_cuda=(13, 2)), "no_gpu"),  # hidden by the environment
        (replace(BARE, driver_cuda=(12, 8), torch_cuda=(13, 2)), "no_gpu"),  # a driver without a card
        (replace(BARE, torch_cuda=(13, 2)), "no_gpu"),
    ],
)
def test_that_a_card_which_is_not_used_has_its_reason_and_what_mends_it(probe: Probe, reason: str) -> None:
    fact = choose("auto", probe).fact
    assert (fact.kind, fact.reason) == ("cpu", reason)
    assert fact.command == (device.MEND_COMMAND if reason != "no_gpu" else "")


def test_that_asking_for_the_processor_beside_a_card_is_told_as_asked() -> None:
    assert choose("cpu", WITH_CARD).fact.reason == "asked"
    assert choose("cpu", WITH_CARD).precision == "fp32"
    assert choose("cpu", BARE).fact.reason == "no_gpu"


def test_that_a_device_which_is_not_there_ends_with_its_reason_and_command() -> None:
    with pytest.raises(DeviceMissing) as caught:
        choose("cuda", replace(BARE, driver_cuda=(12, 8), nvidia_cards=1))
    words = describe(caught.value.fact())
    assert "without CUDA" in words
    assert "uv pip install --torch-backend=auto torch torchvision" in words
    with pytest.raises(DeviceMissing) as caught:
        choose("mps", WITH_CARD)
    assert caught.value.values["detail"] == "no_gpu"


def test_that_an_asked_card_is_used_though_auto_would_take_another() -> None:
    assert choose("xpu", replace(WITH_CARD, xpu=Card("Arc"))).fact.kind == "xpu"


def test_that_full_precision_leaves_the_forward_pass_as_it_is() -> None:
    with autocast(choose("auto", BARE)):
        assert not torch.is_autocast_enabled("cpu")
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.float32


def test_that_mixed_precision_asks_torch_for_the_devices_kind_of_numbers() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch remarks that this machine has no card
        context = autocast(choose("auto", WITH_CARD))
        assert isinstance(context, torch.autocast)
        assert context.fast_dtype == torch.bfloat16
        assert isinstance(half := autocast(choose("auto", replace(WITH_CARD, cuda=PASCAL))), torch.autocast)
        assert half.fast_dtype == torch.float16


def test_that_a_device_tells_whether_it_computes_bf16_in_hardware() -> None:
    assert not choose("cpu", BARE).bf16
    assert choose("cpu", replace(BARE, processor_bf16=True)).bf16
    assert choose("cpu", replace(BARE, processor_bf16=True)).precision == "fp32"
    assert choose("auto", WITH_CARD).bf16
    assert not choose("auto", replace(WITH_CARD, cuda=PASCAL)).bf16


def test_that_onednn_held_to_avx2_means_no_bf16() -> None:
    code = "from vgg_studio.engine.device import look; print(look().processor_bf16)"
    names = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=names)
    assert run.stdout.strip() == "False"


def test_that_looking_at_this_machine_warns_of_nothing_and_agrees_with_torch() -> None:
    probe = device.look()
    assert (probe.cuda is not None) == torch.cuda.is_available()
    assert probe.processor
    assert 1 <= device.real_cores() <= probe.cores == device.usable_cores()
    assert probe.torch_cuda == tuple(int(part) for part in (torch.version.cuda or "0.0").split("."))[:2]


class _OldDriver:
    """NVIDIA's driver library, as far as it is asked."""

    def cuDriverGetVersion(self, number: object) -> int:  # noqa: N802 - the library's name
        return self._answer(number, 11040)

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return 0

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
        return self._answer(count, 2)

    @staticmethod
    def _answer(reference: object, value: int) -> int:
        reference._obj.value = value  # type: ignore[attr-defined]
        return 0


def test_that_the_driver_itself_is_asked_for_its_version_and_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: _OldDriver())
    assert device._nvidia_driver() == ((11, 4), 2)


def test_that_a_machine_without_the_drivers_library_has_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert device._nvidia_driver() == ((0, 0), 0)


_BLOCK = """
import os, torch
from vgg_studio.engine import device
if os.environ.get("PREPARE"):
    device.prepare_process()
block = torch.ones(64 << 20, dtype=torch.uint8)
del block
pages = int(open("/proc/self/statm").read().split()[1])
print(pages * os.sysconf("SC_PAGE_SIZE") >> 20, torch.get_num_threads())
"""


def _after_freeing(**environment: str) -> tuple[int, int]:
    """Resident megabytes after a block of 64 MB was freed, and torch's threads."""
    names = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"} | environment
    run = subprocess.run([sys.executable, "-c", _BLOCK], capture_output=True, text=True, check=True, env=names)
    resident, threads = run.stdout.split()
    return int(resident), int(threads)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator needs to be told")
def test_that_a_prepared_process_keeps_freed_memory_and_takes_the_real_cores() -> None:
    plain, _ = _after_freeing()
    kept, threads = _after_freeing(PREPARE="1")
    assert kept - plain > 50
    assert threads == device.real_cores()


_HEAPS = """
import ctypes, os, threading
from vgg_studio.engine import device
if os.environ.get("PREPARE"):
    device.prepare_process()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
meeting = threading.Barrier(3)
def work():
    block = bytes(9000)
    meeting.wait()
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator needs to be told")
def test_that_threads_of_a_prepared_process_share_the_one_heap_that_is_kept() -> None:
    def heaps(**environment: str) -> int:
        names = os.environ | environment
        run = subprocess.run([sys.executable, "-c", _HEAPS], capture_output=True, text=True, check=True, env=names)
        return run.stdout.count("<heap nr=")

    assert heaps() > 1
    assert heaps(PREPARE="1") == 1


def test_that_a_number_of_threads_set_from_outside_is_left_alone() -> None:
    assert _after_freeing(PREPARE="1", OMP_NUM_THREADS="1")[1] == 1
