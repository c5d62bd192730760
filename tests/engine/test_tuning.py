from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import pytest
import torch
from torch import Tensor

from vgg_studio import paths
from vgg_studio.core import vgg
from vgg_studio.core.errors import BackendMissing, UsageError
from vgg_studio.core.events import (
    Candidate,
    DeviceFact,
    Event,
    JobEnded,
    MachineProfile,
    MachineTuned,
    PhaseProgress,
    PhaseStarted,
    Way,
)
from vgg_studio.core.jobs import Stop, TuneJob
from vgg_studio.engine import layer_timing as timing, tuning
from vgg_studio.engine.device import Device, choose
from vgg_studio.engine.ncnn_trunk import available
from vgg_studio.engine.tuning import remembered, train_precision, tune, way_for
from vgg_studio.engine.ways import most_workers

VGG16 = vgg.Shape("vgg16")
GIB = 1 << 30
LAPTOP = Device(torch.device("cpu"), DeviceFact(name="Laptop", cores=4, memory_bytes=16 * GIB))
SERVER = replace(LAPTOP, fact=msgspec.structs.replace(LAPTOP.fact, bf16=True))
CARD = Device(
    torch.device("cuda"), DeviceFact(kind="cuda", name="H100", memory_bytes=80 * GIB, bf16=True), precision="bf16"
)
OLD_CARD = replace(CARD, fact=DeviceFact(kind="cuda", name="GTX 1080", memory_bytes=8 * GIB), precision="fp16")
APPLE = Device(torch.device("mps"), DeviceFact(kind="mps", name="Apple GPU"))

TORCH = Way()
CONTIGUOUS = Way(layout="contiguous")
BF16 = Way(precision="bf16")
NCNN = Way(backend="ncnn", layout="contiguous", workers=4)


def profile(rates: dict[Way, float], learning: str = "fp32") -> MachineProfile:
    extract = [Candidate(way=way, macs_per_second=rate) for way, rate in rates.items()]
    return MachineProfile(machine="described", variant="vgg16", extract=extract, train_precision=learning)


AVX2 = profile({TORCH: 60e9, CONTIGUOUS: 45e9})
AVX2_NCNN = profile({NCNN: 130e9, TORCH: 60e9})
WITH_BF16 = profile({BF16: 200e9, NCNN: 150e9, TORCH: 100e9}, "bf16")


def chosen(known: MachineProfile | None, device: Device, backend: str = "auto", precision: str = "auto") -> Way:
    return way_for(known, device, backend, precision, VGG16, 224, ncnn=True)


@pytest.mark.parametrize(
    ("known", "device", "asked", "expected"),
    [
        (AVX2, LAPTOP, (), TORCH),
        (AVX2_NCNN, LAPTOP, (), NCNN),
        (AVX2_NCNN, LAPTOP, ("torch",), TORCH),
        (WITH_BF16, SERVER, (), BF16),
        (WITH_BF16, SERVER, ("auto", "fp32"), NCNN),
        (WITH_BF16, SERVER, ("torch", "fp32"), TORCH),
        (WITH_BF16, SERVER, ("ncnn",), NCNN),
        (None, LAPTOP, (), TORCH),
        (None, SERVER, (), TORCH),
        (None, SERVER, ("auto", "bf16"), BF16),
        (None, SERVER, ("ncnn",), msgspec.structs.replace(NCNN, workers=most_workers())),
        (None, SERVER, ("ncnn", "bf16"), msgspec.structs.replace(NCNN, workers=most_workers(), precision="bf16")),
        (None, CARD, (), Way(precision="bf16", batch=128)),
        (None, CARD, ("auto", "fp32"), Way(batch=128)),
        (None, OLD_CARD, (), Way(precision="fp16", batch=32)),
        (None, APPLE, (), Way(batch=16)),
    ],
)
def test_that_the_fastest_way_that_is_asked_for_is_taken(
    known: MachineProfile | None, device: Device, asked: tuple[str, ...], expected: Way
) -> None:
    assert chosen(known, device, *asked) == expected


