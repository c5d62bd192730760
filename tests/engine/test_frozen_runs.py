"""Trainings with a frozen part: the cache changes how long they take and nothing else, and what is scored is what answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from tests.engine.lessons import COLOURS, draw, draw_folder, end, events_of, numbers, only, stopped, tiny
from vgg_studio import paths
from vgg_studio.core import events as ev, split
from vgg_studio.core.facts import Way
from vgg_studio.core.jobs import EvaluateJob, PredictJob, Stop, TrainJob
from vgg_studio.core.run_folder import BEST, SPLIT, RunFolder
from vgg_studio.engine import device, feature_files, ncnn_trunk, tensor_files
from vgg_studio.engine.data import PictureStore
from vgg_studio.engine.device import choose
from vgg_studio.engine.evaluate import evaluate
from vgg_studio.engine.opened import open_run
from vgg_studio.engine.predict import predict
from vgg_studio.engine.train import train


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=10)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(feature_files, "RESERVE", 0)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def frozen(data: Path, run: Path, **changes: Any) -> TrainJob:
    return tiny(data, run, **({"train_from": "block5", "features": "fp32"} | changes))


def result(run: Path) -> dict[str, Any]:
    """Everything that a run found out, to the bit."""
    manifest = RunFolder.open(run).manifest
    score = manifest.evaluation
    assert score is not None
    return {
        "rows": numbers(run),
        "best": (manifest.best_epoch, tensor_files.sha256(run / BEST)),
        "calibrated": (manifest.temperature, manifest.threshold),
        "score": (score.confusion, score.loss, score.wrong, score.count),
    }


def finished(job: TrainJob) -> list[ev.Event]:
    events = events_of(job)
    assert end(events).outcome == "finished", end(events).failure
    return events


def computed(events: list[ev.Event]) -> int:
    return sum(ready.computed for ready in only(events, ev.FeaturesReady))


def cache() -> Path:
    return paths.cache_folder() / "features"


# --- kept or not

WAYS: dict[str, dict[str, Any]] = {
    "fc8": {"train_from": "fc8", "variation": "none"},
    "fc6, flips": {"train_from": "fc6", "variant": "vgg11", "variation": "flip"},
    "block5, crops": {"variation": "flip_crop", "views": 3},
    "block3, flips": {"train_from": "block3", "variation": "flip", "mirror": True},
    "block5, light": {"head": "light", "variant": "vgg11", "variation": "flip"},
    "light, all at once": {
        "head": "light", "train_from": "fc8", "optimizer": "lbfgs", "variation": "flip_crop", "views": 2,
    },
    "block2, everything": {
        "train_from": "block2", "ema": 0.9, "layer_decay": 0.5, "label_smoothing": 0.1, "mirror": True, "warmup": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS.keys())
def test_that_a_run_off_the_cache_and_one_without_it_are_equal_to_the_bit(
    pictures: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    without = finished(frozen(pictures, tmp_path / "without", **settings | {"features": "none"}))
    assert not only(without, ev.FeaturesReady)
    assert not cache().exists()
    first = finished(frozen(pictures, tmp_path / "first", **settings))
    second = finished(frozen(pictures, tmp_path / "second", **settings))

    assert computed(first) >= 30
    assert {(ready.kept, ready.precision) for ready in only(first, ev.FeaturesReady)} == {(True, "fp32")}
    assert computed(second) == 0
    assert result(tmp_path / "without") == result(tmp_path / "first") == result(tmp_path / "second")


@pytest.mark.parametrize("stage", ["fc8", "block5"])
def test_that_features_in_half_precision_change_less_than_one_answer_in_two_hundred(
    pictures: Path, tmp_path: Path, stage: str
) -> None:
    others = draw_folder(tmp_path / "others", count=70, first=500)
    found = []
    for kept in ("none", "fp16"):
        job = frozen(pictures, tmp_path / kept, train_from=stage, features=kept, learning_rate=0.02, epochs=4)
        assert RunFolder.open(Path(finished(job)[-1].run)).manifest.kept == ("fp32" if kept == "none" else kept)  # type: ignore[union-attr]
        refs = [ev.PictureRef(path=str(path)) for path in sorted(others.rglob("*.png"))]
        answers = only(list(predict(PredictJob(model=job.run, pictures=refs), Stop())), ev.PicturePredicted)
        found.append([answer.top[0].label for answer in answers])

    alike = sum(one == other for one, other in zip(*found, strict=True))
    assert alike >= 0.995 * len(found[0]) == 0.995 * 210
    assert len(set(found[0])) > 1


def test_that_batch_normalisation_and_dropout_of_the_frozen_part_stay_as_they_are(
    pictures: Path, tmp_path: Path
) -> None:
    finished(frozen(pictures, tmp_path / "parent", train_from="block1", epochs=1))
    finished(
        frozen(pictures, tmp_path / "run", parent=str(tmp_path / "parent"), train_from="fc8", dropout=0.9, epochs=1)
    )
    other = {"train_from": "fc8", "dropout": 0.0, "epochs": 1}
    again = finished(frozen(pictures, tmp_path / "other", parent=str(tmp_path / "parent"), **other))

    before, after = (tensor_files.read(tmp_path / run / BEST)[0] for run in ("parent", "run"))
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"classifier.6.weight", "classifier.6.bias"}
    assert computed(again) == 0  # fc6's and fc7's dropout is off, whatever it is
    assert numbers(tmp_path / "run") == numbers(tmp_path / "other")


# --- the score shown is the score got


@pytest.mark.parametrize(
    "settings",
    [
        {"features": "fp32"},
        {"features": "fp16", "train_from": "fc7"},
        {"features": "bf16", "mirror": True, "variant": "vgg11"},
        {"features": "none", "mirror": True},
        {"features": "auto", "head": "light", "train_from": "fc8", "optimizer": "lbfgs", "mirror": True},
    ],
    ids=["fp32", "fp16", "bf16, mirror", "not kept, mirror", "light"],
)
def test_that_the_score_shown_is_the_score_got_and_each_answer_the_same(
    pictures: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    job = frozen(pictures, tmp_path / "run", **settings)
    (shown,) = only(finished(job), ev.Evaluation)
    shutil.rmtree(cache(), ignore_errors=True)

    (again,) = only(list(evaluate(EvaluateJob(run=job.run), Stop())), ev.Evaluation)
    assert (again.confusion, again.loss, again.wrong) == (shown.confusion, shown.loss, shown.wrong)

    parts = split.from_csv((tmp_path / "run" / SPLIT).read_bytes())
    refs = [ev.PictureRef(path=str(pictures / item.picture.path)) for item in parts.test]
    together = only(list(predict(PredictJob(model=job.run, pictures=refs, top=3), Stop())), ev.PicturePredicted)
    alone = [
        only(list(predict(PredictJob(model=job.run, pictures=[ref], top=3), Stop())), ev.PicturePredicted)[0]
        for ref in refs
    ]
    assert [answer.top for answer in together] == [answer.top for answer in alone]
    true = [parts.classes[item.label] for item in parts.test]
    named_wrong = {
        (item.picture.path, answer.top[0].label, answer.top[0].probability)
        for item, answer, name in zip(parts.test, alone, true, strict=True)
        if answer.top[0].label != name
    }
    assert named_wrong == {(wrong.picture.path, wrong.named, wrong.probability) for wrong in shown.wrong}


@pytest.mark.parametrize("mirror", [False, True])
def test_that_an_evaluation_uses_what_the_run_has_left_and_nothing_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: bool
) -> None:
    data = draw_folder(tmp_path / "pictures", count=10)
    job = frozen(data, tmp_path / "run", mirror=mirror)
    (shown,) = only(finished(job), ev.Evaluation)
    opened: list[str] = []
    read = PictureStore.read

    def noting(self: PictureStore, picture: ev.PictureRef) -> Any:
        opened.append(picture.path)
        return read(self, picture)

    monkeypatch.setattr(PictureStore, "read", noting)
    (again,) = only(list(evaluate(EvaluateJob(run=job.run), Stop())), ev.Evaluation)
    assert opened == []
    assert (again.confusion, again.loss, again.wrong) == (shown.confusion, shown.loss, shown.wrong)

    changed = split.from_csv((tmp_path / "run" / SPLIT).read_bytes()).test[0].picture.path
    draw(data / changed, (7, 7, 7), seed=4)
    before = {path: path.stat().st_size for path in cache().rglob("*.*")}
    (other,) = only(list(evaluate(EvaluateJob(run=job.run), Stop())), ev.Evaluation)
    assert set(opened) == {changed}
    assert other.loss != shown.loss
    assert {path: path.stat().st_size for path in cache().rglob("*.*")} == before

    opened.clear()
    shutil.rmtree(cache())
    list(evaluate(EvaluateJob(run=job.run), Stop()))
    assert len(opened) == shown.count
    assert not cache().exists()


# --- found again


def test_that_a_second_run_computes_nothing_whatever_learns_behind_the_frozen_part(
    pictures: Path, tmp_path: Path
) -> None:
    assert computed(finished(frozen(pictures, tmp_path / "first"))) > 0
    changes: dict[str, dict[str, Any]] = {
        "same": {},
        "seed": {"seed": 0, "learning_rate": 1e-4},
        "rate": {"learning_rate": 1e-2, "optimizer": "sgd", "batch_size": 5},
        "smooth": {"label_smoothing": 0.2, "ema": 0.8, "dropout": 0.1, "weight_decay": 0.1, "layer_decay": 0.5},
    }
    for name, change in changes.items():
        events = finished(frozen(pictures, tmp_path / name, **change))
        assert computed(events) == 0, name
        assert sum(ready.found for ready in only(events, ev.FeaturesReady)) > 0
        assert "extracting" not in [event.phase for event in only(events, ev.PhaseStarted)]


def test_that_another_head_or_seed_on_given_weights_finds_the_features(pictures: Path, tmp_path: Path) -> None:
    finished(frozen(pictures, tmp_path / "base", train_from="block1", epochs=1))
    base = str(tmp_path / "base")
    first = finished(frozen(pictures, tmp_path / "classic", parent=base, variation="none"))
    assert computed(first) == 30  # all parts: train, validation and test
    changes: dict[str, dict[str, Any]] = {
        "seed": {"seed": 7}, "light": {"head": "light"}, "rate": {"learning_rate": 0.01},
    }  # fmt: skip
    for name, change in changes.items():
        events = finished(frozen(pictures, tmp_path / name, parent=base, variation="none", **change))
        assert computed(events) == 0, name
    assert len(list(cache().iterdir())) == 1


@pytest.mark.parametrize(
    "change",
    [{"train_from": "block4"}, {"image_size": 40}, {"seed": 5}, {"features": "fp16"}, {"resize": "crop"}],
    ids=["stage", "size", "weights", "precision", "resize"],
)
def test_that_what_changes_the_features_gets_a_folder_of_its_own(
    pictures: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    finished(frozen(pictures, tmp_path / "first", variation="none", epochs=1))
    before = {path: path.read_bytes() for path in cache().rglob("*.*")}

    events = finished(frozen(pictures, tmp_path / "other", variation="none", epochs=1, **change))

    assert computed(events) == 30
    assert len(list(cache().iterdir())) == 2
    assert {path: path.read_bytes() for path in before} == before


def test_that_pictures_under_other_names_are_found_and_a_changed_one_is_not(pictures: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"variation": "none", "epochs": 1}
    finished(frozen(pictures, tmp_path / "first", **settings))
    renamed = tmp_path / "renamed"
    shutil.copytree(pictures, renamed)
    for name in COLOURS:
        for number, path in enumerate(sorted((renamed / name).iterdir(), reverse=True)):
            path.rename(path.with_name(f"other {number}.png"))
    assert computed(finished(frozen(renamed, tmp_path / "second", **settings))) == 0

    draw(renamed / "red" / "other 0.png", (9, 9, 9), seed=12345)
    assert computed(finished(frozen(renamed, tmp_path / "third", **settings))) == 1


def test_that_early_stopping_and_more_rounds_go_on_off_the_cache(pictures: Path, tmp_path: Path) -> None:
    finished(frozen(pictures, tmp_path / "run", epochs=1, schedule="none", variation="none"))
    more = events_of(TrainJob(run=str(tmp_path / "run"), resume=True, epochs=3))
    assert computed(more) == 0
    finished(frozen(pictures, tmp_path / "whole", epochs=3, schedule="none", variation="none"))
    assert result(tmp_path / "run") == result(tmp_path / "whole")


# --- other machines, older runs


def test_that_a_run_of_another_kind_of_device_answers_in_this_ones_way(pictures: Path, tmp_path: Path) -> None:
    finished(frozen(pictures, tmp_path / "run"))
    run = RunFolder.open(tmp_path / "run")
    theirs = Way(precision="bf16", batch=128, smallest=2)
    run.save(msgspec.structs.replace(run.manifest, device=ev.DeviceFact(kind="cuda"), way=theirs, precision="bf16"))

    ours = open_run(run, choose("cpu"))

    assert ours.answerer.extractor is not None
    assert (ours.answerer.extractor.way.precision, ours.answerer.extractor.batch) == ("fp32", 16)
    assert ours.answerer.device.precision == "fp32"


@pytest.mark.parametrize("theirs", [Way(backend="ncnn", layout="contiguous", workers=2), Way(precision="bf16")])
def test_that_a_run_answers_and_goes_on_where_its_way_is_not_there(
    pictures: Path, tmp_path: Path, theirs: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ncnn_trunk, "_library", lambda: None)
    monkeypatch.setattr(device, "_processor_bf16", lambda: False)
    finished(frozen(pictures, tmp_path / "run", epochs=1))
    run = RunFolder.open(tmp_path / "run")
    run.save(msgspec.structs.replace(run.manifest, way=theirs))

    order = PredictJob(
        model=str(run.path), pictures=[ev.PictureRef(path=str(pictures / "red" / "red-000.png"))], device="cpu"
    )
    assert len(only(list(predict(order, Stop())), ev.PicturePredicted)) == 1
    finished(TrainJob(run=str(run.path), resume=True, epochs=2))
    ours = RunFolder.open(run.path).manifest.way
    assert ours is not None
    assert (ours.backend, ours.precision) == ("torch", "fp32")


def test_that_a_run_that_is_older_than_ways_goes_on(pictures: Path, tmp_path: Path) -> None:
    finished(frozen(pictures, tmp_path / "whole", epochs=3, schedule="none"))
    stopped(frozen(pictures, tmp_path / "old", epochs=3, schedule="none"), "pause", after=1, kind=ev.EpochEnded)
    run = RunFolder.open(tmp_path / "old")
    run.save(msgspec.structs.replace(run.manifest, way=None, kept=""))

    assert end(events_of(TrainJob(run=str(run.path), resume=True))).outcome == "finished"
    assert result(tmp_path / "old") == result(tmp_path / "whole")


# --- what goes wrong


def _clean(pictures: Path, tmp_path: Path, **settings: Any) -> dict[str, Any]:
    """What a run without a cache finds out."""
    finished(frozen(pictures, tmp_path / "clean", **{**settings, "features": "none"}))
    return result(tmp_path / "clean")


def _torn_index(folder: Path) -> None:
    for index in folder.glob("*.index"):
        index.write_bytes(index.read_bytes()[: index.stat().st_size * 2 // 3])


def _flipped(kind: str) -> Any:
    def damage(folder: Path) -> None:
        for path in folder.glob(f"*.{kind}"):
            data = bytearray(path.read_bytes())
            for place in range(5, len(data), len(data) // 7):
                data[place] ^= 0x40
            path.write_bytes(data)

    return damage


def _short_rows(folder: Path) -> None:
    for rows in folder.glob("*.rows"):
        os.truncate(rows, rows.stat().st_size // 2 + 3)


def _zeroed_rows(folder: Path) -> None:
    for rows in folder.glob("*.rows"):
        rows.write_bytes(b"\0" * rows.stat().st_size)


def _garbage(folder: Path) -> None:
    for name in ("0.index", "0.rows", "1.rows", "f.index"):
        (folder / name).write_bytes(os.urandom(777))
    (folder / "z.index").mkdir()


def _a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"x")


def _gone(folder: Path) -> None:
    shutil.rmtree(folder)


def _above_a_file(folder: Path) -> None:
    shutil.rmtree(folder.parent)
    folder.parent.write_bytes(b"x")


DAMAGES = [
    _torn_index, _flipped("index"), _flipped("rows"), _short_rows, _zeroed_rows, _garbage, _a_file, _gone, _above_a_file,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_that_a_damaged_cache_costs_time_and_nothing_else(pictures: Path, tmp_path: Path, damage: Any) -> None:
    finished(frozen(pictures, tmp_path / "first"))
    (folder,) = cache().iterdir()
    damage(folder)

    finished(frozen(pictures, tmp_path / "second"))

    assert result(tmp_path / "second") == result(tmp_path / "first")
    if damage not in (_a_file, _above_a_file):
        assert computed(finished(frozen(pictures, tmp_path / "third"))) == 0


def test_that_a_cache_folder_that_cannot_be_made_costs_time_and_nothing_else(pictures: Path, tmp_path: Path) -> None:
    clean = _clean(pictures, tmp_path)
    home = paths.cache_folder()
    shutil.rmtree(home)
    home.write_bytes(b"a file where the folder should be")

    finished(frozen(pictures, tmp_path / "run"))
    assert result(tmp_path / "run") == clean
    finished(frozen(pictures, tmp_path / "more", epochs=1))
    finished(TrainJob(run=str(tmp_path / "more"), resume=True, epochs=2))


@pytest.mark.parametrize("what", ["feature_files.FeatureFiles._begin", "feature_files.Path.touch"])
def test_that_a_folder_that_cannot_be_written_costs_time_and_nothing_else(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Root may write everywhere, so the refusal is played: of new files, or of everything."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    clean = _clean(pictures, tmp_path, epochs=3)
    finished(frozen(pictures, tmp_path / "first", epochs=1))
    monkeypatch.setattr(f"vgg_studio.engine.{what}", refuse)
    events = finished(frozen(pictures, tmp_path / "second", epochs=3))

    assert result(tmp_path / "second") == clean
    ready = only(events, ev.FeaturesReady)
    assert (ready[0].found, ready[-1].kept) == (24, False) if "_begin" in what else ready == []


def test_that_no_room_for_features_at_any_moment_changes_nothing(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = _clean(pictures, tmp_path)
    add = feature_files.FeatureFiles.add
    for most in (0, 1, 3):
        calls = [0]

        def full(
            self: feature_files.FeatureFiles, names: Any, rows: Any, calls: list[int] = calls, most: int = most
        ) -> None:
            calls[0] += 1
            if calls[0] > most:
                raise OSError(28, "No space left on device")
            add(self, names, rows)

        monkeypatch.setattr(feature_files.FeatureFiles, "add", full)
        run = tmp_path / str(most)
        shutil.rmtree(cache(), ignore_errors=True)
        events = finished(frozen(pictures, run))

        assert not only(events, ev.FeaturesReady)[-1].kept
        assert only(events, ev.FeaturesReady)[-1].computed < 30
        assert result(run) == clean


# A process whose files may have so many bytes each: as on a full disk, the write that goes beyond is cut, the next fails.
_LIMITED = """
import resource, signal, sys
from pathlib import Path
from tests.engine.lessons import end
from tests.engine.test_frozen_runs import events_of, frozen
from vgg_studio.core.events import FeaturesReady
from vgg_studio.engine import feature_files
feature_files.RESERVE = 0
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
write, begin = feature_files._write, feature_files.FeatureFiles._begin
most = int(sys.argv[3])

