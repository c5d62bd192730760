"""A run as its last whole checkpoint left it, ready to go on."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec

from vgg_studio.core.errors import FolderMissing, ResumeMismatch, TooFewPictures
from vgg_studio.core.events import PhaseStarted, RunResumed
from vgg_studio.core.jobs import NOT_CHOSEN, Stop, TrainJob
from vgg_studio.core.run_folder import Checkpoint, Manifest, RunFolder
from vgg_studio.core.split import PARTS
from vgg_studio.engine import checkpoint, device, frozen, initial, optimizers, threads
from vgg_studio.engine.card_store import store_of
from vgg_studio.engine.course import Course
from vgg_studio.engine.data import read_all
from vgg_studio.engine.device import Device
from vgg_studio.engine.ending import Diary, Steps
from vgg_studio.engine.lineage import parts_and_preprocessing
from vgg_studio.engine.prepare import course_of, started
from vgg_studio.engine.several import here, in_turn
from vgg_studio.pictures.known import in_cache
from vgg_studio.pictures.located import folder_of

# Settings that a resumed run may be given anew; all others belong to the run.
_FREE = ("data", "run", "resume", "epochs", "device", "checkpoint_minutes")


def again(job: TrainJob, stop: Stop, diary: Diary) -> Steps[Course]:
    """A run as its last whole checkpoint left it. Raises StudioError, Asked."""
    run, position, chosen = yield from in_turn(stop, _opened(job, diary))
    job = run.manifest.job
    parts, prep = parts_and_preprocessing(run)
    diary.open(run)
    items = [item for part in PARTS for item in parts.part(part)]
    known = diary.held.enter_context(in_cache())
    store = store_of(job, job.data, [item.picture for item in items], prep, chosen)
    with optimizers.warming():
        refused = yield from read_all(store, [item.picture for item in items], stop, known)
    if all(item.picture in refused for item in parts.train):
        raise TooFewPictures(path=job.data)
    if position is None:  # ended before its first checkpoint: the same start again
        network, report, _ = yield from in_turn(stop, initial.network(job, len(parts.classes), stop))
        # Its weights' file or parent may be another one by now: what does not learn is then written again too.
        manifest = checkpoint.write_frozen(run, network, job.train_from)
        run.save(msgspec.structs.replace(manifest, weights_report=report))
    else:
        network = initial.empty(job, len(parts.classes))
        if run.manifest.frozen:
            checkpoint.load_weights(network, checkpoint.tensors_of(run, run.manifest.frozen))
    yield PhaseStarted(phase="preparing")
    yield started(run, network, parts)
    course = course_of(run, parts, store, network, chosen, diary, known)
    course.unusable.update(refused)
    told = {entry.picture for entry in run.manifest.left_out}
    course.leave_out([refusal for refusal in refused.items() if refusal[0] not in told])
    if position is not None:
        _go_to(course, position)
    yield RunResumed(
        run=str(run.path),
        epoch=position.epoch if position else 0,
        batch=position.batch if position else 0,
        epochs=job.epochs,
    )
    return course


def _opened(job: TrainJob, diary: Diary) -> Steps[tuple[RunFolder, Checkpoint | None, Device]]:
    """The run with its manifest for another session, where it goes on, and on what. Raises StudioError."""
    yield from ()
    path = Path(job.run)
    diary.held.enter_context(here().run_folder(path).lock())
    run = here().run_folder(path)  # as it stands now that nobody else writes
    run.repair()
    position = checkpoint.newest(run)
    manifest = _continued(run.manifest, job, position)
    parts_and_preprocessing(run)
    if not os.path.isdir(manifest.job.data):
        raise FolderMissing(path=manifest.job.data)
    chosen = _same_device(run.manifest, manifest.job.device)
    if manifest.way is None:  # where something is frozen, the run is older than ways are
        way = frozen.way(None, manifest.job, manifest.job.shape(len(manifest.classes)), chosen)
        manifest = msgspec.structs.replace(manifest, way=way, kept=frozen.kept(manifest.job, way))
    run.save(manifest)  # up to here, what was refused has changed nothing
    checkpoint.prune(run)
    return run, position, chosen


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
            data=os.path.abspath(folder_of(job.data)) if job.data else old.data,
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
        processes=here().place.world,
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
    wanted = manifest.threads
    if manifest.processes != here().place.world:  # then each has another share of the cores
        shape = manifest.job.shape(len(manifest.classes))
        wanted = threads.for_training(shape, manifest.job.image_size, manifest.batch_size)
    return replace(chosen, precision=manifest.precision, threads=threads.use(chosen, wanted))


def _go_to(course: Course, position: Checkpoint) -> None:
    state = checkpoint.restore(course.run, position, course.learner)
    course.epoch = position.epoch if position.batch else position.epoch + 1
    course.batch, course.seconds = position.batch, state.seconds
