from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer, Signal

from tests.app.conftest import Process
from vgg_studio.app import engine_worker
from vgg_studio.app.engines import Engines, engine_command
from vgg_studio.app.event_stream import LONGEST_LINE, EventStream
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import PredictJob, ScanJob, TrainJob

SCRIPT = str(Path(__file__).with_name("fake_engine.py"))
Make = Callable[..., Engines]


class Heard(QObject):
    """What the window hears from its engines."""

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self.told: list[tuple[str, ev.Event]] = []
        self.deliveries: list[float] = []
        self.ready: list[str] = []
        self.lost: list[tuple[str, str]] = []
        engines.happened.connect(self.hear)
        engines.events.connect(self.count)
        engines.ready.connect(self.hear_ready)
        engines.lost.connect(self.hear_lost)

    def hear(self, order: str, event: ev.Event) -> None:
        self.told.append((order, event))

    def count(self, delivery: list[object]) -> None:
        self.deliveries.append(time.monotonic())

    def hear_ready(self, role: str, event: ev.EngineReady) -> None:
        self.ready.append(role)

    def hear_lost(self, role: str, order: str) -> None:
        self.lost.append((role, order))

    def of(self, order: str) -> list[ev.Event]:
        return [event for name, event in self.told if name == order]


@pytest.fixture
def make(process: Process) -> Iterator[Make]:
    """Real engines, threads and pipes around a fake engine process of a given behaviour."""
    made: list[Engines] = []

    def build(behaviour: str, *words: str) -> Engines:
        engines = Engines(lambda _role: [sys.executable, SCRIPT, behaviour, *words])
        made.append(engines)
        return engines

    yield build
    for engines in made:
        assert engines.close()


@pytest.fixture(autouse=True)
def _root_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_that_an_order_is_answered_and_ended_once(make: Make, process: Process) -> None:
    engines = make("plain")
    heard = Heard(engines)
    order = engines.ask("pictures", ScanJob(data="/pictures"))
    process(until=lambda: bool(heard.of(order)))
    assert [type(event) for event in heard.of(order)] == [ev.JobEnded]
    assert heard.ready == ["pictures"]


def test_that_an_engine_that_is_killed_ends_a_training_as_failed(make: Make, process: Process) -> None:
    engines = make("dying")
    heard = Heard(engines)
    order = engines.ask("train", TrainJob(data="/pictures"))
    process(until=lambda: bool(heard.of(order)))
    (ended,) = heard.of(order)
    assert isinstance(ended, ev.RunEnded)
    assert ended.outcome == "failed"
    assert ended.failure is not None
    assert ended.failure.code == "EngineDied"
    assert heard.lost == [("train", order)]


def test_that_the_next_order_gets_a_new_engine_after_one_died(make: Make, process: Process) -> None:
    engines = make("dying")
    heard = Heard(engines)
    for _ in range(2):
        order = engines.ask("predict", PredictJob(model="m", pictures=[]))
        process(until=lambda order=order: bool(heard.of(order)))
    assert [type(event) for _, event in heard.told] == [ev.JobEnded, ev.JobEnded]
    assert heard.ready == ["predict", "predict"]


def test_that_a_program_that_cannot_start_ends_its_orders(process: Process) -> None:
    engines = Engines(lambda _role: ["/nowhere/python"])
    heard = Heard(engines)
    order = engines.ask("pictures", ScanJob(data="/pictures"))
    process(until=lambda: bool(heard.of(order)))
    assert isinstance(heard.of(order)[0], ev.JobEnded)
    assert engines.close()


def test_that_lines_that_are_no_events_are_left_out_and_odd_line_ends_stay_inside(
    make: Make, process: Process, expect_log: Callable[[str], None]
) -> None:
    expect_log("a line that is no event")
    engines = make("babbling")
    heard = Heard(engines)
    order = engines.ask("pictures", ScanJob(data="/pictures"))
    process(until=lambda: bool(heard.of(order)) and isinstance(heard.of(order)[-1], ev.JobEnded))
    first = heard.of(order)[0]
    assert isinstance(first, ev.ClassLeftOut)
    assert first.name == "a\u2028b\u0085c"