def test_that_an_exact_way_is_taken_where_it_is_nearly_as_fast() -> None:
    near = profile({BF16: 100e9, NCNN: 91e9, TORCH: 50e9})
    assert chosen(near, SERVER) == NCNN
    assert chosen(profile({BF16: 100e9, NCNN: 89e9}), SERVER) == BF16


def test_that_networks_side_by_side_are_taken_where_one_is_not_much_faster() -> None:
    one = msgspec.structs.replace(NCNN, workers=1)
    assert chosen(profile({one: 100e9, NCNN: 91e9, TORCH: 60e9}), LAPTOP) == NCNN
    assert chosen(profile({one: 100e9, NCNN: 89e9, TORCH: 60e9}), LAPTOP) == one


@pytest.mark.parametrize(
    ("device", "backend", "precision", "allowed"),
    [
        (LAPTOP, "auto", "bf16", "auto, fp32"),
        (SERVER, "auto", "fp16", "auto, fp32, bf16"),
        (LAPTOP, "ncnn", "bf16", "auto, fp32"),
        (OLD_CARD, "auto", "bf16", "auto, fp32, fp16"),
        (CARD, "ncnn", "auto", "auto, torch"),
        (APPLE, "auto", "fp16", "auto, fp32"),
    ],
)
def test_that_what_a_machine_does_not_do_is_refused_with_what_it_does(
    device: Device, backend: str, precision: str, allowed: str
) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(None, device, backend, precision)
    assert caught.value.values["allowed"] == allowed


def test_that_ncnn_is_refused_in_words_where_it_is_not_installed() -> None:
    with pytest.raises(BackendMissing, match="fast-cpu"):
        way_for(None, LAPTOP, "ncnn", "auto", VGG16, 224, ncnn=False)


def test_that_small_networks_are_not_judged_by_what_large_ones_do() -> None:
    slim = vgg.Shape("vgg16", width_divisor=8, slim_linear=True)
    assert way_for(WITH_BF16, SERVER, "auto", "auto", slim, 64) == TORCH
    assert way_for(WITH_BF16, SERVER, "auto", "auto", slim, 224).precision == "bf16"


@pytest.mark.parametrize(("memory", "side", "batch"), [(16, 224, 16), (16, 1024, 2), (2, 224, 8), (0, 1024, 1)])
def test_that_the_batch_of_a_way_fits_the_memory(memory: int, side: int, batch: int) -> None:
    device = replace(LAPTOP, fact=DeviceFact(memory_bytes=memory * GIB))
    assert way_for(None, device, "auto", "auto", VGG16, side).batch == batch


@pytest.mark.parametrize(
    ("known", "device", "asked", "expected"),
    [
        (WITH_BF16, SERVER, "auto", "bf16"),
        (WITH_BF16, SERVER, "fp32", "fp32"),
        (None, SERVER, "auto", "fp32"),
        (None, SERVER, "bf16", "bf16"),
        (AVX2, LAPTOP, "auto", "fp32"),
        (None, CARD, "auto", "bf16"),
        (None, OLD_CARD, "auto", "fp16"),
        (None, APPLE, "auto", "fp32"),
    ],
)
def test_that_learning_computes_as_asked_else_as_measured(
    known: MachineProfile | None, device: Device, asked: str, expected: str
) -> None:
    assert train_precision(known, device, asked) == expected


def test_that_learning_in_a_precision_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError):
        train_precision(None, LAPTOP, "bf16")


def test_that_only_a_processor_with_bf16_is_measured_in_it() -> None:
    assert all(way.precision == "fp32" for way in tuning.candidates(LAPTOP))
    assert BF16 in tuning.candidates(SERVER)
    assert [way.precision for way in tuning.candidates(CARD)] == ["fp32", "bf16"]
    assert [way.precision for way in tuning.candidates(OLD_CARD)] == ["fp32", "fp16"]
    assert any(way.backend == "ncnn" for way in tuning.candidates(LAPTOP)) == available()


