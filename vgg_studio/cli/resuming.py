"""What `train` is to do: a new run, or to go on with one. Only settings that were given are compared with the run's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from vgg_studio import paths
from vgg_studio.core import recipes, tutorials
from vgg_studio.core.data_sets import is_address, is_archive, resolve
from vgg_studio.core.errors import FolderMissing, ResumeMismatch, RunExists, RunMissing, UsageError, WeightsMissing
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import MANIFEST, Manifest, RunFolder, list_runs, new_run_path
from vgg_studio.core.wording import escaped, weights_title
from vgg_studio.engine.place import is_restarted, is_torchruns

_FREE = ("data", "epochs", "device", "checkpoint_minutes")  # what may differ when a run goes on; the engine has its say
_FLAGS = {"learning_rate": "lr"}


def order(data: str, out: str, resume: bool, given: dict[str, Any]) -> TrainJob:
    """The order for `train`: `given` holds the settings that stood on the command line, by their names in TrainJob.

    With `resume` a run that is not there yet is begun, if DATA is given: so the same line can be repeated until it is done.
    A process that torchrun has started, maybe again, goes on with what the same line had begun, whatever the line says.
    Raises UsageError, FolderMissing, WeightsMissing, RunExists, RunMissing, RunDamaged, RunTooNew, ResumeMismatch.
    """
    _make_absolute(data, given)
    if (again := repeated(given.get("data", ""), out, given)) is not None:
        return again
    if resume:
        if not out:
            raise UsageError(name="--resume", value=_("used alone"), allowed="--out RUN --resume")
        if not data or holds_run(out):
            return _going_on(text(out), given)
    if not data:
        raise UsageError(name="DATA", value=_("left out"), allowed="train DATA, train --out RUN --resume")
    if out and holds_run(out):
        raise RunExists(path=out)
    _check_weights(given)
    run = os.path.abspath(text(out)) if out else str(new_run_path(paths.runs_folder(), given["data"]))
    return chosen(given | {"run": run})


def chosen(given: dict[str, Any]) -> TrainJob:
    """The order that is meant: what is given, on top of a recipe where one is named. Raises UsageError, DataError."""
    name = given.get("recipe", "").strip().lower()
    return tutorials.order(given | {"recipe": name}, _proposed(given) if name == tutorials.AUTO else None)


def _proposed(given: dict[str, Any]) -> TrainJob:
    """What suits the folder's pictures and this machine."""
    from vgg_studio.engine.device import choose
    from vgg_studio.pictures.listing import list_folder

    listing = list_folder(given["data"])
    count = sum(len(items) for items in listing.items.values())
    has_gpu = choose(given.get("device", "auto")).fact.kind != "cpu"
    return recipes.defaults(count, has_gpu, given.get("weights", "none"))


def repeated(data: str, out: str, given: dict[str, Any]) -> TrainJob | None:
    """In a process that torchrun has started: the order to go on with what the same line had begun, if it had."""
    begun = _begun(data, out) if is_torchruns() else ""
    return _going_on(begun, given) if begun else None


def _begun(data: str, out: str) -> str:
    """The run that the same line had begun before; "" if it had not come so far, or had finished it another time."""
    if out:
        begun = holds_run(out) and (is_restarted() or not _is_finished(RunFolder.open(Path(out))))
        return text(out) if begun else ""
    if not is_restarted():
        return ""
    newest = next((run for run in list_runs(paths.runs_folder()) if run.manifest.job.data == data), None)
    return str(newest.path) if newest and not _is_finished(newest) else ""


def _is_finished(run: RunFolder) -> bool:
    return run.manifest.outcome.startswith("finished")


def settings(command: str, data: str, given: dict[str, Any]) -> TrainJob:
    """The settings of a training that is only asked about. Raises UsageError, FolderMissing, WeightsMissing."""
    if not data:
        raise UsageError(name="DATA", value=_("left out"), allowed=f"{command} DATA")
    _make_absolute(data, given)
    _check_weights(given)
    return chosen(given)


def _make_absolute(data: str, given: dict[str, Any]) -> None:
    """A run may be continued from another folder."""
    if given.get("weights", "none") not in ("none", "official", "official-features"):
        given["weights"] = os.path.abspath(text(given["weights"]))
    if data:
        given["data"] = folder(data)


def _check_weights(given: dict[str, Any]) -> None:
    if os.path.isabs(weights := given.get("weights", "")) and not os.path.exists(weights):
        raise WeightsMissing(path=weights)  # before all pictures are read, not after


def _going_on(out: str, given: dict[str, Any]) -> TrainJob:
    run = os.path.abspath(out)
    compare(RunFolder.open(Path(run)).manifest, given)
    return TrainJob(run=run, resume=True, **{name: value for name, value in given.items() if name in _FREE})


def compare(manifest: Manifest, given: dict[str, Any]) -> None:
    """Raise ResumeMismatch for the first given setting that the run has otherwise."""
    for name, wanted in given.items():
        found = _as_trained(manifest.job, name)
        if name not in _FREE and not _same(name, found, _meant(manifest.job, name, wanted)):
            flag = "--" + _FLAGS.get(name, name).replace("_", "-")
            raise ResumeMismatch(name=flag, found=_shown(name, found), wanted=_shown(name, wanted))


def _as_trained(job: TrainJob, name: str) -> Any:
    resolved = {"learning_rate": recipes.learning_rate, "train_from": recipes.train_from}
    return resolved[name](job) if name in resolved else getattr(job, name)


def _meant(job: TrainJob, name: str, wanted: Any) -> Any:
    """Three names of a stage mean the one layer of a light head; own blocks that are the paper's are its network."""
    if name == "recipe":
        return wanted.strip().lower()
    if name == "blocks":
        meant = msgspec.structs.replace(job, blocks=wanted)
        return meant.blocks if meant.variant == job.variant else wanted
    return recipes.train_from(msgspec.structs.replace(job, train_from=wanted)) if name == "train_from" else wanted


def _same(name: str, found: Any, wanted: Any) -> bool:
    # The file of weights may have moved: what was taken from it lies in the run.
    return bool(os.path.basename(found) == os.path.basename(wanted) if name == "weights" else found == wanted)


def _shown(name: str, value: Any) -> str:
    return weights_title(value) if name == "weights" else str(value)


def holds_run(path: str) -> bool:
    """Whether there is a run in the folder."""
    return os.path.exists(os.path.join(path, MANIFEST))  # unlike pathlib's, never raises: a name may be too long


def folder(path: str) -> str:
    """The absolute path of a folder or archive of pictures that is there; `cifar10` and the like mean data sets.

    Raises FolderMissing, DataSetMissing.
    """
    if is_address(path) or os.path.isfile(path):
        path = resolve(path, str(paths.data_sets_folder()))
    if not os.path.isdir(path) and not is_archive(path):
        raise FolderMissing(path=escaped(path))
    return os.path.abspath(text(path))


def existing_run(path: str) -> str:
    """The absolute path of a folder that holds a run. Raises RunMissing."""
    if not holds_run(path):
        raise RunMissing(path=escaped(path))
    return os.path.abspath(text(path))


def text(path: str) -> str:
    """A path that a run can remember. Raises UsageError where the name's bytes are no text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UsageError(name=_("path"), value=escaped(path), allowed=_("names that are Unicode text")) from None
    return path
