"""Pictures opened by another process: the same pixels, and whatever a picture does to its decoder costs that picture alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import WEB_PAGE, encoded, fifo, noise, smooth, written
from vgg_studio.core.errors import EngineDied, PictureRefused
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.pictures import guard as guard_module
from vgg_studio.pictures.guard import Guard
from vgg_studio.pictures.looks import SIDE, look_at
from vgg_studio.pictures.opening import open_picture, open_whole
from vgg_studio.pictures.resizing import to_array

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a process takes up")

# A decoder with a weakness for certain names.
_WEAK = """
import mmap, os, signal, sys, time
from vgg_studio.pictures import decoder
healthy = decoder._answer
def weak(request):
    name = os.path.basename(request.path)
    if name.startswith(b"crash"): os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith(b"kill"): os.kill(os.getpid(), signal.SIGKILL)
    while name.startswith(b"hang"): pass
    if name.startswith(b"sleep"): time.sleep(600)
    if name.startswith(b"raise"): raise KeyError("unlisted")
    if name.startswith(b"bloat"):
        hog = mmap.mmap(-1, 1 << 30)  # shared memory: no limit of the system's stops it
        while hog.write(b"x" * (1 << 20)): pass
    return healthy(request)
decoder._answer = weak
decoder.serve(float(sys.argv[1]), int(sys.argv[2]))
"""
WEAK = (sys.executable, "-P", "-c", _WEAK)


@pytest.fixture(scope="module")
def healthy() -> Iterator[Guard]:
    with Guard(2) as guard:
        yield guard


@pytest.fixture(autouse=True, scope="module")
def _begun_before_the_tests(healthy: Guard, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Decoders that all tests of this file share are not what a test left behind."""
    path = written(tmp_path_factory.mktemp("first") / "x.png", encoded(noise()))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(healthy.look, [bytes(path)] * 8))


def _reason(guard: Guard, path: Path) -> str:
    with pytest.raises(PictureRefused) as refused:
        guard.look(bytes(path))
    assert refused.value.values["path"] == str(path)
    return refused.value.reason


KINDS = [("PNG", {}), ("JPEG", {"quality": 90}), ("WEBP", {}), ("GIF", {}), ("TIFF", {}), ("AVIF", {})]


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize(
    "prep",
    [
        Preprocessing(image_size=48, decode="scaled"),
        Preprocessing(image_size=48, resize="crop", channels=4),
        Preprocessing(image_size=48, channels=1),
    ],
    ids=["scaled", "crop", "grey"],
)
def test_that_another_process_gives_the_same_pixels_to_the_bit(
    healthy: Guard, tmp_path: Path, kind: str, options: dict[str, object], prep: Preprocessing
) -> None:
    path = written(tmp_path / "x.jpg", encoded(smooth(400, 300), kind, **options))
    ours = healthy.pixels(bytes(path), prep)
    assert np.array_equal(ours, to_array(open_picture(path, at_least=prep.decoded_side), prep))
    assert (ours.dtype.name, ours.shape, ours.flags.writeable) == ("uint8", (48, 48, prep.channels), True)


def test_that_another_process_sees_the_same(healthy: Guard, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = written(tmp_path / "x.jpg", encoded(smooth(900, 600), "JPEG", exif=exif))
    whole = open_whole(path, at_least=SIDE)
    seen = healthy.look(str(path))
    assert seen == look_at(whole.picture, size=whole.size, kind=whole.kind, frames=whole.frames)
    assert (seen.width, seen.height, seen.kind, seen.frames) == (600, 900, "JPEG", 1)


def test_that_a_small_copy_is_pillows_thumbnail(healthy: Guard, tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(smooth(300, 200)))
    wanted = open_picture(path, at_least=64)
    wanted.thumbnail((64, 64), Image.Resampling.BICUBIC)
    assert np.array_equal(healthy.small(bytes(path), 64), np.asarray(wanted))


def test_that_a_path_from_here_means_the_same_there(
    healthy: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "x.png", encoded(noise()))
    monkeypatch.chdir(tmp_path)
    assert healthy.look("x.png").kind == "PNG"


@posix
def test_that_refusals_come_with_their_values(healthy: Guard, tmp_path: Path) -> None:
    fifo(tmp_path / "pipe.jpg")
    files = {
        "web_page": written(tmp_path / "a.jpg", WEB_PAGE),
        "document": written(tmp_path / "b.jpg", b"%PDF-1.7\n"),
        "missing": tmp_path / "no.jpg",
        "not_a_file": tmp_path / "pipe.jpg",
    }
    assert {_reason(healthy, path): path for path in files.values()} == files
    with pytest.raises(PictureRefused, match="is a document \\(PDF\\), not a picture"):
        healthy.look(bytes(files["document"]))


@posix
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "decoder_crashed"),
        ("raise", "decoder_crashed"),
        (
            "kill",
            "unreadable",
        ),  # as a system short of memory does: says nothing that would be remembered of the picture
        ("hang", "too_slow"),
        ("sleep", "too_slow"),
        pytest.param("bloat", "too_much_memory", marks=linux),
    ],
)
def test_that_what_a_picture_does_to_its_decoder_costs_that_picture_alone(
    tmp_path: Path, name: str, reason: str
) -> None:
    good = [written(tmp_path / f"good-{number}.png", encoded(noise(seed=number))) for number in range(12)]
    bad = [written(tmp_path / f"{name}-{number}.png", encoded(noise())) for number in range(2)]
    seconds = 20 if name == "bloat" else 0.2
    with Guard(2, memory_mb=150, seconds=seconds, command=WEAK) as guard, ThreadPoolExecutor(4) as pool:
        asked = [*good[:4], bad[0], *good[4:8], bad[1], *good[8:]]
        answers = list(pool.map(lambda path: _answer(guard, path), asked))
    assert answers == [("ok" if path in good else reason) for path in asked]


