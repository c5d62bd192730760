"""Help pages in the chosen language: our own words, typer's words, and lines that break where a language has no spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import typer

from vgg_studio.core.language import N_, _

_OPTIONS, _ARGUMENTS, _COMMANDS = N_("Options"), N_("Arguments"), N_("Commands")
_REQUIRED, _DEFAULT = N_("[required]"), N_("[default: {}]")


def translated(command: Any) -> Any:
    """The command with all its texts in the chosen language. It is Any because typer has no public type for what it builds."""
    for name in ("help", "epilog", "short_help"):
        if text := getattr(command, name, None):
            setattr(command, name, _(text))
    command.rich_help_panel = _(_COMMANDS)
    for parameter in command.params:
        usual = _OPTIONS if parameter.param_type_name == "option" else _ARGUMENTS
        parameter.help = _(parameter.help) if parameter.help else ""
        parameter.rich_help_panel = _(parameter.rich_help_panel or usual)
    own = command.get_help_option(typer.Context(command))
    own.help, own.rich_help_panel, own.metavar = _("Show this message and exit."), _(_OPTIONS), ""
    for below in getattr(command, "commands", {}).values():
        translated(below)
    return command


def prepare() -> None:
    """Give typer its words, and let rich fold what is too long for a column: Chinese has no spaces to break lines at,
    and without this its sentences would be cut off.
    """
    from rich import table
    from typer import rich_utils

    @dataclass
    class Folding(table.Column):
        def __post_init__(self) -> None:
            self.overflow = "fold"  # for the table of commands another way is asked for

    if table.Column.__name__ != Folding.__name__:
        table.Column = Folding  # type: ignore[misc]
    rich_utils.OPTIONS_PANEL_TITLE = _(_OPTIONS)
    rich_utils.ARGUMENTS_PANEL_TITLE = _(_ARGUMENTS)
    rich_utils.COMMANDS_PANEL_TITLE = _(_COMMANDS)
    rich_utils.REQUIRED_LONG_STRING = _(_REQUIRED)
    rich_utils.DEFAULT_STRING = _(_DEFAULT)
