"""Events as text for a person: lines, and on a terminal a bar that moves."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from types import TracebackType
from typing import Protocol, Self

from vgg_studio.cli import columns, inspecting, sentences, speed
from vgg_studio.cli.coaching import Coaching
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import (
    AnyJob,
    DrawSamplesJob,
    EvaluateJob,
    FetchDataJob,
    PredictJob,
    QuickLookJob,
    TrainJob,
    WriteSplitJob,
)
from vgg_studio.core.language import N_, _, ngettext
from vgg_studio.core.progress import Progress
from vgg_studio.core.wording import escaped, phase_words, status

MOST_LEFT_OUT = 20  # pictures named before only their number is told
_TOLD_BY_ROUNDS = ("training", "validating", "saving")
_OTHER_WORDS = {  # where a phase is another piece of work than in a training
    (FetchDataJob, "downloading"): N_("Downloading the data set…"),
    (FetchDataJob, "preparing"): N_("Copying the data set…"),
    (DrawSamplesJob, "preparing"): N_("Drawing sample pictures…"),
    (PredictJob, "testing"): N_("Naming pictures…"),
    (WriteSplitJob, "saving"): N_("Copying pictures…"),
}
_SHOW_CURSOR = b"\x1b[?25h\n"


class Screen(Protocol):
    """Where lines go."""

    def line(self, text: str) -> None:
        """Show a line for good."""

    def moved(self, text: str, done: int, total: int) -> None:
        """Show what is going on right now, and how far it is."""

    def close(self) -> None:
        """Nothing more comes."""

    def let_go(self) -> None:
        """Put the terminal in order at once."""


class PlainScreen:
    """A pipe, a file or a terminal that cannot move its cursor: lines and nothing else."""

    def __init__(self, silence: float = 60.0) -> None:
        self._silence = silence  # seconds without a line after which what is going on is told
        self._told = time.monotonic()

    def line(self, text: str) -> None:
        """Write and send off the line, so that a reader sees it when it happens."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        self._told = time.monotonic()

    def moved(self, text: str, done: int, total: int) -> None:  # noqa: ARG002 - the words tell how far it is
        """Tell it in a line now and then: a round of a large network takes long."""
        if time.monotonic() - self._told >= self._silence:
            self.line(text)

    def close(self) -> None:
        """Every line is out already."""

    def let_go(self) -> None:
        """Nothing was changed."""


class LiveScreen:
    """A terminal: lines above one moving bar."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress as Bars, TextColumn
        from rich.table import Column

        self._console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False)
        sentence = TextColumn(
            "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
        )
        self._bars = Bars(
            BarColumn(bar_width=20),
            sentence,
            console=self._console,
            transient=True,
            expand=True,
            redirect_stderr=sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("", total=None)
        self._moving = False

    def line(self, text: str) -> None:
        """Print above the bar; the terminal wraps what is too long."""
        from rich.text import Text

        self._console.print(Text(text), soft_wrap=True)

    def moved(self, text: str, done: int, total: int) -> None:
        """Set the bar; it is drawn by rich's own clock."""
        if not self._moving:
            self._bars.start()
            self._moving = True
        self._bars.update(self._task, description=text, completed=done, total=total or None)

    def close(self) -> None:
        """Take the bar away."""
        if self._moving:
            self._bars.stop()
            self._moving = False

    def let_go(self) -> None:
        """Rich hides the cursor while the bar moves."""
        with contextlib.suppress(OSError):
            os.write(1, _SHOW_CURSOR)


def fitting_screen() -> Screen:
    """A live one on a terminal that can move its cursor, else a plain one."""
    can_move = sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    return LiveScreen() if can_move else PlainScreen()


