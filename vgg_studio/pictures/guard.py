"""Pictures opened by other processes: one that crashes, hangs or bloats its decoder costs that decoder, and is named.

Each thread that asks takes a decoder, writes one request and reads one answer; a thread of the guard's own looks after decoders
that are at one picture for long. A decoder that had to go is replaced at the next request.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from vgg_studio.core.data_events import Seen
from vgg_studio.core.errors import EngineDied, PictureRefused
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.pictures import patience
from vgg_studio.pictures.decoder import LENGTHS, Answer, Look, Pixels, Request, Small, frame
from vgg_studio.pictures.files import shown

Bytes = npt.NDArray[np.uint8]

WORKERS = min(4, os.cpu_count() or 1)
MEMORY_MB = 500
SECONDS = 2.0
COMMAND = (sys.executable, "-P", "-m", "vgg_studio.pictures.decoder")
_END = 1.0  # seconds that a decoder may take to end by itself
_LOOK = 0.05  # seconds between two looks at decoders that are at a picture
# One thread in each, so that pictures side by side share the cores and memory is not reserved for threads to come.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "PYTHONUTF8": "1"}
# Perhaps the fault of what came before, or of somebody who ended the process: tried once more, in a fresh one.
_KILLED = "killed"  # by somebody else: by a person, or by a system that is short of memory
_TRIED_AGAIN = {"decoder_crashed", "too_much_memory", _KILLED}
_OTHERS = {signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)}  # Windows knows but the first
_decode = msgspec.msgpack.Decoder(Answer).decode


class _Reply(NamedTuple):
    answer: Answer
    body: bytearray = bytearray()


class Guard:
    """Up to `workers` decoders, started when they are needed. Close it: no process and no thread stays. Any thread may ask.

    A picture may take `memory_mb` of memory more than a fresh decoder has, and the time that `patience` grants to `seconds`.
    `command` starts a decoder that speaks as `decoder` does.
    """

    def __init__(
        self, workers: int, memory_mb: int = MEMORY_MB, seconds: float = SECONDS, command: Sequence[str] = COMMAND
    ) -> None:
        limits = patience.Limits(seconds, memory_mb << 20)
        self._asked, self._over = threading.Event(), threading.Event()
        whole = (*command, str(seconds), str(memory_mb))
        self._decoders = [_Decoder(whole, limits, self._asked) for _ in range(max(1, workers))]
        self._free: queue.LifoQueue[_Decoder] = queue.LifoQueue()  # the last one used is the one that surely runs
        for decoder in reversed(self._decoders):
            self._free.put(decoder)
        self._watch: threading.Thread | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Have a first decoder begin, for a picture that will come soon; it is not waited for."""
        self._begin_watch()
        with contextlib.suppress(EngineDied):  # said by the first request
            self._decoders[0].begin()

    def look(self, path: bytes | str) -> Seen:
        """What the picture looks like (`looks.look_at`). Raises PictureRefused."""
        return _sight(self._ask(Look(_absolute(path))), path)

    def pixels(self, path: bytes | str, prep: Preprocessing) -> Bytes:
        """The picture as a network takes it in, (side, side, channels), as `to_array` gives it. Raises PictureRefused."""
        return _array(self._ask(Pixels(_absolute(path), prep)))

    def both(self, path: bytes | str, prep: Preprocessing) -> tuple[Seen, Bytes]:
        """What `look` and `pixels` answer, for one request. Raises PictureRefused."""
        reply = self._ask(Pixels(_absolute(path), prep, look=True))
        return _sight(reply, path), _array(reply)

    def small(self, path: bytes | str, side: int) -> Bytes:
        """The picture in colour within `side` px, (height, width, 3), in its own aspect. Raises PictureRefused."""
        return _array(self._ask(Small(_absolute(path), side)))

    def close(self) -> None:
        """End all decoders, those that are at a picture at once."""
        with self._lock:
            self._over.set()
            self._asked.set()
        if self._watch is not None:
            self._watch.join()
        for decoder in self._decoders:
            decoder.close()

    def _ask(self, request: Request) -> _Reply:
        """Raises PictureRefused, or EngineDied where no decoder can be started."""
        self._begin_watch()
        decoder = self._free.get()
        try:
            reply = decoder.ask(request, fresh=False)
            if reply.answer.reason in _TRIED_AGAIN and not self._over.is_set():
                reply = decoder.ask(request, fresh=True)
        finally:
            self._free.put(decoder)
        if reply.answer.reason == _KILLED or (self._over.is_set() and reply.answer.reason):
            raise PictureRefused("unreadable", path=shown(request.path))  # says nothing about the picture
        if reply.answer.reason:
            values = {name: value for name, value in reply.answer.values.items() if name != "reason"}
            raise PictureRefused(reply.answer.reason, **(values | {"path": shown(request.path)}))
        return reply

    def _begin_watch(self) -> None:
        with self._lock:
            if self._watch is None and not self._over.is_set():
                self._watch = threading.Thread(target=self._look_after_all, name="decoders' guard", daemon=True)
                self._watch.start()

    def _look_after_all(self) -> None:
        while not self._over.wait(_LOOK):
            self._asked.clear()
            if self._over.is_set():  # closed just before that: nobody will ask any more
                return
            at_work = [decoder.look_after() for decoder in self._decoders]
            if not any(at_work):
                self._asked.wait()


