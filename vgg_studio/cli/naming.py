"""`predict`: pictures and folders of pictures get names; what is missing or unreadable is told and does not stop the rest."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from vgg_studio.cli.failing import DONE, FAILED, complain
from vgg_studio.cli.printer import Printer
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.core import events as ev, tables, writing
from vgg_studio.core.data_sets import is_address
from vgg_studio.core.errors import PathMissing, describe_reason
from vgg_studio.core.jobs import PredictJob
from vgg_studio.core.language import _, ngettext
from vgg_studio.core.wording import escaped

OFFICIAL = "official:"
Row = ev.PicturePredicted | ev.PredictionFailed


def name_pictures(session: Session, printer: Printer, job: PredictJob, paths: Sequence[str], csv: str) -> int:
    """Name the pictures in `paths`; returns the exit code: 0 if any got a name and every path was there."""
    if not job.model.startswith(OFFICIAL) and not os.path.exists(job.model):
        raise PathMissing(path=escaped(job.model))
    if csv and not os.path.isdir(os.path.dirname(os.path.abspath(csv))):
        raise PathMissing(path=escaped(os.path.dirname(csv)))  # before hours of work, not after
    from vgg_studio.pictures.files import refer

    found = [path for path in paths if os.path.lexists(path) or is_address(path)]
    missing = [_missing(path) for path in paths if path not in found]
    order = msgspec.structs.replace(job, pictures=[refer(os.fsencode(path)) for path in found])
    rows: list[Row] = []
    try:
        ending = session.run(order, printer, lambda event: _keep(rows, event)) if found else ev.JobEnded(outcome="done")
        for failed in missing:
            printer.show(failed)
        _tell_failures(printer, rows)
    finally:  # what was named before a stop is worth keeping
        _save(printer, csv, [*rows, *missing])
    return _verdict(rows, missing) if ending.outcome == "done" else exit_code(ending)


def _missing(path: str) -> ev.PredictionFailed:
    return ev.PredictionFailed(path=escaped(path), reason=describe_reason("missing"), code="missing")


def _keep(rows: list[Row], event: ev.Event) -> None:
    if isinstance(event, ev.PicturePredicted | ev.PredictionFailed):
        rows.append(event)


def _tell_failures(printer: Printer, rows: list[Row]) -> None:
    failed = sum(isinstance(row, ev.PredictionFailed) for row in rows)
    if failed:
        text = ngettext(
            "{failed} of {count} picture could not be read.",
            "{failed} of {count} pictures could not be read.",
            len(rows),
        )
        printer.say(text.format(failed=failed, count=len(rows)))


def _save(printer: Printer, csv: str, rows: list[Row]) -> None:
    if csv and rows:
        writing.write_bytes(Path(csv), tables.predictions_csv(rows))
        with contextlib.suppress(OSError):
            printer.say(_("Written: {path}").format(path=csv))


def _verdict(rows: list[Row], missing: list[ev.PredictionFailed]) -> int:
    if missing:
        complain(str(PathMissing(path=missing[0].path)))
        return FAILED
    if not any(isinstance(row, ev.PicturePredicted) for row in rows):
        complain(_("No picture could be named."))
        return FAILED
    return DONE
