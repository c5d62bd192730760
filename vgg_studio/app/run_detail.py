"""What is behind one run: its score in a sentence, then either the score in detail or the curves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from vgg_studio.app import run_words, theme
from vgg_studio.app.chart_slot import ChartSlot
from vgg_studio.app.failure_card import FailureCard
from vgg_studio.app.fields import Segments
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.score_view import ScoreView
from vgg_studio.app.widgets import Label, LinkButton, PlainButton, column, plain_tip, row
from vgg_studio.core import wording
from vgg_studio.core.events import Event
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


SLICE_SECONDS = 0.008
SCORE, CURVES = 0, 1
GAP = 16  # px at the right, where the scroll bar is when it is needed


class RunCurves(QObject):
    """The fold over one run's log. `grown` tells that more of it can be drawn."""

    grown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.progress = Progress()
        self._events: Iterator[Event] = iter(())
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._fold)

    def read(self, run: RunFolder) -> None:
        """Read another run from its start; the one that is being read is left."""
        self.progress, self._events = Progress(), run.events()
        self._timer.start(0)

    def stop(self) -> None:
        """Read no further."""
        self._timer.stop()
        self._events = iter(())

    def _fold(self) -> None:
        until = time.monotonic() + SLICE_SECONDS
        for event in self._events:
            self.progress.fold(event)
            if time.monotonic() >= until:
                break
        else:
            self._timer.stop()
        self.grown.emit()


class RunDetail(QScrollArea):
    """Scrolls where the window is too low for all of it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._outlook, self._keeper = studio.outlook, studio.keeper
        self._run: RunFolder | None = None
        self._live: Progress | None = None  # of the run that is being trained
        self._read = ""
        self.headline, self.range_words = QLabel(), Label(tone="muted", wrap=True)
        self.leak, self.beside = Label(tone="warn", wrap=True), Label(tone="muted", wrap=True)
        self.views, self.further, self.better = Segments("", ""), LinkButton(), PlainButton()
        self.save_plots = LinkButton()
        self.failure, self.score, self.plots, self.curves = FailureCard(), ScoreView(studio), ChartSlot(), RunCurves()
        self._lay_out()
        self.views.chosen.connect(self._refresh)
        self.curves.grown.connect(self._curves_grown)
        self.save_plots.clicked.connect(self._save_plots)

    def _lay_out(self) -> None:
        self.headline.setTextFormat(Qt.TextFormat.RichText)  # our own words and numbers, escaped: run_words.headline
        self.headline.setWordWrap(True)
        self.headline.setFont(theme.font("title"))
        self.headline.setProperty("tone", "text")
        first = row(self.headline, self.views, spacing=16)
        first.setAlignment(self.views, Qt.AlignmentFlag.AlignTop)
        words = column(self.range_words, self.leak, self.beside, spacing=0)
        second = row(words, self.save_plots, self.further, self.better, spacing=16)
        for button in (self.save_plots, self.further, self.better):
            second.setAlignment(button, Qt.AlignmentFlag.AlignTop)
        for line in (first, second):
            line.setStretch(0, 1)
        head = column(first, second, spacing=4)
        content = QWidget()
        content.setProperty("kind", "content")
        box = QVBoxLayout(content)
        box.setContentsMargins(0, 0, GAP, 0)
        box.setSpacing(16)
        box.addLayout(head)
        box.addWidget(self.failure)
        box.addWidget(self.score, 1)
        box.addWidget(self.plots, 1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._bar = OverlayBar(self, inset=GAP - 12)

    def retranslate(self) -> None:
        """Words anew."""
        self.views.set_words(_("Score"), _("Curves"))
        self.further.setText(_("Train further…"))
        self.save_plots.setText(_("Save plots…"))
        self.save_plots.setToolTip(_("Writes the curves, and a grid of test pictures with their names, as pictures."))
        self.better.setText(_("Make it better"))
        self.better.setFixedWidth(self.better.width_for((self.better.words(),)))
        self.score.retranslate()
        self.plots.retranslate()
        self.plots.set_hint(_("No round is complete yet."))
        self._refresh()

    def retheme(self) -> None:
        """Colours anew."""
        self.plots.retheme()

    def show_run(self, run: RunFolder | None, live: Progress | None, may_go_on: bool) -> None:
        """Show a run; `live` is its progress while it is being trained; `may_go_on`: nothing else is being trained."""
        self._run, self._live = run, live
        for button in (self.further, self.better):
            button.setEnabled(may_go_on)
        self._refresh()

    def follow(self) -> None:
        """The run that is being trained has gone on."""
        if self._live is not None:
            self.plots.show_progress(self._live)

    def _refresh(self) -> None:
        run = self._run
        if run is None:
            return
        manifest = run.manifest
        scored = None if self._live else manifest.evaluation
        curves = scored is None or self.views.current() == CURVES
        self.views.setVisible(scored is not None)
        self.further.setVisible(manifest.outcome in run_words.ENDED_WELL and not self._live and bool(manifest.last))
        self.save_plots.setVisible(bool(manifest.epochs))
        self.headline.setText(run_words.headline(scored) if scored else run_words.best_so_far(run))
        range_ = wording.range_sentence(scored) if scored else ""
        self.range_words.setText(run_words.settings(run) if curves else range_)
        leak = wording.leak_sentence(scored) if scored and not curves else ""
        self.leak.setText(leak)
        self.leak.setVisible(bool(leak))
        quick_look = self._quick_look(run)
        beside = "" if self._live else run_words.beside(run, quick_look)
        self.beside.setText(beside)
        self.beside.setVisible(bool(beside))
        learns = "" if self._live else run_words.what_learns_next(run)
        self.better.setToolTip(plain_tip(learns))
        self.better.setVisible(bool(learns))
        self.plots.set_baseline(quick_look)
        self._show_failure(run)
        self.score.setVisible(not curves)
        self.plots.setVisible(curves)
        if scored and not curves:
            self.score.show_evaluation(scored, manifest.job.data)
        else:
            self._read_curves(run)

    def _quick_look(self, run: RunFolder) -> float | None:
        """What a quick look at the same pictures with the same network has found: as the run keeps it, or in this session."""
        looked = self._outlook.looked(run.manifest.job)
        return run.manifest.quick_look if looked is None else looked.accuracy

    def _save_plots(self) -> None:
        if self._run is not None:
            self._keeper.save_plots(self._run, self)

    def _show_failure(self, run: RunFolder) -> None:
        failure = run.manifest.failure
        shown = failure is not None and not self._live
        self.failure.setVisible(shown)
        if shown and failure is not None:
            self.failure.show_failure(failure, "", f"{run_words.settings(run)}\n{failure}")

    def _read_curves(self, run: RunFolder) -> None:
        """Read a run's log, unless it is the one that is shown already; the one in training is drawn as it grows."""
        if self._live is not None:
            self._read = ""
            self.curves.stop()
            self.follow()
            return
        mark = f"{run.path} {run.manifest.outcome} {len(run.manifest.epochs)}"
        if mark != self._read:
            self._read = mark
            self.curves.read(run)

    def _curves_grown(self) -> None:
        if self._live is None:
            self.plots.show_progress(self.curves.progress)
