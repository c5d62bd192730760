"""A network that is ready to answer: from a run, a file of weights or the official ones, with its names and preprocessing."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from vgg_studio import paths
from vgg_studio.core import vgg
from vgg_studio.core.errors import PathMissing, RunDamaged, WeightsOddShape, WeightsUnreadable
from vgg_studio.core.events import PhaseStarted
from vgg_studio.core.jobs import Stop
from vgg_studio.core.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, from_json
from vgg_studio.core.run_folder import CLASSES, PREPROCESSING, RunFolder
from vgg_studio.engine import device, frozen, threads, tuning, ways
from vgg_studio.engine.calibrate import UNCALIBRATED_THRESHOLD
from vgg_studio.engine.checkpoint import best_state, load_weights
from vgg_studio.engine.device import Device
from vgg_studio.engine.ending import Steps
from vgg_studio.engine.extract import Extractor
from vgg_studio.engine.initial import official_file
from vgg_studio.engine.network import VGG
from vgg_studio.engine.scoring import Answerer, fixed_batch

OFFICIAL = "official:"
SMALLEST, LARGEST = 32, 1024  # px, as for a training: a stranger's file must not ask for more memory than there is
_IMAGENET = 1000  # classes; a bare file with that many answers with ImageNet's names


@dataclass(frozen=True)
class Opened:
    """A network on its device with everything that its answers need."""

    model: str
    classes: list[str]
    answerer: Answerer
    temperature: float = 1.0
    threshold: float = UNCALIBRATED_THRESHOLD


class Shelf:
    """Keeps the network that was opened last, for the next order that asks for it."""

    def __init__(self) -> None:
        self._key: tuple[str, ...] = ()
        self._opened: Opened | None = None

    def open(self, model: str, asked: str, stop: Stop) -> Steps[Opened]:
        """The network of a run's folder, a file or `official:<variant>` on the device asked for. Raises StudioError, Asked."""
        key = (model, asked, *_fingerprint(model))
        if self._opened is None or self._key != key:
            self._opened, self._key = None, ()  # two large networks need not be in memory at once
            yield PhaseStarted(phase="loading_network")
            self._opened = yield from _open(model, device.choose(asked), stop)
            self._key = key
        threads.use(self._opened.answerer.device, self._opened.answerer.device.threads)
        return self._opened


SHELF = Shelf()


def _open(model: str, chosen: Device, stop: Stop) -> Steps[Opened]:
    if model.startswith(OFFICIAL):
        return (yield from _open_official(model, chosen, stop))
    if os.path.isdir(model):
        return open_run(RunFolder.open(Path(model)), chosen)
    if not os.path.lexists(model):
        raise PathMissing(path=model)
    return _open_file(model, chosen)


