"""Pictures as training will see them: the same listing, split, order, scaling, flips and crops, as small JPEGs for the window."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from vgg_studio import paths
from vgg_studio.core import split
from vgg_studio.core.errors import PictureRefused, StudioError, from_os_error
from vgg_studio.core.events import Event, JobEnded, PhaseStarted, PictureLeftOut, PictureRef, PreviewMade
from vgg_studio.core.jobs import PreviewJob, Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.split import PARTS, Split
from vgg_studio.pictures import doctor, known, varying, views
from vgg_studio.pictures.corrected import corrected, state
from vgg_studio.pictures.files import locate
from vgg_studio.pictures.guard import Guard, at_hand
from vgg_studio.pictures.known import Known
from vgg_studio.pictures.listing import list_folder, usable
from vgg_studio.pictures.opening import open_ref
from vgg_studio.pictures.resizing import to_array
from vgg_studio.pictures.saving import save_jpeg, stands
from vgg_studio.pictures.walking import Stopped

_QUALITY = 92
_YOUNG = 30.0  # seconds for which a split is taken for the folder's
_KEPT = 24 * 3600  # seconds after which a file that nobody asked for again goes

Pixels = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]


class Chosen(NamedTuple):
    """A picture with its class, and its number in the training part: chance depends on it."""

    picture: PictureRef
    label: str
    number: int


def preview(job: PreviewJob, stop: Stop, *, cache: Path | None = None) -> Iterator[Event]:
    """A PreviewMade for each variation of each picture, or a PictureLeftOut for a picture that cannot be read; then JobEnded.

    Variant v is what round v + 1 of a training with these settings learns from. Files lie in `previews` below `cache` (by
    default the user's), where only the user can read them.
    """
    try:
        folder = _private_folder(cache)
        yield PhaseStarted(phase="listing")
        found = _found(job, stop)
        chosen = _chosen(job, found.parts)
        yield PhaseStarted(phase="reading", total=len(chosen))
        with at_hand(workers=1) as decoders:
            for one in chosen:
                if stop.how is not None:
                    raise Stopped
                yield from _made(one, job, found.root, folder, decoders)
    except Stopped:
        yield JobEnded(outcome="stopped")
    except StudioError as error:
        yield JobEnded(outcome="failed", failure=error.fact())
    else:
        yield JobEnded(outcome="done")


def cropped(picture: Pixels, box: npt.NDArray[np.floating]) -> Pixels:
    """A picture (side, side, channels) cut to its box and scaled back, bilinear: `engine.batches.cropped` without torch."""
    left, top, width, height = (float(value) for value in box)
    side = len(picture)
    middles = (np.arange(side) + 0.5) / side
    low, high, share = _between((left + middles * width) * side - 0.5, side)
    wide = picture[:, low] * (1 - share[:, None]) + picture[:, high] * share[:, None]
    low, high, share = _between((top + middles * height) * side - 0.5, side)
    whole = wide[low] * (1 - share[:, None, None]) + wide[high] * share[:, None, None]
    return np.rint(whole).astype(np.uint8)


def _between(places: npt.NDArray[np.float64], side: int) -> tuple[_Places, _Places, npt.NDArray[np.float64]]:
    """The two pixels that each place lies between, and how near it is to the second; beyond the border is the border."""
    inside = np.clip(places, 0, side - 1)
    low = np.floor(inside).astype(np.intp)
    return low, np.minimum(low + 1, side - 1), inside - low


class _Found(NamedTuple):
    """A folder's split, where its pictures lie, and what was put right in it by then."""

    root: str
    parts: Split
    corrections: str


_last: tuple[tuple[object, ...], float, _Found] | None = None  # of another variation of the same pictures, for a moment


def _found(job: PreviewJob, stop: Stop) -> _Found:
    """The split of a training on the folder. Raises StudioError, Stopped."""
    global _last
    key = (job.data, job.seed, job.val_percent, job.test_percent, job.corrections)
    if _last is not None and _last[0] == key and _still_holds(_last[2], since=_last[1]):
        return _last[2]
    found = _split(job, stop)
    _last = (key, time.monotonic(), found)
    return found


def _still_holds(found: _Found, since: float) -> bool:
    return time.monotonic() - since < _YOUNG and found.corrections == state(found.root)


def _split(job: PreviewJob, stop: Stop) -> _Found:
    """As `engine.prepare` splits; what is not known to be unreadable counts as readable, what nobody looked at as unlike."""
    listing = list_folder(job.data, stop)
    put_right = state(listing.folder)  # before they are heeded: what is put right meanwhile is heeded the next time
    listing = corrected(listing, job.corrections)
    with known.in_cache() as seen:
        pictures = [item.picture for part in PARTS for item in listing.items[part] if item.picture.row < 0]
        good = usable(listing, {picture for picture in pictures if _is_refused(picture, listing.folder, seen)})
        work = doctor.grouping(good, seen)
        while True:
            if stop.how is not None:
                raise Stopped
            try:
                next(work)
            except StopIteration as end:
                groups: dict[PictureRef, int] = end.value
                break
    return _Found(listing.folder, split.make(good, job.seed, job.val_percent, job.test_percent, groups), put_right)


def _is_refused(picture: PictureRef, root: str, seen: Known) -> bool:
    try:
        verdict = seen.verdict(locate(picture, root))
    except PictureRefused:
        return True
    return verdict is not None and verdict.refusal is not None


def _chosen(job: PreviewJob, parts: Split) -> list[Chosen]:
    """The pictures that were asked for, or the first batch of round 1 in its order."""
    train = parts.train
    if not job.pictures:
        first = varying.plan(varying.order(job.seed, 1, len(train)), job.batch)[0].tolist()
        return [Chosen(train[number].picture, parts.classes[train[number].label], number) for number in first]
    numbers = {item.picture: number for number, item in enumerate(train)}
    labels = {item.picture: parts.classes[item.label] for part in PARTS for item in parts.part(part)}
    beyond = len(train)  # pictures that are kept back are never varied: they are shown as others would be
    return [
        Chosen(picture, labels.get(picture, ""), numbers.get(picture, beyond + place))
        for place, picture in enumerate(job.pictures)
    ]


def _made(one: Chosen, job: PreviewJob, root: str, folder: Path, decoders: Guard) -> Iterator[Event]:
    """The variations of one picture, which is opened only where one of them is not there yet."""
    scaled: Pixels | None = None
    for variant in range(job.variants):
        try:
            file = folder / f"{_key(one, job, root, variant)}.jpg"
            if not stands(file):
                if scaled is None:
                    scaled = _scaled(one.picture, job, root, decoders)
                save_jpeg(_shown(_seen(scaled, one, job, root, variant + 1)), file, quality=_QUALITY, mode=0o600)
        except PictureRefused as refusal:
            values = {key: value for key, value in refusal.values.items() if key not in ("reason", "path")}
            yield PictureLeftOut(picture=one.picture, reason=refusal.reason, values=values)
            return
        yield PreviewMade(picture=one.picture, file=str(file), label=one.label, variant=variant)


def _scaled(picture: PictureRef, job: PreviewJob, root: str, decoders: Guard) -> Pixels:
    prep = Preprocessing(image_size=job.image_size, resize=job.resize, channels=job.channels, decode="scaled")
    if picture.row >= 0:
        return to_array(open_ref(picture, root), prep)
    return decoders.pixels(locate(picture, root), prep)


def _seen(picture: Pixels, one: Chosen, job: PreviewJob, root: str, epoch: int) -> Pixels:
    """A picture in one round: cut anew, or one of the views that a frozen part knows of it."""
    if not job.views:
        return varied(picture, varying.drawn_for(job.variation, job.seed, epoch, [one.number]))
    view = int(views.drawn(job.variation, job.views, job.seed, epoch, one.number + 1)[-1])
    with known.in_cache() as seen:
        digest = seen.digest_of(one.picture, root)
    pictures, boxes = views.varied(picture[None].copy(), [view], [digest])
    return pictures[0] if boxes is None else cropped(pictures[0], boxes[0])


def varied(picture: Pixels, drawn: varying.Drawn) -> Pixels:
    """One picture (side, side, channels) after what was drawn for it."""
    pictures = picture[None].copy()
    varying.turn(pictures, drawn)
    return pictures[0] if drawn.boxes is None else cropped(pictures[0], drawn.boxes[0])


def _shown(array: Pixels) -> Image.Image:
    """What eyes can see of an array: grey where it has one or two channels, else colours."""
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2] < 3 else array[..., :3])).convert("RGB")


def _key(one: Chosen, job: PreviewJob, root: str, variant: int) -> str:
    picture = one.picture
    stamp = ""
    if picture.row < 0:
        status = _status(locate(picture, root))
        stamp = f"{status.st_size} {status.st_mtime_ns}"
    number = 0 if job.variation == "none" else one.number
    settings = (job.variation, job.views, job.image_size, job.resize, job.channels, job.seed, number, variant)
    text = "\0".join((os.path.abspath(root), picture.path, picture.raw, str(picture.row), stamp, repr(settings)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _status(path: bytes) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise PictureRefused("missing") from error


def _private_folder(cache: Path | None) -> Path:
    """The folder of previews, without those that are a day old."""
    folder = (cache or paths.cache_folder()) / "previews"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for entry in os.scandir(folder):
            if entry.stat().st_mtime < time.time() - _KEPT:
                os.unlink(entry.path)
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
    return folder