def limited(handle, data, start):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        write(handle, data, start)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

feature_files._write = limited
events = events_of(frozen(Path(sys.argv[1]), Path(sys.argv[2])))
assert end(events).outcome == "finished", end(events)
print([event.kept for event in events if isinstance(event, FeaturesReady)][-1])
"""


def _process(script: str, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def test_that_a_write_that_the_system_cuts_off_leaves_no_half_row(pictures: Path, tmp_path: Path) -> None:
    clean = _clean(pictures, tmp_path)
    row = 32 // 16 * 16 * 4 * 4  # block 5 sees 32 channels of 2 x 2 at fp32
    with _process(_LIMITED, pictures, tmp_path / "run", 16 * row + row // 2) as process:
        said, _ = process.communicate(timeout=120)

    assert (process.returncode, said.split()[-1]) == (0, "False")
    assert result(tmp_path / "run") == clean
    again = finished(frozen(pictures, tmp_path / "again"))
    assert sum(ready.found for ready in only(again, ev.FeaturesReady)[:1]) > 0
    assert result(tmp_path / "again") == clean


# Several trainings at the same time, each in a copy of a process that has imported everything and computed nothing.
_TOGETHER = """
import importlib, os, sys
from pathlib import Path
from tests.engine.test_frozen_runs import finished, frozen
from vgg_studio.engine import feature_files
importlib.import_module("torch._dynamo")
feature_files.RESERVE = 0
children = []
for run in sys.argv[2:]:
    child = os.fork()
    if not child:
        try:
            finished(frozen(Path(sys.argv[1]), Path(run)))
            os._exit(0)
        finally:
            os._exit(1)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""


