"""The commands: each makes an order of its options, has it done and returns an exit code."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from vgg_studio.cli import (
    data_options,
    keeping,
    keeping_options as keep,
    options as opt,
    outlook,
    previewing,
    resuming,
    settings,
)
from vgg_studio.cli.correcting import correct as put_right
from vgg_studio.cli.demonstration import demonstrate
from vgg_studio.cli.failing import DONE
from vgg_studio.cli.naming import name_pictures
from vgg_studio.cli.printer import JsonPrinter, Printer, SilentPrinter
from vgg_studio.cli.scanning import scan_folder
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.cli.settings import taking
from vgg_studio.cli.text_printer import TextPrinter
from vgg_studio.core import jobs, recipe_words
from vgg_studio.core.errors import StudioError, UsageError
from vgg_studio.core.language import N_
from vgg_studio.core.wording import escaped
from vgg_studio.engine.place import place

Given = dict[str, Any]  # the options of settings.py that stood on the command line

app = typer.Typer(
    name="vgg-studio",
    add_completion=False,
    help=N_(
        "A folder of pictures goes in, a VGG network that names new pictures comes out. Without a command: the window."
    ),
    epilog=N_("vgg-studio COMMAND --help tells a command's options."),
)


@app.callback()
def everywhere(
    debug: Annotated[
        bool, typer.Option("--debug", metavar="", help=N_("Show where an error came from. For every command."))
    ] = False,
    version: Annotated[bool, typer.Option("--version", metavar="", help=N_("Print the version."))] = False,
    language: Annotated[
        str | None, typer.Option(metavar="en|zh_CN", help=N_("The language of all texts (the system's)."))
    ] = None,
) -> None:
    """Declare, for the help alone, what words.py has already taken out of the command line."""


@app.command(
    help=N_("Train a network on a folder of pictures, or go on with a run."),
    epilog=N_("On several cards or machines: torchrun --nproc-per-node N -m vgg_studio train DATA --out RUN"),
)
@taking(settings.EVERYTHING)
def train(
    context: typer.Context,
    given: Given,
    data: opt.Data = None,
    out: opt.Out = None,
    resume: opt.Resume = False,
    every: keep.Every = 0,
    json: opt.Json = False,
) -> int:
    """Begin a run or go on with one; resuming.py tells which."""
    return _train(context.obj, out or "", json, lambda: resuming.order(data or "", out or "", resume, given), every)


@app.command(help=N_("Train the next stage, from the best network of a run on: what makes it better."))
@taking(settings.LEARNING | settings.SPEED)
def improve(
    context: typer.Context,
    given: Given,
    run: opt.Run,
    data: opt.MovedData = None,
    out: opt.Out = None,
    json: opt.Json = False,
) -> int:
    """Begin a run from another run's end; recipes.py tells with what settings, options replace them."""
    return _train(context.obj, out or "", json, lambda: outlook.next_stage(run, data or "", out or "", given))


def _train(session: Session, out: str, json: bool, order: Callable[[], jobs.TrainJob], every: int = 0) -> int:
    with printer(json, every) as shown:
        try:
            job = order()
        except UsageError:
            raise
        except StudioError as error:
            ending = session.refuse(jobs.TrainJob(run=escaped(out)), error, shown)
        else:
            if told := recipe_words.differing(job):
                shown.say(told)
            ending = session.run(job, shown)
    return exit_code(ending)


@app.command(
    name="quick-look", help=N_("Tell what a linear layer on the frozen network reaches: what a run has to beat.")
)
@taking(settings.LOOK)
def quick_look(
    context: typer.Context, given: Given, data: opt.Data = None, folds: opt.Folds = 5, json: opt.Json = False
) -> int:
    """Score by cross-validation; a training of the same pictures finds what was computed again."""
    session: Session = context.obj
    with printer(json) as shown:
        ending = session.run(outlook.quick_look(data or "", folds, given), shown)
    return exit_code(ending)


