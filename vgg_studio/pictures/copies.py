"""Which pictures of a set are the same or nearly so: by their bytes, else by their hashes and a second look."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vgg_studio.core.data_events import Seen
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import Part
from vgg_studio.core.split import Item
from vgg_studio.pictures import likeness, near
from vgg_studio.pictures.compared import Compared
from vgg_studio.pictures.looks import is_one_colour

_LEAST_PAIRS, _PAIRS_SHARE = (
    2000,
    0.1,
)  # pairs that get a second look: so many, or this share of the pictures if that is more
_HELD = 2000  # grey copies of 4 kB
_THREADS = 2
_LOOK = 0.05  # seconds between two signs of life while pictures are opened


class Looked(NamedTuple):
    """A picture of a listing with what is known of its content; `seen` is None where nobody has looked at it."""

    item: Item
    part: Part
    digest: bytes
    seen: Seen | None


class Copies(NamedTuple):
    """Places of pictures that are the same or nearly so, and whether one of them is mirrored."""

    places: list[int]
    mirrored: bool


class Progress(NamedTuple):
    """How far the comparing is."""

    done: int
    total: int


_Grey = npt.NDArray[np.uint8]
Opener = Callable[[Item], _Grey]


def find(looked: Sequence[Looked], opener: Opener, compared: Compared) -> Generator[Progress, None, list[Copies]]:
    """Yield progress at least every 100 ms; return the groups of two and more.

    `opener` gives a picture's grey copy for likeness.py, in a thread; it may raise PictureRefused.
    """
    by_digest: dict[bytes, list[int]] = {}
    for place, picture in enumerate(looked):
        by_digest.setdefault(picture.digest, []).append(place)
    yield Progress(0, len(looked))
    links = [(places[0], other) for places in by_digest.values() for other in places[1:]]
    firsts = [places[0] for places in by_digest.values() if _shows_something(looked[places[0]].seen)]
    mirrored: set[int] = set()
    candidates = yield from _candidates([looked[place].seen for place in firsts])
    second_look = _SecondLook(looked, opener, compared)
    try:
        for done, pair in enumerate(candidates, 1):
            one, other = firsts[pair.first], firsts[pair.second]
            asked = second_look.same(one, other, pair.mirrored)
            for same in asked:
                if same:
                    links.append((one, other))
                    mirrored |= {one, other} if pair.mirrored else set()
                yield Progress(done, len(candidates))
    finally:
        second_look.close()
    groups = near.united(len(looked), links)
    return [Copies(places, bool(mirrored.intersection(places))) for places in groups]


def _shows_something(seen: Seen | None) -> bool:
    """Whether the hash says anything: all pictures of one colour have the same."""
    return seen is not None and not is_one_colour(seen)


def _candidates(seen: Sequence[Seen | None]) -> Generator[Progress, None, list[near.Pair]]:
    hashes = np.array([one.hash if one else 0 for one in seen], np.uint64)
    yield Progress(0, len(seen))
    sides = np.array([(one.width, one.height) if one else (1, 1) for one in seen], np.float32).reshape(-1, 2)
    shapes = np.log(sides[:, 0] / sides[:, 1])
    search = near.pairs(hashes, shapes, max(_LEAST_PAIRS, int(_PAIRS_SHARE * len(seen))))
    while True:
        try:
            done = next(search)
        except StopIteration as found:
            pairs: list[near.Pair] = found.value
            return pairs
        yield Progress(done, len(seen))


class _SecondLook:
    """Lays pictures upon each other; keeps small grey copies for a while, and what was found for ever."""

    def __init__(self, looked: Sequence[Looked], opener: Opener, compared: Compared) -> None:
        self._looked, self._opener, self._compared = looked, opener, compared
        self._greys: dict[int, Future[_Grey | None]] = {}
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="comparing")

    def same(self, one: int, other: int, mirrored: bool) -> Iterator[bool | None]:
        """None while the two are being opened, at last whether they are copies."""
        digests = self._looked[one].digest, self._looked[other].digest
        same = self._compared.verdict(*digests, mirrored)
        if same is None:
            greys = [self._grey(one), self._grey(other)]
            while wait(greys, timeout=_LOOK).not_done:
                yield None
            first, second = (grey.result() for grey in greys)
            if first is None or second is None:
                return
            same = likeness.likeness(first, second[:, ::-1] if mirrored else second).same
            self._compared.remember(*digests, mirrored, same)
        yield same

    def close(self) -> None:
        """Let the threads go and write down what was found."""
        self._pool.shutdown(cancel_futures=True)
        self._compared.save()

    def _grey(self, place: int) -> Future[_Grey | None]:
        if place not in self._greys:
            while len(self._greys) >= _HELD:
                del self._greys[next(iter(self._greys))]
            self._greys[place] = self._pool.submit(self._opened, self._looked[place].item)
        return self._greys[place]

    def _opened(self, item: Item) -> _Grey | None:
        """None where the picture has gone since it was looked at."""
        try:
            return self._opener(item)
        except PictureRefused:
            return None