def test_that_two_processes_that_fill_the_cache_at_the_same_time_are_both_right(pictures: Path, tmp_path: Path) -> None:
    with _process(_TOGETHER, pictures, tmp_path / "one", tmp_path / "other") as process:
        process.communicate(timeout=120)

    assert process.returncode == 0
    third = finished(frozen(pictures, tmp_path / "third"))
    assert computed(third) == 0
    assert result(tmp_path / "one") == result(tmp_path / "other") == result(tmp_path / "third")


def test_that_a_cache_that_is_deleted_while_it_is_used_changes_nothing(pictures: Path, tmp_path: Path) -> None:
    clean = _clean(pictures, tmp_path, epochs=3)
    kinds: tuple[type[ev.BaseEvent], ...] = (ev.FeaturesReady, ev.BatchEnded, ev.EpochEnded)
    for number, kind in enumerate(kinds):
        run = tmp_path / str(number)
        for event in train(frozen(pictures, run, epochs=3), Stop()):
            if isinstance(event, kind):
                shutil.rmtree(cache(), ignore_errors=True)
        assert result(run) == clean


# --- stopped


def test_that_a_finished_frozen_run_scores_the_best_round_though_the_test_part_was_not_looked_at(
    pictures: Path, tmp_path: Path
) -> None:
    events = stopped(frozen(pictures, tmp_path / "run", epochs=50), "finish", after=1, kind=ev.EpochEnded)

    assert end(events).outcome == "finished_early"
    assert only(events, ev.Evaluation)


