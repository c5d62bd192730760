"""What was noticed in a folder, in words: a short row for each kind, a heading, what to do about it, captions of pictures."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from vgg_studio.app import caption, places
from vgg_studio.app.noticed import CLASS_LEFT_OUT, LEFT_OUT, MOVED, OF_CLASSES, UNREADABLE, Noticed
from vgg_studio.app.scan_state import ScanState
from vgg_studio.core import events as ev, finding_words, wording
from vgg_studio.core.errors import describe_reason
from vgg_studio.core.language import N_, _, ngettext
from vgg_studio.core.wording import escaped

_SHORT: dict[str, str] = {
    UNREADABLE: N_("Cannot be read"),
    "across_parts": N_("In two parts"),
    "two_classes": N_("In two classes"),
    "wrong_label": N_("Perhaps in the wrong class"),
    "duplicate": N_("Duplicates"),
    "near_duplicate": N_("Near duplicates"),
    "imbalance": N_("Classes are unequal"),
    "tiny_class": N_("Very small classes"),
    "same_name": N_("Classes named alike"),
    "one_colour": N_("Of one colour"),
    "dark": N_("Very dark"),
    "blurry": N_("Blurred"),
    "first_frame": N_("Only the first frame used"),
    "odd_name": N_("Odd names"),
    CLASS_LEFT_OUT: N_("Classes left out"),
    LEFT_OUT: N_("Left out by you"),
    MOVED: N_("Put elsewhere by you"),
}
_ADVICE: dict[str, str] = {
    UNREADABLE: N_("They are left out; everything else is used. The files were not changed."),
    "across_parts": N_(
        "The same picture stands in two parts. What a network has learned from says nothing about new pictures: leave it "
        "out on one side, or the score is too good."
    ),
    "two_classes": N_(
        "The same picture stands in two classes. A network cannot learn what has two names: keep each in one."
    ),
    "wrong_label": N_("Networks that did not learn from these pictures name them otherwise, surest first."),
    "duplicate": N_(
        "The same picture more than once. Copies stay on one side of the split, but count more than other pictures."
    ),
    "near_duplicate": N_(
        "Cut, resized, mirrored or saved another way. They stay on one side of the split, but count more than others."
    ),
    "imbalance": N_("A network learns large classes first. More pictures of the small ones help most."),
    "tiny_class": N_("So few pictures teach little. Add some, or put them into another class."),
    "same_name": N_("Is it the same class, written in two ways? Then put the pictures of one into the other."),
    "one_colour": N_("They show nothing that can be learned."),
    "dark": N_("Keep them if new pictures will be as dark."),
    "blurry": N_("Keep them if new pictures will be as blurred."),
    "first_frame": N_("Animations and files of several pages are used with their first picture alone."),
    "odd_name": N_("They are used here, but other systems cannot hold these names."),
    CLASS_LEFT_OUT: N_("A class needs two pictures that can be used: one to learn from, one to check with."),
    LEFT_OUT: N_("They are not used. The files lie where they were."),
    MOVED: N_("They are used as pictures of another class than their folder. The files lie where they were."),
}
_PARTS = {"train": N_("training part"), "val": N_("validation part"), "test": N_("test part")}


class Cell(NamedTuple):
    """A picture with two lines below it, and what tells more.

    Of a finding (`at`: which of its pictures) the lines are made when they are wanted, for there may be thousands of cells.
    """

    picture: ev.PictureRef
    words: tuple[str, str] = ("", "")
    about: ev.Finding | str = ""
    at: int = 0

    @property
    def lines(self) -> tuple[str, str]:
        """The two lines."""
        return self.words if isinstance(self.about, str) else _lines(self.about, self.at)

    def tip(self) -> str:
        """What is said of it in a whole sentence."""
        return self.about if isinstance(self.about, str) else finding_words.reason(self.about)


def short(kind: str) -> str:
    """A kind as a row of the list."""
    return _(_SHORT[kind])


def figure(kind: str, found: Noticed, scan: ScanState) -> str:
    """What stands at a row's right: how many, or for unequal classes from how many to how many."""
    counts = [row.train + row.val + row.test for row in scan.classes]
    if kind == "imbalance" and counts:
        return _("{low} to {high}").format(low=wording.number(min(counts)), high=wording.number(max(counts)))
    return wording.number(found.count(kind))


