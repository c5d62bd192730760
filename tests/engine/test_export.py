from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from vgg_studio.core import vgg
from vgg_studio.core.errors import NamesInTheWay, NotWritable, RunMissing, RunUnfinished, UsageError
from vgg_studio.core.events import Exported, JobEnded
from vgg_studio.core.jobs import ExportJob, Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing, from_json, to_json
from vgg_studio.core.run_folder import BEST, PREPROCESSING, Checkpoint, Manifest, RunFolder
from vgg_studio.core.writing import write_bytes
from vgg_studio.engine import tensor_files
from vgg_studio.engine.export import export, save_plain
from vgg_studio.engine.network import VGG, build, frozen_state, trained_state
from vgg_studio.engine.weights import read_file, shape_of

SHAPE = vgg.Shape("vgg11_bn", classes=3, width_divisor=16, slim_linear=True)
CLASSES = ["daisy", "<img src=x>", "R&D"]
PREP = Preprocessing(image_size=32, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))


def _run(folder: Path) -> tuple[RunFolder, VGG]:
    """A run whose training has not ended: frozen stages once, and the best round's trained ones."""
    network = build(SHAPE, seed=4)
    job = TrainJob(data="flowers", run=str(folder), variant=SHAPE.variant, width_divisor=16, slim_linear=True)
    run = RunFolder.create(folder, Manifest(job=job, created=1.0, classes=CLASSES))
    write_bytes(run.file(PREPROCESSING), to_json(PREP))
    parts = {
        "frozen.safetensors": frozen_state(network, "fc6"),
        "epoch-0002.safetensors": trained_state(network, "fc6"),
    }
    files = {name: tensor_files.write(run.file(name), tensors) for name, tensors in parts.items()}
    best = Checkpoint(epoch=2, weights="epoch-0002.safetensors")
    run.save(msgspec.structs.replace(run.manifest, frozen="frozen.safetensors", best=best, last=best, files=files))
    return run, network


def _exported(run: Path, file: Path) -> list[Any]:
    return list(export(ExportJob(run=str(run), file=str(file)), Stop()))


def test_that_an_exported_run_is_a_plain_torchvision_file_with_names_and_preprocessing(tmp_path: Path) -> None:
    _, network = _run(tmp_path / "run")
    (tmp_path / "out").mkdir()
    events = _exported(tmp_path / "run", tmp_path / "out" / "flowers.pth")
    state = torch.load(tmp_path / "out" / "flowers.pth", weights_only=True)
    assert type(state) is dict
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    names = json.loads((tmp_path / "out" / "class_indices.json").read_text(encoding="utf-8"))
    assert names == {"0": "daisy", "1": "<img src=x>", "2": "R&D"}
    assert from_json((tmp_path / "out" / "preprocessing.json").read_bytes()) == PREP
    assert isinstance(events[-2], Exported)
    assert {Path(name).name for name in events[-2].files} == {path.name for path in (tmp_path / "out").iterdir()}
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "done"


def test_that_an_exported_file_is_one_that_we_read_ourselves(tmp_path: Path) -> None:
    _run(tmp_path / "run")
    _exported(tmp_path / "run", tmp_path / "flowers.pt")
    assert shape_of(read_file(tmp_path / "flowers.pt")) == SHAPE


def test_that_a_finished_run_gives_its_best_file(tmp_path: Path) -> None:
    run, _ = _run(tmp_path / "run")
    best = build(SHAPE, seed=5).state_dict()
    files = run.manifest.files | {BEST: tensor_files.write(run.file(BEST), best)}
    run.save(msgspec.structs.replace(run.manifest, files=files, outcome="finished"))
    _exported(tmp_path / "run", tmp_path / "a.pth")
    assert torch.equal(read_file(tmp_path / "a.pth")["features.0.weight"], best["features.0.weight"])


def test_that_no_path_of_the_user_is_in_the_exported_files(tmp_path: Path) -> None:
    _run(tmp_path / "run")
    (tmp_path / "out").mkdir()
    _exported(tmp_path / "run", tmp_path / "out" / "secret-name.pth")
    for path in (tmp_path / "out").iterdir():
        data = path.read_bytes()
        assert str(tmp_path).encode() not in data
        assert b"secret-name" not in data


def test_that_a_run_without_a_finished_round_is_refused(tmp_path: Path) -> None:
    run, _ = _run(tmp_path / "run")
    run.save(msgspec.structs.replace(run.manifest, best=None))
    with pytest.raises(RunUnfinished):
        _exported(tmp_path / "run", tmp_path / "a.pth")
    with pytest.raises(RunMissing):
        _exported(tmp_path / "nothing", tmp_path / "a.pth")
    assert not (tmp_path / "a.pth").exists()


def test_that_a_name_of_another_kind_is_refused(tmp_path: Path) -> None:
    _run(tmp_path / "run")
    with pytest.raises(UsageError) as caught:
        _exported(tmp_path / "run", tmp_path / "a.onnx")
    assert caught.value.values == {"name": "file", "value": "a.onnx", "allowed": "*.pth, *.pt"}


def test_that_a_folder_which_is_not_there_is_told(tmp_path: Path) -> None:
    _run(tmp_path / "run")
    with pytest.raises(NotWritable):
        _exported(tmp_path / "run", tmp_path / "nowhere" / "a.pth")


def test_that_a_stopped_export_writes_nothing(tmp_path: Path) -> None:
    _run(tmp_path / "run")
    stop = Stop()
    stop.ask("cancel")
    events = list(export(ExportJob(run=str(tmp_path / "run"), file=str(tmp_path / "a.pth")), stop))
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "stopped"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(os.name == "nt", reason="limits of file sizes are Unix's")
def test_that_a_disk_that_takes_no_more_leaves_the_old_file_and_is_told(tmp_path: Path) -> None:
    import resource

    target = tmp_path / "a.pth"
    target.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(NotWritable) as caught:
            save_plain({"features.0.weight": torch.ones(1 << 20)}, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.values["path"] == str(target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


def test_that_a_second_networks_names_never_replace_those_of_a_first(tmp_path: Path) -> None:
    run, _ = _run(tmp_path / "run")
    (tmp_path / "out").mkdir()
    _exported(tmp_path / "run", tmp_path / "out" / "first.pth")
    before = {entry.name: entry.read_bytes() for entry in (tmp_path / "out").iterdir()}
    run.save(msgspec.structs.replace(run.manifest, classes=["a", "b", "c"]))
    with pytest.raises(NamesInTheWay):
        _exported(tmp_path / "run", tmp_path / "out" / "second.pth")
    assert {entry.name: entry.read_bytes() for entry in (tmp_path / "out").iterdir()} == before
    _exported(tmp_path / "run", tmp_path / "out" / "first.pth")  # its own names may change with it
    assert "a" in (tmp_path / "out" / "class_indices.json").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="limits of file sizes are Unix's")
def test_that_an_export_without_room_leaves_the_old_network_with_its_own_names(tmp_path: Path) -> None:
    import resource

    run, _ = _run(tmp_path / "run")
    (tmp_path / "out").mkdir()
    _exported(tmp_path / "run", tmp_path / "out" / "one.pth")
    before = {entry.name: entry.read_bytes() for entry in (tmp_path / "out").iterdir()}
    run.save(msgspec.structs.replace(run.manifest, classes=["a", "b", "c"]))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(NotWritable):
            _exported(tmp_path / "run", tmp_path / "out" / "one.pth")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {entry.name: entry.read_bytes() for entry in (tmp_path / "out").iterdir()} == before