def test_that_winograd_is_tried_in_fp32_on_a_processor_with_a_network_for_each_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for threads, workers in (("1", [1]), ("2", [2]), ("3", [2, 3]), ("8", [4, 8]), ("64", [8, 16])):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found = [way for way in tuning.candidates(SERVER) if way.convolution == "winograd"]
        assert [way.workers for way in found] == workers
        assert {(way.backend, way.precision) for way in found} == {("torch", "fp32")}
    assert all(way.convolution == "direct" for way in tuning.candidates(CARD))


def test_that_no_more_networks_are_used_than_there_are_pictures_at_once() -> None:
    known = msgspec.structs.replace(WITH_BF16, extract=[Candidate(way=NCNN, macs_per_second=1e9)])
    small = replace(LAPTOP, fact=msgspec.structs.replace(LAPTOP.fact, memory_bytes=GIB))
    way = way_for(known, small, "auto", "auto", VGG16, 800, ncnn=True)
    assert way.workers == way.batch < NCNN.workers


@pytest.mark.parametrize(("shift", "kept"), [(0.0, True), (1e-6, False)])
def test_that_winograd_is_not_chosen_where_a_pictures_place_changes_its_numbers(
    monkeypatch: pytest.MonkeyPatch, shift: float, kept: bool
) -> None:
    section, way = timing.sections("vgg16")[0], Way(convolution="winograd")

    def shifted(*_: object) -> Callable[[Tensor], Tensor]:
        return lambda pictures: pictures + shift * torch.arange(len(pictures))[:, None, None, None]

    monkeypatch.setattr(timing, "computing", shifted)
    assert timing.is_steady(section, way, torch.device("cpu"), 4) == kept


def test_that_cheap_sections_are_measured_on_more_pictures() -> None:
    assert [section.pictures(2) for section in timing.sections("vgg16")] == [8, 2, 2, 2, 2]
    assert [section.pictures(3) for section in timing.sections("vgg16")] == [12, 3, 3, 3, 3]
    assert [section.pictures(8) for section in timing.sections("vgg16")] == [16, 8, 8, 8, 8]


@pytest.mark.parametrize("variant", vgg.VARIANTS)
def test_that_sections_stand_for_all_convolutions_of_a_network(variant: str) -> None:
    found = timing.sections(variant)
    whole = sum(layer.macs for layer in vgg.layers(vgg.Shape(variant)) if layer.kind == "conv")
    assert sum(section.stands_for for section in found) == whole
    assert [section.side for section in found] == [14, 28, 56, 112, 224]
    assert sum(section.macs for section in found) < 0.9 * whole or variant.startswith("vgg11")


def test_that_a_way_far_behind_is_let_go_and_the_rest_weighted_by_what_they_stand_for() -> None:
    rates = timing.Rates(["fast", "slower", "slow"])
    rates.add(timing.Section(((3, 4),), 8, macs=100, stands_for=300), {"fast": 1.0, "slower": 1.9, "slow": 2.1})
    assert rates.left == ["fast", "slower"]
    rates.add(timing.Section(((3, 4),), 8, macs=100, stands_for=100), {"fast": 1.0, "slower": 0.5})
    assert rates.macs_per_second() == {"fast": 100.0, "slower": 400 / (3 * 1.9 + 0.5)}


def test_that_a_way_is_not_let_go_for_another_kind_that_is_faster() -> None:
    rates = timing.Rates(["bf16", "fp32 ncnn", "fp32 torch"], kind=lambda name: name[:4])
    rates.add(timing.Section(((3, 4),), 8, 100, 100), {"bf16": 1.0, "fp32 ncnn": 5.0, "fp32 torch": 11.0})
    assert rates.left == ["bf16", "fp32 ncnn"]


def test_that_a_slow_machine_is_judged_by_the_first_sections() -> None:
    found = timing.sections("vgg16")
    assert [turn is not None for turn in tuning._until(found, 0.0)] == [True, True, False, False, False]
    assert [turn[0] for turn in tuning._until(found, float("inf")) if turn is not None] == found


