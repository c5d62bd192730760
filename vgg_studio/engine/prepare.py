"""What comes before the first batch: pictures, split, network, weights, device, run folder - new, or as a run left them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import torch

from vgg_studio import __version__, paths
from vgg_studio.core import recipes, split, vgg
from vgg_studio.core.errors import FolderMissing, ResumeMismatch, RunDamaged, RunExists, TooFewPictures
from vgg_studio.core.events import (
    ClassLeftOut,
    LeftOut,
    PhaseStarted,
    PictureLeftOut,
    PictureRef,
    RunResumed,
    RunStarted,
)
from vgg_studio.core.jobs import NOT_CHOSEN, Stop, TrainJob
from vgg_studio.core.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, from_json, to_json
from vgg_studio.core.run_folder import (
    CLASSES,
    MANIFEST,
    PREPROCESSING,
    SPLIT,
    Checkpoint,
    Manifest,
    RunFolder,
    created_now,
    new_run_path,
)
from vgg_studio.core.split import PARTS, Item, Split
from vgg_studio.core.writing import write_bytes, write_json
from vgg_studio.engine import checkpoint, device, initial, optimizers, threads
from vgg_studio.engine.course import MOST_LEFT_OUT, Course
from vgg_studio.engine.data import PictureStore, read_all
from vgg_studio.engine.device import Device
from vgg_studio.engine.ending import Asked, Diary, Steps, check
from vgg_studio.engine.learner import Learner
from vgg_studio.engine.network import VGG
from vgg_studio.engine.scoring import Answerer
from vgg_studio.pictures.listing import too_small
from vgg_studio.pictures.scan import list_folder, usable
from vgg_studio.pictures.walking import Stopped

# Settings that a resumed run may be given anew; all others belong to the run.
_FREE = ("data", "run", "resume", "epochs", "device", "checkpoint_minutes")
_SAMPLE = 2000  # pictures from which mean and deviation are taken where they do not fit into memory


def afresh(job: TrainJob, stop: Stop, diary: Diary) -> Steps[Course]:
    """A new run: read the pictures, split them, build the network, make the folder. Raises StudioError, Asked."""
    path = Path(job.run) if job.run else new_run_path(paths.runs_folder(), job.data)
    if (path / MANIFEST).exists():
        raise RunExists(path=str(path))
    chosen = device.choose(job.device)
    prep = Preprocessing(image_size=job.image_size, resize=job.resize, channels=job.channels)
    store, parts, left_out = yield from _pictures(job, prep, stop)
    job = _settled(job, store.root)
    network, report, norm = yield from initial.network(job, len(parts.classes), stop)
    checkpoint.check_room(path, network, job.train_from, job)
    check(stop)
    yield PhaseStarted(phase="preparing")
    wanted = threads.for_training(network.shape, job.image_size, job.batch_size)
    chosen = replace(chosen, threads=threads.use(chosen, wanted))
    mean, std = norm or _normalisation(job, store, parts.train)
    prep = msgspec.structs.replace(prep, mean=mean, std=std)
    manifest = Manifest(
        job=job,
        created=created_now(),
        versions=versions(),
        device=chosen.fact,
        threads=chosen.threads,
        backend="torch",
        precision=chosen.precision,
        batch_size=job.batch_size,
        classes=parts.classes,
        parts={part: len(parts.part(part)) for part in PARTS},
        weights_report=report,
        left_out=left_out[:MOST_LEFT_OUT],
    )
    run = RunFolder.create(path, manifest)
    diary.held.enter_context(run.lock())
    write_json(run.file(CLASSES), {str(label): name for label, name in enumerate(parts.classes)})
    write_bytes(run.file(PREPROCESSING), to_json(prep))
    write_bytes(run.file(SPLIT), split.to_csv(parts))
    run.save(checkpoint.write_frozen(run, network, job.train_from))
    diary.open(run)
    yield started(run, network)
    return _course(run, parts, store, network, chosen, prep, diary)


def again(job: TrainJob, stop: Stop, diary: Diary) -> Steps[Course]:
    """A run as its last whole checkpoint left it. Raises StudioError, Asked."""
    run = RunFolder.open(Path(job.run))
    diary.held.enter_context(run.lock())
    run = RunFolder.open(run.path)  # as it stands now that nobody else writes
    run.repair()
    position = checkpoint.newest(run)
    manifest = _continued(run.manifest, job, position)
    parts, prep = _as_it_was(run)
    job = manifest.job
    if not os.path.isdir(job.data):
        raise FolderMissing(path=job.data)
    chosen = _same_device(manifest, job.device)
    run.save(manifest)  # up to here, what was refused has changed nothing
    checkpoint.prune(run)
    diary.open(run)
    items = [item for part in PARTS for item in parts.part(part)]
    store = PictureStore(job.data, [item.picture for item in items], prep)
    with optimizers.warming():
        refused = yield from read_all(store, [item.picture for item in items], stop)
    if all(item.picture in refused for item in parts.train):
        raise TooFewPictures(path=job.data)
    if position is None:  # ended before its first checkpoint: the same start again
        network, _, _ = yield from initial.network(job, len(parts.classes), stop)
    else:
        network = initial.empty(job, len(parts.classes))
        if run.manifest.frozen:
            checkpoint.load_weights(network, checkpoint.tensors_of(run, run.manifest.frozen))
    yield PhaseStarted(phase="preparing")
    yield started(run, network)
    course = _course(run, parts, store, network, chosen, prep, diary)
    course.unusable.update(refused)
    if position is not None:
        _go_to(course, position)
    yield RunResumed(
        run=str(run.path),
        epoch=position.epoch if position else 0,
        batch=position.batch if position else 0,
        epochs=job.epochs,
    )
    return course


def _as_it_was(run: RunFolder) -> tuple[Split, Preprocessing]:
    """The run's own parts and preprocessing. Raises RunDamaged."""
    name = SPLIT
    try:
        parts = split.from_csv(run.file(SPLIT).read_bytes())
        name = PREPROCESSING
        return parts, from_json(run.file(PREPROCESSING).read_bytes())
    except (OSError, msgspec.DecodeError, RunDamaged) as error:
        raise RunDamaged(path=str(run.path), detail=name) from error


