"""`split`, the shares of the held-back parts as options, and the pictures that a quick look suspects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pictures import make_folder
from vgg_studio.cli import main
from vgg_studio.cli.orders import Engine, carry_out
from vgg_studio.cli.words import sort_out
from vgg_studio.core import events as ev, jobs


def _run(capfd: pytest.CaptureFixture[str], *words: str, engine: Engine = carry_out) -> tuple[int, str, str]:
    code = main.run(sort_out(words), engine)
    return code, *capfd.readouterr()


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(make_folder(tmp_path / "pets", ["cat", "dog"], count=4, size=16))


class Heard:
    """An engine that only listens."""

    def __init__(self, *events: ev.Event) -> None:
        self.jobs: list[jobs.AnyJob] = []
        self.events = events

    def __call__(self, job: jobs.AnyJob, stop: jobs.Stop) -> Iterator[ev.Event]:
        self.jobs.append(job)
        yield from self.events
        yield ev.JobEnded(outcome="done")


def test_that_a_split_is_written_and_told(capfd: pytest.CaptureFixture[str], data: str, tmp_path: Path) -> None:
    code, out, err = _run(capfd, "split", data, str(tmp_path / "parts"), "--test-percent", "0", "--seed", "3")
    assert (code, err) == (0, "")
    last = out.splitlines()[-1]
    assert last.startswith(f"Written to {tmp_path / 'parts'}: ")
    assert last.endswith("0 for the final score.")
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["train", "val"]


def test_that_a_split_comes_as_events_too(capfd: pytest.CaptureFixture[str], data: str, tmp_path: Path) -> None:
    code, out, _ = _run(capfd, "split", data, str(tmp_path / "parts"), "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    (written,) = [event for event in told if event["type"] == "split_written"]
    assert sum(written["parts"].values()) == 8


def test_that_a_place_that_is_taken_ends_with_a_sentence(capfd: pytest.CaptureFixture[str], data: str) -> None:
    code, _, err = _run(capfd, "split", data, data + "/new")
    assert code == 1
    assert "it lies among the pictures themselves" in err
    assert not Path(data, "new").exists()


@pytest.mark.parametrize(
    "words", [["--val-percent", "51"], ["--test-percent", "-1"], ["--val-percent", "45", "--test-percent", "40"]]
)
def test_that_shares_that_leave_too_little_are_wrong_usage(
    capfd: pytest.CaptureFixture[str], data: str, tmp_path: Path, words: list[str]
) -> None:
    code, _, err = _run(capfd, "split", data, str(tmp_path / "parts"), *words)
    assert code == 2
    assert "percent" in err
    assert not (tmp_path / "parts").exists()


def test_that_shares_and_class_weights_reach_the_training(capfd: pytest.CaptureFixture[str], data: str) -> None:
    heard = Heard()
    _run(capfd, "train", data, "--val-percent", "20", "--test-percent", "0", "--class-weights", engine=heard)
    (job,) = heard.jobs
    assert isinstance(job, jobs.TrainJob)
    assert (job.val_percent, job.test_percent, job.class_weights) == (20, 0, True)


def _suspect(number: int) -> ev.Finding:
    return ev.Finding(
        kind="wrong_label",
        pictures=[ev.PictureRef(path=f"cat/{number}.jpg")],
        classes=["cat"],
        parts=["train"],
        values={"named": "dog", "probability": 0.97},
    )


def test_that_a_quick_look_names_the_ten_most_suspicious(
    capfd: pytest.CaptureFixture[str], data: str, tmp_path: Path
) -> None:
    (tmp_path / "w.pth").write_bytes(b"x")
    heard = Heard(
        ev.QuickLook(accuracy=0.9, spread=0.01, folds=5, count=8),
        ev.FindingsMade(findings=[_suspect(number) for number in range(12)]),
        ev.FindingsMade(findings=[_suspect(99)]),
    )
    _, out, _ = _run(capfd, "quick-look", data, "--weights", str(tmp_path / "w.pth"), engine=heard)
    lines = out.splitlines()
    at = lines.index("Perhaps in the wrong class, most suspicious first:")
    assert lines[at + 1] == "  cat/0.jpg: Networks that did not learn from it call it dog (97\u00a0%)."
    assert lines[at + 11] == "  and 2 more"
    assert len(lines) == at + 12
