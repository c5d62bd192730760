"""Names for pictures: from runs, from files of weights, from the official ones."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from tests.engine.lessons import draw_folder, events_of, only, publish, tiny
from vgg_studio.core import events as ev, vgg
from vgg_studio.core.jobs import ExportJob, PredictJob, Stop
from vgg_studio.core.preprocessing import Preprocessing, to_json
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import network, tensor_files
from vgg_studio.engine.export import export
from vgg_studio.engine.opened import SHELF
from vgg_studio.engine.predict import predict
from vgg_studio.engine.train import train
from vgg_studio.pictures.files import refer


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    events_of(tiny(pictures, run, epochs=6))
    return run


def answers(model: Path | str, *paths: Path, **settings: Any) -> list[ev.Event]:
    refs = [refer(os.fsencode(path)) for path in paths]
    return list(predict(PredictJob(model=str(model), pictures=refs, device="cpu", **settings), Stop()))


def failure(events: list[ev.Event]) -> str:
    last = events[-1]
    assert isinstance(last, ev.JobEnded)
    return last.failure.code if last.failure else ""


def test_that_new_pictures_get_their_names_with_probabilities(trained: Path, tmp_path: Path) -> None:
    draw_folder(tmp_path / "new", count=4, first=300)

    events = answers(trained, tmp_path / "new")

    (opened,) = only(events, ev.ModelOpened)
    manifest = RunFolder.open(trained).manifest
    assert (opened.classes, opened.variant) == (["blue", "green", "red"], "vgg11_bn")
    assert (opened.threshold, opened.temperature) == (manifest.threshold, manifest.temperature)
    named = only(events, ev.PicturePredicted)
    assert [Path(answer.path).name for answer in named] == [
        f"{name}-{number}.png" for name in ("blue", "green", "red") for number in range(300, 304)
    ]
    right = [answer.top[0].label in Path(answer.path).name for answer in named]
    assert sum(right) >= 10
    for answer in named:
        chances = [guess.probability for guess in answer.top]
        assert sum(chances) == pytest.approx(1)
        assert chances == sorted(chances, reverse=True)
        assert answer.unsure == (chances[0] < opened.threshold)
    assert events[-1] == ev.JobEnded(time=events[-1].time, outcome="done")


def test_that_pictures_and_folders_come_in_the_order_given_with_what_failed_between(
    trained: Path, pictures: Path, tmp_path: Path
) -> None:
    red = pictures / "red" / "red-001.png"
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    shutil.copy(red, tmp_path / "folder" / "below" / "x.png")
    (tmp_path / "folder" / "page.jpg").write_bytes(b"<html></html>")

    events = answers(trained, tmp_path / "nowhere.png", red, tmp_path / "folder", tmp_path / "empty")

    told = [event for event in events if isinstance(event, ev.PicturePredicted | ev.PredictionFailed)]
    assert [event.path for event in told] == [
        str(tmp_path / "nowhere.png"),
        str(red),
        str(tmp_path / "folder" / "below" / "x.png"),
        str(tmp_path / "folder" / "page.jpg"),
        str(tmp_path / "empty"),
    ]
    codes = [event.code if isinstance(event, ev.PredictionFailed) else "" for event in told]
    assert codes == ["missing", "", "", "web_page", "no_pictures"]
    failed = only(events, ev.PredictionFailed)
    assert [event.reason for event in failed] == [
        "is no longer there",
        "is a web page, not a picture",
        "holds no pictures",
    ]
    assert failure(events) == ""


def test_that_an_answer_does_not_depend_on_the_others(trained: Path, pictures: Path) -> None:
    together = {answer.path: answer.top for answer in only(answers(trained, pictures), ev.PicturePredicted)}

    for path in sorted(pictures.rglob("*.png"))[::9]:
        (alone,) = only(answers(trained, path), ev.PicturePredicted)
        assert alone.top == together[str(path)]


def test_that_a_name_that_is_no_text_is_named_too(trained: Path, pictures: Path, tmp_path: Path) -> None:
    odd = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    shutil.copy(pictures / "red" / "red-001.png", os.fsdecode(odd))

    (answer,) = only(answers(trained, Path(os.fsdecode(odd))), ev.PicturePredicted)

    assert answer.path.endswith("caf\\xe9.png")
    assert ev.from_line(ev.to_line(answer)) == answer


def test_that_the_asked_number_of_answers_and_threshold_count(trained: Path, pictures: Path) -> None:
    red = pictures / "red" / "red-001.png"

    for top, count in ((1, 1), (2, 2), (5, 3)):
        assert len(only(answers(trained, red, top=top), ev.PicturePredicted)[0].top) == count
    assert only(answers(trained, red, threshold=1.0), ev.PicturePredicted)[0].unsure
    assert not only(answers(trained, red, threshold=0.0), ev.PicturePredicted)[0].unsure


def test_that_probabilities_are_those_at_the_runs_temperature(trained: Path, pictures: Path, tmp_path: Path) -> None:
    run = RunFolder.open(shutil.copytree(trained, tmp_path / "run"))
    chances = {}
    for temperature in (1.0, 4.0):
        run.save(msgspec.structs.replace(run.manifest, temperature=temperature))
        (answer,) = only(answers(run.path, pictures / "red" / "red-001.png"), ev.PicturePredicted)
        chances[temperature] = {guess.label: guess.probability for guess in answer.top}

    cooler = {label: chance**0.25 for label, chance in chances[1.0].items()}
    assert chances[4.0] == pytest.approx({label: one / sum(cooler.values()) for label, one in cooler.items()})


def test_that_a_stop_ends_between_two_pictures(trained: Path, pictures: Path) -> None:
    stop, events = Stop(), []
    for event in predict(PredictJob(model=str(trained), pictures=[refer(os.fsencode(pictures))]), stop):
        events.append(event)
        if isinstance(event, ev.PicturePredicted):
            stop.ask("cancel")

    assert len(only(events, ev.PicturePredicted)) == 1
    assert only(events, ev.JobEnded)[-1].outcome == "stopped"


def test_that_the_last_network_stays_open_until_it_changes(pictures: Path, tmp_path: Path) -> None:
    red = pictures / "red" / "red-001.png"
    loads: list[int] = []
    for event in train(tiny(pictures, tmp_path / "run", epochs=3), Stop()):
        if isinstance(event, ev.EpochEnded):
            for _ in range(2):
                events = answers(tmp_path / "run", red)
                assert only(events, ev.PicturePredicted)
                loads.append(sum(phase.phase == "loading_network" for phase in only(events, ev.PhaseStarted)))

    assert loads[0] == 1
    assert loads[1::2] == [0, 0, 0]


def test_that_what_is_missing_is_named(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "page.pth").write_bytes(b"<!doctype html>")

    assert failure(answers(tmp_path / "nowhere")) == "PathMissing"
    assert failure(answers(tmp_path / "folder")) == "RunMissing"
    assert failure(answers(tmp_path / "page.pth")) == "WeightsUnreadable"


@pytest.mark.parametrize("name", ["best.safetensors", "preprocessing.json"])
def test_that_a_damaged_run_is_told_and_not_used(trained: Path, pictures: Path, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    for path in run.glob("epoch-*"):
        path.unlink()
    (run / name).write_bytes(b"{")

    assert failure(answers(run, pictures / "red")) == "RunDamaged"


# --- files of weights


def test_that_an_exported_file_answers_as_its_run_does(trained: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    list(export(ExportJob(run=str(trained), file=str(tmp_path / "out" / "net.pth")), Stop()))

    ours = only(answers(trained, pictures / "red"), ev.PicturePredicted)
    theirs = only(answers(tmp_path / "out" / "net.pth", pictures / "red"), ev.PicturePredicted)

    assert [[guess.label for guess in answer.top] for answer in ours] == [
        [guess.label for guess in answer.top] for answer in theirs
    ]


def write_network(path: Path, shape: vgg.Shape, seed: int = 1) -> network.VGG:
    built = network.build(shape, seed=seed)
    with torch.no_grad():  # answers that differ
        built.get_parameter("classifier.6.bias").copy_(torch.arange(shape.classes) / shape.classes)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensor_files.write(path, dict(built.state_dict()))
    return built.eval()


def test_that_a_bare_file_of_1000_classes_answers_with_imagenets_names(pictures: Path, tmp_path: Path) -> None:
    write_network(tmp_path / "net.safetensors", vgg.Shape("vgg13", width_divisor=16, slim_linear=True))

    events = answers(tmp_path / "net.safetensors", pictures / "red" / "red-001.png")

    (opened,) = only(events, ev.ModelOpened)
    assert opened.variant == "vgg13"
    assert (len(opened.classes), opened.classes[0]) == (1000, "tench")
    assert len(only(events, ev.PicturePredicted)[0].top) == 5
    prep = SHELF._opened.answerer.prep if SHELF._opened else None
    assert prep == Preprocessing(resize="crop", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def test_that_the_files_beside_it_give_names_and_preprocessing(pictures: Path, tmp_path: Path) -> None:
    shape = vgg.Shape("vgg11_bn", 3, 1, 16, True)
    built = write_network(tmp_path / "net.safetensors", shape)
    (tmp_path / "class_indices.json").write_text(json.dumps({"0": "a", "2": "c", "1": "b"}))
    prep = Preprocessing(image_size=40, mean=(0.1,), std=(0.7,), channels=1)
    (tmp_path / "preprocessing.json").write_bytes(to_json(prep))

    (answer,) = only(answers(tmp_path / "net.safetensors", pictures / "red" / "red-001.png"), ev.PicturePredicted)

    from vgg_studio.engine.data import open_array

    array = open_array(str(pictures / "red" / "red-001.png"), prep)
    picture = (torch.from_numpy(array.copy()).permute(2, 0, 1)[None] / 255 - 0.1) / 0.7
    with torch.no_grad():
        wanted = torch.softmax(built(picture), 1)[0]
    assert {guess.label: guess.probability for guess in answer.top} == pytest.approx(
        dict(zip("abc", wanted.tolist(), strict=True)), abs=1e-5
    )


def test_that_the_official_weights_answer_with_imagenets_names_and_their_own_preprocessing(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_network(tmp_path / "net.safetensors", vgg.Shape("vgg11", width_divisor=16, slim_linear=True))
    entry = publish(tmp_path / "net.safetensors", "vgg11", monkeypatch)

    events = answers("official:vgg11", pictures / "red" / "red-001.png")

    assert (failure(events), only(events, ev.ModelOpened)[0].classes[999]) == ("", "toilet tissue")
    assert len(only(events, ev.PicturePredicted)[0].top) == 5
    prep = SHELF._opened.answerer.prep if SHELF._opened else None
    assert prep == entry.preprocessing()


def test_that_classes_without_names_are_numbers(pictures: Path, tmp_path: Path) -> None:
    write_network(tmp_path / "net.safetensors", vgg.Shape("vgg11", 3, 3, 16, True))

    events = answers(tmp_path / "net.safetensors", pictures / "red" / "red-001.png")

    assert only(events, ev.ModelOpened)[0].classes == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"0": "a", "1": "b"}, "WeightsOddShape"),
        ({"0": "a", "1": "b", "3": "c"}, "WeightsOddShape"),
        ([1], "WeightsUnreadable"),
    ],
)
def test_that_names_that_do_not_fit_are_refused(tmp_path: Path, names: object, code: str) -> None:
    write_network(tmp_path / "net.safetensors", vgg.Shape("vgg11", 3, 3, 16, True))
    (tmp_path / "class_indices.json").write_text(json.dumps(names))

    assert failure(answers(tmp_path / "net.safetensors")) == code


@pytest.mark.parametrize("changes", [{"channels": 1}, {"mean": (0.5,)}, {"std": (0.5, 0.5)}, {"image_size": 100_000}])
def test_that_preprocessing_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_network(tmp_path / "net.safetensors", vgg.Shape("vgg11", 3, 3, 16, True))
    (tmp_path / "preprocessing.json").write_bytes(to_json(Preprocessing(**changes)))

    assert failure(answers(tmp_path / "net.safetensors")) == "WeightsOddShape"


def test_that_a_network_of_more_blocks_sees_pictures_that_these_can_halve(pictures: Path, tmp_path: Path) -> None:
    write_network(tmp_path / "net.safetensors", vgg.Shape("vgg:" + ",".join(["1x64"] * 9), 3, 3, 16, True))
    events = answers(tmp_path / "net.safetensors", pictures / "red" / "red-001.png")
    assert len(only(events, ev.PicturePredicted)) == 1
    assert SHELF._opened is not None
    assert SHELF._opened.answerer.prep.image_size == 2**9

    (tmp_path / "preprocessing.json").write_bytes(to_json(Preprocessing(image_size=2**9 - 1)))
    assert failure(answers(tmp_path / "net.safetensors")) == "WeightsOddShape"


def test_that_a_file_without_classifier_is_refused(tmp_path: Path) -> None:
    built = network.build(vgg.Shape("vgg11", 3, 3, 16, True))
    state = {key: value for key, value in built.state_dict().items() if key.startswith("features")}
    tensor_files.write(tmp_path / "net.safetensors", state)

    events = answers(tmp_path / "net.safetensors")

    last = only(events, ev.JobEnded)[-1]
    assert last.failure is not None
    assert (last.failure.code, last.failure.values["detail"]) == ("WeightsUnreadable", "no_classifier")


def test_that_a_file_that_was_replaced_is_opened_anew(pictures: Path, tmp_path: Path) -> None:
    red = pictures / "red" / "red-001.png"
    shape = vgg.Shape("vgg11", 3, 3, 16, True)
    write_network(tmp_path / "net.safetensors", shape, seed=1)
    first = only(answers(tmp_path / "net.safetensors", red), ev.PicturePredicted)[0].top
    write_network(tmp_path / "net.safetensors", shape, seed=2)

    assert only(answers(tmp_path / "net.safetensors", red), ev.PicturePredicted)[0].top != first
