"""The process that opens pictures for another one (`guard`), so that a hostile picture costs this process and nothing else.

Requests come in on stdin and answers go out on stdout, each a frame: the lengths of a message and of what follows it (4 bytes
each), the message (MessagePack), then bytes: pixels. The process ends when stdin closes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import sys
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from PIL import Image

from vgg_studio.core.data_events import Seen
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.pictures.decoding import Decoded
from vgg_studio.pictures.looks import SIDE, look_at
from vgg_studio.pictures.opening import open_picture, open_whole
from vgg_studio.pictures.resizing import to_array

LENGTHS = struct.Struct("<II")
_LAST_RESORT = (
    30  # times the seconds that a picture may take: then nobody is there any more who would have ended this process
)


class Look(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """See what a picture looks like: answered by `seen`."""

    path: bytes


class Pixels(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """A picture as a network takes it in (`resizing.to_array`): answered by bytes of the shape (side, side, channels).

    With `look` also by `seen`.
    """

    path: bytes
    prep: Preprocessing
    look: bool = False


class Small(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """A picture within a square of `side` px, in its own aspect: answered by bytes of the shape (height, width, 3)."""

    path: bytes
    side: int


Request = Look | Pixels | Small


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """What came of a request: `reason` and `values` are a PictureRefused's; `shape` is that of the bytes that follow."""

    reason: str = ""
    values: dict[str, str | int | float] = {}
    seen: Seen | None = None
    shape: tuple[int, ...] = ()


def frame(message: msgspec.Struct, body: bytes = b"") -> bytes:
    """A message and what follows it, as it goes through the pipe."""
    head = msgspec.msgpack.encode(message)
    return b"".join((LENGTHS.pack(len(head), len(body)), head, body))


def serve(seconds: float, megabytes: int) -> None:
    """Answer requests until stdin closes, with at most so much memory more than now, and within 30 times so many seconds."""
    incoming, outgoing = _claim_pipes()
    _limit(megabytes)
    decoder = msgspec.msgpack.Decoder(Request)
    _say(outgoing, frame(Answer()))  # ready
    while len(lengths := incoming.read(LENGTHS.size)) == LENGTHS.size:
        request = decoder.decode(incoming.read(LENGTHS.unpack(lengths)[0]))
        _set_alarm(_LAST_RESORT * seconds)
        _say(outgoing, _answer(request))
        _set_alarm(0)


def _answer(request: Request) -> bytes:
    try:
        if isinstance(request, Look):
            return frame(Answer(seen=_seen(open_whole(request.path, at_least=SIDE))))
        if isinstance(request, Pixels):
            whole = open_whole(request.path, at_least=request.prep.decoded_side)
            return _with_pixels(to_array(whole.picture, request.prep), _seen_again(request, whole))
        picture = open_picture(request.path, at_least=request.side)
        picture.thumbnail((request.side, request.side), Image.Resampling.BICUBIC)
        return _with_pixels(np.asarray(picture))
    except PictureRefused as refusal:
        return frame(Answer(refusal.reason, refusal.values))
    except MemoryError:
        return frame(Answer("too_much_memory"))


def _seen(whole: Decoded) -> Seen:
    return look_at(whole.picture, size=whole.size, kind=whole.kind, frames=whole.frames)


def _seen_again(request: Pixels, whole: Decoded) -> Seen | None:
    """What is seen must not depend on who looks first, so a JPEG is decoded once more as small as every look has it."""
    if not request.look:
        return None
    return _seen(open_whole(request.path, at_least=SIDE) if whole.kind in ("JPEG", "MPO") else whole)


def _with_pixels(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], seen: Seen | None = None) -> bytes:
    return frame(Answer(seen=seen, shape=array.shape), array.tobytes())


def _say(outgoing: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(outgoing, rest) :]


def _claim_pipes() -> tuple[IO[bytes], int]:
    """Keep stdin and stdout for requests and answers alone: what decoders print goes to stderr."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return incoming, outgoing


def _limit(megabytes: int) -> None:
    """Have the system refuse more memory than that, where it does so (Linux): decoders raise MemoryError instead of taking it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for whoever started this process
    with contextlib.suppress(ImportError, OSError, ValueError, StopIteration):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        now = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:"))
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (now + (megabytes << 20), most))


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    serve(float(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)  # at once: there is nothing to put away
