from __future__ import annotations

from pathlib import Path

import pytest

from vgg_studio.cli.commands import app
from vgg_studio.cli.words import COMMANDS, Words, sort_out


@pytest.mark.parametrize("words", [["--debug", "train", "x"], ["train", "--debug", "x"], ["train", "x", "--debug"]])
def test_that_debug_may_stand_before_and_after_the_command(words: list[str]) -> None:
    assert sort_out(words) == Words(["train", "x"], debug=True)


def test_that_the_version_may_be_asked_for_behind_a_command() -> None:
    assert sort_out(["train", "--version"]).version


@pytest.mark.parametrize("words", [["--language", "zh_CN", "demo"], ["demo", "--language=zh_CN"]])
def test_that_the_language_may_stand_before_and_after_the_command(words: list[str]) -> None:
    assert sort_out(words) == Words(["demo"], language="zh_CN")


def test_that_a_language_without_a_name_is_left_for_the_usage_error() -> None:
    assert sort_out(["demo", "--language"]).rest == ["demo", "--language"]


def test_that_a_picture_behind_two_dashes_may_be_named_like_an_option() -> None:
    words = sort_out(["predict", "run", "--", "--debug", "--version"])
    assert words.rest == ["predict", "run", "--", "--debug", "--version"]
    assert not words.debug
    assert not words.version


def test_that_no_words_and_one_folder_are_for_the_window(tmp_path: Path) -> None:
    assert sort_out([]).for_window
    assert sort_out(["--debug"]).for_window
    assert sort_out([str(tmp_path)]).for_window
    assert not sort_out([str(tmp_path / "missing")]).for_window
    assert not sort_out([str(tmp_path), "more"]).for_window


def test_that_a_command_wins_over_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train").mkdir()
    monkeypatch.chdir(tmp_path)
    assert not sort_out(["train"]).for_window
    assert sort_out(["./train"]).for_window


def test_that_only_an_exact_engine_line_skips_the_command_line() -> None:
    assert sort_out(["engine", "--role", "pictures"]).engine_role == "pictures"
    assert not sort_out(["engine", "--help"]).engine_role
    assert not sort_out(["engine", "--role", "pictures", "more"]).engine_role


def test_that_the_known_commands_are_those_of_the_command_line() -> None:
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert tuple(names) == COMMANDS
