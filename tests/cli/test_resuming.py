from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vgg_studio import paths
from vgg_studio.cli import resuming
from vgg_studio.core import recipes
from vgg_studio.core.errors import FolderMissing, ResumeMismatch, RunExists, RunMissing, UsageError, WeightsMissing
from vgg_studio.core.jobs import DEFAULT_EPOCHS, NOT_CHOSEN, TrainJob
from vgg_studio.core.run_folder import Manifest, RunFolder


def test_that_a_new_run_remembers_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "features.pth").touch()
    monkeypatch.chdir(tmp_path)
    job = resuming.order("pictures", "run", False, {"weights": "features.pth", "batch_size": 8})
    assert job.data == str(tmp_path / "pictures")
    assert job.run == str(tmp_path / "run")
    assert job.weights == str(tmp_path / "features.pth")
    assert (job.batch_size, job.epochs, job.resume) == (8, DEFAULT_EPOCHS, False)


@pytest.mark.parametrize("weights", ["none", "official", "official-features"])
def test_that_the_known_weights_are_no_paths(tmp_path: Path, weights: str) -> None:
    assert resuming.order(str(tmp_path), "", False, {"weights": weights}).weights == weights


def test_that_a_run_without_a_folder_goes_among_the_users_runs(tmp_path: Path) -> None:
    (tmp_path / "leaves").mkdir()
    job = resuming.order(str(tmp_path / "leaves"), "", False, {})
    assert job.run == str(paths.runs_folder() / "leaves-1")


def test_that_a_folder_with_a_run_is_kept_safe(tmp_path: Path, run: Path) -> None:
    with pytest.raises(RunExists):
        resuming.order(str(tmp_path), str(run), False, {})


def test_that_going_on_needs_no_settings(run: Path) -> None:
    job = resuming.order("", str(run), True, {})
    assert job == TrainJob(run=str(run), resume=True)
    assert job.epochs == NOT_CHOSEN


def test_that_going_on_takes_more_rounds_another_device_and_moved_pictures(tmp_path: Path, run: Path) -> None:
    given = {"epochs": 20, "device": "cpu", "checkpoint_minutes": 1.0}
    job = resuming.order(str(tmp_path), str(run), True, given)
    assert (job.epochs, job.device, job.checkpoint_minutes, job.data) == (20, "cpu", 1.0, str(tmp_path))


@pytest.mark.parametrize("given", [{"batch_size": 16}, {"variant": "vgg16_bn"}, {"train_from": "block1"}])
def test_that_a_setting_that_the_run_has_may_be_repeated(run: Path, given: dict[str, Any]) -> None:
    assert resuming.order("", str(run), True, given).resume


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"batch_size": 32}, "--batch-size"),  # another than the run's, though it is the usual one
        ({"learning_rate": 0.5}, "--lr"),
        ({"weights": "other.pth"}, "--weights"),
        ({"slim_linear": True}, "--slim-linear"),
    ],
)
def test_that_another_setting_is_refused_by_its_name(run: Path, given: dict[str, Any], flag: str) -> None:
    with pytest.raises(ResumeMismatch) as caught:
        resuming.order("", str(run), True, given)
    assert caught.value.values["name"] == flag


def test_that_a_learning_rate_is_compared_with_what_the_run_chose() -> None:
    manifest = Manifest(job=TrainJob(optimizer="sgd"), created=1.0)
    chosen = recipes.learning_rate(manifest.job)
    resuming.compare(manifest, {"learning_rate": chosen})
    with pytest.raises(ResumeMismatch):
        resuming.compare(manifest, {"learning_rate": chosen * 0.8})


def test_that_any_name_of_a_light_heads_one_layer_means_that_layer() -> None:
    manifest = Manifest(job=TrainJob(weights="official", head="light"), created=1.0)
    for name in ("fc6", "fc7", "fc8"):
        resuming.compare(manifest, {"train_from": name})
    with pytest.raises(ResumeMismatch):
        resuming.compare(manifest, {"train_from": "block5"})


def test_that_a_file_of_weights_may_have_moved(tmp_path: Path) -> None:
    manifest = Manifest(job=TrainJob(weights=str(tmp_path / "old" / "vgg.pth")), created=1.0)
    resuming.compare(manifest, {"weights": str(tmp_path / "new" / "vgg.pth")})


def test_that_the_same_line_begins_a_run_and_goes_on_with_it(tmp_path: Path, run: Path) -> None:
    assert not resuming.order(str(tmp_path), str(tmp_path / "new"), True, {}).resume
    assert resuming.order(str(tmp_path), str(run), True, {}).resume


@pytest.mark.parametrize("restarts", ["0", "1"])  # torchrun counts no restart where a machine has come or gone
def test_that_a_line_that_torchrun_repeats_goes_on_with_its_run(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch, restarts: str
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "any")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
    assert not resuming.order(str(tmp_path), str(tmp_path / "new"), False, {}).resume
    assert resuming.order(str(tmp_path), str(run), False, {}) == TrainJob(run=str(run), data=str(tmp_path), resume=True)


def test_that_a_finished_run_is_kept_safe_from_torchrun(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "any")
    folder = RunFolder.open(run)
    folder.save(msgspec.structs.replace(folder.manifest, outcome="finished"))
    with pytest.raises(RunExists):
        resuming.order(str(tmp_path), str(run), False, {})


def test_that_a_restarted_line_without_a_folder_finds_what_it_had_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "any")
    begun = RunFolder.create(paths.runs_folder() / "leaves-1", Manifest(job=TrainJob(data=str(tmp_path)), created=1.0))
    assert not resuming.order(str(tmp_path), "", False, {}).resume
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert resuming.order(str(tmp_path), "", False, {}).run == str(begun.path)


def test_that_going_on_with_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunMissing):
        resuming.order("", str(tmp_path / "new"), True, {})
    with pytest.raises(UsageError):
        resuming.order("", "", True, {})


def test_that_a_missing_folder_of_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderMissing) as caught:
        resuming.order(str(tmp_path / "nothing"), "", False, {})
    assert "nothing" in str(caught.value)


def test_that_missing_weights_are_named_before_any_picture_is_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        resuming.order(str(tmp_path), "", False, {"weights": str(tmp_path / "vgg.pth")})


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_that_a_name_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    os.mkdir(folder)
    with pytest.raises(UsageError) as caught:
        resuming.order(folder, "", False, {})
    assert r"\xff" in str(caught.value)