@pytest.mark.parametrize(
    ("how", "outcome"), [("pause", "paused"), ("finish", "finished_early"), ("discard", "discarded")]
)
@pytest.mark.parametrize("round_", [1, 2])
def test_that_a_stop_is_heard_while_features_are_computed(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Any, outcome: str, round_: int
) -> None:
    monkeypatch.setattr("vgg_studio.engine.ending.A_TENTH", 0.0)
    settings: dict[str, Any] = {"variation": "flip_crop", "views": 8, "epochs": 3}
    clean = _clean(pictures, tmp_path, **settings)
    stop, run, events = Stop(), tmp_path / "run", []
    for event in train(frozen(pictures, run, **settings), stop):
        events.append(event)
        begun = [one for one in only(events, ev.PhaseStarted) if one.phase == "extracting"]
        if len(begun) == round_ and isinstance(event, ev.PhaseProgress) and event.phase == "extracting":
            stop.ask(how)

    last = end(events)
    assert last.outcome == outcome
    assert run.exists() == (how != "discard")
    if how == "finish":
        assert only(events, ev.Evaluation)
        assert last.best_epoch == 1
    if how == "pause":
        assert last.epochs == round_ - 1
        rest = events_of(TrainJob(run=str(run), resume=True))
        assert end(rest).outcome == "finished"
        assert result(run) == clean
        assert only(rest, ev.FeaturesReady)[0].found > 0