_kept: Guard | None = None


def keep() -> None:
    """From now on until its end this process has one guard for small orders, which nobody closes; its decoders stay warm."""
    global _kept
    _kept = Guard(WORKERS)


@contextlib.contextmanager
def at_hand(workers: int = WORKERS) -> Iterator[Guard]:
    """The guard that this process keeps, else one of its own for the block."""
    if _kept is not None:
        yield _kept
        return
    with Guard(workers) as guard:
        yield guard


class _Decoder:
    """One process and its two pipes, replaced when it had to go. `ask` is for one thread at a time."""

    def __init__(self, command: Sequence[str], limits: patience.Limits, asked: threading.Event) -> None:
        self._command = command
        self._limits = limits
        self._asked = asked  # set when it is given a picture
        self._lock = threading.Lock()  # around what `look_after` reads and does
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = self._closed = False
        self._resident = 0  # bytes, when it was fresh
        self._watch: patience.Watch | None = None  # while it is at a picture
        self._verdict = ""

    def begin(self) -> None:
        """Start the process where there is none. Raises EngineDied."""
        with self._lock:
            if self._process is not None or self._closed:
                return
            self._ready, self._verdict = False, ""
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,  # decoders print what is wrong with pictures
                    cwd=os.path.dirname(__file__),  # not where the pictures lie
                    env=os.environ | _ENVIRONMENT,
                    start_new_session=True,  # Ctrl+C in a terminal is for whoever started this process
                )
            except OSError as error:
                raise EngineDied(detail=error.strerror or "decoder") from error

    def ask(self, request: Request, *, fresh: bool) -> _Reply:
        """The answer, or one that names what ended the process. Raises EngineDied where none can be started."""
        if fresh:
            self._end()
        self.begin()
        process = self._process
        if process is None:  # closed
            return _Reply(Answer("unreadable"))
        if not self._ready and not self._made_ready(process):
            return _Reply(Answer("unreadable"))
        with self._lock:
            self._watch = patience.Watch(self._limits, process.pid, request.path, self._resident)
        self._asked.set()
        reply = _exchange(process, frame(request))
        with self._lock:
            self._watch = None
            verdict, closed = self._verdict, self._closed
        if reply is None or verdict or closed:  # closed while it answered: killed then, and left to this thread
            self._end()
        return reply or _Reply(Answer(verdict or _reason(process.returncode or 0)))

    def look_after(self) -> bool:
        """Whether it is at a picture. One that took too much of anything is ended, and its picture called so."""
        with self._lock:
            if self._watch is None or self._process is None:
                return False
            if not self._verdict and (verdict := self._watch.verdict()):
                self._verdict = verdict
                self._process.kill()
            return True

    def close(self) -> None:
        """End the process for good; at once where it is at a picture, whose thread hears of it."""
        with self._lock:
            self._closed = True
            if self._watch is not None and self._process is not None:
                self._process.kill()  # the thread that waits for it puts it away
                return
        self._end()

    def _made_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until it can be asked; False where it was closed meanwhile. Raises EngineDied where it ends instead."""
        self._ready = _received(_pipe(process.stdout)) is not None
        if self._ready:
            self._resident = patience.resident_bytes(process.pid)
        elif not self._closed:
            self._end()
            raise EngineDied(detail=f"{self._command[-3]}: {process.returncode}")
        return self._ready

    def _end(self) -> None:
        """Close the pipes and wait until the process is gone; one that does not hear is killed."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            _pipe(process.stdin).close()
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()


def _sight(reply: _Reply, path: bytes | str) -> Seen:
    if reply.answer.seen is None:  # not of our own decoder
        raise PictureRefused("decoder_crashed", path=shown(os.fsencode(path)))
    return reply.answer.seen


def _array(reply: _Reply) -> Bytes:
    return np.frombuffer(reply.body, np.uint8).reshape(reply.answer.shape)


def _exchange(process: subprocess.Popen[bytes], request: bytes) -> _Reply | None:
    """None where the process ended over it."""
    try:
        pipe = _pipe(process.stdin)
        pipe.write(request)
        pipe.flush()
        return _received(_pipe(process.stdout))
    except (
        OSError,
        ValueError,
        msgspec.DecodeError,
    ):  # it ended before it could read; the pipe is closed; no decoder of ours
        return None


def _reason(returncode: int) -> str:
    if -returncode in _OTHERS:
        return _KILLED
    rang = returncode < 0 and returncode == -getattr(signal, "SIGALRM", 0)  # its own last resort
    return "too_slow" if rang else "decoder_crashed"


def _received(pipe: IO[bytes]) -> _Reply | None:
    lengths = pipe.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    size, following = LENGTHS.unpack(lengths)
    message, body = pipe.read(size), bytearray(pipe.read(following))
    return _Reply(_decode(message), body) if len(message) == size and len(body) == following else None


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("a decoder is started with pipes")
    return pipe


def _absolute(path: bytes | str) -> bytes:
    return os.path.abspath(os.fsencode(path))
