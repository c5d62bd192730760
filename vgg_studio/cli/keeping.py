"""Commands that list recipes, and that keep a run for people: as a script, as pictures of its curves."""

from __future__ import annotations

import os
from collections.abc import Callable

import typer

from vgg_studio.cli import keeping_options as keep, options as opt, resuming
from vgg_studio.cli.printer import Printer
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.core import jobs, recipe_words, tutorials
from vgg_studio.core.language import N_


def register(app: typer.Typer, printer: Callable[[bool], Printer]) -> None:
    """Add the commands to the command line; `printer` shows events as JSON lines or as text."""

    def done(context: typer.Context, job: jobs.AnyJob, json: bool) -> int:
        session: Session = context.obj
        with printer(json) as shown:
            return exit_code(session.run(job, shown))

    @app.command(name="recipes", help=N_("List the recipes: settings to begin with, and what they are for."))
    def list_recipes() -> int:
        for recipe in tutorials.RECIPES.values():
            for line in [*recipe_words.lines(recipe), ""]:
                typer.echo(line)
        return 0

    @app.command(
        help=N_("Write a run as a short torch script, with the weights it started from and its split beside it.")
    )
    def code(context: typer.Context, run: opt.Run, file: keep.ScriptFile, json: opt.Json = False) -> int:
        return done(context, jobs.SaveCodeJob(run=resuming.existing_run(run), file=os.path.abspath(file)), json)

    @app.command(
        help=N_("Write a run's curves as pictures loss and acc, and a grid of test pictures with their names.")
    )
    def plots(
        context: typer.Context, run: opt.Run, folder: keep.PlotFolder, jpg: keep.Jpg = False, json: opt.Json = False
    ) -> int:
        kind = "jpg" if jpg else "png"
        job = jobs.SavePlotsJob(run=resuming.existing_run(run), folder=os.path.abspath(folder), kind=kind)
        return done(context, job, json)