class TextPrinter:
    """Tells a person what happens. Nothing that comes from a file name or a class name can steer the terminal."""

    def __init__(self, screen: Screen | None = None, every: int = 0) -> None:
        self._screen = screen or fitting_screen()
        self._every = every  # batches between two lines with the loss; 0: rounds tell it
        self._told = (0, 0)  # round, and how many times so many batches of it
        self._progress = Progress()
        self._job: type[AnyJob] = TrainJob
        self._left_out = 0
        self._has_suspects = False
        self._coaching = Coaching(TrainJob())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.close()

    def say(self, sentence: str) -> None:
        """Print a sentence of the command's own."""
        self._screen.line(escaped(sentence))

    def let_go(self) -> None:
        """Put the terminal in order: the process ends at once."""
        self._screen.let_go()

    def begin(self, job: AnyJob) -> None:
        """The same phase is called after what is done in it."""
        self._job = type(job)
        if isinstance(job, TrainJob):
            self._coaching = Coaching(job)

    def show(self, event: ev.Event) -> None:
        """Print what the event tells, or move the bar."""
        self._progress.fold(event)
        for line in self._lines(event):
            self.say(line)
        if not isinstance(event, ev.RunEnded | ev.JobEnded):
            self._move(event)

    def _move(self, event: ev.Event) -> None:
        progress = self._progress
        if isinstance(event, ev.BatchEnded):
            self._screen.moved(escaped(status(progress)), progress.pictures, progress.pictures_total)
        elif isinstance(event, ev.PhaseStarted | ev.PhaseProgress):
            words = self._phase(event.phase, progress.phase_done, progress.phase_total)
            if event.phase == "extracting" and progress.started:
                words = status(progress)  # tells the time left, too
            self._screen.moved(escaped(words), progress.phase_done, progress.phase_total)

    def _phase(self, phase: ev.Phase, done: int = 0, total: int = 0) -> str:
        other = _OTHER_WORDS.get((self._job, phase))
        return _(other) if other else phase_words(phase, done, total)

    def _lines(self, event: ev.Event) -> list[str]:
        match event:
            case ev.PictureLeftOut():
                self._left_out += 1
                return [sentences.left_out(event)] if self._left_out <= MOST_LEFT_OUT else []
            case ev.PhaseStarted(phase=phase):
                return [] if phase in _TOLD_BY_ROUNDS or self._is_live else [self._phase(phase)]
            case ev.BatchEnded():
                return self._loss(event)
            case ev.EpochEnded():
                line = sentences.epoch_ended(event, self._progress.epochs)
                return [line, *self._coaching.lines(self._progress)]
            case ev.Evaluation():
                return [*sentences.evaluation(event), *columns.class_table(event), *columns.confusion_table(event)]
            case ev.FindingsMade():
                return self._suspects(event)
            case ev.RunEnded():
                return [*self._coaching.lines(self._progress), *sentences.run_ended(event, self._progress)]
            case _:
                return self._facts(event)

    def _facts(self, event: ev.Event) -> list[str]:
        lines: list[str] = []
        match event:
            case ev.ClassLeftOut():
                unknown = self._job is EvaluateJob
                lines = [sentences.class_unknown(event) if unknown else sentences.class_left_out(event)]
            case ev.RunStarted():
                lines = [*self._more_left_out(), *sentences.run_started(event, self._progress.weights)]
            case ev.RunResumed():
                lines = sentences.run_resumed(event)
            case ev.WeightsLoaded():
                lines = sentences.weights_loaded(event.report)
            case ev.ModelOpened():
                lines = sentences.model_opened(event)
            case ev.PicturePredicted():
                lines = [sentences.prediction(event)]
            case ev.PredictionFailed():
                lines = [sentences.prediction_failed(event)]
            case ev.FeaturesReady() | ev.BatchShrunk() | ev.QuickLook() | ev.MachineTuned() | ev.ForecastMade():
                lines = speed.lines(event, self._progress)
            case ev.SplitWritten() | ev.DataFetched():
                lines = sentences.folder_ready(event)
            case ev.NetworkInspected():
                lines = inspecting.lines(event)
            case ev.Exported():
                lines = [sentences.exported(file) for file in event.files]
        return lines

    def _suspects(self, event: ev.FindingsMade) -> list[str]:
        """The most suspicious come first; what a scan finds is told by its own command."""
        if self._job is not QuickLookJob or self._has_suspects:
            return []
        self._has_suspects = True
        return sentences.suspects(event.findings)

    def _loss(self, event: ev.BatchEnded) -> list[str]:
        if not self._every:
            return []
        told, self._told = self._told, (event.epoch, event.batch // self._every)
        return [sentences.batch_ended(event)] if self._told > max(told, (event.epoch, 0)) else []

    @property
    def _is_live(self) -> bool:
        return not isinstance(self._screen, PlainScreen)

    def _more_left_out(self) -> list[str]:
        more = self._left_out - MOST_LEFT_OUT
        if more <= 0:
            return []
        return [ngettext("and {count} more picture.", "and {count} more pictures.", more).format(count=more)]
