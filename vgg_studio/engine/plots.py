"""The order to write a run's curves and its grid of test pictures, which `pictures.plots` draws."""

from __future__ import annotations

from pathlib import Path

from vgg_studio.core.events import Exported, PhaseStarted, WrongPicture
from vgg_studio.core.jobs import SavePlotsJob, Stop
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine.data import PictureStore
from vgg_studio.engine.ending import Steps, check, one_job_ended
from vgg_studio.engine.opened import SHELF
from vgg_studio.engine.scoring import answer, evaluation
from vgg_studio.pictures import plots
from vgg_studio.pictures.known import in_cache


@one_job_ended
def save_plots(job: SavePlotsJob, stop: Stop) -> Steps[None]:
    """Write `loss`, `acc` and, where the run has been scored, `grid` into `job.folder`, which is made if need be.

    Which pictures are named wrong the run knows; only where these are so many that it keeps no more of them, the network is
    asked again. Raises RunError, StorageError.
    """
    run = RunFolder.open(Path(job.run))
    yield PhaseStarted(phase="saving")
    chosen = plots.choose(run, job.columns * job.rows)
    scored = run.manifest.evaluation
    wrong: list[WrongPicture] = []
    if scored is not None:
        is_whole = len(scored.wrong) == scored.count - scored.correct
        wrong = scored.wrong if is_whole else (yield from _asked(run, chosen, stop))
    files: list[str] = []
    for file in plots.save(run, job, chosen, wrong):
        files.append(file)
        check(stop)
    yield Exported(files=files)


def _asked(run: RunFolder, chosen: plots.Chosen, stop: Stop) -> Steps[list[WrongPicture]]:
    opened = yield from SHELF.open(str(run.path), "auto", stop)
    items = [item for item, _picture in chosen]
    store = PictureStore(run.manifest.job.data, [item.picture for item in items], opened.answerer.prep, memory=0)
    with in_cache() as known:
        store.known = known  # the files may be others by now
        answers = yield from answer(opened.answerer, store, items, stop, "testing")
    return evaluation(answers, opened.classes, "test", opened.temperature).wrong