@app.command(help=N_("Tell how long a training will take on this machine, and what memory and disk it needs."))
@taking(settings.EVERYTHING)
def forecast(context: typer.Context, given: Given, data: opt.Data = None, json: opt.Json = False) -> int:
    """Measure the machine where that was never done, count the pictures by their names, and reckon."""
    with printer(json) as shown:
        return outlook.forecast(context.obj, shown, data or "", given)


@app.command(help=N_("Measure which way of computing is the fastest on this machine, or tell what is remembered."))
def tune(
    context: typer.Context,
    variant: opt.Variant = None,
    device: opt.Device = None,
    again: opt.Again = False,
    json: opt.Json = False,
) -> int:
    """Ask the engine, which remembers what it has measured."""
    session: Session = context.obj
    with printer(json) as shown:
        ending = session.run(jobs.TuneJob(variant=variant or "vgg16", device=device or "auto", again=again), shown)
    return exit_code(ending)


@app.command(help=N_("Score a run on pictures that it has not learned from."))
def evaluate(
    context: typer.Context,
    run: opt.Run,
    data: opt.Data = None,
    split: opt.Split = None,
    device: opt.Device = None,
    as_listed: opt.AsListed = None,
    json: opt.Json = False,
) -> int:
    """Score on a part of the run's own pictures, or on all pictures of another folder."""
    session: Session = context.obj
    with printer(json) as shown:
        job = jobs.EvaluateJob(
            run=resuming.existing_run(run),
            data=resuming.folder(data) if data else "",
            split=split or "",
            device=device or "auto",
            corrections=as_listed is not False,
        )
        ending = session.run(job, shown)
    return exit_code(ending)


@app.command(help=N_("Name pictures with a run or a file of weights."))
def predict(
    context: typer.Context,
    model: opt.Model,
    paths: opt.Paths,
    top: opt.Top = 5,
    csv: opt.Csv = None,
    threshold: opt.Threshold = None,
    device: opt.Device = None,
    json: opt.Json = False,
) -> int:
    """Name pictures; naming.py tells what becomes of missing and unreadable ones."""
    session: Session = context.obj
    with printer(json) as shown:
        job = jobs.PredictJob(model=model, pictures=[], top=top, device=device or "auto", threshold=threshold)
        return name_pictures(session, shown, job, paths, csv or "")


@app.command(help=N_("Save a run's best network as a plain torchvision file, with its two JSON files."))
def export(context: typer.Context, run: opt.Run, file: opt.File, json: opt.Json = False) -> int:
    """Write three files beside each other: tensors, names, preprocessing."""
    session: Session = context.obj
    with printer(json) as shown:
        ending = session.run(jobs.ExportJob(run=resuming.existing_run(run), file=file), shown)
    return exit_code(ending)


@app.command(
    help=N_("Leave pictures out or put them into another class. The folder itself is never changed."),
    epilog=N_("vgg-studio correct DATA --move roses/1.jpg --to tulips"),
)
def correct(
    data: opt.ToCorrect,
    paths: opt.SomePictures = None,
    leave_out: opt.LeaveOut = False,
    move: opt.Move = False,
    to: opt.To = "",
    take_back: opt.TakeBack = False,
    undo: opt.Undo = False,
    redo: opt.Redo = False,
    list_them: opt.ListThem = False,
    json: opt.Json = False,
) -> int:
    """Keep it beside the folder; correcting.py has the steps."""
    names = ("leave_out", "move", "take_back", "undo", "redo", "list")
    wanted = zip(names, (leave_out, move, take_back, undo, redo, list_them), strict=True)
    with printer(json) as shown:
        put_right(shown, data, paths or [], [name for name, is_wanted in wanted if is_wanted], to, json)
    return DONE


