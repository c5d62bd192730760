"""A run's curves as pictures `loss` and `acc`, and a `grid` of test pictures with the names they have and were given."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from vgg_studio.core import split, vgg, wording
from vgg_studio.core.errors import PictureRefused, from_os_error
from vgg_studio.core.events import WrongPicture
from vgg_studio.core.jobs import SavePlotsJob
from vgg_studio.core.language import N_
from vgg_studio.core.run_folder import SPLIT, Manifest, RunFolder
from vgg_studio.core.split import Item
from vgg_studio.pictures import curves, fonts
from vgg_studio.pictures.canvas import BAD, MATTE, MUTED, PAPER, TEXT, Canvas, fitting, said
from vgg_studio.pictures.guard import at_hand
from vgg_studio.pictures.thumbnails import small

_SIDE, _GAP, _CAPTION, _HEAD, _FOOT = 240, 24, 76, 120, 64  # px
_WORDS, _TITLE = 24, 40
_LEAST = 1064  # px that the heading takes

Chosen = list[tuple[Item, Image.Image]]


def save(run: RunFolder, job: SavePlotsJob, chosen: Chosen, wrong: Sequence[WrongPicture]) -> Iterator[str]:
    """Write `loss`, `acc` and, of the `chosen` pictures, `grid`; each file is told once it is there.

    Raises StorageError.
    """
    folder = _made(Path(job.folder))
    for name, sheet in _sheets(run.manifest, run.path.name, chosen, wrong, job.columns):
        file = folder / f"{name}.{job.kind}"
        sheet.save(file)
        yield str(file)


def choose(run: RunFolder, count: int) -> Chosen:
    """Some pictures of the scored part that can be opened: by chance, so they are as good and as bad as the rest.

    For one run they are always the same; none where it has not been scored. Raises RunDamaged.
    """
    scored = run.manifest.evaluation
    if scored is None:
        return []
    parts = split.from_csv(run.file(SPLIT).read_bytes())
    items = list(parts.test if scored.split == "test" else parts.val)
    random.Random(run.manifest.job.seed).shuffle(items)
    found: Chosen = []
    with at_hand(workers=1) as decoders:  # the files may be others by now
        for item in items:
            if len(found) == count:
                break
            with contextlib.suppress(PictureRefused):
                found.append((item, small(item.picture, run.manifest.job.data, _SIDE, decoders)))
    return found


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
    return folder


def _sheets(
    manifest: Manifest, name: str, chosen: Chosen, wrong: Sequence[WrongPicture], columns: int
) -> Iterator[tuple[str, Canvas]]:
    title = f"{vgg.title(manifest.job.shape(2).variant)}, {wording.escaped(name)}"
    yield "loss", curves.loss(manifest.epochs, manifest.best_epoch, title)
    yield "acc", curves.accuracy(manifest.epochs, manifest.best_epoch, title)
    if chosen and manifest.evaluation is not None:
        yield "grid", _grid(manifest.evaluation.split, manifest.classes, chosen, wrong, columns)


def _grid(part: str, classes: list[str], chosen: Chosen, wrong: Sequence[WrongPicture], columns: int) -> Canvas:
    columns = min(columns, len(chosen))
    answers = {one.picture: one.named for one in wrong}
    shown = _names(classes)
    told = shown != [wording.escaped(name) for name in classes]
    width = max(_GAP + columns * (_SIDE + _GAP), _LEAST)
    height = _HEAD + -(-len(chosen) // columns) * (_SIDE + _CAPTION + _GAP) + (_FOOT if told else 0)
    sheet = Canvas(width, height)
    right = sum(item.picture not in answers for item, _picture in chosen)
    sheet.text(_GAP, 32, _heading(part, right, len(chosen)), _TITLE)
    for index, (item, picture) in enumerate(chosen):
        left = _GAP + index % columns * (_SIDE + _GAP)
        top = _HEAD + index // columns * (_SIDE + _CAPTION + _GAP)
        named = answers.get(item.picture)
        answer = shown[classes.index(named)] if named in classes else shown[item.label]
        _cell(sheet, left, top, picture, named is not None)
        _caption(sheet, left, top + _SIDE + 8, shown[item.label], answer, named is not None)
    if told:
        words = said(N_("No font here has the letters of the classes' names: class_indices.json has them by number."))
        sheet.text(_GAP, height - _FOOT, words, _WORDS, MUTED)
    return sheet


def _heading(part: str, right: int, count: int) -> str:
    if part == "test":
        text = said(N_("{right} of {count} pictures of the test part named right"))
    else:
        text = said(N_("{right} of {count} pictures of the validation part named right"))
    return text.format(right=right, count=count)


def _names(classes: list[str]) -> list[str]:
    """The classes' names; all of them by number where no font has the letters of one."""
    shown = [wording.escaped(name) for name in classes]
    if all(fonts.for_text(name, _WORDS) for name in shown):
        return shown
    return [said(N_("class {number}")).format(number=number) for number in range(len(classes))]


def _cell(sheet: Canvas, left: int, top: int, picture: Image.Image, wrong: bool) -> None:
    """The picture on a matte, whole and in its own proportions; a wrong one has a red frame with a cross."""
    cell = Image.new("RGB", (_SIDE, _SIDE), MATTE)
    cell.paste(picture, ((_SIDE - picture.width) // 2, (_SIDE - picture.height) // 2))
    if wrong:
        pen = ImageDraw.Draw(cell)
        pen.rectangle([0, 0, _SIDE - 1, _SIDE - 1], outline=BAD, width=6)
        pen.rectangle([_SIDE - 44, 0, _SIDE - 1, 43], BAD)
        pen.line([_SIDE - 32, 12, _SIDE - 13, 31], PAPER, 5)
        pen.line([_SIDE - 32, 31, _SIDE - 13, 12], PAPER, 5)
    sheet.paste(cell, left, top)


def _caption(sheet: Canvas, left: int, top: int, true: str, named: str, wrong: bool) -> None:
    answer = said(N_("wrong: {name}") if wrong else N_("named {name}")).format(name=named)
    sheet.text(left, top, fitting(answer, _WORDS, _SIDE), _WORDS, BAD if wrong else TEXT)
    told = said(N_("truly {name}")).format(name=true)
    sheet.text(left, top + _WORDS + 8, fitting(told, _WORDS, _SIDE), _WORDS, MUTED)
