"""How the program says that something failed: one sentence on standard error and an exit code. Loads neither typer nor rich."""

from __future__ import annotations

import os
import sys
import traceback

from vgg_studio import paths
from vgg_studio.cli.words import Words
from vgg_studio.core import language
from vgg_studio.core.errors import StudioError, Unexpected, UsageError
from vgg_studio.core.language import _
from vgg_studio.core.wording import escaped

DONE, FAILED, WRONG_USAGE, STOPPED = 0, 1, 2, 130


class OutputClosedError(Exception):
    """Nobody reads the events of an order any more."""


def choose_language(words: Words) -> None:
    """Speak the language that was asked for, else the system's."""
    language.use(words.language or os.environ.get("VGG_STUDIO_LANGUAGE", ""), paths.locales())


def check_language(words: Words) -> None:
    """Raise UsageError for a language that we have not."""
    if words.language and words.language not in (*language.LANGUAGES, "pseudo"):
        raise UsageError(name="language", value=words.language, allowed=", ".join(language.LANGUAGES))


def fail(error: BaseException, words: Words) -> int:
    """Say what went wrong, with the traceback where --debug asks for one; returns the exit code."""
    if words.debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, BrokenPipeError):
        abandon_output()
        return DONE  # a text was read as far as it was wanted
    if isinstance(error, OutputClosedError):
        abandon_output()
        complain(_("The output was closed before its end, so the work was stopped."))
        return FAILED
    known = error if isinstance(error, StudioError) else as_studio_error(error)
    complain(str(known))
    return WRONG_USAGE if isinstance(known, UsageError) else FAILED


def as_studio_error(error: BaseException) -> StudioError:
    """An error that nobody foresaw, as a fact that can travel."""
    if isinstance(error, StudioError):
        return error
    return Unexpected(detail=f"{type(error).__name__}: {error}".removesuffix(": ").rstrip("."))


def complain(sentence: str) -> None:
    """One line on standard error; nothing in it can steer the terminal."""
    try:
        sys.stderr.write(escaped(sentence) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # nobody is left to be told


def abandon_output() -> None:
    """Let what is still buffered for a closed pipe go nowhere: Python would complain about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
