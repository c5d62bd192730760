"""The engine process: lines in, lines out, and its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.engine.lessons import draw_folder, tiny
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import (
    DrawSamplesJob,
    PredictJob,
    Request,
    ScanJob,
    StopHow,
    ThumbnailJob,
    TrainJob,
    to_line,
)
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import serve

ROOT = Path(__file__).parents[2]


class Engine:
    """An engine process as a window would start it."""

    def __init__(self, role: str, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vgg_studio", "engine", "--role", role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
        )
        self.seqs: list[int] = []

    def say(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def ask(self, name: str, job: object) -> None:
        self.say(to_line(Request(id=name, job=job)))  # type: ignore[arg-type]

    def stop(self, name: str, how: StopHow = "cancel") -> None:
        self.say(to_line(Request(id=name, stop=how)))

    def events(self) -> Iterator[ev.Event]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = ev.from_line(line)
            assert isinstance(event.seq, int)
            self.seqs.append(event.seq)
            yield event

    def until(self, name: str) -> list[ev.Event]:
        """The events up to the end of an order."""
        found = []
        for event in self.events():
            found.append(event)
            if event.job == name and isinstance(event, ev.JobEnded | ev.RunEnded):
                return found
        raise AssertionError(f"the engine is gone: {found}")

    def hang_up(self) -> tuple[int, bytes]:
        """Close its stdin; exit code and stderr."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Engine]]:
    begun: list[Engine] = []

    def begin(role: str) -> Engine:
        begun.append(Engine(role, tmp_path))
        return begun[-1]

    yield begin
    for engine in begun:
        if engine.process.returncode is None:
            engine.process.kill()
            engine.process.communicate()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=6)


def test_that_a_run_goes_through_the_pipe_and_is_named_by_the_predict_role(
    start: Callable[[str], Engine], pictures: Path, tmp_path: Path
) -> None:
    train = start("train")
    train.ask("one", tiny(pictures, tmp_path / "run"))
    events = train.until("one")

    ready = events[0]
    assert isinstance(ready, ev.EngineReady)
    assert ready.device is not None
    assert set(ready.versions) >= {"vgg_studio", "python", "torch"}
    assert isinstance(events[-1], ev.RunEnded)
    assert events[-1].outcome == "finished"
    assert {event.job for event in events[1:]} == {"one"}
    assert train.seqs == list(range(1, len(events) + 1))
    assert train.hang_up()[0] == 0

    namer = start("predict")
    namer.ask("a", PredictJob(model=str(tmp_path / "run"), pictures=[ev.PictureRef(path=str(pictures / "red"))]))
    namer.ask("b", PredictJob(model=str(tmp_path / "nowhere"), pictures=[]))
    first, second = namer.until("a"), namer.until("b")
    assert sum(isinstance(event, ev.PicturePredicted) for event in first) == 6
    assert isinstance(second[-1], ev.JobEnded)
    assert second[-1].outcome == "failed"
    code, errors = namer.hang_up()
    assert (code, errors) == (0, b"")


def test_that_the_pictures_role_lists_and_shows_at_the_same_time_without_torch(
    start: Callable[[str], Engine], pictures: Path, tmp_path: Path
) -> None:
    engine = start("pictures")
    engine.ask("scan", ScanJob(data=str(pictures)))
    engine.ask("show", ThumbnailJob(pictures=[ev.PictureRef(path="red/red-001.png")], data=str(pictures)))
    engine.ask("draw", DrawSamplesJob(folder=str(tmp_path / "samples"), count=8))

    ended: dict[str, list[ev.Event]] = {}
    for event in engine.events():
        ended.setdefault(str(event.job), []).append(event)
        if all(isinstance(ended.get(name, [0])[-1], ev.JobEnded) for name in ("scan", "show", "draw")):
            break

    assert {name: events[-1].outcome for name, events in ended.items() if isinstance(events[-1], ev.JobEnded)} == {
        "scan": "done",
        "show": "done",
        "draw": "done",
    }
    assert any(isinstance(event, ev.FolderScanned) for event in ended["scan"])
    assert any(isinstance(event, ev.ThumbnailMade) for event in ended["show"])
    maps = Path(f"/proc/{engine.process.pid}/maps")
    if maps.exists():
        assert "libtorch" not in maps.read_text()
    assert engine.hang_up() == (0, b"")


@pytest.mark.parametrize(
    ("role", "never"),
    [
        ("pictures", ("torch", "safetensors", "sklearn", "PySide6", "typer", "rich")),
        ("train", ("PySide6", "typer", "torchvision")),
    ],
)
def test_that_a_role_imports_only_what_its_orders_need(role: str, never: tuple[str, ...]) -> None:
    code = (
        "import importlib, sys; from vgg_studio.engine.serve import ROLES;"
        f"[importlib.import_module(work.module) for work in ROLES[{role!r}].values()];"
        f"print([name for name in {never!r} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, env=environment, check=True
    )

    assert done.stdout == "[]\n"