# A training that dies at its n-th batch of features, before, between or after its writes.
_DEADLY = """
import importlib, os, random, shutil, signal, sys
from pathlib import Path
from tests.engine.test_frozen_runs import cache, frozen
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.run_folder import MANIFEST
from vgg_studio.engine import feature_files
from vgg_studio.engine.train import train
importlib.import_module("torch._dynamo")
feature_files.RESERVE = 0
data, run, kills, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
write = os.write

def learn(deadly):
    calls = 0

    def in_pieces(handle, data):
        nonlocal calls
        calls += 1
        if calls >= deadly:
            write(handle, data[: chance.randrange(len(data) + 1)])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(handle, data[: 1 + chance.randrange(len(data))])

    os.write = in_pieces
    known = (run / MANIFEST).exists()
    job = TrainJob(run=str(run), resume=True) if known else frozen(data, run, variation="flip_crop", epochs=3)
    (*_, last) = train(job, Stop())
    write(1, last.outcome.encode() + b" ")

while kills:
    child = os.fork()
    if not child:
        chance.seed(os.getpid())
        try:
            learn(chance.randrange(1, 24))
        finally:
            os._exit(0)
    if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        kills -= 1
    else:  # it came to its end: from the start again
        shutil.rmtree(run)
        shutil.rmtree(cache())
"""


