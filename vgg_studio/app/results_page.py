"""The third page: every run with its score, and what is behind the score of the one that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QWidget

from vgg_studio.app import run_words, train_job
from vgg_studio.app.dialogs import FurtherDialog
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.run_detail import GAP, RunDetail
from vgg_studio.app.run_list import RunCard
from vgg_studio.app.run_words import run_title
from vgg_studio.app.widgets import EmptyState, row
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


class ResultsPage(Page):
    """Reads the runs' manifests; the curves of a run are folded from its log when they are looked at."""

    key = "results"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.runs, self.detail, self.empty = RunCard(), RunDetail(studio), EmptyState("results")
        self._wanted = ""  # the run that was trained last: chosen as soon as it is among the known ones
        self._lay_out()
        self._connect()
        self.retranslate()

    def _lay_out(self) -> None:
        self._body = QWidget()
        self._body.setLayout(row(self.runs, self.detail, spacing=16))
        self._box, self._stack = QHBoxLayout(self), QStackedLayout()
        self._box.addLayout(self._stack)  # before it gets its pages: one without a parent would flash up as a window
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def _connect(self) -> None:
        studio = self.studio
        self.runs.list.chosen.connect(self._show_run)
        self.detail.further.clicked.connect(self._ask_further)
        self.detail.better.clicked.connect(self.make_better)
        self.detail.failure.copied.connect(self._copied)
        self.empty.acted.connect(self._lead_on)
        studio.runs_changed.connect(self._refresh)
        studio.folder_changed.connect(self._refresh)
        studio.scan_changed.connect(self._name_empty)
        studio.training_changed.connect(self._training_changed)
        studio.progress_changed.connect(self.detail.follow)

    # --- what the header shows

    def run(self) -> RunFolder | None:
        """The run that is looked at."""
        return self.runs.list.run()

    def title(self) -> str:
        return _("Results")

    def status(self) -> str:
        run = self.run()
        if run is None:
            return _("No run yet.")
        return run_words.sentence(run, self._is_training(run))

    def primary(self) -> Primary | None:
        run = self.run()
        if run is None:
            return None
        words = (_("Try it on new pictures"), _("Continue"), _("Watch it"))
        if self._is_training(run):
            return Primary(words[2], widest=words)
        if run.manifest.outcome in run_words.ENDED_WELL:
            return Primary(words[0], widest=words) if run.manifest.best_epoch else None
        if run.manifest.last:
            return Primary(words[1], enabled=not self.studio.training, icon="play", widest=words)
        return None

    def activate_primary(self) -> None:
        run = self.run()
        if run is None:
            return
        if self._is_training(run):
            self.studio.page_wanted.emit("train")
        elif run.manifest.outcome in run_words.ENDED_WELL:
            self.studio.settings.choose("answers_from", str(run.path))
            self.studio.page_wanted.emit("predict")
        elif run.manifest.last and self.studio.continue_training(run):
            self.studio.page_wanted.emit("train")

    # --- what a person can do here

    def train_further(self, rounds: int) -> None:
        """Go on with the chosen run until it has this many rounds."""
        run = self.run()
        if run and self.studio.continue_training(run, epochs=rounds):
            self.studio.page_wanted.emit("train")

    def make_better(self) -> None:
        """Show the settings of the next stage on the Train page: the best network so far, with one block more that learns."""
        run = self.run()
        job = run_words.next_job(run) if run else None
        if job is not None:
            train_job.offer(self.studio, job, job.data)

    def rescan(self) -> None:
        self.studio.refresh_runs()

    def _ask_further(self) -> None:
        if run := self.run():
            dialog = FurtherDialog(run_title(run), len(run.manifest.epochs), self)
            dialog.agreed.connect(self.train_further)
            dialog.open()

    def _lead_on(self) -> None:
        self.studio.page_wanted.emit("train" if self.studio.scan.usable else "data")

    def _copied(self) -> None:
        self.studio.message.emit(_("Copied."))

    def _training_path(self) -> str:
        return self.studio.job.run if self.studio.training and self.studio.job else ""

    def _is_training(self, run: RunFolder) -> bool:
        return str(run.path) == self._training_path()

    # --- what is shown

    def retranslate(self) -> None:
        self.detail.retranslate()
        self._refresh()

    def retheme(self) -> None:
        self.detail.retheme()

    def entered(self) -> None:
        if self._wanted:
            self.studio.refresh_runs()  # the run in training is not among the known ones yet

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margin = self.margin()
        self._box.setContentsMargins(margin, margin, margin - GAP, margin)  # the detail brings its own gap
        self.detail.score.set_narrow(self.narrow())

    def _training_changed(self) -> None:
        self._wanted = self._training_path() or self._wanted
        self._refresh()

    def _refresh(self) -> None:
        runs = self.studio.runs
        self.runs.show_runs(runs, self.studio.folder, self._training_path(), self._wanted)
        if (run := self.run()) and str(run.path) == self._wanted:
            self._wanted = ""  # shown once; from now on the person chooses
        self._stack.setCurrentWidget(self._body if runs else self.empty)
        self._name_empty()
        self._show_run()

    def _name_empty(self) -> None:
        sentence = _("Every training leaves its score, its curves and its mistakes here.")
        self.empty.set_words(sentence, _("Set up a training") if self.studio.scan.usable else _("Choose pictures"))

    def _show_run(self) -> None:
        run = self.run()
        live = self.studio.progress if run and self._is_training(run) else None
        self.detail.show_run(run, live, may_go_on=not self.studio.training)
        self.header_changed.emit()
