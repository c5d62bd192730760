"""Options of recipes, and of what is kept of a run for people. Their texts are translated later, as in options.py."""

from __future__ import annotations

from typing import Annotated

import typer

from vgg_studio.cli.options import RUN
from vgg_studio.core.language import N_

Recipe = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=N_("Begin with a recipe's settings; other options replace them. vgg-studio recipes lists all."),
    ),
]
Every = Annotated[
    int, typer.Option(metavar="N", help=N_("Print the loss about every N batches, too (0: not)."), rich_help_panel=RUN)
]
ScriptFile = Annotated[str, typer.Argument(metavar="FILE.py", help=N_("The script to write."))]
PlotFolder = Annotated[str, typer.Argument(metavar="FOLDER", help=N_("The folder to write into."))]
Jpg = Annotated[bool, typer.Option("--jpg", metavar="", help=N_("Write .jpg files instead of .png."))]
