"""What comes before the first batch of a new run: pictures, split, network, weights, device, run folder."""

from __future__ import annotations

import platform
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import torch

from vgg_studio import __version__, paths
from vgg_studio.core import recipes, split, vgg
from vgg_studio.core.errors import RunExists, from_os_error
from vgg_studio.core.events import (
    ClassLeftOut,
    LeftOut,
    MachineProfile,
    PhaseStarted,
    PictureLeftOut,
    PictureRef,
    RunStarted,
    Way,
    WeightsReport,
)
from vgg_studio.core.forecast import forecast
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing, for_new_run, to_json
from vgg_studio.core.run_folder import (
    CLASSES,
    MANIFEST,
    PREPROCESSING,
    SPLIT,
    Manifest,
    RunFolder,
    created_now,
    new_run_path,
)
from vgg_studio.core.split import PARTS, Split
from vgg_studio.core.writing import write_bytes, write_json
from vgg_studio.engine import alike, baselines, checkpoint, device, frozen, initial, lineage, optimizers, threads
from vgg_studio.engine.card_store import store_of
from vgg_studio.engine.course import MOST_LEFT_OUT, Course
from vgg_studio.engine.data import PictureStore, read_all
from vgg_studio.engine.device import Device
from vgg_studio.engine.ending import Asked, Diary, Steps, check
from vgg_studio.engine.feeding import Feeding
from vgg_studio.engine.learner import Learner
from vgg_studio.engine.network import VGG
from vgg_studio.engine.normalise import normalisation
from vgg_studio.engine.scoring import Answerer
from vgg_studio.engine.several import by_leader, here, in_turn
from vgg_studio.engine.weighing import balanced
from vgg_studio.pictures.corrected import corrected
from vgg_studio.pictures.known import Known, in_cache
from vgg_studio.pictures.listing import too_small
from vgg_studio.pictures.located import located
from vgg_studio.pictures.scan import list_folder, usable
from vgg_studio.pictures.walking import Stopped


def afresh(job: TrainJob, stop: Stop, diary: Diary) -> Steps[Course]:
    """A new run: read the pictures, split them, build the network, make the folder. Raises StudioError, Asked."""
    path = Path(job.run) if job.run else new_run_path(paths.runs_folder(), job.data)
    if (path / MANIFEST).exists():
        raise RunExists(path=str(path))
    chosen = device.choose(job.device)
    known = diary.held.enter_context(in_cache())
    if job.parent:
        job, store, parts, left_out = yield from lineage.pictures(job, chosen, known, stop)
    else:
        store, parts, left_out = yield from pictures(job, chosen, known, stop)
    job = _settled(job, store.root)
    network, report, norm = yield from in_turn(stop, initial.network(job, len(parts.classes), stop))
    checkpoint.check_room(path, network, job.train_from, job)
    check(stop)
    seen = len(parts.train) + len(parts.val)
    profile = yield from in_turn(stop, frozen.measured(job, network.shape, seen, chosen, stop))
    profile = here().told(profile)
    yield PhaseStarted(phase="preparing")
    wanted = threads.for_training(network.shape, job.image_size, job.batch_size)
    precision = frozen.precision(profile, job, network.shape, chosen)
    chosen = replace(chosen, threads=threads.use(chosen, wanted), precision=precision)
    mean, std = norm or normalisation(job, store, parts.train)
    store.prep = prep = msgspec.structs.replace(store.prep, mean=mean, std=std)
    way = frozen.way(profile, job, network.shape, chosen)
    run = here().run_folder(path, _manifest(job, parts, left_out, chosen, report, way))
    yield from by_leader(stop, lambda: _make(run, prep, parts, network, diary))
    diary.open(run)
    course = course_of(run, parts, store, network, chosen, diary, known)
    if profile is not None and run.writes:
        _foretell(course, parts, profile)
    yield started(run, network, parts)
    return course


def _manifest(
    job: TrainJob, parts: Split, left_out: list[LeftOut], chosen: Device, report: WeightsReport, way: Way | None
) -> Manifest:
    """What is known of a run before its folder is made."""
    return Manifest(
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
        way=way,
        kept=frozen.kept(job, way),
        quick_look=baselines.known(job),
        processes=here().place.world,
    )


