"""What the doctor found, in words: a title for each kind, a sentence for each finding. Window and command line share them."""

from __future__ import annotations

from vgg_studio.core.data_events import Finding, FindingKind
from vgg_studio.core.language import N_, _, ngettext
from vgg_studio.core.wording import escaped, number, percent

TITLES: dict[FindingKind, str] = {  # in the order in which they are told: what spoils a score first
    "across_parts": N_("The same picture in two parts"),
    "two_classes": N_("The same picture in two classes"),
    "wrong_label": N_("Perhaps in the wrong class"),
    "duplicate": N_("The same picture more than once"),
    "near_duplicate": N_("Almost the same picture"),
    "imbalance": N_("Classes of very different size"),
    "tiny_class": N_("Classes with very few pictures"),
    "same_name": N_("Classes with names that look alike"),
    "one_colour": N_("Pictures of one colour"),
    "dark": N_("Very dark pictures"),
    "blurry": N_("Blurred pictures"),
    "first_frame": N_("Pictures with several frames or pages"),
    "odd_name": N_("Names that other systems cannot hold"),
}

_PARTS: dict[str, str] = {
    "train": N_("the training part"),
    "val": N_("the validation part"),
    "test": N_("the test part"),
}

_ALIKE: dict[str, str] = {
    "case": N_("{classes}: only upper and lower case differ."),
    "unicode": N_("{classes}: the same letters, written down in two ways."),
    "lookalike": N_("{classes}: some letters belong to another script and look the same."),
    "spaces": N_("{classes}: only spaces and lines between the words differ."),
}

_ODD: dict[str, str] = {
    "bytes": N_("{name}: is not written in Unicode."),
    "reserved": N_("{name}: Windows keeps this name for itself."),
    "signs": N_("{name}: holds signs that Windows does not allow."),
    "control": N_("{name}: holds a line break or another sign that cannot be seen."),
    "direction": N_("{name}: turns the direction of writing, so it does not read as it is."),
    "ending": N_("{name}: ends with a dot or a space, which Windows takes away."),
    "long": N_("{name}: is longer with its folders than many programs for Windows can open."),
}


def title(kind: FindingKind) -> str:
    """The heading above the findings of a kind."""
    return _(TITLES[kind])


def reason(finding: Finding) -> str:
    """One finding in one sentence; its pictures are named or shown beside it."""
    values = finding.values
    match finding.kind:
        case "duplicate" | "near_duplicate" | "two_classes" | "across_parts":
            return _copies(finding)
        case "wrong_label":
            return _("Networks that did not learn from it call it {named} ({probability}).").format(
                named=escaped(str(values.get("named", "…"))), probability=percent(_float(finding, "probability"), 0)
            )
        case "blurry":
            return _("Blurred: it shows no sharp edge.")
        case "dark":
            return _("So dark that little can be seen.")
        case "one_colour":
            return _("Of one colour: it shows nothing.")
        case "first_frame":
            return _("Holds several frames or pages: only the first is used.")
        case _:
            return _of_classes(finding)


def _of_classes(finding: Finding) -> str:
    names = [escaped(name) for name in finding.classes]
    if finding.kind == "tiny_class":
        count = int(_float(finding, "count"))
        text = ngettext(
            "{name}: {count} picture. Twenty or more let a network learn a class.",
            "{name}: {count} pictures. Twenty or more let a network learn a class.",
            count,
        )
        return text.format(name=names[0], count=number(count))
    if finding.kind == "imbalance":
        return _("{largest} has {factor} times as many pictures as {smallest}.").format(
            largest=names[0], smallest=names[-1], factor=f"{_float(finding, 'factor'):.1f}"
        )
    why = str(finding.values.get("why", ""))
    if finding.kind == "same_name":
        return _(_ALIKE.get(why, _ALIKE["lookalike"])).format(classes=", ".join(names))
    shown = escaped(finding.pictures[0].path) if finding.pictures else names[0]
    return _(_ODD.get(why, _ODD["signs"])).format(name=shown)


def _copies(finding: Finding) -> str:
    count, values = len(finding.pictures), finding.values
    if finding.kind == "two_classes":
        where = ", ".join(escaped(name) for name in dict.fromkeys(finding.classes))
        text = (
            _("The same picture in {classes}.") if values.get("exact") else _("Almost the same picture in {classes}.")
        )
        return text.format(classes=where)
    if finding.kind == "across_parts":
        where = ", ".join(_(_PARTS.get(part, part)) for part in dict.fromkeys(finding.parts))
        text = _("The same picture in several parts: {parts}.")
        if not values.get("exact"):
            text = _("Almost the same picture in several parts: {parts}.")
        return text.format(parts=where)
    if finding.kind == "duplicate":
        return ngettext("The same picture {count} time.", "The same picture {count} times.", count).format(count=count)
    if values.get("mirrored"):
        return _("Almost the same picture, one of them mirrored.")
    return _("Almost the same picture: cut, resized or saved another way.")


def _float(finding: Finding, name: str) -> float:
    value = finding.values.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0