def heading(kind: str, found: Noticed) -> str:
    """The line above the pictures of a kind: what it is, and how many."""
    title = short(kind)
    count = found.count(kind)
    if kind == UNREADABLE:
        many = ngettext("{count} file", "{count} files", count).format(count=wording.number(count))
    elif kind in (*OF_CLASSES, CLASS_LEFT_OUT):
        many = wording.classes(count)
    else:
        many = wording.pictures(count)
    return _("{title}  {count}").format(title=caption.heading(title), count=many)


def advice(kind: str, found: Noticed) -> str:
    """What it means and what to do; for classes first which ones."""
    words = [_(_ADVICE[kind])]
    if kind in (*OF_CLASSES, "odd_name"):
        words[:0] = [finding_words.reason(finding) for finding in found.findings.get(kind, [])[:3]]
    if kind == CLASS_LEFT_OUT:
        words[:0] = [class_line(entry) for entry in found.classes_left_out[:3]]
    return "\n".join(words)


def class_line(entry: ev.ClassLeftOut) -> str:
    """A class that is not learned, and why."""
    if not entry.count:
        return _("{name}: the class has no picture that can be used").format(name=escaped(entry.name))
    return _("{name}: the class has one picture, two are needed").format(name=escaped(entry.name))


def cells(kind: str, found: Noticed, scan: ScanState) -> list[list[Cell]]:
    """The pictures of a kind in groups that belong together, with their captions."""
    if kind == UNREADABLE:
        return [[_unreadable(entry)] for entry in found.unreadable]
    if kind in (LEFT_OUT, MOVED):
        return [[_by_hand(picture, found.moved.get(picture, ""), scan)] for picture in _touched(kind, found)]
    if kind == CLASS_LEFT_OUT:
        names = [entry.name for entry in found.classes_left_out]
        return [[_of_class(picture, name)] for name in names for picture in scan.pictures.get(name, [])]
    if kind in OF_CLASSES:
        return _of_classes(kind, found, scan)
    return [_of_finding(finding) for finding in found.findings.get(kind, [])]


def _touched(kind: str, found: Noticed) -> list[ev.PictureRef]:
    return found.left_out if kind == LEFT_OUT else list(found.moved)


@lru_cache(maxsize=20_000)
def _name(picture: ev.PictureRef) -> str:
    return escaped(places.name(picture.path)) if picture.path else wording.picture_text(picture)


def _unreadable(entry: ev.LeftOut) -> Cell:
    reason = describe_reason(entry.reason, dict(entry.values))
    return Cell(entry.picture, (caption.named(_name(entry.picture)), reason), reason)


def _by_hand(picture: ev.PictureRef, to: str, scan: ScanState) -> Cell:
    if to:
        return Cell(picture, (_("now {class_name}").format(class_name=caption.strong(escaped(to))), _name(picture)))
    home = scan.home.get(picture, "")
    first = _("from {class_name}").format(class_name=caption.named(escaped(home))) if home else ""
    return Cell(picture, (first or caption.named(_name(picture)), _name(picture) if first else ""))


def _of_class(picture: ev.PictureRef, name: str) -> Cell:
    return Cell(picture, (caption.strong(escaped(name)), _name(picture)))


def _of_classes(kind: str, found: Noticed, scan: ScanState) -> list[list[Cell]]:
    """The pictures of the classes that a finding is about; of unequal ones those of the smallest."""
    names = [name for finding in found.findings.get(kind, []) for name in finding.classes]
    wanted = names[-1:] if kind == "imbalance" else list(dict.fromkeys(names))
    return [[_of_class(picture, name)] for name in wanted for picture in scan.pictures.get(name, [])]


def _of_finding(finding: ev.Finding) -> list[Cell]:
    return [Cell(picture, about=finding, at=at) for at, picture in enumerate(finding.pictures)]


def _lines(finding: ev.Finding, at: int) -> tuple[str, str]:
    picture, name = finding.pictures[at], finding.classes[at] if at < len(finding.classes) else ""
    strong = caption.strong(escaped(name)) if name else caption.named(_name(picture))
    return strong, _why(finding, at, picture)


def _why(finding: ev.Finding, at: int, picture: ev.PictureRef) -> str:
    """The second line below a picture."""
    match finding.kind:
        case "wrong_label":
            words = _("rather {class_name}")
            return words.format(class_name=caption.named(escaped(str(finding.values.get("named", "…")))))
        case "across_parts" if at < len(finding.parts):
            return _(_PARTS.get(finding.parts[at], "{part}")).format(part=finding.parts[at])
        case "near_duplicate" if at and finding.values.get("mirrored"):
            return _("mirrored")
        case _:
            return _name(picture)