def _foretell(course: Course, parts: Split, profile: MachineProfile) -> None:
    """Keep in the manifest what the run will take, less what earlier ones have left."""
    run, manifest = course.run, course.run.manifest
    share = course.feeding.found_share(parts.val)
    told = forecast(manifest.job, manifest.parts, len(parts.classes), profile, found_share=share)
    run.save(msgspec.structs.replace(manifest, forecast=told))


def _make(run: RunFolder, prep: Preprocessing, parts: Split, network: VGG, diary: Diary) -> None:
    """Make the run's folder; the manifest comes last, so a kill on the way leaves no half run. Raises RunExists, StorageError."""
    is_new = not run.path.exists()
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        diary.held.enter_context(run.lock())
        if run.file(MANIFEST).exists():
            raise RunExists(path=str(run.path))
        checkpoint.clear(run)
        write_json(run.file(CLASSES), {str(label): name for label, name in enumerate(parts.classes)})
        write_bytes(run.file(PREPROCESSING), to_json(prep))
        write_bytes(run.file(SPLIT), split.to_csv(parts))
        run.save(checkpoint.write_frozen(run, network, run.manifest.job.train_from))
    except BaseException as error:
        if is_new:
            shutil.rmtree(run.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise from_os_error(error, str(run.path)) from error
        raise


def started(run: RunFolder, network: VGG, parts: Split) -> RunStarted:
    """Everything that is known before the first batch."""
    manifest = run.manifest
    shape, stage = network.shape, manifest.job.train_from
    counts = Counter(item.label for item in parts.train)
    return RunStarted(
        run=str(run.path),
        data=manifest.job.data,
        classes=manifest.classes,
        parts=manifest.parts,
        variant=shape.variant,
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
        forecast=manifest.forecast,
        way=manifest.way,
        processes=manifest.processes,
        counts=[counts[label] for label in range(len(parts.classes))],
    )


def versions() -> dict[str, str]:
    """The programs that a run was made with."""
    return {"vgg_studio": __version__, "python": platform.python_version(), "torch": str(torch.__version__)}


def pictures(
    job: TrainJob, chosen: Device, known: Known, stop: Stop
) -> Steps[tuple[PictureStore, Split, list[LeftOut]]]:
    """List the folder, open every picture once, split what can be used."""
    yield PhaseStarted(phase="listing")
    try:
        listing = corrected(list_folder((yield from located(job.data, stop)), stop), job.corrections)
    except Stopped:
        raise Asked(stop.how or "pause") from None
    left_out = list(listing.left_out)
    for one in left_out:
        yield PictureLeftOut(picture=one.picture, reason=one.reason, values=one.values)
    found: Sequence[PictureRef] = [item.picture for part in PARTS for item in listing.items.get(part, ())]
    store = store_of(job, listing.folder, found, for_new_run(job), chosen)
    with optimizers.warming():
        refused = yield from read_all(store, found, stop, known)
    left_out += [LeftOut(picture=picture, reason=error.reason) for picture, error in refused.items()]
    for name, count in too_small(listing, set(refused)):
        yield ClassLeftOut(name=name, count=count)
    good = usable(listing, set(refused))
    groups = yield from alike.groups(good, known, stop)
    return store, split.make(good, job.seed, job.val_percent, job.test_percent, groups), left_out


def _settled(job: TrainJob, data: str) -> TrainJob:
    """The job with everything chosen that it left open, so that resuming it chooses nothing anew."""
    return msgspec.structs.replace(
        job,
        data=data,
        run="",
        weights=initial.named_weights(job.weights),
        train_from=recipes.train_from(job),
        learning_rate=recipes.learning_rate(job),
    )


def course_of(
    run: RunFolder, parts: Split, store: PictureStore, network: VGG, chosen: Device, diary: Diary, known: Known
) -> Course:
    """The training at its start: the network is taken over by its learner."""
    job, prep = run.manifest.job, store.prep
    weights = balanced((item.label for item in parts.train), len(parts.classes)) if job.class_weights else None
    learner = Learner(network, job, chosen, prep, weights)
    extractor = frozen.extractor_of(network, run.manifest, prep, chosen)
    answerer = Answerer(network, prep, chosen, extractor=extractor)
    source = None
    if extractor is not None:
        source = frozen.source_of(store, extractor, job, known, sum(run.manifest.parts.values()))
        diary.held.callback(source.close)
    feeding = Feeding(job, parts.train, store, source, pinned=chosen.torch.type == "cuda")
    return Course(job, run, parts, feeding, learner, answerer, diary)
