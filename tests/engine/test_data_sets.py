"""Data sets without picture files in the engine: learned, scored, named and exported like any folder, in one channel."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.lessons import end, events_of, only, tiny
from tests.pictures.data_sets import make_cifar, make_idx, write_idx
from vgg_studio.core import data_sets, events as ev
from vgg_studio.core.data_sets import CIFAR_SUMS, SETS
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.jobs import EvaluateJob, ExportJob, PredictJob, Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine.card_store import DeviceStore
from vgg_studio.engine.data import Checked, PictureStore, read_all
from vgg_studio.engine.evaluate import evaluate
from vgg_studio.engine.export import export
from vgg_studio.engine.predict import predict
from vgg_studio.pictures import datasets, idx_files
from vgg_studio.pictures.cifar_files import read_batch


def test_that_the_sets_are_published_as_torchvision_says() -> None:
    from torchvision.datasets import CIFAR10, FashionMNIST

    assert SETS["cifar10"].files[0].address == CIFAR10.url
    assert SETS["cifar10"].files[0].digest == f"md5:{CIFAR10.tgz_md5}"
    assert (
        dict([*CIFAR10.train_list, *CIFAR10.test_list]) | {CIFAR10.meta["filename"]: CIFAR10.meta["md5"]} == CIFAR_SUMS
    )
    ours = [(file.name, file.digest.removeprefix("md5:")) for file in SETS["fashion-mnist"].files]
    assert ours == FashionMNIST.resources
    assert list(SETS["fashion-mnist"].classes) == FashionMNIST.classes


def test_that_torchvision_reads_the_same_from_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR10, FashionMNIST

    raw = make_idx(tmp_path / "FashionMNIST" / "raw", packed=False)
    for part, labels in ((True, "train"), (False, "t10k")):
        theirs = FashionMNIST(tmp_path, train=part)
        assert np.array_equal(theirs.data.numpy(), idx_files.read_pictures(str(raw / f"{labels}-images-idx3-ubyte")))
        assert np.array_equal(theirs.targets.numpy(), idx_files.read_labels(str(raw / f"{labels}-labels-idx1-ubyte")))
    sums = make_cifar(tmp_path / CIFAR10.base_folder)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "train_list", [])
    monkeypatch.setattr(CIFAR10, "_load_meta", lambda _: None)
    theirs = CIFAR10(tmp_path, train=False)
    ours = read_batch(str(tmp_path / CIFAR10.base_folder / "test_batch"), sums)
    assert np.array_equal(theirs.data, ours.pixels)
    assert theirs.targets == ours.labels.tolist()


@pytest.mark.parametrize("side", [28, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_that_a_store_takes_a_set_at_once_and_holds_what_it_reads_singly(
    tmp_path: Path, side: int, channels: int
) -> None:
    root = str(make_idx(tmp_path))
    refs = [item.picture for part in ("train", "test") for item in datasets.listing(root).items[part]]
    prep = Preprocessing(image_size=side, channels=channels)
    singly = PictureStore(root, refs, prep, memory=0)
    for store in (PictureStore(root, refs, prep, memory=1 << 30), DeviceStore(root, refs, prep, torch.device("cpu"))):
        assert _ended(read_all(store, refs, Stop())) == {}
        shutil.move(tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "away")  # what was taken needs no file any more
        kept = [store.read(ref) for ref in refs]
        shutil.move(tmp_path / "away", tmp_path / "train-images-idx3-ubyte.gz")
        assert all(np.array_equal(one, singly.read(ref)) for one, ref in zip(kept, refs, strict=True))


def test_that_rows_that_are_gone_are_named(tmp_path: Path) -> None:
    root = str(make_idx(tmp_path))
    refs = [ev.PictureRef(path="a", row=0), ev.PictureRef(path="b", row=99)]
    refused = _ended(read_all(PictureStore(root, refs, Preprocessing(image_size=32, channels=1)), refs, Stop()))
    assert [(ref.path, refusal.reason) for ref, refusal in refused.items()] == [("b", "missing")]


def test_that_one_channel_goes_the_whole_way(tmp_path: Path) -> None:
    data, run = make_idx(tmp_path / "set", counts={"train": 60, "t10k": 30}, shades=True), tmp_path / "run"
    events = events_of(tiny(data, run, channels=1, epochs=4, variation="none"))

    assert end(events).outcome == "finished"
    assert only(events, ev.RunStarted)[0].parts["test"] == 30
    assert only(events, ev.Evaluation)[0].accuracy > 0.5  # of three classes
    prep = json.loads((run / "preprocessing.json").read_bytes())
    assert (prep["channels"], prep["mean"]) == (1, [0.5])

    (score,) = only(
        list(evaluate(EvaluateJob(run=str(run), data=f"fashion-mnist:{data}", split="test"), Stop())), ev.Evaluation
    )
    assert (score.count, score.accuracy) == (30, only(events, ev.Evaluation)[0].accuracy)

    named = only(
        list(predict(PredictJob(model=str(run), pictures=[ev.PictureRef(path=str(data))]), Stop())), ev.PicturePredicted
    )
    assert len(named) == 90
    right = sum(os.path.basename(os.path.dirname(one.path)) == one.top[0].label for one in named[60:])
    assert right == score.correct

    list(export(ExportJob(run=str(run), file=str(tmp_path / "out.pth")), Stop()))
    exported = torch.load(tmp_path / "out.pth", weights_only=True)
    assert exported["features.0.weight"].shape[1] == 1


def test_that_colours_are_learned_in_one_channel_as_grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, digest in make_cifar(tmp_path / "set").items():
        monkeypatch.setitem(data_sets.CIFAR_SUMS, name, digest)
    events = events_of(tiny(tmp_path / "set", tmp_path / "run", channels=1, epochs=1))
    assert end(events).outcome == "finished"


def test_that_features_of_rows_are_kept_and_found_again(tmp_path: Path) -> None:
    data = make_idx(tmp_path / "set", counts={"train": 30, "t10k": 6})
    settings = {"channels": 1, "train_from": "fc6", "epochs": 1, "features": "fp32"}
    first = events_of(tiny(data, tmp_path / "a", **settings))
    again = events_of(tiny(data, tmp_path / "b", **settings))
    assert sum(event.computed for event in only(first, ev.FeaturesReady)) > 0
    assert sum(event.computed for event in only(again, ev.FeaturesReady)) == 0


def test_that_a_run_goes_on_from_the_archive_that_it_began_with(tmp_path: Path) -> None:
    folder = make_idx(tmp_path / "set", counts={"train": 30, "t10k": 6})
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for file in folder.iterdir():
            made.write(file, f"set/{file.name}")
    shutil.rmtree(folder)
    job = tiny(archive, tmp_path / "run", channels=1, epochs=1)
    assert end(events_of(job)).outcome == "finished"
    again = TrainJob(data=str(archive), run=str(tmp_path / "run"), resume=True, epochs=2)
    assert end(events_of(again)).epochs == 2
    better = tiny(archive, tmp_path / "better", channels=1, epochs=1, parent=str(tmp_path / "run"), train_from="fc6")
    assert end(events_of(better)).outcome == "finished"


@pytest.mark.real
@pytest.mark.timeout(600)
def test_that_a_slim_network_learns_two_thousand_of_fashion_mnist(real_data: Path, tmp_path: Path) -> None:
    whole = datasets.opened(str(real_data / "data" / "fashion-mnist"))
    data = tmp_path / "fashion"
    data.mkdir()
    for name, pixels, labels, count in (
        ("train", whole.train, whole.train_labels, 2000),
        ("t10k", whole.test, whole.test_labels, 500),
    ):
        write_idx(data / f"{name}-images-idx3-ubyte", pixels[:count, ..., 0])
        write_idx(data / f"{name}-labels-idx1-ubyte", labels[:count])
    job = TrainJob(
        data=str(data), run=str(tmp_path / "run"), variant="vgg11_bn", width_divisor=4, slim_linear=True, image_size=32,
        channels=1, epochs=2, batch_size=64, device="cpu",
    )  # fmt: skip

    events = events_of(job)

    (score,) = only(events, ev.Evaluation)
    assert only(events, ev.RunStarted)[0].classes[9] == "Ankle boot"
    assert (score.split, score.count) == ("test", 500)
    assert score.accuracy >= 0.5  # of ten classes


def _ended(steps: Checked) -> dict[ev.PictureRef, PictureRefused]:
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end_:
            refused: dict[ev.PictureRef, PictureRefused] = end_.value
            return refused
