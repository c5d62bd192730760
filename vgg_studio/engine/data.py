"""The pictures of a job as bytes ready for the network: each opened once, kept in memory where there is room."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import Event, PhaseProgress, PhaseStarted, PictureLeftOut, PictureRef
from vgg_studio.core.jobs import Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine.device import usable_cores
from vgg_studio.engine.ending import Ticker, check
from vgg_studio.engine.known import Known, Verdict
from vgg_studio.engine.place import place
from vgg_studio.engine.several import each, here
from vgg_studio.pictures import datasets
from vgg_studio.pictures.files import locate
from vgg_studio.pictures.opening import open_picture, open_ref
from vgg_studio.pictures.resizing import many_to_arrays, to_array

Bytes = npt.NDArray[np.uint8]
Refusal = tuple[PictureRef, PictureRefused]
Checked = Generator[Event, None, dict[PictureRef, PictureRefused]]
Answer = TypeVar("Answer")

_SPARE = 2  # parts of the free memory of which one may hold pictures
_AT_ONCE = 32 << 20  # bytes of pictures that one thread takes from a data set at a time
_LOOKED_AT = 256  # pictures whose files' entries are looked at before those that are not known are opened
READY = 2  # threads more than cores where pictures are decoded by other processes: they have the next ones at hand
_FREE_UNKNOWN = 2 << 30  # bytes taken for free where the system does not tell


class PictureStore:
    """Pictures of a folder as arrays (side, side, channels) of bytes; those that were read are kept if all of them fit.

    `memory` is the limit in bytes for what is kept (None: half of what is free). While `known` is set, pictures may be new:
    those that it does not know to be good are opened by its guard's processes. Safe to read from several threads.
    """

    def __init__(
        self, root: str, pictures: Sequence[PictureRef], prep: Preprocessing, memory: int | None = None
    ) -> None:
        self.root = root
        self.prep = prep
        self.known: Known | None = None
        self._rows = {picture: row for row, picture in enumerate(pictures)}
        shape = (len(self._rows), prep.image_size, prep.image_size, prep.channels)
        limit = free_memory() // _SPARE // place().local_world if memory is None else memory
        self._kept = np.empty(shape, np.uint8) if np.prod(shape, dtype=np.int64) <= limit else None
        self._known = np.zeros(len(self._rows), bool)

    @property
    def keeps(self) -> bool:
        """Whether pictures are kept in memory once read."""
        return self._kept is not None

    def read(self, picture: PictureRef) -> Bytes:
        """One picture, (side, side, channels). Raises PictureRefused."""
        row = self._rows[picture]
        if self._kept is not None and self._known[row]:
            kept: Bytes = self._kept[row]
            return kept
        array = self._opened(picture)
        if self._kept is not None:
            self._kept[row] = array
            self._known[row] = True
        return array

    def _opened(self, picture: PictureRef) -> Bytes:
        if self.known is not None and picture.row < 0:
            return first_array(locate(picture, self.root), self.prep, self.known)
        return to_array(open_ref(picture, self.root, at_least=self.prep.decoded_side), self.prep)

    def put(self, pictures: Sequence[PictureRef], arrays: Bytes) -> None:
        """Keep pictures, (N, side, side, channels), that somebody has read all at once."""
        if self._kept is not None:
            rows = [self._rows[picture] for picture in pictures]
            self._kept[rows] = arrays
            self._known[rows] = True


def open_array(path: bytes | str, prep: Preprocessing) -> Bytes:
    """A picture's file as the network sees it before normalisation. Raises PictureRefused.

    Learning, scores and predictions see the same numbers, whichever process opens it.
    """
    return to_array(open_picture(path, at_least=prep.decoded_side), prep)


def first_array(path: bytes, prep: Preprocessing, known: Known) -> Bytes:
    """What `open_array` gives, for a picture that nobody may have opened yet: a hostile one costs another process.

    What is `known` is used; what is found is remembered. Raises PictureRefused.
    """
    if verdict := known.verdict(path):
        if verdict.refusal is not None:
            raise verdict.refusal
        return open_array(path, prep)
    try:
        seen, array = known.guard.both(path, prep)
    except PictureRefused as refusal:
        known.refuse(path, refusal)
        raise
    known.accept(path, seen)
    return array


def read_all(store: PictureStore, pictures: Sequence[PictureRef], stop: Stop, known: Known | None = None) -> Checked:
    """Open every picture once, several at a time; tell progress and name, then return, those that cannot be used.

    Where several processes train together each opens its share, and all hear of what the others found.
    A store that keeps no pictures leaves those alone that are `known` already, at the cost of a look at a file's entry; the
    others are looked at by processes of their own, and remembered. Rows of a data set were judged with it.
    """
    if pictures and pictures[0].row >= 0:
        return (yield from _rows(store, pictures, stop))
    mine = here().share(pictures)
    store.known = known
    try:
        if known is not None and not store.keeps:
            refusals = _checked(store.root, mine, known)
        else:
            refusals = ahead((partial(_refusal, store, picture) for picture in mine), workers() + READY)
        shares = yield from each(stop, _told(mine, refusals, stop, len(pictures), known))
    finally:
        store.known = None  # from now on they are known, or were refused
    refused = {picture: refusal for share in shares for picture, refusal in share.items()}
    for picture, refusal in refused.items():
        if picture not in shares[here().place.rank]:
            yield left_out(picture, refusal)
    return refused


def _rows(store: PictureStore, pictures: Sequence[PictureRef], stop: Stop) -> Checked:
    """Take a data set without picture files into a store that keeps pictures: thousands at a time, not one by one."""
    yield PhaseStarted(phase="reading", total=len(pictures))
    found = datasets.opened(store.root)
    count = len(found.train) + len(found.test)
    refused = {one: PictureRefused("missing", path=one.path) for one in pictures if one.row >= count}
    for picture, refusal in refused.items():
        yield left_out(picture, refusal)
    if store.keeps:
        there = [one for one in pictures if one not in refused]
        size = max(1, _AT_ONCE // (store.prep.image_size**2 * store.prep.channels))
        some = [there[start : start + size] for start in range(0, len(there), size)]
        tasks = (partial(_stacked, found, chunk, store.prep) for chunk in some)
        with contextlib.closing(ahead(tasks, workers(), depth=workers())) as arrays:
            for number, (chunk, array) in enumerate(zip(some, arrays, strict=True), start=1):
                check(stop)
                store.put(chunk, array)
                yield PhaseProgress(phase="reading", done=len(pictures) * number // len(some), total=len(pictures))
    return refused


def _stacked(found: datasets.PixelSet, pictures: Sequence[PictureRef], prep: Preprocessing) -> Bytes:
    return many_to_arrays(found.rows(np.array([picture.row for picture in pictures], np.intp)), prep)


def _told(
    pictures: Sequence[PictureRef],
    refusals: Generator[PictureRefused | None, None, None],
    stop: Stop,
    total: int,
    known: Known | None,
) -> Checked:
    """Tell of pictures that are a share of `total`, as if the others came along as fast."""
    refused: dict[PictureRef, PictureRefused] = {}
    ticker = Ticker()
    yield PhaseStarted(phase="reading", total=total)
    with contextlib.closing(refusals), contextlib.ExitStack() as held:
        if known is not None:
            held.callback(known.let_go)  # before the threads are waited for, which may wait for a hanging picture
        for done, (picture, refusal) in enumerate(zip(pictures, refusals, strict=True), start=1):
            check(stop)
            if refusal is not None:
                refused[picture] = refusal
                yield left_out(picture, refusal)
            if ticker.due() or done == len(pictures):
                yield PhaseProgress(phase="reading", done=total * done // len(pictures), total=total)
    return refused


def _checked(root: str, pictures: Sequence[PictureRef], known: Known) -> Generator[PictureRefused | None, None, None]:
    """For each picture why it cannot be used, or None. What is known needs no thread."""
    for start in range(0, len(pictures), _LOOKED_AT):
        some = pictures[start : start + _LOOKED_AT]
        verdicts = [_verdict(root, picture, known) for picture in some]
        tasks = (partial(_judged, root, p, known) for p, verdict in zip(some, verdicts, strict=True) if verdict is None)
        with contextlib.closing(ahead(tasks, workers() + READY)) as answers:
            for verdict in verdicts:
                yield verdict.refusal if verdict else next(answers)
    known.flush()


def _verdict(root: str, picture: PictureRef, known: Known) -> Verdict | None:
    try:
        return known.verdict(locate(picture, root))
    except PictureRefused as refusal:
        return Verdict(refusal)


def _judged(root: str, picture: PictureRef, known: Known) -> PictureRefused | None:
    return known.check(locate(picture, root))


def left_out(picture: PictureRef, refusal: PictureRefused) -> PictureLeftOut:
    """The event for a picture that is not used."""
    values = {key: value for key, value in refusal.values.items() if key not in ("reason", "path")}
    return PictureLeftOut(picture=picture, reason=refusal.reason, values=values)


def ahead(tasks: Iterable[Callable[[], Answer]], threads: int, depth: int = 0) -> Generator[Answer, None, None]:
    """The tasks' answers in order, worked on by threads up to `depth` ahead (0: four for each). Close it to end them."""
    with ThreadPoolExecutor(threads, thread_name_prefix="reading") as pool:
        waiting: deque[Future[Answer]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) > (depth or 4 * threads):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for task_left in waiting:
                task_left.cancel()


def workers() -> int:
    """Threads for opening pictures: one a core, shared with the processes that train together with this one."""
    return max(1, usable_cores() // place().local_world)


def free_memory() -> int:
    """Bytes of memory that a job could take without pushing others out."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return _FREE_UNKNOWN


def _refusal(store: PictureStore, picture: PictureRef) -> PictureRefused | None:
    try:
        store.read(picture)
    except PictureRefused as refusal:
        return refusal
    return None
