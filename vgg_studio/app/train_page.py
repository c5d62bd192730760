"""The second page: settings at the left, what the network learns at the right, one button for all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QWidget

from vgg_studio.app import places, theme, train_job
from vgg_studio.app.coach_keeper import CoachKeeper
from vgg_studio.app.outlook_keeper import OutlookKeeper
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.train_dialogs import TrainDialogs
from vgg_studio.app.train_form import TrainForm
from vgg_studio.app.train_job import Proposal
from vgg_studio.app.train_state import (
    State,
    Steady,
    button,
    ending_sentence,
    failed_sentence,
    left_sentence,
    reading_sentence,
    ready_sentence,
    state_of,
)
from vgg_studio.app.train_watch import TrainWatch
from vgg_studio.app.widgets import EmptyState, row
from vgg_studio.core.jobs import StopHow, TrainJob
from vgg_studio.core.language import _, current
from vgg_studio.core.progress import Progress, folded
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


class TrainPage(Page):
    """Reads the studio's training and draws it; decides nothing but what the next press of the button means."""

    key = "train"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.form, self.watch, self.empty = TrainForm(), TrainWatch(), EmptyState("picture")
        self.proposal = Proposal(studio)
        self._steady = Steady()
        self._put_aside = False
        self._left: tuple[str, Progress] = ("", Progress())  # the unfinished run of the last start, folded once
        self._outlook, self._coach = OutlookKeeper(self), CoachKeeper(self)
        self.dialogs = TrainDialogs(self)
        self._lay_out()
        self._connect()
        self.retranslate()

    def _lay_out(self) -> None:
        self._body = QWidget()
        columns = row(self.form, self.watch, spacing=0)  # the form brings its own gap
        columns.setStretch(1, 1)
        self._body.setLayout(columns)
        self._box, self._stack = QHBoxLayout(self), QStackedLayout()
        self._box.addLayout(self._stack)  # before it gets its pages: one without a parent would flash up as a window
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def _connect(self) -> None:
        studio, end = self.studio, self.form.end
        self.form.recipe.proposed = self.proposal.usual
        self.form.edited.connect(self._edited)
        self.form.settings.weights_wanted.connect(self._weights_wanted)
        self.form.settings.device.copied.connect(self._copied)
        self.watch.failure.copied.connect(self._copied)
        self.empty.acted.connect(self._to_data)
        end.finish_wanted.connect(self.finish)
        end.discard_wanted.connect(self.discard)
        end.later_wanted.connect(self.leave_for_later)
        studio.folder_changed.connect(self._folder_changed)
        studio.scan_changed.connect(self._scan_changed)
        studio.device_changed.connect(self._scan_changed)
        studio.training_changed.connect(self._training_changed)
        studio.progress_changed.connect(self._progress_changed)
        studio.job_offered.connect(self._folder_changed)
        self._clock = QTimer(self, interval=1000)  # the time left goes on between two events
        self._clock.timeout.connect(self._progress_changed)

    # --- what the header shows

    @property
    def state(self) -> State:
        """What the page shows now."""
        return state_of(self.studio, self._put_aside)

    def progress(self) -> Progress:
        """The training that is shown: the running or last one, or the one that the last start left unfinished."""
        run = self.studio.unfinished_run
        if run is None or self.studio.training:
            return self.studio.progress
        if self._left[0] != str(run.path):
            self._left = (str(run.path), folded(run.events()))
        return self._left[1]

    def title(self) -> str:
        return _("Train")

    def status(self) -> str:
        state, progress = self.state, self.progress()
        if state is State.EMPTY:
            return _("Pictures come first: choose a folder on the Data page.")
        if state is State.READING:
            return reading_sentence(self.studio.scan.done, self.studio.scan.total)
        if state is State.IDLE:
            return ready_sentence(self.form.job, places.name(self.studio.folder), self.studio.device)
        if state is State.ENDING:
            return ending_sentence(progress)
        if state is State.FAILED:
            return failed_sentence(progress)
        if state is State.PAUSED and self.studio.unfinished_run:
            return left_sentence(self.studio.unfinished_run, progress)
        self._steady.follow(progress, current())
        return self._steady.sentence

    def primary(self) -> Primary | None:
        return button(self.state, self.progress(), can_go_on=self._failed_run() is not None)

    def activate_primary(self) -> None:
        state = self.state
        if state in (State.PREPARING, State.RUNNING):
            self.studio.end_training("pause")
        elif state is State.PAUSED:
            self.go_on()
        elif state is State.FINISHED:
            self._put_aside = True
            self.studio.page_wanted.emit("results")
        elif state is State.FAILED and (run := self._failed_run()):
            self.studio.continue_training(run)
        elif state in (State.IDLE, State.FAILED):
            self.start()

    # --- what a person can do here

    def start(self) -> None:
        """Train on the open folder with the settings that are shown."""
        self.form.take_typed()
        self._put_aside = False
        self.proposal.keep(self.form.job)
        self.studio.start_training(self.form.job)

    def go_on(self) -> None:
        """Continue the paused run."""
        if run := self._paused_run():
            self.studio.continue_training(run)

    def finish(self) -> None:
        """End the run and keep its best round; a paused one goes on for a moment, because only an engine can end it."""
        self._end("finish")

    def discard(self) -> None:
        """End the run and delete it."""
        self._end("discard")

    def _end(self, how: StopHow) -> None:
        if not self.studio.training:
            self.go_on()
        self.studio.end_training(how)

    def leave_for_later(self) -> None:
        """Keep a paused run as it is and set up a new one."""
        self._put_aside = True
        self.studio.put_aside_unfinished()
        self.proposal.forget()
        self._scan_changed()

    def _edited(self, job: TrainJob) -> None:
        if self.form.settings.locked:
            return
        self._put_aside = True
        self.proposal.keep(job)
        self._show_job(job)
        self._refresh()

    def _weights_wanted(self, weights: str) -> None:
        device, scan = self.studio.device, self.studio.scan
        has_gpu = device is not None and device.kind != "cpu"
        self._edited(train_job.with_weights(self.form.job, weights, scan.count, has_gpu))

    def _to_data(self) -> None:
        self.studio.page_wanted.emit("data")

    def _copied(self) -> None:
        self.studio.message.emit(_("Copied."))

    def _paused_run(self) -> RunFolder | None:
        return self.studio.unfinished_run or self.studio.run_at(self.studio.progress.run)

    def _failed_run(self) -> RunFolder | None:
        """The run that failed, if there is a checkpoint to go on from."""
        run = self.studio.run_at(self.studio.progress.run)
        return run if run and run.manifest.last else None

    # --- what is shown

    def retranslate(self) -> None:
        self.form.retranslate()
        self.watch.retranslate()
        self.empty.set_words(
            _("Choose a folder of pictures first; then a network can learn from them."), _("Choose pictures")
        )
        self._scan_changed()
        self._training_changed()

    def retheme(self) -> None:
        self.watch.plots.retheme()

    def entered(self) -> None:
        self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margin = self.margin()
        self._box.setContentsMargins(margin, margin, margin, margin)
        self.form.set_shape(self.narrow(), self.window().height() < theme.LOW_BELOW)

    def _folder_changed(self) -> None:
        self._put_aside = True
        self._scan_changed()

    def _scan_changed(self) -> None:
        self.form.show_device(self.studio.device)
        if not self.state.locked:
            self._show_job(self.proposal.job())
        self._refresh()

    def _training_changed(self) -> None:
        if self.studio.training:
            self._put_aside = False
        if self.state.locked:
            self._show_job(self._job_of_run())
        self._refresh()

    def job(self) -> TrainJob:
        """The settings that are shown, of a run that goes on or of the next one, with their folder."""
        job = self._job_of_run() if self.state.locked else self.form.job
        return msgspec.structs.replace(job, data=job.data or self.studio.folder)

    def _job_of_run(self) -> TrainJob:
        if self.studio.training and self.studio.job:
            return self.studio.job
        run = self._paused_run()
        return run.manifest.job if run else self.form.job

    def _show_job(self, job: TrainJob) -> None:
        started = self.studio.progress.started
        classes = len(started.classes) if self.state.locked and started else len(self.studio.scan.classes)
        # Where a run lies is no setting: the next one gets a folder of its own.
        self.form.show_job(msgspec.structs.replace(job, data="", run="", resume=False), classes)

    def _progress_changed(self) -> None:
        self._refresh_right()
        self.header_changed.emit()

    def _refresh(self) -> None:
        state = self.state
        self._stack.setCurrentWidget(self.empty if state is State.EMPTY else self._body)
        self.form.set_locked(state.locked)
        if state.training:
            self._clock.start()
        else:
            self._clock.stop()
        self._outlook.measure()
        self._refresh_right()
        self.header_changed.emit()

    def _refresh_right(self) -> None:
        state, progress = self.state, self.progress()
        self._steady.follow(progress, current())
        self.form.end.show_best(progress.best_epoch, progress.batches_seen, paused=state is State.PAUSED)
        free = state is not State.ENDING
        self.form.end.set_usable(finish=free and progress.batches_seen, discard=free)
        if progress.weights and progress.weights.advice and state.locked:
            self.form.settings.show_advice(True)
        self.watch.show_training(state, progress, self.studio.scan, self._steady.seconds_left)
        self._outlook.show()
        self._coach.show()