def test_that_bad_lines_are_answered_and_do_no_harm(start: Callable[[str], Engine], pictures: Path) -> None:
    engine = start("pictures")
    engine.say(b"nonsense\n")
    engine.say(b'{"id": "b", "job": {"order": "train", "epochs": 0}}\n')
    engine.say(b'{"id": "c", "job": {"order": "fly"}}\n')
    engine.say(b'{"id": "d", "job": {"order": "export", "run": "x", "file": "y"}}\n')
    engine.say(b"x" * (serve.LONGEST_LINE + 5) + b"\n")
    engine.say(b"\n")
    engine.say(b'{"id": "unknown", "stop": "cancel"}\n')
    request = msgspec.to_builtins(Request(id="e", job=ScanJob(data=str(pictures))))
    request["job"]["later"] = request["new"] = 1
    engine.say(msgspec.json.encode(request) + b"\n")

    events = engine.until("e")

    failed = [event for event in events if isinstance(event, ev.JobEnded) and event.outcome == "failed"]
    assert [(event.job, event.failure.code if event.failure else "") for event in failed] == [
        ("", "Unexpected"),
        ("b", "UsageError"),
        ("c", "Unexpected"),
        ("d", "UsageError"),
        ("", "Unexpected"),
    ]
    assert any(isinstance(event, ev.FolderScanned) for event in events)


def test_that_a_running_order_can_be_stopped_and_one_that_waits_too(
    start: Callable[[str], Engine], pictures: Path, tmp_path: Path
) -> None:
    engine = start("train")
    engine.ask("a", tiny(pictures, tmp_path / "run", epochs=1000))
    for event in engine.events():
        if isinstance(event, ev.EpochEnded):
            break
    engine.stop("a", "pause")
    events = engine.until("a")

    assert isinstance(events[-1], ev.RunEnded)
    assert events[-1].outcome == "paused"

    engine.ask("b", tiny(pictures, tmp_path / "other", epochs=1000))
    engine.ask("b", tiny(pictures, tmp_path / "twin", epochs=1000))
    engine.ask("c", TrainJob(data=str(pictures), run=str(tmp_path / "third")))
    engine.stop("c", "discard")
    engine.stop("b", "discard")
    events = engine.until("b")
    assert isinstance(events[-1], ev.RunEnded)
    assert [event.outcome for event in events if isinstance(event, ev.JobEnded) and event.job == ""] == ["failed"]
    last = engine.until("c")[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.outcome == "discarded"
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "twin").exists()
    assert engine.hang_up() == (0, b"")


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="this system knows no niceness")
def test_that_a_training_lets_others_go_first(start: Callable[[str], Engine]) -> None:
    engine = start("train")
    assert isinstance(next(engine.events()), ev.EngineReady)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, engine.process.pid) == min(19, own + serve.NICENESS)


def test_that_hanging_up_pauses_a_training_at_its_batch(
    start: Callable[[str], Engine], pictures: Path, tmp_path: Path
) -> None:
    engine = start("train")
    engine.ask("a", tiny(pictures, tmp_path / "run", epochs=1000))
    for event in engine.events():
        if isinstance(event, ev.EpochEnded):
            break

    assert engine.hang_up() == (0, b"")
    assert RunFolder.open(tmp_path / "run").manifest.outcome == "paused"


def test_that_an_engine_that_cannot_hear_is_gone_when_its_window_is(
    start: Callable[[str], Engine], pictures: Path, tmp_path: Path
) -> None:
    engine = start("train")  # batches of a minute: nothing asks for a stop in between
    engine.ask("a", tiny(pictures, tmp_path / "run", variant="vgg19", width_divisor=1, image_size=256, batch_size=64))
    for event in engine.events():
        if isinstance(event, ev.PhaseStarted) and event.phase == "training":
            break
    time.sleep(0.5)

    code, _ = engine.hang_up()

    assert code == 0
    assert RunFolder.open(tmp_path / "run").manifest.outcome == ""


def test_that_what_libraries_print_stays_out_of_the_protocol(pictures: Path) -> None:
    code = (
        "import os, sys; from vgg_studio.engine import serve;"
        "pipes = serve._claim_pipes(); print('from python'); os.write(1, b'from C\\n'); print(sys.stdin.read() == '');"
        "os.write(pipes[1], b'protocol\\n')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", code], input=b"order\n", capture_output=True, env=environment, check=True
    )

    assert done.stdout == b"protocol\n"
    assert set(done.stderr.split(b"\n")) >= {b"from python", b"from C", b"True"}


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_that_lines_are_split_at_newlines_alone_and_long_ones_dropped(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "LONGEST_LINE", 10)
    monkeypatch.setattr(serve, "_CHUNK", chunk)
    reading, writing = os.pipe()
    os.write(writing, "a\r\u2028b\n0123456789\n0123456789X\nand more than that\nz\nrest".encode())
    os.close(writing)

    lines = list(serve._lines(reading))
    os.close(reading)

    assert lines == ["a\r\u2028b".encode(), b"0123456789", None, None, b"z"]


def test_that_an_unknown_role_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.serve("kitchen") == 2
    assert "pictures, predict, train" in capsys.readouterr().err
