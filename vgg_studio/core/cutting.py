"""Cutting parts from pictures of which some belong together: each class by its shares, as well as whole groups allow.

Pictures that are the same or nearly the same make one unit, which stands in one part. Units come in the order of a hash, so a
new picture moves few of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Unit(NamedTuple):
    """Pictures that stand in one part together: where they come in the order, their places in a list, how many of each class."""

    rank: tuple[bytes, object]
    places: list[int]
    sizes: dict[int, int]  # label -> pictures


def shares(count: int, percents: Sequence[int]) -> tuple[int, ...]:
    """How many of a class's `count` pictures each held-back part gets: its per cent, rounded, at least one unless it is 0 %.

    Training always keeps at least one: with too few for all, the first part comes first (2 pictures: one trains, one checks),
    and no part takes what would leave a later one empty.
    """
    spare, found = max(0, count - 1), []
    for place, percent in enumerate(percents):
        wanted = max(1, (percent * count + 50) // 100) if percent else 0
        later = sum(1 for other in percents[place + 1 :] if other)
        share = min(wanted, spare, max(1, spare - later))
        spare -= share
        found.append(share)
    return tuple(found)


def cut(units: list[Unit], percents: Sequence[int]) -> list[list[Unit]]:
    """The units of each held-back part; what is in none of them is learned from.

    A unit that fits into what a class still needs is taken in order; then, where one that is too large comes closer to the
    share than none, the closest one. A class keeps at least one unit to learn from, and while it has enough of them one
    for each part.
    """
    units = sorted(units, key=lambda unit: unit.rank)
    by_class: dict[int, list[Unit]] = {}
    for unit in units:
        for label in unit.sizes:
            by_class.setdefault(label, []).append(unit)
    counts = {label: sum(unit.sizes[label] for unit in found) for label, found in by_class.items()}
    wanted = {label: shares(count, percents) for label, count in counts.items()}
    free = {label: len(found) for label, found in by_class.items()}
    taken: set[int] = set()
    parts = []
    for place in range(len(percents)):
        later = sum(1 for percent in percents[place + 1 :] if percent)
        part = _Part({label: held[place] for label, held in wanted.items()}, free, taken, later)
        for label in sorted(by_class):
            part.fill(label, by_class[label])
        parts.append(part.units)
    return parts


class _Part:
    """One held-back part while it is filled. `free` and `taken` are shared with the other parts."""

    def __init__(self, need: dict[int, int], free: dict[int, int], taken: set[int], later: int) -> None:
        self.units: list[Unit] = []
        self._need = need
        self._free = free  # units of each class that no part has taken
        self._taken = taken  # by identity: two units may look alike
        self._later = later
        self._has: set[int] = set()  # classes

    def fill(self, label: int, units: list[Unit]) -> None:
        """Take what the class still needs from its units, which come in their order."""
        if self._need[label] <= 0:
            return
        for unit in units:
            if self._is_there(unit) and all(size <= self._need[other] for other, size in unit.sizes.items()):
                self._take(unit)
                if not self._need[label]:
                    return
        there = [unit for unit in units if self._is_there(unit)]
        if not there:
            return
        closest = min(there, key=self._loss)  # the first of several
        if self._loss(closest) < 0 or label not in self._has:
            self._take(closest)

    def _is_there(self, unit: Unit) -> bool:
        """Whether the unit is free, and leaves enough of its classes to learn from and to the parts that come later."""
        return id(unit) not in self._taken and all(
            self._free[label] > (1 + self._later if label in self._has else 1) for label in unit.sizes
        )

    def _loss(self, unit: Unit) -> int:
        """How much further from their shares all classes were with the unit; less than 0 is better with it."""
        return sum(abs(self._need[label] - size) - abs(self._need[label]) for label, size in unit.sizes.items())

    def _take(self, unit: Unit) -> None:
        self.units.append(unit)
        self._taken.add(id(unit))
        for label, size in unit.sizes.items():
            self._need[label] -= size
            self._free[label] -= 1
            self._has.add(label)
