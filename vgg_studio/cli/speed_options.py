"""Options on how fast a training computes, and how exactly. Their texts are translated later, as in options.py."""

from __future__ import annotations

from typing import Annotated

import typer

from vgg_studio.cli.options import choices
from vgg_studio.core import jobs
from vgg_studio.core.language import N_

SPEED = N_("Speed")

Features = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.FEATURES),
        help=N_("How exactly features of the frozen part are kept on the disk; none: not at all (auto)."),
        rich_help_panel=SPEED,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.PRECISIONS),
        help=N_("What is computed in: what was the fastest here, or one of three number formats (auto)."),
        rich_help_panel=SPEED,
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        metavar=choices(jobs.BACKENDS),
        help=N_("What computes the frozen part: what was the fastest here, PyTorch or ncnn (auto)."),
        rich_help_panel=SPEED,
    ),
]
