"""The answers on the Predict page and what became of an export: folds over the events of their orders."""

from __future__ import annotations

from dataclasses import dataclass, field

from vgg_studio.core import events as ev

Answer = ev.PicturePredicted | ev.PredictionFailed


@dataclass
class PredictionState:
    """Pictures that were asked about and what was answered, in the order of the answers."""

    model: str = ""  # run folder, file, or official:<variant>
    opened: ev.ModelOpened | None = None
    asked: list[ev.PictureRef] = field(default_factory=list)  # files and folders as they were given
    rows: list[Answer] = field(default_factory=list)
    phase: ev.Phase | None = None  # before the first answer
    phase_done: int = 0
    phase_total: int = 0
    orders: list[str] = field(default_factory=list)  # job ids that still run or wait
    began: float = 0.0
    ended: float = 0.0
    failure: ev.Failure | None = None

    @property
    def running(self) -> bool:
        """Whether answers are still to come."""
        return bool(self.orders)

    @property
    def unsure(self) -> int:
        """How many answers need a look: below the threshold, or none at all."""
        return sum(isinstance(row, ev.PredictionFailed) or row.unsure for row in self.rows)

    @property
    def seconds(self) -> float:
        """How long the answers took, in seconds."""
        return max(0.0, self.ended - self.began)

    def fold(self, event: ev.Event, order: str) -> None:
        """Take in one event of the order with this id."""
        match event:
            case ev.ModelOpened():
                self.opened, self.phase = event, None
            case ev.PhaseStarted():
                self.phase, self.phase_done, self.phase_total = event.phase, 0, event.total
            case ev.PhaseProgress():
                self.phase, self.phase_done, self.phase_total = event.phase, event.done, event.total
            case ev.PicturePredicted() | ev.PredictionFailed():
                self.rows.append(event)
                self.phase = None
            case ev.JobEnded():
                self.orders = [waiting for waiting in self.orders if waiting != order]
                self.failure = event.failure or self.failure
                self.phase, self.ended = None, event.time


@dataclass
class ExportState:
    """The last order to save a network as files: where it went, or why it did not."""

    run: str = ""
    running: bool = False
    files: list[str] = field(default_factory=list)
    failure: ev.Failure | None = None

    def fold(self, event: ev.Event) -> None:
        """Take in one event of the order."""
        if isinstance(event, ev.Exported):
            self.files = list(event.files)
        elif isinstance(event, ev.JobEnded):
            self.running, self.failure = False, event.failure