def test_that_an_engine_that_hears_nothing_is_killed(
    make: Make, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_worker, "PATIENCE_MS", {"pictures": 50})
    monkeypatch.setattr(engine_worker, "TERMINATE_MS", 50)
    engines = make("deaf")
    heard = Heard(engines)
    order = engines.ask("pictures", ScanJob(data="/pictures"))
    process(until=lambda: bool(heard.ready))
    engines.stop(order, "cancel")
    process(until=lambda: bool(heard.of(order)))
    (ended,) = heard.of(order)
    assert isinstance(ended, ev.JobEnded)
    assert ended.failure is not None
    assert ended.failure.values["detail"] == "SIGKILL"


def test_that_closing_ends_an_engine_that_hears_nothing(
    make: Make, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_worker, "ASK_MS", 50)
    monkeypatch.setattr(engine_worker, "TERMINATE_MS", 50)
    engines = make("deaf")
    heard = Heard(engines)
    order = engines.ask("train", TrainJob(data="/pictures"))
    process(until=lambda: bool(heard.ready))
    assert engines.close()
    assert isinstance(heard.of(order)[0], ev.RunEnded)


def test_that_closing_while_training_pauses_the_run(make: Make, process: Process) -> None:
    engines = make("obedient")
    heard = Heard(engines)
    order = engines.ask("train", TrainJob(data="/pictures"))
    process(until=lambda: bool(heard.ready))
    assert engines.close()
    (ended,) = heard.of(order)
    assert isinstance(ended, ev.RunEnded)
    assert ended.outcome == "paused"


def train(engines: Engines, heard: Heard, process: Process) -> str:
    """One training; returns the id of the process that did it."""
    order = engines.ask("train", TrainJob(data="/pictures"))
    process(until=lambda: bool(heard.of(order)))
    (end,) = heard.of(order)
    assert isinstance(end, ev.RunEnded)
    return end.run


def in_turn(*behaviours: str) -> Engines:
    """Engines of which each process behaves differently, the last behaviour for all that follow."""
    left = list(behaviours)
    return Engines(lambda _role: [sys.executable, SCRIPT, left.pop(0) if len(left) > 1 else left[0]])


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgg_studio.app.engines.memory_bytes", lambda: 16 << 30)
    monkeypatch.setattr("vgg_studio.app.engines.SPARE_MS", 100)


@pytest.mark.usefixtures("roomy")
def test_that_a_fresh_engine_stands_ready_after_a_training(make: Make, process: Process) -> None:
    engines = make("plain")
    heard = Heard(engines)
    first = train(engines, heard, process)
    process(until=lambda: heard.ready == ["train", "train"])
    assert train(engines, heard, process) != first


@pytest.mark.usefixtures("roomy")
def test_that_a_training_at_once_is_done_by_the_engine_that_is_there(make: Make, process: Process) -> None:
    engines = make("plain")
    heard = Heard(engines)
    assert train(engines, heard, process) == train(engines, heard, process)
    assert heard.ready == ["train"]
    process(until=lambda: heard.ready == ["train", "train"])


@pytest.mark.usefixtures("roomy")
def test_that_a_training_need_not_wait_until_the_fresh_engine_is_ready(process: Process) -> None:
    engines = in_turn("plain", "late")
    heard = Heard(engines)
    first = train(engines, heard, process)
    process(ms=300)  # the fresh one is on its way
    assert [train(engines, heard, process) for _ in range(2)] == [first, first]
    assert heard.ready == ["train"]
    process(until=lambda: heard.ready == ["train", "train"])
    assert train(engines, heard, process) != first
    assert engines.close()


@pytest.mark.usefixtures("roomy")
def test_that_an_engine_in_which_a_training_failed_does_no_other(process: Process) -> None:
    engines = in_turn("failing", "late")
    heard = Heard(engines)
    assert train(engines, heard, process) != train(engines, heard, process)
    assert engines.close()


