"""Lets the coach speak on the Train page, and does what its button promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from vgg_studio.app import run_words, train_job
from vgg_studio.app.train_state import State
from vgg_studio.core import coach
from vgg_studio.core.coach import Remark
from vgg_studio.core.coach_remedies import remedied
from vgg_studio.core.jobs import TrainJob

if TYPE_CHECKING:
    from vgg_studio.app.train_page import TrainPage

_SPEAKS = (State.PREPARING, State.RUNNING, State.PAUSED, State.FINISHED, State.FAILED)


class CoachKeeper(QObject):
    """Belongs to the page, whose state it reads. What a person waved off is not said again in that run."""

    def __init__(self, page: TrainPage) -> None:
        super().__init__(page)
        self._page = page
        self._hidden: set[tuple[str, str]] = set()  # run and code
        self._seen: tuple[object, ...] = ()
        self._remarks: list[Remark] = []
        self._next: tuple[TrainJob, str] | None = None  # what to offer when the run has ended, and for which folder
        page.watch.coach.mend_wanted.connect(self._mend)
        page.watch.coach.hide_wanted.connect(self._hide)
        page.studio.training_changed.connect(self._training_changed)

    def remark(self) -> Remark | None:
        """The most urgent remark that was not waved off; none while there is no run, or while one is being ended."""
        page = self._page
        if page.state not in _SPEAKS:
            return None
        progress, job = page.progress(), self._job()
        seen = (progress.run, len(progress.rows), progress.outcome, progress.evaluation is not None, job)
        if seen != self._seen:  # twenty times a second something is different, but not what remarks are made of
            self._seen, self._remarks = seen, coach.remarks(progress, job)
        return next((remark for remark in self._remarks if (progress.run, remark.code) not in self._hidden), None)

    def show(self) -> None:
        """Show what there is to say now."""
        self._page.watch.show_coach(self.remark(), self._job(), self._page.state.training)

    def _job(self) -> TrainJob:
        """The settings of the run that is shown."""
        page = self._page
        return page.job() if page.state.locked else page.studio.job or page.job()

    def _hide(self) -> None:
        remark = self._page.watch.coach.remark
        if remark is not None:
            self._hidden.add((self._page.progress().run, remark.code))
        self.show()

    def _mend(self) -> None:
        page, remark = self._page, self._page.watch.coach.remark
        if remark is None:
            return
        job = self._job()
        changed = remedied(job, remark.remedy)
        if changed is not None:
            self._offer(changed, job.data or page.studio.folder)
        elif remark.remedy == "finish":
            page.finish()
        elif remark.remedy == "show_class":
            page.studio.class_wanted.emit(str(remark.values["name"]))
            page.studio.page_wanted.emit("data")
        else:
            self._make_better()

    def _offer(self, job: TrainJob, folder: str) -> None:
        """Show other settings; a run that goes on is finished first."""
        if self._page.studio.training:
            self._next = (job, folder)
            self._page.finish()
        else:
            train_job.offer(self._page.studio, job, folder)

    def _make_better(self) -> None:
        studio = self._page.studio
        run = studio.run_at(self._page.progress().run)
        job = run_words.next_job(run) if run else None
        if job is not None:
            train_job.offer(studio, job, job.data)

    def _training_changed(self) -> None:
        studio = self._page.studio
        if studio.training and not studio.progress.rows:  # another run may get the name of one that was discarded
            self._hidden = {hidden for hidden in self._hidden if hidden[0] != studio.progress.run}
        if self._next is not None and not studio.training:
            (job, folder), self._next = self._next, None
            train_job.offer(studio, job, folder)
