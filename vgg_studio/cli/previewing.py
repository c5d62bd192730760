"""`preview`: what training will see of the pictures, as one sheet."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from vgg_studio.cli import options as opt, resuming, settings
from vgg_studio.cli.failing import FAILED, complain
from vgg_studio.cli.printer import Printer
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.core import events as ev, jobs
from vgg_studio.core.language import N_, _

SETTINGS = {
    name: settings.EVERYTHING[name]
    for name in (
        "variation",
        "views",
        "image_size",
        "resize",
        "channels",
        "batch_size",
        "seed",
        "corrections",
        "val_percent",
        "test_percent",
    )
}
USUAL, FEW = 16, 6  # pictures of a batch; rows where each has its variations
Sheet = Annotated[str, typer.Argument(metavar="FILE", help=N_("The sheet to write, .jpg or .png."))]
Variants = Annotated[int, typer.Option(metavar="N", help=N_("Variations of each picture, as N rounds see them."))]


def register(app: typer.Typer, printer: Callable[[bool], Printer]) -> None:
    """Add the command to the command line; `printer` shows events as JSON lines or as text."""

    @app.command(help=N_("Show pictures as training will see them: variations, or the first batch with its classes."))
    @settings.taking(SETTINGS)
    def preview(
        context: typer.Context,
        given: dict[str, Any],
        data: opt.Scanned,
        file: Sheet,
        variants: Variants = 1,
        json: opt.Json = False,
    ) -> int:
        session: Session = context.obj
        with printer(json) as shown:
            return _preview(session, shown, _order(data, variants, given), Path(os.path.abspath(file)))


def _order(data: str, variants: int, given: dict[str, Any]) -> jobs.PreviewJob:
    batch = given.pop("batch_size", USUAL if variants == 1 else FEW)
    return jobs.PreviewJob(data=resuming.folder(data), batch=batch, variants=variants, **given)


def _preview(session: Session, printer: Printer, job: jobs.PreviewJob, file: Path) -> int:
    from vgg_studio.pictures import preview_sheet

    preview_sheet.check(file)
    made: list[ev.PreviewMade] = []
    ending = session.run(job, printer, lambda event: _keep(made, event))
    if ending.outcome != "done":
        return exit_code(ending)
    if not made:
        complain(_("No picture could be shown."))
        return FAILED
    preview_sheet.write(made, file)
    printer.show(ev.Exported(files=[str(file)]))
    return exit_code(ending)


def _keep(made: list[ev.PreviewMade], event: ev.Event) -> None:
    if isinstance(event, ev.PreviewMade):
        made.append(event)
