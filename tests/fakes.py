"""Stand-ins of a few lines with the real thing's face. No mocks: each does what the real one does, only nearer."""

from __future__ import annotations

from itertools import count

from PySide6.QtCore import QObject, Signal

from vgg_studio.core import events as ev
from vgg_studio.core.jobs import Job, StopHow


class FakeEngines(QObject):
    """Engines without processes: a test reads `asked` and `stops`, and plays the engine with `send` and `become_ready`."""

    happened = Signal(str, object)
    events = Signal(list)
    ready = Signal(str, object)
    lost = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, Job, str]] = []  # role, job, order
        self.stops: list[tuple[str, StopHow]] = []
        self.warmed: list[str] = []
        self.closed = False
        self._ids = (f"order-{number}" for number in count(1))

    def ask(self, role: str, job: Job) -> str:
        order = next(self._ids)
        self.asked.append((role, job, order))
        return order

    def stop(self, order: str, how: StopHow) -> None:
        self.stops.append((order, how))

    def warm(self, role: str) -> None:
        self.warmed.append(role)

    def close(self, limit_ms: int = 5000) -> None:
        self.closed = True

    def send(self, order: str, *events: ev.Event) -> None:
        """Deliver events of an order, as one delivery."""
        for event in events:
            self.happened.emit(order, event)
        self.events.emit([(order, event) for event in events])

    def become_ready(self, role: str = "predict", device: ev.DeviceFact | None = None) -> None:
        self.ready.emit(role, ev.EngineReady(role=role, device=device))

    def last(self, kind: type[Job]) -> tuple[Job, str]:
        """The newest order of a kind, and its id."""
        return next((job, order) for _, job, order in reversed(self.asked) if isinstance(job, kind))
