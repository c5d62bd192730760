"""Sorts the words of a command line before anything heavy is loaded: what is for every command, and what is left."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

COMMANDS = (
    "train",
    "improve",
    "quick-look",
    "forecast",
    "tune",
    "evaluate",
    "predict",
    "export",
    "correct",
    "scan",
    "split",
    "inspect",
    "fetch",
    "demo",
    "engine",
    "recipes",
    "code",
    "plots",
    "preview",
)


@dataclass(frozen=True)
class Words:
    """A command line. --debug, --version and --language may stand anywhere before a `--`; `rest` is everything else."""

    rest: list[str] = field(default_factory=list)
    debug: bool = False
    version: bool = False
    language: str = ""

    @property
    def for_window(self) -> bool:
        """Whether the window is meant: no words at all, or one folder that is there and not named like a command."""
        return not self.rest or (len(self.rest) == 1 and self.rest[0] not in COMMANDS and os.path.isdir(self.rest[0]))

    @property
    def looks_like_folder(self) -> bool:
        """Whether a single word was meant as a folder for the window, though none is there."""
        return len(self.rest) == 1 and not self.rest[0].startswith("-") and bool(os.path.dirname(self.rest[0]))

    @property
    def engine_role(self) -> str:
        """The role where the words are exactly `engine --role X`, the way that the window starts its engines."""
        return self.rest[2] if len(self.rest) == 3 and self.rest[:2] == ["engine", "--role"] else ""


def sort_out(words: Sequence[str]) -> Words:
    """Take out what is for every command. An incomplete `--language` stays where it is, to be complained about."""
    rest: list[str] = []
    flags: set[str] = set()
    language = ""
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--":
            rest += words[index:]
            break
        if word in ("--debug", "--version"):
            flags.add(word)
        elif word.startswith("--language="):
            language = word.partition("=")[2]
        elif word == "--language" and index + 1 < len(words):
            index += 1
            language = words[index]
        else:
            rest.append(word)
        index += 1
    return Words(rest, "--debug" in flags, "--version" in flags, language)
