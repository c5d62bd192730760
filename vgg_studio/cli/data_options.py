"""Options on how a folder of pictures is split. Their texts are marked here and translated once the language is known."""

from __future__ import annotations

from typing import Annotated

import typer

from vgg_studio.cli.options import LEARNING, PICTURES
from vgg_studio.core.language import N_

ClassWeights = Annotated[
    bool | None,
    typer.Option(
        "--class-weights/--no-class-weights",
        metavar="",
        help=N_("Let each class count the same, however many pictures it has (no)."),
        rich_help_panel=LEARNING,
    ),
]
ValPercent = Annotated[
    int | None,
    typer.Option(
        metavar="0..50",
        help=N_("Per cent of each class that chooses the best round, where DATA has no such part (15)."),
        rich_help_panel=PICTURES,
    ),
]
TestPercent = Annotated[
    int | None,
    typer.Option(
        metavar="0..50",
        help=N_("Per cent of each class that is kept for the final score, where DATA has no such part (15)."),
        rich_help_panel=PICTURES,
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help=N_("Another seed, another split (0)."))]
ToSplit = Annotated[str, typer.Argument(metavar="DATA", help=N_("The folder of pictures; it stays as it is."))]
Parts = Annotated[str, typer.Argument(metavar="FOLDER", help=N_("A new or empty folder for train, val and test."))]
