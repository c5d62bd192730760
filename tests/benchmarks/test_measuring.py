"""How the benchmark gets its figures: what an engine told, which pictures there are, peers that cannot be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import environments, peer
from tests.benchmarks.pictures import Pictures
from tests.benchmarks.studio import Told
from vgg_studio.core import events as ev
from vgg_studio.core.events import Event, PhaseStarted, Way


def ready(computed: int) -> ev.FeaturesReady:
    return ev.FeaturesReady(found=0, computed=computed, way=Way())


def round_over(number: int) -> ev.EpochEnded:
    return ev.EpochEnded(
        epoch=number,
        train_loss=1.0,
        train_accuracy=0.5,
        val_loss=1.0,
        val_accuracy=0.5,
        learning_rate=0.1,
        images_per_second=1.0,
    )


@pytest.fixture
def told() -> Told:
    """Two rounds: read for 2 s, network for 3 s, computed for 5 s, then rounds of 4 and 3 s."""
    marks: list[tuple[float, Event]] = [
        (0.0, PhaseStarted(phase="reading")),
        (2.0, PhaseStarted(phase="loading_network")),
        (5.0, PhaseStarted(phase="extracting")),
        (10.0, ready(96)),
        (10.0, PhaseStarted(phase="training")),
        (13.0, PhaseStarted(phase="validating")),
        (14.0, round_over(1)),
        (14.0, ready(32)),
        (15.0, PhaseStarted(phase="training")),
        (17.0, round_over(2)),
    ]
    return Told(seconds=18.0, events=marks)


def test_that_seconds_of_phases_end_where_the_next_begins_or_the_features_are_there(told: Told) -> None:
    assert told.in_phases("reading", "extracting") == pytest.approx(7.0)
    assert told.in_phases("loading_network") == pytest.approx(3.0)
    assert told.computed == 128


def test_that_a_round_lasts_from_the_end_of_the_one_before_and_the_first_from_its_learning(told: Told) -> None:
    assert told.round_seconds(1) == pytest.approx(4.0)
    assert told.round_seconds(2) == pytest.approx(3.0)


def test_that_a_peer_without_an_environment_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGG_STUDIO_BENCH_ENVS", str(tmp_path))
    monkeypatch.setenv("UV", str(tmp_path / "absent"))
    with pytest.raises(environments.PeerError, match=r"^timm was skipped: uv, .* cannot be started"):
        environments.python_of("timm")


def test_that_a_script_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peer.SCRIPTS, "tutorial", "absent.py")
    with pytest.raises(environments.PeerError, match=r"^tutorial was skipped in C1: its script failed \(.*absent"):
        peer.ask("tutorial", tmp_path, tmp_path, job="C1")


def test_that_an_answer_gives_rates_and_what_the_process_took_beside() -> None:
    answer = peer.Answer(wall=50.0, seconds={"train": 30.0, "val": 8.0}, counts={"train": 96, "val": 32})
    assert answer.rate("train") == pytest.approx(3.2)
    assert answer.rate("val") == pytest.approx(4.0)
    assert answer.start_up == pytest.approx(12.0)


def test_that_more_pictures_than_sources_are_all_different(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGG_STUDIO_REAL_DATA", str(tmp_path / "nothing"))
    stock = Pictures(tmp_path, count=10)
    place = stock.folder("some", train=20, val=5, side=32)
    files = sorted(place.rglob("*.jpg"))
    assert stock.kind == "drawn samples"
    assert [len(list((place / part).rglob("*.jpg"))) for part in ("train", "val")] == [20, 5]
    assert len({file.read_bytes() for file in files}) == len(files)
