"""The scan of a folder: list it, open every picture that is not known yet, tell what can be used and how it will be split."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import NamedTuple

from vgg_studio.core import split
from vgg_studio.core.errors import PictureRefused, StudioError
from vgg_studio.core.events import (
    ClassesListed,
    ClassLeftOut,
    Event,
    Finding,
    FindingsMade,
    FolderScanned,
    JobEnded,
    LeftOut,
    PhaseProgress,
    PhaseStarted,
    PictureLeftOut,
    PictureRef,
    PicturesListed,
)
from vgg_studio.core.jobs import ScanJob, Stop
from vgg_studio.core.split import PARTS, Listing
from vgg_studio.pictures import guard, known
from vgg_studio.pictures.copies import Progress
from vgg_studio.pictures.corrected import corrected
from vgg_studio.pictures.doctor import Examined, examine
from vgg_studio.pictures.files import locate, shown
from vgg_studio.pictures.known import Known
from vgg_studio.pictures.listing import class_counts, list_folder, too_small, usable
from vgg_studio.pictures.located import located
from vgg_studio.pictures.walking import Stopped

__all__ = ["list_folder", "refusal", "scan", "usable"]

_AN_EVENT = 500  # pictures in one event
_FINDINGS = 200  # in one event
_TOLD = 1000  # left-out files in the last event
_PAUSE = 0.1  # seconds between two events of progress
_LOOK = 0.05  # seconds between two looks at the stop
_THREADS = guard.WORKERS + 2  # while pictures are decoded elsewhere, these read and look up the next ones
_AHEAD = 8 * _THREADS  # pictures handed to the threads at a time: keeps memory and a stop short


_Check = Callable[[PictureRef], LeftOut | None]


class _Read(NamedTuple):
    done: int
    refused: LeftOut | None


def scan(job: ScanJob, stop: Stop) -> Iterator[Event]:
    """Scan a folder. Ends with one JobEnded, within 200 ms of a stop; a folder that cannot be used ends as `failed`."""
    try:
        yield PhaseStarted(phase="listing")
        listing = corrected(list_folder((yield from located(job.data, stop)), stop), job.corrections)
        for event in _told(listing):
            _look(stop)
            yield event
        left_out = list(listing.left_out)
        pictures = [item.picture for part in PARTS for item in listing.items[part] if item.picture.row < 0]
        yield PhaseStarted(phase="reading", total=len(pictures))
        with known.in_cache() as seen, ThreadPoolExecutor(_THREADS, thread_name_prefix="reading") as pool:
            try:
                check = partial(refusal, root=listing.folder, seen=seen)
                yield from _reported(_read_all(pictures, check, pool, stop), len(pictures), left_out)
                examined = yield from _compared(examine(listing, seen, _refs(left_out)), len(pictures), stop)
                yield from _told_findings(examined.findings)
                yield from _small_classes(listing, left_out)
                summing = pool.submit(_summary, listing, left_out, job, examined)
                while not wait((summing,), timeout=_LOOK).done:  # it takes a second for 100,000 pictures
                    _look(stop)
                yield summing.result()
            except Stopped:
                yield JobEnded(outcome="stopped")  # before the pool is waited for
                return
            finally:  # also where nobody asks for more after the last event
                seen.let_go()
    except Stopped:
        yield JobEnded(outcome="stopped")
    except StudioError as error:
        yield JobEnded(outcome="failed", failure=error.fact())
    else:
        yield JobEnded(outcome="done")


def refusal(picture: PictureRef, root: str, seen: Known) -> LeftOut | None:
    """See whether a picture can be used, opening it unless that is known: None, or why not."""
    try:
        error = seen.check(locate(picture, root))
    except PictureRefused as leads_out:
        error = leads_out
    if error is None:
        return None
    values = {name: value for name, value in error.values.items() if name not in ("path", "reason")}
    return LeftOut(picture=picture, reason=error.reason, values=values)


def _told(listing: Listing) -> Iterator[Event]:
    """What is known by names alone."""
    yield ClassesListed(
        folder=shown(os.fsencode(listing.folder)),
        layout=listing.layout,
        classes=class_counts(listing.classes, listing.items),
        ignored=listing.ignored,
        suggestion=shown(os.fsencode(listing.suggestion)),
    )
    for part in PARTS:
        by_class: dict[int, list[PictureRef]] = {}
        for item in listing.items[part]:
            by_class.setdefault(item.label, []).append(item.picture)
        for label, pictures in sorted(by_class.items()):
            for start in range(0, len(pictures), _AN_EVENT):
                some = pictures[start : start + _AN_EVENT]
                yield PicturesListed(class_name=listing.classes[label], part=part, pictures=some)
    for folder in listing.left_out:
        yield PictureLeftOut(picture=folder.picture, reason=folder.reason, values=folder.values)


def _read_all(pictures: list[PictureRef], check: _Check, pool: ThreadPoolExecutor, stop: Stop) -> Iterator[_Read]:
    """Each picture's result in the order of the list, with few of them under way. Raises Stopped."""
    waiting: deque[Future[LeftOut | None]] = deque()
    rest = iter(pictures)
    for done in range(1, len(pictures) + 1):
        while len(waiting) < _AHEAD and (picture := next(rest, None)) is not None:
            waiting.append(pool.submit(check, picture))
        first = waiting.popleft()
        while not wait((first,), timeout=_LOOK).done or stop.how is not None:
            if stop.how is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                raise Stopped
        yield _Read(done, first.result())