def _assert_that_kills_while_the_cache_fills_change_nothing(pictures: Path, tmp_path: Path, kills: int) -> None:
    torch.set_num_threads(1)
    settings: dict[str, Any] = {"variation": "flip_crop", "epochs": 3}
    clean = _clean(pictures, tmp_path, **settings)
    run = tmp_path / "run"
    with _process(_DEADLY, pictures, run, kills, 5) as process:
        said, _ = process.communicate(timeout=1500)
    assert process.returncode == 0
    assert "failed" not in said

    kept = sum(file.stat().st_size // feature_files.RECORD.itemsize for file in cache().rglob("*.index"))
    rest = (
        events_of(TrainJob(run=str(run), resume=True)) if run.exists() else events_of(frozen(pictures, run, **settings))
    )
    assert end(rest).outcome == "finished"
    assert result(run) == clean
    again = finished(frozen(pictures, tmp_path / "again", **settings))
    assert computed(again) == 0
    assert bool(kept) == any(ready.found for ready in only(rest, ev.FeaturesReady)[:1])
    assert result(tmp_path / "again") == clean


def test_that_kills_while_the_cache_fills_change_nothing(pictures: Path, tmp_path: Path) -> None:
    _assert_that_kills_while_the_cache_fills_change_nothing(pictures, tmp_path, kills=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_that_forty_kills_while_the_cache_fills_change_nothing(pictures: Path, tmp_path: Path) -> None:
    _assert_that_kills_while_the_cache_fills_change_nothing(pictures, tmp_path, kills=40)


# --- room


def test_that_the_folder_unused_for_longest_makes_room_and_the_one_in_use_stays(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"variation": "none", "epochs": 1}
    found: list[Path] = []
    for number, seed in enumerate((1, 2)):
        finished(frozen(pictures, tmp_path / f"seed{seed}", seed=seed, **settings))
        (new,) = set(cache().iterdir()) - set(found)
        os.utime(new / feature_files.USED, (1e9 - number, 1e9 - number))  # the later one is the older
        found.append(new)
    size = feature_files.size(found[0])
    monkeypatch.setenv("VGG_STUDIO_CACHE_GB", f"{2.5 * size / 1e9:.9f}")

    finished(frozen(pictures, tmp_path / "seed3", seed=3, **settings))
    assert [folder.exists() for folder in found] == [True, False]
    assert len(list(cache().iterdir())) == 2

    again = finished(frozen(pictures, tmp_path / "again", seed=3, **settings))
    assert computed(again) == 0
    assert found[0].exists()  # the room that is taken already is not made twice


def test_that_features_beyond_the_cap_still_train_rightly(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = _clean(pictures, tmp_path)
    for number, cap in enumerate(("0", "0.00001")):
        monkeypatch.setenv("VGG_STUDIO_CACHE_GB", cap)
        events = finished(frozen(pictures, tmp_path / str(number)))

        assert not only(events, ev.FeaturesReady)[0].kept
        assert result(tmp_path / str(number)) == clean
        assert sum(file.stat().st_size for file in cache().rglob("*.rows")) <= float(cap) * 1e9


# --- memory

# Trainings on several folders, each in a copy of the process: the most anonymous memory that each had, in kB.
_MEASURED = """
import importlib, os, sys
from pathlib import Path
from tests.engine.test_frozen_runs import frozen
from vgg_studio.core.jobs import Stop
from vgg_studio.engine import feature_files
from vgg_studio.engine.device import prepare_process
from vgg_studio.engine.train import train
importlib.import_module("torch._dynamo")
feature_files.RESERVE = 0
prepare_process()

def learn(data):
    most = 0
    for event in train(frozen(Path(data), Path(data + "-run"), train_from="block2", image_size=128, epochs=1,
                              variation="none"), Stop()):
        lines = Path("/proc/self/status").read_text().splitlines()
        most = max(most, *(int(line.split()[1]) for line in lines if line.startswith("RssAnon")))
    assert event.outcome == "finished", event
    os.write(1, b"%d " % most)

for data in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            learn(data)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
def test_that_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    folders = [draw_folder(tmp_path / f"{count}", count=count) for count in (40, 200)]  # of each class
    with _process(_MEASURED, *folders) as process:
        said, _ = process.communicate(timeout=170)

    assert process.returncode == 0
    few, many = map(int, said.split())
    features = (600 - 120) * 4 * 64 * 64 * 4 / 1024  # kB; the pictures themselves are 0.75 of that
    assert many - few < features / 2  # an allocator is not exact to some megabytes
