"""The commands: each makes an order of its options, has it done and returns an exit code."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vgg_studio.cli import options as opt
from vgg_studio.cli import resuming
from vgg_studio.cli.demonstration import demonstrate
from vgg_studio.cli.naming import name_pictures
from vgg_studio.cli.printer import JsonPrinter, Printer
from vgg_studio.cli.session import Session, exit_code
from vgg_studio.cli.text_printer import TextPrinter
from vgg_studio.core import jobs
from vgg_studio.core.errors import StudioError, UsageError
from vgg_studio.core.language import N_
from vgg_studio.core.wording import escaped

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


@app.command(help=N_("Train a network on a folder of pictures, or go on with a run."))
def train(
    context: typer.Context,
    data: opt.Data = None,
    variant: opt.Variant = None,
    weights: opt.Weights = None,
    train_from: opt.TrainFrom = None,
    width_divisor: opt.WidthDivisor = None,
    slim_linear: opt.SlimLinear = None,
    channels: opt.Channels = None,
    dropout: opt.Dropout = None,
    epochs: opt.Epochs = None,
    batch_size: opt.BatchSize = None,
    optimizer: opt.Optimizer = None,
    learning_rate: opt.LearningRate = None,
    momentum: opt.Momentum = None,
    weight_decay: opt.WeightDecay = None,
    schedule: opt.Schedule = None,
    step_epochs: opt.StepEpochs = None,
    step_factor: opt.StepFactor = None,
    warmup: opt.Warmup = None,
    patience: opt.Patience = None,
    seed: opt.Seed = None,
    image_size: opt.ImageSize = None,
    resize: opt.Resize = None,
    normalisation: opt.Normalisation = None,
    variation: opt.Variation = None,
    checkpoint_minutes: opt.CheckpointMinutes = None,
    out: opt.Out = None,
    resume: opt.Resume = False,
    device: opt.Device = None,
    json: opt.Json = False,
) -> int:
    """Begin a run or go on with one; resuming.py tells which."""
    given = _given(locals())
    session: Session = context.obj
    with printer(json) as shown:
        try:
            job = resuming.order(data or "", out or "", resume, given)
        except UsageError:
            raise
        except StudioError as error:
            ending = session.refuse(jobs.TrainJob(run=escaped(out or "")), error, shown)
        else:
            ending = session.run(job, shown)
    return exit_code(ending)


def _given(parameters: dict[str, Any]) -> dict[str, Any]:
    """The training's settings among a command's parameters that stood on the command line."""
    known = set(jobs.TrainJob.__struct_fields__) - {"data", "run", "resume"}
    return {name: value for name, value in parameters.items() if name in known and value is not None}


@app.command(help=N_("Score a run on pictures that it has not learned from."))
def evaluate(
    context: typer.Context,
    run: opt.Run,
    data: opt.Data = None,
    split: opt.Split = None,
    device: opt.Device = None,
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


def printer(json: bool) -> Printer:
    """JSON lines for programs, text for people."""
    return JsonPrinter() if json else TextPrinter()