def _answer(guard: Guard, path: Path) -> str:
    try:
        return "ok" if guard.look(bytes(path)).width else "nothing"
    except PictureRefused as refusal:
        return refusal.reason


@linux
def test_that_the_system_refuses_memory_and_the_picture_is_called_so(tmp_path: Path) -> None:
    large = Image.new("L", (4000, 4000))
    path, small = written(tmp_path / "x.png", encoded(large)), written(tmp_path / "y.png", encoded(noise()))
    with Guard(1, memory_mb=30) as guard:
        assert _reason(guard, path) == "too_much_memory"
        assert guard.look(bytes(small)).width == 64
    with Guard(1) as guard:
        assert guard.look(bytes(path)).width == 4000


@posix
def test_that_a_decoder_that_somebody_else_ended_costs_no_picture(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(noise()))
    with Guard(1) as guard:
        guard.look(bytes(path))
        first = guard._decoders[0]._process
        assert first is not None
        first.kill()
        assert guard.look(bytes(path)).width == 64


@posix
def test_that_closing_frees_a_thread_that_waits_for_a_picture(tmp_path: Path) -> None:
    path = written(tmp_path / "sleep.png", encoded(noise()))
    reasons: list[str] = []
    with Guard(1, seconds=600, command=WEAK) as guard:
        thread = threading.Thread(target=lambda: reasons.append(_answer(guard, path)))
        thread.start()
        while guard._decoders[0]._watch is None:
            time.sleep(0.01)
    thread.join()
    assert reasons == ["unreadable"]  # nothing that would be remembered of the picture


@posix
def test_that_a_decoder_closed_just_as_it_has_answered_is_put_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "x.png", encoded(noise()))
    begun: list[subprocess.Popen[bytes]] = []
    exchange = guard_module._exchange

    def answered_then_closed(process: subprocess.Popen[bytes], request: bytes) -> object:
        begun.append(process)
        reply = exchange(process, request)
        guard.close()
        return reply

    monkeypatch.setattr(guard_module, "_exchange", answered_then_closed)
    guard = Guard(1)
    assert guard.look(bytes(path)).width == 64
    assert [(one.returncode, one.stdout is not None and one.stdout.closed) for one in begun] == [
        (-signal.SIGKILL, True)
    ]


def test_that_where_no_decoder_starts_the_order_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(noise()))
    with Guard(1, command=(sys.executable, "-c", "raise SystemExit(3)")) as guard, pytest.raises(EngineDied):
        guard.look(bytes(path))
    with Guard(1, command=(str(tmp_path / "no such program"),)) as guard, pytest.raises(EngineDied):
        guard.look(bytes(path))


_OWNER = """
import sys, threading
from vgg_studio.pictures.guard import Guard
guard = Guard(1)
guard.look(sys.argv[1])
print(guard._decoders[0]._process.pid, flush=True)
threading.Event().wait()
"""


@posix
def test_that_decoders_end_when_their_owner_is_killed(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(noise()))
    command = [sys.executable, "-c", _OWNER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        decoder = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    while _lives(decoder):
        time.sleep(0.01)


def _lives(process: int) -> bool:
    """Whether it runs; a dead one may wait for whoever adopted it."""
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def test_that_a_guard_that_was_never_asked_starts_nothing() -> None:
    before = threading.active_count()
    with Guard(2) as guard:
        assert threading.active_count() == before
        assert all(decoder._process is None for decoder in guard._decoders)


def test_that_a_decoder_begun_in_advance_answers_the_first_picture(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(noise()))
    with Guard(2) as guard:
        guard.start()
        begun = guard._decoders[0]._process
        guard.look(bytes(path))
        assert begun is not None
        assert guard._decoders[0]._process is begun
        assert guard._decoders[1]._process is None