def started(run: RunFolder, network: VGG) -> RunStarted:
    """Everything that is known before the first batch."""
    manifest = run.manifest
    shape, stage = network.shape, manifest.job.train_from
    return RunStarted(
        run=str(run.path),
        data=manifest.job.data,
        classes=manifest.classes,
        parts=manifest.parts,
        variant=manifest.job.variant,
        weights=manifest.job.weights,
        train_from=stage,
        parameters=vgg.parameters(shape),
        trained_parameters=vgg.parameters(shape, stage),
        epochs=manifest.job.epochs,
        batch_size=manifest.batch_size,
        device=manifest.device,
        precision=manifest.precision,
        threads=manifest.threads,
        versions=manifest.versions,
    )


def versions() -> dict[str, str]:
    """The programs that a run was made with."""
    return {"vgg_studio": __version__, "python": platform.python_version(), "torch": str(torch.__version__)}


def _pictures(job: TrainJob, prep: Preprocessing, stop: Stop) -> Steps[tuple[PictureStore, Split, list[LeftOut]]]:
    """List the folder, open every picture once, split what can be used."""
    yield PhaseStarted(phase="listing")
    try:
        listing = list_folder(job.data, stop)
    except Stopped:
        raise Asked(stop.how or "pause") from None
    left_out = list(listing.left_out)
    for one in left_out:
        yield PictureLeftOut(picture=one.picture, reason=one.reason, values=one.values)
    found: Sequence[PictureRef] = [item.picture for part in PARTS for item in listing.items.get(part, ())]
    store = PictureStore(listing.folder, found, prep)
    with optimizers.warming():
        refused = yield from read_all(store, found, stop)
    left_out += [LeftOut(picture=picture, reason=error.reason) for picture, error in refused.items()]
    for name, count in too_small(listing, set(refused)):
        yield ClassLeftOut(name=name, count=count)
    return store, split.make(usable(listing, set(refused)), job.seed), left_out


