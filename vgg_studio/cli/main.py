"""The command line from words to exit code: language first, then typer, and one sentence for whatever goes wrong."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator

import typer
from typer.main import get_command

from vgg_studio.cli.commands import app
from vgg_studio.cli.failing import DONE, STOPPED, WRONG_USAGE, check_language, choose_language, complain, fail
from vgg_studio.cli.help_pages import prepare, translated
from vgg_studio.cli.orders import Engine, carry_out
from vgg_studio.cli.session import Session
from vgg_studio.cli.words import COMMANDS, Words
from vgg_studio.core.errors import FolderMissing
from vgg_studio.core.language import _


def run(words: Words, engine: Engine = carry_out) -> int:
    """Do what the words ask for; `engine` does the orders. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter still gets the rest
    choose_language(words)
    try:
        check_language(words)
        with contextlib.nullcontext() if words.debug else _without_advice():
            return _dispatch(words, Session(engine, words.debug))
    except Exception as error:  # noqa: BLE001 - above this there is only a traceback
        return fail(error, words)


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Keep libraries' warnings and log lines to themselves: they are for developers."""
    usual = logging.lastResort
    logging.lastResort = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.lastResort = usual


def _dispatch(words: Words, session: Session) -> int:
    if words.looks_like_folder and words.rest[0] not in COMMANDS:
        raise FolderMissing(path=words.rest[0])
    command = translated(get_command(app))
    if "--help" in words.rest:
        prepare()
    try:
        code = command.main(args=words.rest, prog_name="vgg-studio", standalone_mode=False, obj=session)
    except typer.TyperException as error:
        complain(
            _("{problem} (see {command} --help)").format(problem=error.format_message(), command=_asked_for(words))
        )
        return WRONG_USAGE
    except typer.Abort:
        return STOPPED  # Ctrl+C between two orders, which is typer's to catch
    except SystemExit:
        raise BrokenPipeError from None  # typer's own answer to a reader that is gone
    sys.stdout.flush()
    return code if isinstance(code, int) else DONE


def _asked_for(words: Words) -> str:
    """The command whose help tells how it is used."""
    return " ".join(["vgg-studio", *[word for word in words.rest[:1] if word in COMMANDS]])