def test_that_nothing_starts_any_more_when_the_engines_are_closed(make: Make, process: Process) -> None:
    engines = make("plain")
    heard = Heard(engines)
    engines.warm("predict")
    process(until=lambda: bool(heard.ready))
    assert engines.close()
    engines.warm("predict")
    order = engines.ask("predict", PredictJob(model="m", pictures=[]))
    process(ms=300)
    assert (heard.ready, heard.of(order)) == (["predict"], [])


def test_that_a_small_machine_starts_an_engine_only_when_it_is_needed(
    make: Make, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgg_studio.app.engines.memory_bytes", lambda: 4 << 30)
    engines = make("plain")
    heard = Heard(engines)
    first = train(engines, heard, process)
    process(ms=300)
    assert heard.ready == ["train"]
    assert train(engines, heard, process) != first


def test_that_a_million_batches_reach_the_window_as_a_few_deliveries(make: Make, process: Process) -> None:
    engines = make("flooding", "1000000")
    heard = Heard(engines)
    ticks: list[float] = []
    timer = QTimer(interval=10)
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start()
    began = time.monotonic()
    order = engines.ask("train", TrainJob(data="/pictures"))
    process(until=lambda: any(isinstance(event, ev.RunEnded) for event in heard.of(order)), limit_ms=100_000)
    timer.stop()
    batches = [event for event in heard.of(order) if isinstance(event, ev.BatchEnded)]
    assert batches[-1].batch == 9
    assert len(heard.deliveries) <= 20 * (time.monotonic() - began) + 2
    gap = max(later - earlier for earlier, later in itertools.pairwise(ticks))
    assert gap <= 0.1, f"the window stood still for {gap * 1000:.0f} ms"


def test_that_only_what_is_replaceable_is_replaced() -> None:
    def batch(number: int) -> ev.BatchEnded:
        return ev.BatchEnded(epoch=1, batch=number, batches=9, pictures=number, pictures_total=9)

    stream = EventStream()
    for event in (batch(1), batch(2), ev.CheckpointSaved(epoch=1), batch(3), batch(4)):
        stream.add("a", event)
        stream.add("b", ev.PhaseProgress(phase="reading", done=len(stream)))
    kinds = [(order, type(event).__name__, getattr(event, "batch", None)) for order, event in stream.take(10)]
    assert kinds == [
        ("a", "BatchEnded", 2),
        ("b", "PhaseProgress", None),
        ("a", "CheckpointSaved", 0),
        ("a", "BatchEnded", 4),
    ]


def test_that_a_replaceable_event_that_was_delivered_is_not_replaced() -> None:
    stream = EventStream()
    stream.add("a", ev.PhaseProgress(phase="reading", done=1))
    assert len(stream.take(5)) == 1
    stream.add("a", ev.PhaseProgress(phase="reading", done=2))
    assert [event.done for _, event in stream.take(5) if isinstance(event, ev.PhaseProgress)] == [2]


def test_that_a_line_without_end_does_not_fill_the_memory(expect_log: Callable[[str], None]) -> None:
    expect_log("it was left out")
    expect_log("a line that is no event")
    stream = EventStream()
    stream.feed(b"x" * (LONGEST_LINE + 1))
    stream.feed(b"the rest of it\n" + ev.to_line(ev.JobEnded(outcome="done")))
    assert [type(event) for _, event in stream.take(5)] == [ev.JobEnded]


def test_that_an_engine_starts_where_no_file_of_the_user_can_stand_in_for_a_module() -> None:
    assert engine_command("train")[1:] == ["-P", "-m", "vgg_studio", "engine", "--role", "train"]


def test_that_five_thousand_signals_in_a_row_arrive(process: Process) -> None:
    class Sender(QObject):
        sent = Signal(bool, object)

    class Receiver(QObject):
        seen = 0

        def take(self, flag: bool, value: object) -> None:
            self.seen += flag

    sender, receiver = Sender(), Receiver()
    sender.sent.connect(receiver.take)
    for number in range(5_000):
        sender.sent.emit(True, number)
    process()
    assert receiver.seen == 5_000
