"""The right column of the Train page: what failed if something did, four tiles, the plots."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from vgg_studio.app.chart_slot import ChartSlot
from vgg_studio.app.coach_card import CoachCard
from vgg_studio.app.failure_card import FailureCard, details_of
from vgg_studio.app.outlook_card import OutlookCard
from vgg_studio.app.outlook_words import View
from vgg_studio.app.scan_state import ScanState
from vgg_studio.app.train_state import State, saved_round
from vgg_studio.app.train_tiles import TrainTiles, figures_of_scan, figures_of_training
from vgg_studio.app.widgets import column
from vgg_studio.core.coach import Remark
from vgg_studio.core.events import Failure
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress


class TrainWatch(QWidget):
    """Shows a training in any of its states, and before it the pictures it will learn from."""

    def __init__(self) -> None:
        super().__init__()
        self.failure, self.tiles, self.plots = FailureCard(), TrainTiles(), ChartSlot()
        self.outlook, self.coach = OutlookCard(), CoachCard()  # one place: the coach speaks instead of the outlook
        box = column(self.failure, self.tiles, self.outlook, self.coach, self.plots, spacing=16)
        box.setStretch(4, 1)
        self.setLayout(box)

    def show_training(self, state: State, progress: Progress, scan: ScanState, seconds_left: float | None) -> None:
        """Show how it stands."""
        self._show_failure(state, progress)
        if state in (State.IDLE, State.READING, State.EMPTY):
            self.tiles.show_figures(figures_of_scan(scan))
        else:
            ended = progress.ended.time if progress.ended else 0.0
            self.tiles.show_figures(figures_of_training(progress, state, seconds_left, ended))
        self.plots.set_hint(hint(state))
        self.plots.show_progress(progress)

    def show_outlook(self, view: View, baseline: float | None) -> None:
        """Show what is known beforehand; `baseline` is the accuracy to beat, a line in the plot."""
        self.outlook.show_view(view)
        self.plots.set_baseline(baseline)

    def show_coach(self, remark: Remark | None, job: TrainJob, running: bool) -> None:
        """Show what the coach has to say about a run with these settings, if anything."""
        if remark is not None:
            self.outlook.give_way(True)
        self.coach.show_remark(remark, job, running)
        self.outlook.give_way(remark is not None)

    def retranslate(self) -> None:
        """Words anew."""
        self.outlook.retranslate()
        self.coach.retranslate()
        self.plots.retranslate()

    def _show_failure(self, state: State, progress: Progress) -> None:
        ended = progress.ended if state in (State.FAILED, State.FINISHED) else None
        failure = ended.failure if ended else None
        if state is State.FAILED:
            failure = failure or Failure(code="Unexpected")
        self.failure.setVisible(failure is not None)
        if failure and ended:
            saved = saved_round(progress) if state is State.FAILED else 0
            kept = _("Round {round} is saved.").format(round=saved) if saved else ""
            self.failure.show_failure(failure, kept, details_of(progress, ended))


def hint(state: State) -> str:
    """What stands on plots without a curve."""
    if state is State.PREPARING:
        return _("The curves begin with the first pictures.")
    waiting = state in (State.IDLE, State.READING, State.EMPTY)
    return _("Start training and the curves grow here, round by round.") if waiting else ""
