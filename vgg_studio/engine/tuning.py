"""Which way of computing is the fastest on this machine: measured once for each network, then remembered.

Nobody can tell from a processor's name: bf16 is twice as fast on one and a hundred times slower on another, and Winograd in
fp32, by torch or ncnn, beats both where bf16 is missing. So the candidates compute the network's own blocks, in turns, for
some seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import time
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

import msgspec
import torch

from vgg_studio import paths
from vgg_studio.core import vgg
from vgg_studio.core.errors import StorageError
from vgg_studio.core.events import Candidate, Event, MachineProfile, MachineTuned, PhaseProgress, PhaseStarted, Way
from vgg_studio.core.jobs import Stop, TuneJob
from vgg_studio.core.writing import write_json
from vgg_studio.engine import exactness, layer_timing as timing, ncnn_trunk, network, threads
from vgg_studio.engine.device import Device, choose
from vgg_studio.engine.ending import Steps, check, one_job_ended
from vgg_studio.engine.ways import most_workers, train_precision, way_for
from vgg_studio.pictures.decode_speed import decode_speed

__all__ = ["measure", "remembered", "train_precision", "tune", "way_for"]

FORMAT = 3  # of what is remembered
EXTRACT_SECONDS, LEARN_SECONDS = 5.0, 4.0  # for repeating; a first look at each way comes on top
EXTRACT_END, LEARN_END = 8.0, 12.5  # seconds after which what is left is not measured: a slow or a busy machine
_AT_LEAST = 2  # sections
_ERROR_SIDE = 64  # px of the picture that tells how far a way is from fp32
_CARD_BATCH = 32  # pictures: enough to fill a graphics card
_DONE = ("linear", "decode")


@one_job_ended
def tune(job: TuneJob, stop: Stop) -> Steps[None]:
    """Tell how this machine computes best, measuring it where that is not known or `again` asks for it."""
    device = choose(job.device)
    profile = None if job.again else remembered(job.variant, device)
    if profile is not None:
        yield MachineTuned(profile=profile, measured=False)
        return
    profile = yield from measure(job.variant, device, stop)
    yield MachineTuned(profile=profile)


def remembered(variant: str, device: Device) -> MachineProfile | None:
    """What was measured here before; None for own blocks, another machine, other versions, or a file that is damaged."""
    if variant not in vgg.VARIANTS:
        return None
    try:
        profile = msgspec.json.decode(_file(variant, device).read_bytes(), type=MachineProfile)
    except (OSError, StorageError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return profile if (profile.machine, profile.variant) == (machine(device), variant) and profile.extract else None


def machine(device: Device) -> str:
    """All that a measured rate hangs on: the device, how much of it may be used, and the versions of what computes."""
    try:
        ncnn = importlib.metadata.version("ncnn")
    except importlib.metadata.PackageNotFoundError:
        ncnn = "none"
    kind = "bf16" if device.bf16 else "no bf16"
    parts = (
        f"{device.fact.kind} {device.fact.name}",
        f"{torch.backends.cpu.get_cpu_capability()} {kind}",
        f"{device.fact.cores} cores {threads.most()} threads",
        f"torch {torch.__version__} ncnn {ncnn}",
        f"measure {FORMAT}",
    )
    return "; ".join(parts)


def measure(variant: str, device: Device, stop: Stop) -> Steps[MachineProfile]:
    """Measure this machine with the blocks of a network, and remember what comes out (unless the disk refuses).

    Raises Asked between two blocks if the order was asked to stop; then nothing is remembered.
    """
    began = time.perf_counter()
    before = torch.get_num_threads()
    threads.use(device, threads.most())
    try:
        profile = yield from _measured(variant, device, stop)
    finally:
        torch.set_num_threads(before)
    profile = msgspec.structs.replace(profile, measured_seconds=time.perf_counter() - began)
    with contextlib.suppress(StorageError, OSError):
        file = _file(variant, device)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, profile)
    return profile


def _measured(variant: str, device: Device, stop: Stop) -> Steps[MachineProfile]:
    found = timing.sections(variant)
    steps = _steps(2 * len(found) + len(_DONE), stop)
    yield PhaseStarted(phase="measuring", total=2 * len(found) + len(_DONE))
    began = time.perf_counter()
    extract = yield from _extraction(variant, device, _until(found, began + EXTRACT_END), steps)
    learning = yield from _learning(variant, device, _until(found, began + LEARN_END), steps)
    precision = max(learning, key=lambda name: learning[name])
    linear = timing.linear_bytes(device.torch, precision)
    yield next(steps)
    decode = decode_speed(threads.most())
    yield next(steps)
    return MachineProfile(
        machine=machine(device),
        variant=variant,
        extract=extract,
        train_precision=precision,
        train_macs=learning,
        linear_bytes=linear,
        decode_pixels=decode,
    )


def _steps(total: int, stop: Stop) -> Iterator[Event]:
    for done in range(1, total + 1):
        check(stop)
        yield PhaseProgress(phase="measuring", done=done, total=total)


def _until(found: list[timing.Section], end: float) -> Iterator[tuple[timing.Section, float] | None]:
    """The sections with their part of the work; None instead of those that there is no time for."""
    for number, turn in enumerate(timing.turns(found)):
        yield turn if number < _AT_LEAST or time.perf_counter() < end else None


def candidates(device: Device) -> list[Way]:
    """The ways worth a try on a device for its frozen part and its answers."""
    usual = way_for(None, device, "torch", "fp32", vgg.Shape("vgg16"), timing.SIDE)
    change = partial(msgspec.structs.replace, usual)
    if device.torch.type != "cpu":
        narrow = {"bf16" if device.bf16 else "fp16"} if device.torch.type == "cuda" else set[str]()
        return [usual, *(change(precision=precision) for precision in narrow)]
    ways = [usual, change(layout="contiguous")]
    if device.bf16:
        ways.append(change(precision="bf16"))
    some, many = max(2, most_workers() // 2), most_workers()
    if many > 1:  # what one network shares among threads is too little for them here
        ways += [change(convolution="winograd", workers=n) for n in sorted({some, many})]
    else:
        ways.append(change(convolution="winograd"))
    if ncnn_trunk.available():
        ways += [change(backend="ncnn", layout="contiguous", workers=n) for n in sorted({1, most_workers()})]
        if device.bf16:
            ways.append(change(backend="ncnn", precision="bf16", layout="contiguous", workers=most_workers()))
    return ways


def _extraction(
    variant: str, device: Device, found: Iterator[tuple[timing.Section, float] | None], steps: Iterator[Event]
) -> Generator[Event, None, list[Candidate]]:
    rates = timing.Rates(candidates(device), kind=lambda way: f"{way.backend} {way.precision}")
    shaky: set[Way] = set()
    for turn in found:
        if turn is not None:
            section, share = turn
            pictures = section.pictures(most_workers()) if device.torch.type == "cpu" else _CARD_BATCH
            runs = {way: timing.forward(section, way, device.torch, pictures) for way in rates.left}
            took = timing.by_turns(runs, device.torch, EXTRACT_SECONDS * share)
            rates.add(section, {way: seconds / pictures for way, seconds in took.items()})
            winograd = {way for way in rates.left if way.convolution == "winograd"}
            shaky |= {way for way in winograd if not timing.is_steady(section, way, device.torch, pictures)}
        yield next(steps)
    errors = _errors(variant, device, rates.left)
    measured = [
        Candidate(way=way, macs_per_second=rate, error=errors[way])
        for way, rate in rates.macs_per_second().items()
        if way not in shaky
        if (way.backend, way.convolution) == ("torch", "direct") or errors[way] <= exactness.LIMITS[way.precision]
    ]
    return sorted(measured, key=lambda candidate: -candidate.macs_per_second)


def _learning(
    variant: str, device: Device, found: Iterator[tuple[timing.Section, float] | None], steps: Iterator[Event]
) -> Generator[Event, None, dict[str, float]]:
    rates = timing.Rates(list(dict.fromkeys(way.precision for way in candidates(device) if way.backend == "torch")))
    pictures = 2 if device.torch.type == "cpu" else _CARD_BATCH
    normed = vgg.Shape(variant).batch_norm
    for turn in found:
        if turn is not None:
            section, share = turn
            runs = {
                precision: timing.forward_and_back(section, precision, device.torch, pictures, normed)
                for precision in rates.left
            }
            took = timing.by_turns(runs, device.torch, LEARN_SECONDS * share)
            rates.add(section, {precision: seconds / pictures for precision, seconds in took.items()})
        yield next(steps)
    return timing.learning_macs(rates.macs_per_second())


def _errors(variant: str, device: Device, ways: list[Way]) -> dict[Way, float]:
    """How far each way's features of one random picture are from torch's fp32, through all blocks with random weights."""
    shape = vgg.Shape(variant, classes=2, head="light")  # the blocks alone are looked at
    exact = network.build(shape).features.eval()
    picture = torch.randn(1, 3, _ERROR_SIDE, _ERROR_SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = exact(picture)
    alone = {way: msgspec.structs.replace(way, workers=1) for way in ways}  # how many work side by side changes nothing
    found: dict[Way, float] = {}
    for way in set(alone.values()):
        answer = timing.passing(exact, way, device.torch, picture)()
        found[way] = exactness.difference(answer.float().cpu(), wanted)
    return {way: found[single] for way, single in alone.items()}


def _file(variant: str, device: Device) -> Path:
    name = hashlib.blake2b(machine(device).encode(), digest_size=8).hexdigest()
    return paths.cache_folder() / "machine" / f"{name}-{variant}.json"