def _settled(job: TrainJob, data: str) -> TrainJob:
    """The job with everything chosen that it left open, so that resuming it chooses nothing anew."""
    weights = job.weights if job.weights in ("none", "official", "official-features") else os.path.abspath(job.weights)
    return msgspec.structs.replace(
        job,
        data=data,
        run="",
        weights=weights,
        train_from=recipes.train_from(job),
        learning_rate=recipes.learning_rate(job),
    )


def _normalisation(
    job: TrainJob, store: PictureStore, train: Sequence[Item]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation for each channel of a network from scratch, in fractions of 1."""
    if job.normalisation == "imagenet":
        rest = job.channels - 3
        grey_mean, grey_std = sum(IMAGENET_MEAN) / 3, sum(IMAGENET_STD) / 3
        if rest < 0:
            return (grey_mean,) * job.channels, (grey_std,) * job.channels
        return IMAGENET_MEAN + (grey_mean,) * rest, IMAGENET_STD + (grey_std,) * rest
    if job.normalisation == "half":
        return (0.5,) * job.channels, (0.5,) * job.channels
    some = train if store.keeps else train[:: max(1, len(train) // _SAMPLE)]
    sums = np.zeros((2, job.channels))
    for item in some:
        values = store.read(item.picture).reshape(-1, job.channels) / 255.0
        sums += np.stack([values.mean(axis=0), (values**2).mean(axis=0)])
    mean, square = sums / len(some)
    deviation = np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), 1 / 255)
    return tuple(mean.tolist()), tuple(deviation.tolist())


def _continued(manifest: Manifest, job: TrainJob, position: Checkpoint | None) -> Manifest:
    """The manifest for another session: rounds behind the checkpoint no longer count. Raises ResumeMismatch."""
    _check_same(manifest.job, job)
    old = manifest.job
    epochs = old.epochs if job.epochs == NOT_CHOSEN else job.epochs
    done = (position.epoch - (1 if position.batch else 0)) if position else 0
    if epochs < done:
        raise ResumeMismatch(name="epochs", found=old.epochs, wanted=epochs)
    rows = [row for row in manifest.epochs if row.epoch <= done]
    best = manifest.best if manifest.best and manifest.best.epoch <= done else None
    changed = msgspec.structs.replace(
        manifest,
        job=msgspec.structs.replace(
            old,
            epochs=epochs,
            data=os.path.abspath(job.data) if job.data else old.data,
            device=old.device if job.device == "auto" else job.device,
        ),
        epochs=rows,
        last=position,
        best=best,
        best_epoch=manifest.best_epoch if best else 0,
        extended_at=done if epochs > old.epochs else manifest.extended_at,
        outcome="",
        failure=None,
        evaluation=manifest.evaluation if best else None,
    )
    return msgspec.structs.replace(changed, files=checkpoint.named_files(changed))


def _check_same(old: TrainJob, job: TrainJob) -> None:
    usual = TrainJob()
    for name in TrainJob.__struct_fields__:
        wanted, found = getattr(job, name), getattr(old, name)
        if name == "weights" and wanted not in ("none", "official", "official-features"):
            wanted = os.path.abspath(wanted)
        if name not in _FREE and wanted != getattr(usual, name) and wanted != found:
            raise ResumeMismatch(name=name.replace("_", "-"), found=str(found), wanted=str(wanted))


def _same_device(manifest: Manifest, asked: str) -> Device:
    """The run's device with its precision and threads; another one only where the order names it."""
    chosen = device.choose(manifest.device.kind if asked == "auto" else asked)
    if chosen.fact.kind != manifest.device.kind:
        return chosen
    threads.use(chosen, manifest.threads)
    return replace(chosen, precision=manifest.precision, threads=manifest.threads)


def _course(
    run: RunFolder, parts: Split, store: PictureStore, network: VGG, chosen: Device, prep: Preprocessing, diary: Diary
) -> Course:
    job = run.manifest.job
    learner = Learner(network, job, chosen, prep)
    return Course(job, run, parts, store, learner, Answerer(network, prep, chosen), diary)


def _go_to(course: Course, position: Checkpoint) -> None:
    state = checkpoint.restore(course.run, position, course.learner)
    course.epoch = position.epoch if position.batch else position.epoch + 1
    course.batch, course.seconds = position.batch, state.seconds
