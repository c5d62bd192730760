"""The options of the command line. Their texts are marked here and translated once the language is known (main.py)."""

from __future__ import annotations

from typing import Annotated

import typer

from vgg_studio.core import jobs, vgg
from vgg_studio.core.language import N_

NETWORK, LEARNING, PICTURES, RUN = N_("Network"), N_("Learning"), N_("Pictures"), N_("Run")


def choices(values: tuple[str, ...]) -> str:
    """How a help page shows what may be chosen."""
    return "|".join(values)


# A setting that is not given stays None: a run that goes on keeps its own.
Variant = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=N_(
            "Which network: vgg11, vgg13, vgg16 or vgg19, each also with _bn; the paper's vgg11_lrn and vgg16_c (vgg16_bn)."
        ),
        rich_help_panel=NETWORK,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help=N_(
            "What the network starts from: none, official, official-features, or a .pth or .safetensors file (none)."
        ),
        rich_help_panel=NETWORK,
    ),
]
TrainFrom = Annotated[
    str | None,
    typer.Option(
        metavar="STAGE",
        help=N_(
            "The first stage that learns: block1 to block5, fc6, fc7, fc8 (without weights block1, with them fc6)."
        ),
        rich_help_panel=NETWORK,
    ),
]
Head = Annotated[
    str | None,
    typer.Option(
        metavar=choices(vgg.HEADS),
        help=N_("Three linear layers, or one on pooled features: a tenth of the size (classic)."),
        rich_help_panel=NETWORK,
    ),
]
WidthDivisor = Annotated[
    int | None,
    typer.Option(metavar="1|2|4|8|16", help=N_("Divide the convolutions' channels (1)."), rich_help_panel=NETWORK),
]
SlimLinear = Annotated[
    bool | None,
    typer.Option("--slim-linear", metavar="", help=N_("Divide the linear layers too."), rich_help_panel=NETWORK),
]
Channels = Annotated[
    int | None,
    typer.Option(metavar="1..4", help=N_("Input channels; 1 is grey, 3 is colour (3)."), rich_help_panel=NETWORK),
]
Blocks = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help=N_("Own blocks instead of the network's, as convolutions x channels: 1x64,1x128,2x256."),
        rich_help_panel=NETWORK,
    ),
]
Initial = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.INITIALS),
        help=N_(
            "How fresh weights are drawn: as suits the network, by Xavier's or Kaiming's rule, or as the paper (auto)."
        ),
        rich_help_panel=NETWORK,
    ),
]
Dropout = Annotated[
    float | None,
    typer.Option(
        metavar="0..0.95", help=N_("Share of fc6 and fc7 that each step leaves out (0.5)."), rich_help_panel=NETWORK
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        metavar="N", help=N_("Rounds through all pictures (20); more extend a run."), rich_help_panel=LEARNING
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(metavar="N", help=N_("Pictures in one step (32)."), rich_help_panel=LEARNING)
]
Optimizer = Annotated[
    str | None,
    typer.Option(metavar=choices(jobs.OPTIMIZERS), help=N_("How steps are taken (sgd)."), rich_help_panel=LEARNING),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--lr", metavar="X", help=N_("Learning rate (suits optimizer and weights)."), rich_help_panel=LEARNING
    ),
]
Momentum = Annotated[
    float | None, typer.Option(metavar="X", help=N_("Momentum of sgd (0.9)."), rich_help_panel=LEARNING)
]
WeightDecay = Annotated[
    float | None,
    typer.Option(metavar="X", help=N_("Pull of the weights towards 0 (0.0005)."), rich_help_panel=LEARNING),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.SCHEDULES), help=N_("How the learning rate falls (cosine)."), rich_help_panel=LEARNING
    ),
]
StepEpochs = Annotated[
    int | None,
    typer.Option(metavar="N", help=N_("Rounds between two steps of the schedule (10)."), rich_help_panel=LEARNING),
]
StepFactor = Annotated[
    float | None,
    typer.Option(metavar="X", help=N_("What a step multiplies the rate by (0.5)."), rich_help_panel=LEARNING),
]
LayerDecay = Annotated[
    float | None,
    typer.Option(
        metavar="0..1",
        help=N_("Each block further from the head learns at this share of the rate (1)."),
        rich_help_panel=LEARNING,
    ),
]
LabelSmoothing = Annotated[
    float | None,
    typer.Option(
        metavar="0..0.9", help=N_("Share of each answer that is spread over all classes (0)."), rich_help_panel=LEARNING
    ),
]
Ema = Annotated[
    float | None,
    typer.Option(
        metavar="0..1",
        help=N_("Keep a moving average of the weights that decays by this much a step (0: none)."),
        rich_help_panel=LEARNING,
    ),
]
Warmup = Annotated[
    int | None,
    typer.Option(metavar="N", help=N_("Rounds in which the rate rises first (0)."), rich_help_panel=LEARNING),
]
Patience = Annotated[
    int | None,
    typer.Option(
        metavar="N", help=N_("Stop after N rounds without a better one (0: never)."), rich_help_panel=LEARNING
    ),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help=N_("Start of everything random (0)."), rich_help_panel=LEARNING)
]
ImageSize = Annotated[
    int | None,
    typer.Option(metavar="N", help=N_("Side in px of what the network sees (224)."), rich_help_panel=PICTURES),
]
Resize = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.RESIZES),
        help=N_("Straight to the square, or shorter side and centre crop (square)."),
        rich_help_panel=PICTURES,
    ),
]
Normalisation = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.NORMALISATIONS),
        help=N_("Mean and spread that values are put to, without weights (half)."),
        rich_help_panel=PICTURES,
    ),
]
Variation = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.VARIATIONS),
        help=N_(
            "How pictures are varied while learning: mirrored, cut, or cut as the tutorials do it, the last half of the"
            " time upside down (flip)."
        ),
        rich_help_panel=PICTURES,
    ),
]
Views = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help=N_("Crops of each picture that are drawn from where a part of the network does not learn (8)."),
        rich_help_panel=PICTURES,
    ),
]
Mirror = Annotated[
    bool | None,
    typer.Option(
        "--mirror/--no-mirror",
        metavar="",
        help=N_("Let an answer be the mean over the picture and its mirrored picture (no)."),
        rich_help_panel=PICTURES,
    ),
]
CheckpointMinutes = Annotated[
    float | None,
    typer.Option(metavar="X", help=N_("Save at least this often; rounds are always saved (10)."), rich_help_panel=RUN),
]
Out = Annotated[
    str | None,
    typer.Option(metavar="RUN", help=N_("Folder of the run (a new one among your runs)."), rich_help_panel=RUN),
]
Resume = Annotated[
    bool, typer.Option("--resume", metavar="", help=N_("Go on with the run in --out."), rich_help_panel=RUN)
]
Device = Annotated[
    str | None,
    typer.Option(metavar=choices(jobs.DEVICES), help=N_("What computes; all: every graphics card (auto).")),
]
AsListed = Annotated[
    bool | None,
    typer.Option(
        " /--as-listed",
        metavar="",
        help=N_("Use the folder as it is, without what was put right by hand."),
        rich_help_panel=PICTURES,
    ),
]
LeaveOut = Annotated[bool, typer.Option("--leave-out", metavar="", help=N_("Do not use these pictures."))]
Move = Annotated[bool, typer.Option("--move", metavar="", help=N_("Put these pictures into the class --to."))]
To = Annotated[str, typer.Option(metavar="CLASS", help=N_("The class that --move puts pictures into."))]
TakeBack = Annotated[
    bool, typer.Option("--take-back", metavar="", help=N_("Use these pictures as the folder has them."))
]
Undo = Annotated[bool, typer.Option("--undo", metavar="", help=N_("Take back the last step."))]
Redo = Annotated[bool, typer.Option("--redo", metavar="", help=N_("Do again what was taken back last."))]
ListThem = Annotated[bool, typer.Option("--list", metavar="", help=N_("Tell what was put right by hand."))]
SomePictures = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH…", help=N_("Pictures of the folder, as it names them or from here."), show_default=False
    ),
]
ToCorrect = Annotated[str, typer.Argument(metavar="DATA", help=N_("The folder of pictures to put right."))]
Json = Annotated[
    bool, typer.Option("--json", metavar="", help=N_("Print one event a line, as JSON, and nothing else."))
]