@app.command(help=N_("Tell what a folder of pictures holds, what is wrong with it, and how it would be split."))
def scan(
    context: typer.Context,
    data: opt.Scanned,
    csv: opt.ProblemsCsv = None,
    val_percent: data_options.ValPercent = None,
    test_percent: data_options.TestPercent = None,
    seed: data_options.Seed = None,
    corrections: opt.AsListed = None,
    json: opt.Json = False,
) -> int:
    """Open every picture once; scanning.py makes the report."""
    chosen = {"val_percent": val_percent, "test_percent": test_percent, "seed": seed, "corrections": corrections}
    given: Given = {name: value for name, value in chosen.items() if value is not None}
    with printer(json) as shown:
        return scan_folder(context.obj, shown, jobs.ScanJob(data=data, **given), csv or "")


@app.command(
    name="split",
    help=N_(
        "Copy the pictures of a folder into train, val and test folders elsewhere, as a training would split them."
    ),
)
def write_split(
    context: typer.Context,
    data: data_options.ToSplit,
    folder: data_options.Parts,
    val_percent: data_options.ValPercent = None,
    test_percent: data_options.TestPercent = None,
    seed: data_options.Seed = None,
    json: opt.Json = False,
) -> int:
    """Copy; what was broken off is completed by the same line."""
    session: Session = context.obj
    chosen = {"val_percent": val_percent, "test_percent": test_percent, "seed": seed}
    given = {name: value for name, value in chosen.items() if value is not None}
    with printer(json) as shown:
        job = jobs.WriteSplitJob(data=resuming.folder(data), folder=os.path.abspath(resuming.text(folder)), **given)
        ending = session.run(job, shown)
    return exit_code(ending)


@app.command(help=N_("Look inside a network: layers, shapes, parameters, FLOPs; a file's tensors and what they fit."))
def inspect(
    context: typer.Context,
    source: opt.Inspected,
    image_size: opt.ImageSize = None,
    channels: opt.Channels = None,
    classes: opt.Classes = 1000,
    width_divisor: opt.WidthDivisor = None,
    slim_linear: opt.SlimLinear = None,
    blocks: opt.Blocks = None,
    head: opt.Head = None,
    save: opt.SavePart = None,
    first: opt.FromLayer = None,
    last: opt.ToLayer = None,
    json: opt.Json = False,
) -> int:
    """Tell it all; with --save write a part of what lies in a file or a run."""
    session: Session = context.obj
    with printer(json) as shown:
        job = jobs.InspectJob(
            source=source,
            image_size=image_size or 0,
            channels=channels or 3,
            classes=classes,
            width_divisor=width_divisor or 1,
            slim_linear=bool(slim_linear),
            blocks=blocks or "",
            head=head or "classic",
            save=os.path.abspath(save) if save else "",
            first=first or "",
            last=last or "",
        )
        ending = session.run(job, shown)
    return exit_code(ending)


@app.command(help=N_("Make a data set of the tutorials ready: cifar10, fashion-mnist or flowers."))
def fetch(context: typer.Context, name: opt.SetName, source: opt.SetSource = None, json: opt.Json = False) -> int:
    """From a file or folder on the disk, else from where it is published; nothing is done where it is there."""
    session: Session = context.obj
    with printer(json) as shown:
        job = jobs.FetchDataJob(name=name, source=os.path.abspath(source) if source else "")
        ending = session.run(job, shown)
    return exit_code(ending)


@app.command(help=N_("Draw sample pictures, train on them, score the result and name a few of them."))
def demo(context: typer.Context, out: opt.DemoOut = None, json: opt.Json = False) -> int:
    """Do the whole main job once; demonstration.py has its steps."""
    with printer(json) as shown:
        return demonstrate(context.obj, shown, out or "")


@app.command(
    help=N_(
        "Take orders as JSON lines on standard input; events come out as JSON lines. For the window and for scripts."
    )
)
def engine(role: opt.Role = "train") -> int:
    """Serve until standard input closes. The window goes another way, through __main__.py, which loads no typer."""
    from vgg_studio.engine.serve import serve

    return serve(role)


def printer(json: bool, every: int = 0) -> Printer:
    """JSON lines for programs, text for people; nothing from processes that train under another one's lead."""
    if not place().leads:
        return SilentPrinter()
    return JsonPrinter() if json else TextPrinter(every=every)


keeping.register(app, printer)
previewing.register(app, printer)