def open_run(run: RunFolder, chosen: Device) -> Opened:
    """The best network so far of a run, with its own precision where the kind of device is the same. Raises RunError."""
    tensors = best_state(run)
    manifest = run.manifest
    job = manifest.job
    shape = job.shape(len(manifest.classes))
    try:
        prep = from_json(run.file(PREPROCESSING).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise RunDamaged(path=str(run.path), detail=PREPROCESSING) from error
    if not _fits(prep, shape):
        raise RunDamaged(path=str(run.path), detail=PREPROCESSING)
    if chosen.fact.kind == manifest.device.kind:
        chosen = replace(chosen, precision=manifest.precision, threads=manifest.threads)  # the same answers to the bit
    network = _filled(shape, tensors, str(run.path)).to(chosen.torch)
    extractor = frozen.extractor_of(network, manifest, prep, chosen)
    answerer = Answerer(network, prep, chosen, extractor=extractor)
    return Opened(str(run.path), manifest.classes, answerer, manifest.temperature, manifest.threshold)


def _open_official(model: str, chosen: Device, stop: Stop) -> Steps[Opened]:
    from vgg_studio.engine import official, weights

    variant = model.removeprefix(OFFICIAL)
    file, _ = yield from official_file(variant, "official", stop)
    tensors = weights.read_file(file)
    prep = official.official(variant).preprocessing()
    network = _filled(weights.shape_of(tensors, str(file)), tensors, str(file))
    return Opened(model, official.imagenet_classes(), _answerer(network, prep, chosen))


def _open_file(model: str, chosen: Device) -> Opened:
    from vgg_studio.engine import weights

    tensors = weights.read_file(model)
    shape = weights.shape_of(tensors, model)
    missing = [key for key in weights.shapes(shape) if key not in tensors]
    if missing:
        raise WeightsUnreadable(path=model, detail="no_classifier", tensor=missing[0])
    names = _names_beside(Path(model), shape.classes)
    prep = _preprocessing_beside(Path(model), shape)
    return Opened(model, names, _answerer(_filled(shape, tensors, model), prep, chosen))


def _answerer(network: VGG, prep: Preprocessing, chosen: Device) -> Answerer:
    """A network that nobody trained here answers in whatever way is the fastest on this machine, its blocks as one part."""
    shape, side = network.shape, prep.image_size
    chosen = replace(chosen, threads=threads.for_answers(shape, side, fixed_batch(shape, side, chosen.torch.type)))
    way = ways.way_for(tuning.remembered(shape.variant, chosen), chosen, "auto", "auto", shape, side)
    extractor = Extractor(
        network.to(chosen.torch), "fc6", prep, chosen, msgspec.structs.replace(way, smallest=2), "fp32"
    )
    return Answerer(network, prep, chosen, extractor=extractor)


def _names_beside(file: Path, count: int) -> list[str]:
    """The classes' names: told beside the file, or ImageNet's for as many, or numbers."""
    try:
        names = msgspec.json.decode((file.parent / CLASSES).read_bytes(), type=dict[int, str])
    except FileNotFoundError:
        if count == _IMAGENET:
            return msgspec.json.decode(paths.resource("imagenet_classes.json").read_bytes(), type=list[str])
        return [str(label) for label in range(count)]
    except (OSError, msgspec.DecodeError) as error:
        raise WeightsUnreadable(path=str(file.parent / CLASSES), detail="damaged") from error
    if sorted(names) != list(range(count)):
        raise WeightsOddShape(path=str(file), name=CLASSES, found=len(names), wanted=count)
    return [names[label] for label in range(count)]


def _preprocessing_beside(file: Path, shape: vgg.Shape) -> Preprocessing:
    """What stands beside the file, or what the official weights were scored with."""
    try:
        prep = from_json((file.parent / PREPROCESSING).read_bytes())
    except FileNotFoundError:
        side = max(Preprocessing().image_size, _smallest(shape))
        if shape.channels == 3:
            return Preprocessing(image_size=side, resize="crop", mean=IMAGENET_MEAN, std=IMAGENET_STD)
        half = (0.5,) * shape.channels
        return Preprocessing(image_size=side, mean=half, std=half, channels=shape.channels)
    except (OSError, msgspec.DecodeError) as error:
        raise WeightsUnreadable(path=str(file.parent / PREPROCESSING), detail="damaged") from error
    if not _fits(prep, shape):
        raise WeightsOddShape(path=str(file), name=PREPROCESSING, found=prep.channels, wanted=shape.channels)
    return prep


def _fits(prep: Preprocessing, shape: vgg.Shape) -> bool:
    sizes = (shape.channels, len(prep.mean), len(prep.std))
    return set(sizes) == {prep.channels} and _smallest(shape) <= prep.image_size <= LARGEST and all(prep.std)


def _smallest(shape: vgg.Shape) -> int:
    """The least side in px of a picture, which each block halves."""
    return max(SMALLEST, 1 << len(shape.blocks))


def _filled(shape: vgg.Shape, tensors: dict[str, Tensor], path: str) -> VGG:
    """A network in evaluation mode that holds the tensors themselves: nothing is drawn, nothing copied."""
    with torch.device("meta"):
        network = VGG(shape)
    network.to_empty(device="cpu")
    missing = [key for key in _needed(network) if key not in tensors]
    if missing:
        raise RunDamaged(path=path, detail=missing[0])
    try:
        load_weights(network, tensors)
    except RunDamaged as error:
        raise RunDamaged(path=path, **{key: value for key, value in error.values.items() if key != "path"}) from error
    return network.eval()


def _needed(network: VGG) -> list[str]:
    """The entries of a network that its answers depend on: all but the counters of batches."""
    return [key for key in network.state_dict() if not key.endswith(".num_batches_tracked")]


def _fingerprint(model: str) -> tuple[str, ...]:
    """What changes when the network behind a name changes."""
    if os.path.isdir(model):
        manifest = RunFolder.open(Path(model)).manifest
        best = manifest.best.weights if manifest.best else ""
        return best, manifest.files.get(best, ""), str(manifest.temperature), str(manifest.threshold)
    files = [model, *(os.path.join(os.path.dirname(model), name) for name in (CLASSES, PREPROCESSING))]
    return tuple(_stamp(file) for file in files)


def _stamp(file: str) -> str:
    try:
        facts = os.stat(file)
    except OSError:
        return ""
    return f"{facts.st_mtime_ns} {facts.st_size} {facts.st_ino}"