Data = Annotated[
    str | None,
    typer.Argument(metavar="DATA", help=N_("A folder with one folder of pictures for each class."), show_default=False),
]
MovedData = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help=N_("Where the run's pictures lie now, if they have moved.")),
]
Scanned = Annotated[str, typer.Argument(metavar="DATA", help=N_("The folder of pictures; it stays as it is."))]
ProblemsCsv = Annotated[
    str | None, typer.Option("--csv", metavar="FILE", help=N_("Write the problems into a table, too."))
]
Again = Annotated[bool, typer.Option("--again", metavar="", help=N_("Measure anew what is remembered."))]
Folds = Annotated[
    int,
    typer.Option(metavar="2..20", help=N_("In how many shares the pictures are; each is named once by the others.")),
]
Run = Annotated[str, typer.Argument(metavar="RUN", help=N_("The folder of a run."))]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help=N_("A run's folder, or a .pth or .safetensors file, or official:vgg16."))
]
Inspected = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK",
        help=N_("A network's name (vgg16), a .pth or .safetensors file, a run's folder, or official:vgg16."),
    ),
]
Classes = Annotated[int, typer.Option(metavar="N", help=N_("How many answers a network by its name gives."))]
SavePart = Annotated[
    str | None,
    typer.Option("--save", metavar="FILE", help=N_("Write a part of a file's or a run's network into this file.")),
]
FromLayer = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="KEY", help=N_("First layer of that part: features.0, conv1-1, block2 (the first).")
    ),
]
ToLayer = Annotated[
    str | None,
    typer.Option("--to", metavar="KEY", help=N_("Last layer of that part: features, pool5, fc7 (the last).")),
]
Paths = Annotated[list[str], typer.Argument(metavar="PATH…", help=N_("Pictures, and folders of pictures."))]
File = Annotated[str, typer.Argument(metavar="FILE.pth", help=N_("The file to write."))]
Split = Annotated[
    str | None, typer.Option(metavar="val|test", help=N_("Which part of the run's pictures (test, else val)."))
]
Top = Annotated[int, typer.Option(metavar="N", help=N_("How many answers for each picture."))]
Csv = Annotated[str | None, typer.Option(metavar="FILE", help=N_("Write the answers into a table, too."))]
Threshold = Annotated[
    float | None, typer.Option(metavar="0..1", help=N_("Below this probability an answer is unsure (the run's own)."))
]
SetName = Annotated[str, typer.Argument(metavar="NAME", help=N_("cifar10, fashion-mnist or flowers."))]
SetSource = Annotated[
    str | None,
    typer.Option("--from", metavar="PATH", help=N_("An archive or folder that holds it, instead of a download.")),
]
DemoOut = Annotated[str | None, typer.Option(metavar="DIR", help=N_("Folder of the run (a new one among your runs)."))]
Role = Annotated[str, typer.Option(metavar="pictures|predict|train", help=N_("Which orders the engine takes."))]
