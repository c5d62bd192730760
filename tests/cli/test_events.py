"""--json, text and exit codes, on a stand-in engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tests.cli.conftest import Command
from vgg_studio import paths
from vgg_studio.cli import columns, help_pages, sentences
from vgg_studio.cli.commands import app
from vgg_studio.cli.text_printer import PlainScreen
from vgg_studio.core import events as ev, language
from vgg_studio.core.progress import folded


def _events(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_that_json_gives_one_event_a_line_and_ends_with_the_run(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--epochs", "2", "--json")
    events = _events(done.stdout)
    assert done.returncode == 0
    assert [event["epoch"] for event in events if event["type"] == "epoch_ended"] == [1, 2]
    assert [event["type"] for event in events[-2:]] == ["evaluation", "run_ended"]
    assert events[-1]["outcome"] == "finished"
    assert all(isinstance(event["time"], float) for event in events)
    assert [ev.from_line(line.encode()) for line in done.stdout.splitlines()]
    assert done.stderr == ""


def test_that_what_libraries_print_stays_out_of_json(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--epochs", "1", "--json", engine="chatty")
    assert _events(done.stdout)[-1]["type"] == "run_ended"
    assert "printed by a library" in done.stderr
    assert "written by a library" in done.stderr


def test_that_advice_of_libraries_is_told_with_debug_alone(command: Command, pictures: Path) -> None:
    words = ("train", str(pictures), "--epochs", "1", "--json")
    assert "advice" not in command(*words, engine="chatty", env={}).stderr
    assert "advice" in command(*words, "--debug", engine="chatty", env={}).stderr


def test_that_an_evaluation_is_the_last_line_of_evaluate(command: Command, run: Path) -> None:
    done = command("evaluate", str(run), "--split", "val", "--json")
    assert done.returncode == 0
    last = _events(done.stdout)[-1]
    assert (last["type"], last["split"], last["accuracy"]) == ("evaluation", "val", pytest.approx(0.92))


def test_that_a_failure_is_one_sentence_and_an_event(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--json", engine="full_disk")
    ended = _events(done.stdout)[-1]
    assert done.returncode == 1
    assert (ended["type"], ended["outcome"]) == ("run_ended", "failed")
    assert ended["failure"] == {"code": "DiskFull", "values": {"path": "run", "megabytes": 12}}
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("The disk is full: run needs 12 MB more. Make room")


def test_that_an_unforeseen_error_is_one_sentence(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), engine="broken")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "ZeroDivisionError" in done.stderr
    assert "--debug" in done.stderr


def test_that_debug_shows_where_an_error_came_from(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--debug", engine="broken")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "in broken" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("trian",), 2, "trian"),
        (("train", "--nonsense"), 2, "--nonsense"),
        (("train",), 2, "DATA"),
        (("train", "--resume"), 2, "--out"),
        (("train", ".", "--variant", "resnet18"), 2, "vgg16_bn"),
        (("train", ".", "--epochs", "0"), 2, "epochs"),
        (("train", ".", "--lr", "nan"), 2, "lr"),
        (("train", ".", "--lr", "fast"), 2, "--lr"),
        (("train", ".", "--weights", "official", "--channels", "1"), 2, "3 channels"),
        (("evaluate",), 2, "RUN"),
        (("predict", "model"), 2, "PATH"),
        (("--language", "xx", "demo"), 2, "zh_CN"),
        (("demo", "--language"), 2, "--language"),
        (("train", "missing-folder"), 1, "missing-folder"),
        (("./missing-folder",), 1, "missing-folder"),
        (("evaluate", "missing-run"), 1, "missing-run"),
        (("predict", "missing-run", "."), 1, "missing-run"),
        (("export", "missing-run", "x.pth"), 1, "missing-run"),
        (("train", "--out", "missing-run", "--resume"), 1, "missing-run"),
        (("evaluate", "n" * 300), 1, "nnn"),
        (("train", "--out", "n" * 300, "--resume"), 1, "nnn"),
    ],
)
def test_that_a_wrong_order_gets_one_sentence(command: Command, words: tuple[str, ...], code: int, said: str) -> None:
    done = command(*words)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_that_an_order_that_cannot_begin_ends_in_json_too(command: Command) -> None:
    train = command("train", "missing-folder", "--json")
    evaluate = command("evaluate", "missing-run", "--json")
    assert [event["type"] for event in _events(train.stdout)] == ["run_ended"]
    assert [event["type"] for event in _events(evaluate.stdout)] == ["job_ended"]
    assert (train.returncode, evaluate.returncode) == (1, 1)


def test_that_text_ends_with_the_score_each_class_and_what_to_do_next(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--epochs", "2", "--out", str(pictures.parent / "my run"))
    text = done.stdout.replace("\u00a0", " ")
    assert done.returncode == 0
    assert "46 of 50 pictures it had never seen were named right." in text
    assert "expect 81 to 97 %" in text
    assert re.search(r"^\[red\] +10 +10 +100.0 % +71.4 %$", text, re.MULTILINE)
    assert re.search(r"^R&D +10 +9 +90.0 % +100.0 %$", text, re.MULTILINE)
    assert f"vgg-studio predict '{pictures.parent / 'my run'}'" in text


def test_that_a_pipe_is_told_what_goes_on_when_nothing_else_is(capfd: pytest.CaptureFixture[str]) -> None:
    often, rarely = PlainScreen(silence=0.0), PlainScreen()
    often.moved("Reading pictures: 3 of 9.", 3, 9)
    rarely.moved("Reading pictures: 4 of 9.", 4, 9)
    assert capfd.readouterr().out == "Reading pictures: 3 of 9.\n"


def test_that_only_a_run_that_is_there_can_be_gone_on_with() -> None:
    def told(**facts: Any) -> str:
        return "\n".join(sentences.run_ended(ev.RunEnded(**facts), folded([ev.RunEnded(**facts)])))

    assert "--out leaves-1 --resume" in told(outcome="paused", run="leaves-1")
    assert "--out leaves-1 --resume" in told(outcome="failed", run="leaves-1", epochs=2)
    assert "--resume" not in told(outcome="failed", run="leaves-1", epochs=0)
    assert "--resume" not in told(outcome="paused")
    assert "--resume" not in told(outcome="discarded", run="leaves-1")
    failure = ev.Failure(code="Diverged", values={"epoch": 1, "rate": "1"})
    assert "--resume" not in told(outcome="failed", run="leaves-1", epochs=1, failure=failure)


def test_that_names_are_ordinary_text(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--epochs", "1")
    for name in ("[red]", "<img src=x>", "R&D", r"\x1b[2Jevil", "玫瑰", r"Left out: \x1b[31m/0.jpg is a web page"):
        assert name in done.stdout


@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}, {"TTY_COMPATIBLE": "1"}])
def test_that_a_pipe_gets_no_control_characters(command: Command, pictures: Path, env: dict[str, str]) -> None:
    done = command("train", str(pictures), "--epochs", "3", env=env)
    assert done.stdout.count("\n") > 10
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)


def test_that_a_class_of_one_picture_and_a_web_page_are_told(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--epochs", "1")
    assert done.stdout.count("is a web page, not a picture") == 3
    assert r"The class lonely\x1b[0m is left out: it has 1 picture, two are the least." in done.stdout


def test_that_a_terminal_without_the_letters_gets_the_rest(command: Command, pictures: Path) -> None:
    done = command(
        "train", str(pictures), "--epochs", "1", env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )
    assert done.returncode == 0
    assert "\\u73ab\\u7470" in done.stdout
    assert done.stderr == ""


def test_that_evaluate_says_which_part_it_is_about(command: Command, run: Path) -> None:
    assert command("evaluate", str(run)).stdout.startswith("On the test part:")
    assert command("evaluate", str(run), "--split", "val").stdout.startswith("On the validation part:")


def test_that_rows_of_the_confusion_table_are_the_true_classes(command: Command, run: Path) -> None:
    lines = command("evaluate", str(run)).stdout.splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("True class"))
    assert lines[head + 3].split() == ["3", "R&D", "1", "0", "9", "0", "0"]


def test_that_export_names_the_files_that_it_wrote(command: Command, run: Path) -> None:
    assert command("export", str(run), "out.pth").stdout == "Written: out.pth\n"


def _texts(command: Any) -> list[str]:
    """Every text in the help of a command and of those below it."""
    own = [command.help, *[text for one in command.params for text in (one.help, one.rich_help_panel)]]
    return own + [text for below in getattr(command, "commands", {}).values() for text in _texts(below)]


def test_that_all_of_the_help_is_in_the_language_that_is_chosen() -> None:
    language.use("pseudo", paths.locales())
    texts = _texts(help_pages.translated(get_command(app)))
    assert len(texts) > 80
    assert [text for text in texts if not text.endswith("~")] == []


@pytest.mark.parametrize("words", [("--help",), ("train", "--help"), ("predict", "--help"), ("engine", "--help")])
def test_that_help_is_printed_in_the_language_that_is_chosen(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words, "--language", "pseudo")
    assert done.returncode == 0
    assert "~~~" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("words", [("--help",), ("train", "--help"), ("evaluate", "--help"), ("predict", "--help")])
def test_that_no_chinese_sentence_of_the_help_is_cut_off(command: Command, words: tuple[str, ...]) -> None:
    shown = command(*words, "--language", "zh_CN").stdout
    assert "选项" in shown
    assert "…" not in shown.replace("PATH…", "")
    assert "Options" not in shown.replace("[OPTIONS]", "")
    assert "Show" not in shown


def test_that_columns_stay_aligned_with_wide_signs() -> None:
    assert columns.aligned([["名", "1"], ["ab", "20"], ["玫瑰花", "3"]]) == ["名       1", "ab      20", "玫瑰花   3"]


def test_that_sentences_follow_the_language_in_the_environment(command: Command) -> None:
    assert "~~~" in command("train", "missing-folder", env={"VGG_STUDIO_LANGUAGE": "pseudo"}).stderr