def _reported(results: Iterator[_Read], total: int, left_out: list[LeftOut]) -> Iterator[Event]:
    """Refusals at once, progress at most ten times a second; refusals are also added to `left_out`."""
    last = time.monotonic()
    for done, refused in results:
        if refused is not None:
            left_out.append(refused)
            yield PictureLeftOut(picture=refused.picture, reason=refused.reason, values=refused.values)
        if done == total or time.monotonic() - last >= _PAUSE:
            last = time.monotonic()
            yield PhaseProgress(phase="reading", done=done, total=total)


def _compared(work: Generator[Progress, None, Examined], total: int, stop: Stop) -> Generator[Event, None, Examined]:
    """What the doctor found, with progress at most ten times a second. Raises Stopped."""
    yield PhaseStarted(phase="comparing", total=total)
    last = time.monotonic()
    while True:
        _look(stop)
        try:
            progress = next(work)
        except StopIteration as end:
            examined: Examined = end.value
            return examined
        if time.monotonic() - last >= _PAUSE:
            last = time.monotonic()
            yield PhaseProgress(phase="comparing", done=progress.done, total=progress.total)


def _told_findings(findings: list[Finding]) -> Iterator[Event]:
    """Findings in portions that stay short however many pictures each has."""
    portion: list[Finding] = []
    for finding in findings:
        portion.append(finding)
        if len(portion) == _FINDINGS or sum(len(one.pictures) for one in portion) >= _AN_EVENT:
            yield FindingsMade(findings=portion)
            portion = []
    if portion:
        yield FindingsMade(findings=portion)


def _refs(left_out: list[LeftOut]) -> set[PictureRef]:
    return {entry.picture for entry in left_out}


def _small_classes(listing: Listing, left_out: list[LeftOut]) -> Iterator[Event]:
    for name, count in too_small(listing, _refs(left_out)):
        yield ClassLeftOut(name=name, count=count)


def _summary(listing: Listing, left_out: list[LeftOut], job: ScanJob, examined: Examined) -> FolderScanned:
    """The end of a scan. Raises TooFewPictures."""
    good = usable(listing, _refs(left_out))
    return FolderScanned(
        folder=shown(os.fsencode(listing.folder)),
        layout=listing.layout,
        classes=class_counts(good.classes, good.items),
        split=split.split_counts(good, job.seed, job.val_percent, job.test_percent, examined.groups),
        left_out=left_out[:_TOLD],
        left_out_count=len(left_out),
        ignored=listing.ignored,
    )


def _look(stop: Stop) -> None:
    if stop.how is not None:
        raise Stopped
