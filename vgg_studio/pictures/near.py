"""Which of many pictures might be copies of each other: all pairs whose perceptual hashes differ in few bits.

Every hash is compared with every other, a row at a time: 100,000 hashes take 5 thousand million comparisons, 9 s and 3 MB on one
core of 2024, mirror images included. An index by parts of the hash (multi-index hashing) pays only where hashes are spread evenly
and few bits may differ; at 14 of 64 it would look at more pairs than there are.

Measured on 1,000 photographs of flowers and copies of them: of those cut by 5 % of their sides at random places 98 % differ in
at most 14 bits, of those encoded anew, resized, made 30 % brighter or darker or mirrored 99 % and more; of others 13 pairs
in 499,500 do. So what is found here is looked at a second time (likeness.py).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vgg_studio.pictures.hashing import mirrored

LIMIT = 14  # bits of 64
_SHAPE = 0.2  # most difference of the logarithms of width / height: a copy is cut a little, never to another format
_ROWS = 128  # between two looks up: 10 ms at 100,000 hashes
_AGAIN = 4  # times too many before pairs are sorted out

Hashes = npt.NDArray[np.uint64]


class Pair(NamedTuple):
    """Two places in the list of hashes, in how many bits they differ, and whether one is the other's mirror image."""

    first: int
    second: int
    distance: int
    mirrored: bool


def pairs(hashes: Hashes, shapes: npt.NDArray[np.float32], most: int) -> Generator[int, None, list[Pair]]:
    """Yield now and then how many hashes are done; return the pairs, nearest first.

    `shapes` holds log(width / height). Where more than `most` pairs are within LIMIT, because all pictures of the set look alike
    (clothes before white), the limit goes down until they are not.
    """
    kept = _Kept(most)
    turned = mirrored(hashes)
    differing, bits = np.empty(len(hashes), np.uint64), np.empty(len(hashes), np.uint8)
    for row in range(len(hashes)):
        if row % _ROWS == 0:
            yield row
        rest = len(hashes) - row - 1
        for other, is_mirrored in ((hashes, False), (turned, True)):
            np.bitwise_xor(other[row + 1 :], hashes[row], out=differing[:rest])
            np.bitwise_count(differing[:rest], out=bits[:rest])
            near = np.flatnonzero(bits[:rest] <= kept.limit)
            if len(near):
                near = near[np.abs(shapes[row + 1 + near] - shapes[row]) <= _SHAPE]
                kept.add(Pair(row, row + 1 + int(place), int(bits[place]), is_mirrored) for place in near)
                if kept.is_full():
                    return kept.nearest()
    return kept.nearest()


class _Kept:
    """The nearest pairs so far; too many of them lower the limit."""

    def __init__(self, most: int) -> None:
        self.limit = LIMIT
        self._most = most
        self._by_distance: list[list[Pair]] = [[] for _ in range(LIMIT + 1)]
        self._count = 0

    def add(self, found: Iterable[Pair]) -> None:
        for pair in found:
            self._by_distance[pair.distance].append(pair)
            self._count += 1
        if self._count > _AGAIN * self._most:
            self._lower()

    def is_full(self) -> bool:
        """Whether no pair can come that would be kept. Thousands of pictures with one hash would make millions of pairs."""
        return self.limit == 0 and self._count >= self._most

    def nearest(self) -> list[Pair]:
        self._lower()
        return [pair for row in self._by_distance for pair in row][: self._most]

    def _lower(self) -> None:
        while self.limit > 0 and self._count > self._most:
            self._count -= len(self._by_distance[self.limit])
            self._by_distance[self.limit] = []
            self.limit -= 1
        if self._count > self._most:
            del self._by_distance[0][self._most :]
            self._count = self._most


def united(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The groups of two and more of the places 0 to `count` that links join, directly or through others; sorted."""
    above = list(range(count))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for first, second in links:
        low, high = sorted((top(first), top(second)))
        above[high] = low
    groups: dict[int, list[int]] = {}
    for place in range(count):
        if above[place] != place:
            groups.setdefault(top(place), [top(place)]).append(place)
    return list(groups.values())
