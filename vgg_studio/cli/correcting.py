"""`correct`: leave pictures out, put them into another class, take that back. The folder itself is not touched."""

from __future__ import annotations

import os
from collections.abc import Iterator

from vgg_studio import paths
from vgg_studio.cli import resuming
from vgg_studio.cli.printer import Printer
from vgg_studio.core import corrections, events as ev, wording
from vgg_studio.core.corrections import Corrections, Step, What
from vgg_studio.core.errors import PathMissing, UsageError
from vgg_studio.core.language import _, ngettext
from vgg_studio.core.split import PARTS, Listing
from vgg_studio.core.wording import escaped, picture_text


def correct(printer: Printer, data: str, chosen: list[str], actions: list[str], to: str, json: bool) -> None:
    """Leave out, move, take back, undo, redo or (`list`, or no action) only tell what was put right.

    A program gets facts: what is left out, and what was put into which class. Raises UsageError, PathMissing, DataError,
    StorageError.
    """
    if len(actions) > 1:
        asked = " ".join(f"--{name.replace('_', '-')}" for name in actions)
        raise UsageError(name="correct", value=asked, allowed=_("one of them"))
    action = actions[0] if actions else "list"
    folder, place = _folder(data), paths.corrections_folder()
    before = corrections.load(folder, place)
    after = _after(before, folder, chosen, action, to)
    if after != before:
        corrections.save(after, folder, place)
    if json:
        for event in _facts(after):
            printer.show(event)
    else:
        for line in _lines(after) if action == "list" else (_sentence(before, after),):
            printer.say(line)


def _folder(data: str) -> str:
    """The folder whose pictures are meant: of an archive the one that it is unpacked into, as scans and trainings do."""
    from vgg_studio.pictures.located import folder_of

    return folder_of(resuming.folder(data))


def _after(before: Corrections, folder: str, chosen: list[str], action: str, to: str) -> Corrections:
    match action:
        case "undo":
            return before.undo()
        case "redo":
            return before.redo()
        case "leave_out" | "move" | "take_back":
            return before.with_step(_step(folder, chosen, action, to))
        case _:
            return before


def _step(folder: str, chosen: list[str], what: What, to: str) -> Step:
    from vgg_studio.pictures.listing import list_folder

    listing = list_folder(folder)
    if what == "move" and to not in listing.classes:
        raise UsageError(name="--to", value=escaped(to), allowed=", ".join(map(escaped, listing.classes)))
    if not chosen:
        raise UsageError(name="PATH", value=_("left out"), allowed=_("pictures of the folder"))
    return Step(what=what, pictures=_found(listing, chosen), to=to if what == "move" else "")


def _found(listing: Listing, chosen: list[str]) -> list[ev.PictureRef]:
    """The pictures that are meant: named as in the folder, or by a path from here."""
    from vgg_studio.pictures.files import refer

    there = {item.picture for part in PARTS for item in listing.items.get(part, ())}
    by_name = {picture_text(picture): picture for picture in there}
    found = []
    for path in chosen:
        absolute = refer(os.path.abspath(os.fsencode(path)), os.fsencode(listing.folder))
        picture = by_name.get(path) or (absolute if absolute in there else None)
        if picture is None:
            raise PathMissing(path=escaped(path))
        found.append(picture)
    return found


def _facts(found: Corrections) -> Iterator[ev.Event]:
    moved: dict[str, list[ev.PictureRef]] = {}
    for picture, to in found.standing().items():
        if to:
            moved.setdefault(to, []).append(picture)
        else:
            yield ev.PictureLeftOut(picture=picture, reason=corrections.BY_HAND)
    for name, pictures in moved.items():
        yield ev.PicturesListed(class_name=name, pictures=pictures)
    yield ev.JobEnded(outcome="done")


def _lines(found: Corrections) -> Iterator[str]:
    standing = found.standing()
    for picture, to in standing.items():
        words = _("{picture}: put into {class_name}") if to else _("{picture}: left out")
        yield words.format(picture=picture_text(picture), class_name=escaped(to))
    if not standing:
        yield _("Nothing was put right by hand.")


def _sentence(before: Corrections, after: Corrections) -> str:
    """What was done, or taken back, in a sentence."""
    if after == before:
        return _("There is nothing to take back or to do again.")
    if len(after.steps) < len(before.steps):
        return _("Taken back: {step}").format(step=_told(before.steps[-1]))
    return _told(after.steps[-1])


def _told(step: Step) -> str:
    count = len(step.pictures)
    if step.what == "move":
        text = ngettext("{count} picture put into {class_name}.", "{count} pictures put into {class_name}.", count)
    elif step.what == "take_back":
        text = ngettext("{count} picture as the folder has it.", "{count} pictures as the folder has them.", count)
    else:
        text = ngettext("{count} picture left out.", "{count} pictures left out.", count)
    return text.format(count=wording.number(count), class_name=escaped(step.to))
