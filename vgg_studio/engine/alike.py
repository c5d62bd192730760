"""Which pictures are the same or nearly so: before a training splits them, and where another folder is to score it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial

from vgg_studio.core.events import Part, PhaseProgress, PhaseStarted, PictureRef
from vgg_studio.core.jobs import Stop
from vgg_studio.core.split import PARTS, Item, Listing
from vgg_studio.engine.data import READY, ahead, workers
from vgg_studio.engine.ending import Steps, Ticker, check
from vgg_studio.engine.several import each, here
from vgg_studio.pictures import doctor
from vgg_studio.pictures.files import locate, refer
from vgg_studio.pictures.known import Known

Groups = dict[PictureRef, int]


def groups(listing: Listing, known: Known, stop: Stop) -> Steps[Groups]:
    """The number that pictures share which are the same or nearly so; those that are like no other are not in it.

    Whoever trains first or scans first gets the same: what nobody has looked at is looked at here. Where several processes
    train together the first one finds out for all. Raises Asked.
    """
    found = yield from each(stop, _found(listing, known, stop) if here().leads else _nothing())
    return found[0]


def learned_elsewhere(
    own: Sequence[PictureRef], own_root: str, others: Sequence[PictureRef], root: str, known: Known, stop: Stop
) -> Steps[frozenset[PictureRef]]:
    """Which of another folder's pictures are the same as a run's own, or nearly the same. Raises Asked.

    Pictures of data sets without files are not compared; of a run's own those that are gone by now cannot be.
    """
    if any(picture.row >= 0 for picture in (*own, *others)):
        return frozenset()
    learned = {refer(locate(picture, own_root)) for picture in own}
    away = {refer(locate(picture, root)): picture for picture in others}
    both: dict[Part, list[Item]] = {
        "train": [Item(picture, 0) for picture in learned],
        "val": [],
        "test": [Item(picture, 0) for picture in away if picture not in learned],
    }
    listing = Listing(folder="", layout="classes", classes=[""], items=both)  # whole paths, below no folder
    found = yield from _found(listing, known, stop)
    used = {found.get(picture) for picture in learned} - {None}
    return frozenset(other for picture, other in away.items() if picture in learned or found.get(picture) in used)


def _found(listing: Listing, known: Known, stop: Stop) -> Steps[Groups]:
    pictures = [item.picture for part in PARTS for item in listing.items.get(part, ()) if item.picture.row < 0]
    yield PhaseStarted(phase="comparing", total=len(pictures))
    ticker = Ticker()
    yield from _looked(pictures, listing.folder, known, stop, ticker)
    work = doctor.grouping(listing, known)
    try:
        while True:
            check(stop)
            try:
                progress = next(work)
            except StopIteration as end:
                made: Groups = end.value
                return made
            if ticker.due():
                yield PhaseProgress(phase="comparing", done=progress.done, total=progress.total)
    finally:
        known.let_go()  # which pictures that are alike have begun again: nobody needs them while it is learned


def _looked(pictures: Sequence[PictureRef], folder: str, known: Known, stop: Stop, ticker: Ticker) -> Steps[None]:
    """Have a look at each picture that was opened without one: as a store does that keeps the pixels."""
    paths = []
    for picture in pictures:
        check(stop)
        if known.seen(path := locate(picture, folder)) is None:
            paths.append(path)
    with contextlib.closing(ahead((partial(known.check, path) for path in paths), workers() + READY)) as looks:
        try:
            for done, _ in enumerate(looks, 1):
                check(stop)
                if ticker.due():
                    yield PhaseProgress(phase="comparing", done=done, total=len(paths))
        finally:
            known.let_go()  # before the threads are waited for, which may wait for a hanging picture
    known.flush()


def _nothing() -> Steps[Groups]:
    yield from ()
    return {}
