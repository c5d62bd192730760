"""Looking inside variants, files and runs, and taking a part out of one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.lessons import draw_folder, end, events_of, numbers, only, stopped, tiny
from vgg_studio.core import events as ev, vgg
from vgg_studio.core.jobs import ExportJob, InspectJob, PredictJob, Stop, TrainJob
from vgg_studio.core.layer_facts import inspected, part_of
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import tensor_files
from vgg_studio.engine.export import export
from vgg_studio.engine.inspect import inspect
from vgg_studio.engine.network import build
from vgg_studio.engine.predict import predict
from vgg_studio.engine.weights import read_file, shape_of
from vgg_studio.pictures.files import refer

SLIM = vgg.Shape("vgg16", classes=5, width_divisor=16, slim_linear=True)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def look(source: Path | str, **settings: Any) -> list[ev.Event]:
    return list(inspect(InspectJob(source=str(source), **settings), Stop()))


def found(events: list[ev.Event]) -> ev.NetworkInspected:
    (event,) = only(events, ev.NetworkInspected)
    return event


def failure(events: list[ev.Event]) -> ev.Failure:
    last = events[-1]
    assert isinstance(last, ev.JobEnded)
    assert last.failure is not None
    return last.failure


@pytest.fixture
def state() -> dict[str, Tensor]:
    return build(SLIM).state_dict()


@pytest.fixture
def file(tmp_path: Path, state: dict[str, Tensor]) -> Path:
    torch.save(state, tmp_path / "slim.pth")
    return tmp_path / "slim.pth"


# --- by name


def test_that_vgg16_is_told_with_its_published_figures() -> None:
    event = found(look("vgg16"))
    counted = [layer.name for layer in event.layers if layer.counts]
    assert (len(counted), counted[0], counted[-3:]) == (16, "conv1-1", ["fc6", "fc7", "fc8"])
    assert event.parameters == 138_357_544 == sum(layer.parameters for layer in event.layers)
    assert round(2 * event.macs / 1e9, 1) == 30.9
    assert found(look("vgg16", classes=5)).parameters == 134_281_029
    (last,) = [layer for layer in event.layers if layer.name == "fc8"]
    assert last.parameters == 4096 * 1000 + 1000
    assert [layer.kind for layer in event.layers][-1] == "softmax"


@pytest.mark.parametrize(("variant", "entries"), [("vgg16", 31), ("vgg16_bn", 44)])
def test_that_the_features_are_listed_one_by_one(variant: str, entries: int) -> None:
    keys = [layer.key for layer in found(look(variant)).layers if layer.key.startswith("features")]
    assert keys == [f"features.{number}" for number in range(entries)]


def test_that_the_shapes_of_the_tutorial_are_told_for_a_grey_picture() -> None:
    full = found(look("vgg11", channels=1, classes=10))
    assert [layer.shape for layer in full.layers if layer.kind in ("pool", "flatten", "linear")] == [
        [64, 112, 112], [128, 56, 56], [256, 28, 28], [512, 14, 14], [512, 7, 7], [25_088], [4096], [4096], [10],
    ]  # fmt: skip
    slim = found(look("vgg11", channels=1, classes=10, width_divisor=4))
    assert next(layer.shape for layer in slim.layers if layer.kind == "pool") == [16, 112, 112]
    same = found(look("vgg16", channels=1, classes=10, blocks="1x64,1x128,2x256,2x512,2x512"))
    assert (same.variant, same.layers) == ("vgg11", full.layers)


def test_that_a_network_by_its_name_is_told_without_torch() -> None:
    program = (
        "import sys; from vgg_studio.engine.inspect import inspect; from vgg_studio.core.jobs import *;"
        "print(len(list(inspect(InspectJob(source='vgg19_bn'), Stop()))), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]


# --- files and runs


def test_that_a_file_tells_its_tensors_and_the_network_they_fit(file: Path, state: dict[str, Tensor]) -> None:
    event = found(look(file, image_size=64))
    assert (event.source, event.name, event.variant, event.classes) == ("file", "slim.pth", "vgg16", 5)
    assert event.layers == inspected(SLIM, 64).layers
    assert [(fact.name, fact.shape) for fact in event.tensors] == [
        (key, list(value.shape)) for key, value in state.items()
    ]
    assert {fact.dtype for fact in event.tensors} == {"float32"}
    assert sum(fact.bytes for fact in event.tensors) == 4 * event.parameters
    best = event.fits[0]
    assert (best.variant, best.matching, best.missing, best.unused, best.mismatched) == ("vgg16", 32, 0, 0, 0)
    assert [fit.matching for fit in event.fits] == sorted((fit.matching for fit in event.fits), reverse=True)
    columns = {fit.variant: fit for fit in event.fits}
    assert set(columns) == set(vgg.VARIANTS)
    assert (columns[vgg.C].matching, columns[vgg.C].mismatched) == (29, 3)


def test_that_numbers_that_are_none_are_told_by_the_tensors_name(tmp_path: Path, state: dict[str, Tensor]) -> None:
    state["classifier.3.weight"][1, 2] = float("nan")
    state["features.0.bias"][0] = float("inf")
    torch.save({"state_dict": state}, tmp_path / "odd.pth")
    odd = [fact.name for fact in found(look(tmp_path / "odd.pth")).tensors if not fact.finite]
    assert odd == ["features.0.bias", "classifier.3.weight"]


def test_that_a_file_of_another_kind_of_network_is_told_by_its_tensors(tmp_path: Path) -> None:
    tensor_files.write(tmp_path / "other.safetensors", {"conv1.weight": torch.ones(64, 3, 7, 7)})
    event = found(look(tmp_path / "other.safetensors"))
    assert (event.variant, event.layers, event.parameters) == ("", [], 64 * 3 * 49)
    assert not any(fit.matching for fit in event.fits)


def test_that_a_file_of_more_blocks_is_told_for_pictures_that_these_can_halve(tmp_path: Path) -> None:
    blocks = "vgg:" + ",".join(["1x8"] * 9)
    torch.save(build(vgg.Shape(blocks, 3, head="light")).state_dict(), tmp_path / "nine.pth")
    event = found(look(tmp_path / "nine.pth"))
    assert (event.variant, event.image_size) == (blocks, 512)
    assert [layer.shape for layer in event.layers if layer.kind == "pool"][-1] == [8, 1, 1]


def test_that_own_blocks_are_found_in_a_file(tmp_path: Path) -> None:
    shape = vgg.Shape("vgg_bn:1x8,2x16", classes=3)
    torch.save(build(shape).state_dict(), tmp_path / "own.pth")
    event = found(look(tmp_path / "own.pth"))
    assert (event.variant, event.fits[0].variant, event.fits[0].missing) == (shape.variant, shape.variant, 0)


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "PathMissing"), (b"<html>", "WeightsUnreadable"), (b"", "WeightsUnreadable")],
    ids=["missing", "web page", "empty"],
)
def test_that_what_is_no_file_of_weights_is_refused_in_words(tmp_path: Path, content: bytes | None, code: str) -> None:
    if content is not None:
        (tmp_path / "x.pth").write_bytes(content)
    assert failure(look(tmp_path / "x.pth")).code == code


def test_that_a_tensor_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(1).expand(1 << 40)}, tmp_path / "huge.pth")
    assert failure(look(tmp_path / "huge.pth")).code == "WeightsUnreadable"


# --- a part of it


@pytest.mark.parametrize(
    ("first", "last", "keys"),
    [
        ("", "", (0, 30)),
        ("features.2", "features.2", (2, 2)),
        ("features", "features", (0, 30)),
        ("block2", "conv3-1", (5, 10)),
        ("conv5-3", "pool5", (28, 30)),
    ],
)
def test_that_a_part_is_named_by_keys_layers_or_blocks(first: str, last: str, keys: tuple[int, int]) -> None:
    part = part_of(SLIM, first, last)
    assert part is not None
    features = [int(key.split(".")[1]) for key in part if key.startswith("features")]
    assert (features[0], features[-1]) == keys
    assert any(key.startswith("classifier") for key in part) == (not last)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_that_the_features_alone_are_saved_and_start_a_network_again(
    file: Path, state: dict[str, Tensor], suffix: str
) -> None:
    target = file.with_name(f"part{suffix}")
    events = look(file, save=str(target), first="features", last="features")
    (written,) = only(events, ev.Exported)
    assert written.files == [str(target)]
    part = read_file(target)
    assert part.keys() == {key for key in state if key.startswith("features")}
    assert all(torch.equal(part[key], state[key]) for key in part)
    assert shape_of(part).variant == "vgg16"


@pytest.mark.parametrize(
    ("source", "settings", "name"),
    [
        ("vgg16", {"save": "x.pth"}, "save"),
        ("slim.pth", {"save": "x.zip"}, "save"),
        ("slim.pth", {"save": "x.pth", "first": "fc9"}, "from"),
        ("slim.pth", {"save": "x.pth", "first": "fc6", "last": "conv1-1"}, "from"),
        ("slim.pth", {"save": "x.pth", "first": "pool5", "last": "avgpool"}, "from"),
    ],
)
def test_that_a_part_that_cannot_be_written_is_refused(
    file: Path, source: str, settings: dict[str, Any], name: str
) -> None:
    settings = settings | {"save": str(file.with_name(settings["save"]))}
    said = failure(look(file if source == file.name else source, **settings))
    assert (said.code, said.values["name"]) == ("UsageError", name)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_that_numbers_that_safetensors_has_no_name_for_are_refused_by_the_tensors_name(
    file: Path, state: dict[str, Tensor]
) -> None:
    torch.save(state | {"features.0.bias": torch.zeros(4, dtype=torch.int16)}, file)
    said = failure(look(file, save=str(file.with_name("part.safetensors"))))
    assert (said.code, said.values["tensor"], said.values["kind"]) == ("WeightsUnreadable", "features.0.bias", "int16")
    assert [path.name for path in file.parent.iterdir()] == [file.name]


# --- trainings of what torchvision does not have

NETWORKS: dict[str, dict[str, Any]] = {
    "A-LRN": {"variant": vgg.A_LRN, "initial": "kaiming"},
    "C": {"variant": vgg.C, "initial": "kaiming"},
    "own": {"variant": "vgg16_bn", "blocks": "1x32,1x64", "initial": "xavier"},
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"), count=10)


@pytest.mark.parametrize("name", NETWORKS)
def test_that_it_learns_goes_on_after_a_pause_and_can_be_handed_on(name: str, pictures: Path, tmp_path: Path) -> None:
    settings = {"width_divisor": 8, "learning_rate": 2e-3, "epochs": 4, "dropout": 0.0, "variation": "none"}
    job = tiny(pictures, tmp_path / "run", **(settings | NETWORKS[name]))
    stopped(job, "pause", 2, ev.EpochEnded)
    again = events_of(TrainJob(run=str(tmp_path / "run"), resume=True))
    assert end(again).outcome == "finished"
    losses = [row.train_loss or 0.0 for row in RunFolder.open(tmp_path / "run").manifest.epochs]
    assert losses[-1] < 0.9 * losses[0]
    shape = job.shape(3)
    assert only(again, ev.RunStarted)[0].variant == shape.variant
    assert len(numbers(tmp_path / "run")) == 4

    event = found(look(tmp_path / "run"))
    assert (event.source, event.variant, event.image_size) == ("run", shape.variant, 32)
    assert event.layers == inspected(shape, 32).layers
    assert only(list(export(ExportJob(run=job.run, file=str(tmp_path / "net.pth")), Stop())), ev.Exported)
    assert (
        vgg.title(shape_of(read_file(tmp_path / "net.pth")).variant).split(" ")[0]
        == vgg.title(shape.variant).split(" ")[0]
    )
    picture = next((pictures / "red").iterdir())
    both = [
        only(list(predict(PredictJob(model=model, pictures=[refer(bytes(picture))]), Stop())), ev.PicturePredicted)
        for model in (job.run, str(tmp_path / "net.pth"))
    ]
    assert both[0][0].top[0].label == both[1][0].top[0].label


def test_that_more_of_own_blocks_learns_from_the_run_before(pictures: Path, tmp_path: Path) -> None:
    first = tiny(pictures, tmp_path / "one", **NETWORKS["own"], width_divisor=8, epochs=1)
    events_of(first)
    events = events_of(tiny(pictures, tmp_path / "two", parent=first.run, train_from="block2", epochs=1))
    assert end(events).outcome == "finished"
    assert only(events, ev.RunStarted)[0].variant == first.shape(3).variant
    report = RunFolder.open(tmp_path / "two").manifest.weights_report
    assert report is not None
    assert not report.missing
