"""A run as a torch script, with the weights it started from and its split beside it: `core.code_text` has the words."""

from __future__ import annotations

from pathlib import Path

from vgg_studio.core import code_text, data_sets
from vgg_studio.core.errors import FolderMissing, UsageError, WeightsChanged
from vgg_studio.core.events import Exported, PhaseStarted
from vgg_studio.core.jobs import SaveCodeJob, Stop
from vgg_studio.core.run_folder import SPLIT, RunFolder
from vgg_studio.core.split import PARTS
from vgg_studio.core.writing import write_bytes
from vgg_studio.engine import initial, lineage
from vgg_studio.engine.ending import Steps, check, one_job_ended
from vgg_studio.engine.export import save_plain

SUFFIX = ".py"


@one_job_ended
def save_code(job: SaveCodeJob, stop: Stop) -> Steps[None]:
    """Write `job.file` and beside it the initial weights and the split; the script comes last, when all it reads is there.

    The weights are made as the run made them: drawn anew from its seed, or taken from the same file. Raises UsageError for
    another kind of name, FolderMissing where the pictures are rows of a data set that is gone, RunError, WeightsError
    (WeightsChanged where the file is another one by now), StorageError.
    """
    target = Path(job.file)
    if target.suffix.lower() != SUFFIX:
        raise UsageError(name="file", value=target.name, allowed=f"*{SUFFIX}")
    run = RunFolder.open(Path(job.run))
    manifest = run.manifest
    parts, prep = lineage.parts_and_preprocessing(run)
    pictures = [item.picture for part in PARTS for item in parts.part(part)]
    if any(picture.row >= 0 for picture in pictures) and data_sets.find(manifest.job.data) is None:
        raise FolderMissing(path=manifest.job.data)  # how its rows are read depends on its files
    network, report, _ = yield from initial.network(manifest.job, len(manifest.classes), stop)
    known = manifest.weights_report
    if known is not None and known.sha256 and report.sha256 != known.sha256:
        raise WeightsChanged(path=report.name or manifest.job.weights)
    check(stop)
    yield PhaseStarted(phase="saving")
    weights = target.with_name(f"{target.stem}_initial.pth")
    split = target.with_name(f"{target.stem}_split.csv")
    told = code_text.Told(
        job=manifest.job,
        shape=network.shape,
        prep=prep,
        run=run.path.name,
        initial=weights.name,
        split=split.name,
        best=f"{target.stem}_best.pth",
        precision=manifest.precision,
        processes=manifest.processes,
        raw=any(picture.raw for picture in pictures),
        checks=bool(parts.val),
        tests=bool(parts.test),
        learned=len(manifest.epochs),
        extended_at=manifest.extended_at,
    )
    save_plain(network.state_dict(), weights, {split: run.file(SPLIT).read_bytes()})
    write_bytes(target, code_text.script(told).encode("utf-8"))
    yield Exported(files=[str(target), str(weights), str(split)])