def test_that_runs_are_warmed_up_and_then_take_turns() -> None:
    order: list[str] = []
    runs = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    best = timing.by_turns(runs, torch.device("cpu"), 60.0)
    assert order == ["a", "b"] * 4
    assert all(0 <= seconds < 60 for seconds in best.values())
    order.clear()
    timing.by_turns(runs, torch.device("cpu"), 0.0)
    assert order == ["a", "b"] * 2


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sections of a network that nobody trains, so that measuring takes a moment."""
    section = timing.Section(((3, 4), (4, 4)), side=8, macs=9 * 28 * 64, stands_for=1_000_000)
    monkeypatch.setattr(timing, "sections", lambda _: [section])
    monkeypatch.setattr(tuning, "EXTRACT_SECONDS", 0.0)
    monkeypatch.setattr(tuning, "LEARN_SECONDS", 0.0)


def events_of(job: TuneJob, stop: Stop | None = None) -> list[Event]:
    return list(tune(job, stop or Stop()))


def tuned(events: list[Event]) -> MachineTuned:
    return next(event for event in events if isinstance(event, MachineTuned))


@pytest.mark.usefixtures("small")
def test_that_a_machine_is_measured_once_and_again_only_when_asked() -> None:
    job = TuneJob(variant="vgg11", device="cpu")
    first = events_of(job)
    assert isinstance(first[0], PhaseStarted)
    assert first[0].phase == "measuring"
    assert [event.done for event in first if isinstance(event, PhaseProgress)] == list(range(1, first[0].total + 1))
    assert isinstance(first[-1], JobEnded)
    assert first[-1].outcome == "done"
    found = tuned(first)
    assert found.measured
    assert found.profile.extract[0].macs_per_second >= found.profile.extract[-1].macs_per_second > 0
    assert set(found.profile.train_macs) >= {found.profile.train_precision}
    assert min(found.profile.linear_bytes, found.profile.decode_pixels, found.profile.measured_seconds) > 0
    second = events_of(job)
    assert len(second) == 2
    assert not tuned(second).measured
    assert tuned(second).profile == found.profile
    assert tuned(events_of(TuneJob(variant="vgg11", device="cpu", again=True))).measured
    assert tuned(events_of(TuneJob(variant="vgg13", device="cpu"))).measured


@pytest.mark.usefixtures("small")
def test_that_threads_are_as_they_were_after_measuring() -> None:
    before = torch.get_num_threads()
    events_of(TuneJob(variant="vgg11", device="cpu"))
    assert torch.get_num_threads() == before


@pytest.mark.usefixtures("small")
def test_that_a_damaged_or_foreign_profile_is_measured_anew() -> None:
    device = choose("cpu")
    job = TuneJob(variant="vgg11", device="cpu")
    events_of(job)
    (file,) = (paths.cache_folder() / "machine").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:-20], b"\xff\xfe", b"[]", whole.replace(b'"machine": "', b'"machine": "other ')):
        file.write_bytes(damaged)
        assert remembered("vgg11", device) is None
    assert tuned(events_of(job)).measured
    assert remembered("vgg11", device) is not None
    assert remembered("vgg11", replace(device, fact=DeviceFact(name="Another"))) is None


@pytest.mark.usefixtures("small")
def test_that_a_stop_ends_the_measuring_and_nothing_is_remembered() -> None:
    stop = Stop()

    def until_stopped() -> Iterator[Event]:
        for event in tune(TuneJob(variant="vgg11", device="cpu"), stop):
            stop.ask("cancel")
            yield event

    last = list(until_stopped())[-1]
    assert isinstance(last, JobEnded)
    assert last.outcome == "stopped"
    assert not (paths.cache_folder() / "machine").exists()


@pytest.mark.usefixtures("small")
def test_that_a_disk_that_cannot_be_written_loses_only_the_memory_of_it() -> None:
    (paths.cache_folder() / "machine").write_bytes(b"a file where the folder should be")
    events = events_of(TuneJob(variant="vgg11", device="cpu"))
    assert tuned(events).measured
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "done"
