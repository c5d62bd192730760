"""`scan`: what a folder of pictures holds, what is wrong with it, and how it would be split."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vgg_studio.cli.columns import aligned
from vgg_studio.cli.failing import DONE
from vgg_studio.cli.printer import Printer
from vgg_studio.cli.sentences import quoted
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.core import events as ev, finding_words, problem_table, wording, writing
from vgg_studio.core.errors import PathMissing, describe_reason
from vgg_studio.core.jobs import ScanJob
from vgg_studio.core.language import N_, _, ngettext
from vgg_studio.core.problem_table import Problem

_SHOWN = 5  # of each kind of finding
_SAID_BY_TITLE = ("dark", "one_colour", "blurry")  # their sentence says nothing more

_LAYOUTS: dict[str, str] = {
    "classes": N_("A folder for each class."),
    "train_val_test": N_("Divided into training, validation and test part, each with a folder for each class."),
    "train_val": N_(
        "Divided into training and validation part, each with a folder for each class; there is no test part."
    ),
    "train_test": N_("Divided into training and test part, each with a folder for each class."),
}


@dataclass
class _Heard:
    """What the events of a scan told."""

    listed: ev.ClassesListed | None = None
    scanned: ev.FolderScanned | None = None
    class_of: dict[ev.PictureRef, str] = field(default_factory=dict)
    left_out: list[ev.PictureLeftOut] = field(default_factory=list)
    classes_left_out: list[ev.ClassLeftOut] = field(default_factory=list)
    findings: list[ev.Finding] = field(default_factory=list)

    def hear(self, event: ev.Event) -> None:
        match event:
            case ev.ClassesListed():
                self.listed = event
            case ev.PicturesListed():
                self.class_of.update(dict.fromkeys(event.pictures, event.class_name))
            case ev.PictureLeftOut():
                self.left_out.append(event)
            case ev.ClassLeftOut():
                self.classes_left_out.append(event)
            case ev.FindingsMade():
                self.findings += event.findings
            case ev.FolderScanned():
                self.scanned = event


def scan_folder(session: Session, printer: Printer, job: ScanJob, csv: str) -> int:
    """Scan, tell, and write the table of problems where one is wanted; returns the exit code: 0 if the folder can be used."""
    if csv and not os.path.isdir(os.path.dirname(os.path.abspath(csv))):
        raise PathMissing(path=wording.escaped(os.path.dirname(csv)))  # before reading thousands of pictures, not after
    heard = _Heard()
    ending = session.run(job, printer, heard.hear)
    if ending.outcome != "stopped":
        for line in report(heard):
            printer.say(line)
        if ending.failure and (instead := str(ending.failure.values.get("suggestion", ""))):
            printer.say(_fits_better(instead))
        if csv:
            writing.write_bytes(Path(csv), problem_table.problems_csv(_problems(heard)))
            with contextlib.suppress(OSError):
                printer.say(_("Written: {path}").format(path=csv))
    return DONE if ending.outcome == "done" else exit_code(ending)


def report(heard: _Heard) -> Iterator[str]:
    """The folder in lines: its layout and classes, what is left out, what the doctor found, the split to come."""
    if heard.listed is None:
        return
    yield _(_LAYOUTS[heard.listed.layout])
    yield from _classes(heard.scanned.classes if heard.scanned else heard.listed.classes, heard.listed.layout)
    yield from _passed_by(heard)
    yield from _findings(heard.findings)
    if heard.listed.suggestion:
        yield _fits_better(heard.listed.suggestion)
    if heard.scanned:
        parts = {name: wording.pictures(heard.scanned.split.get(name, 0)) for name in ("train", "val", "test")}
        yield _(
            "To be split into {train} to learn from, {val} to choose the best round, {test} for the final score."
        ).format(**parts)


def _fits_better(folder: str) -> str:
    return _("Perhaps another folder is meant: {command}").format(command=f"vgg-studio scan {quoted(folder)}")


def _classes(counts: list[ev.ClassCount], layout: str) -> list[str]:
    if layout == "classes":
        return aligned([[_("Class"), _("Pictures")], *([one.name, wording.number(one.train)] for one in counts)])
    head = [_("Class"), _("Training"), _("Validation"), _("Test")]
    return aligned([head, *([one.name, *map(wording.number, (one.train, one.val, one.test))] for one in counts)])


def _passed_by(heard: _Heard) -> Iterator[str]:
    """Numbers only: the printer has named the first of them as they came."""
    if heard.left_out:
        reasons = Counter(describe_reason(event.reason, event.values) for event in heard.left_out)
        words = ", ".join(f"{reason} ({wording.number(count)})" for reason, count in reasons.most_common())
        yield _("Left out: {pictures}: {reasons}.").format(
            pictures=wording.pictures(len(heard.left_out)), reasons=words
        )
    if heard.listed and heard.listed.ignored:
        yield ngettext(
            "{count} other file or hidden folder was passed by.",
            "{count} other files and hidden folders were passed by.",
            heard.listed.ignored,
        ).format(count=wording.number(heard.listed.ignored))


def _findings(findings: list[ev.Finding]) -> Iterator[str]:
    """Each kind with its number, and the first few of it by name."""
    by_kind: dict[str, list[ev.Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    if not findings:
        yield _("Nothing doubtful was found.")
    for kind in finding_words.TITLES:
        found = by_kind.get(kind, [])
        if found:
            yield f"{finding_words.title(kind)}: {wording.number(len(found))}"
            yield from (f"  {_line(finding)}" for finding in found[:_SHOWN])
        if len(found) > _SHOWN:
            rest = len(found) - _SHOWN
            yield "  " + ngettext("and {count} more", "and {count} more", rest).format(count=wording.number(rest))


def _line(finding: ev.Finding) -> str:
    words = finding_words.reason(finding)
    if not finding.pictures or finding.kind == "odd_name":
        return words
    if finding.kind in _SAID_BY_TITLE:
        return wording.picture_text(finding.pictures[0])
    names = ", ".join(wording.picture_text(picture) for picture in finding.pictures[:_SHOWN])
    return f"{names}{', …' if len(finding.pictures) > _SHOWN else ''}: {words}"


def _problems(heard: _Heard) -> Iterator[Problem]:
    for event in heard.left_out:
        reason = describe_reason(event.reason, event.values)
        name = heard.class_of.get(event.picture) or str(event.values.get("class_name", ""))
        yield Problem(name, wording.picture_text(event.picture), "left_out", reason)
    for gone in heard.classes_left_out:
        yield Problem(gone.name, "", "class_left_out", wording.pictures(gone.count))
    for finding in heard.findings:
        yield from problem_table.of_finding(finding)
