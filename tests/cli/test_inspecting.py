"""`inspect`: a network by its name and a file, told as tables."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Command, Done
from vgg_studio.cli import inspecting, main, resuming
from vgg_studio.cli.words import sort_out
from vgg_studio.core import layer_words, vgg
from vgg_studio.core.errors import ResumeMismatch
from vgg_studio.core.inspect_events import FitFact, TensorFact
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.layer_facts import inspected
from vgg_studio.core.run_folder import Manifest


def run(capfd: pytest.CaptureFixture[str], *words: str) -> Done:
    code = main.run(sort_out(["inspect", *words]))
    return Done(code, *capfd.readouterr())


def test_that_the_layers_of_vgg16_stand_in_a_table_with_their_sums(capfd: pytest.CaptureFixture[str]) -> None:
    done = run(capfd, "vgg16")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert "16 layers count; 138,357,544 parameters (553 MB); 30.9 billion FLOPs for a picture of 224 px." in lines
    (fc8,) = [line.split() for line in lines if " fc8 " in line]
    assert fc8 == ["16", "fc8", "linear", "classifier.6", "1000", "4,097,000", "4.1"]


def test_that_a_part_without_a_file_to_write_is_refused_in_words(capfd: pytest.CaptureFixture[str]) -> None:
    done = run(capfd, "vgg16", "--to", "block2")
    assert done.returncode == 2
    assert "--save" in done.stderr


def test_that_a_grey_slim_network_of_own_blocks_is_told_as_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    words = ("--blocks", "1x64,2x128", "--channels", "1", "--width-divisor", "4", "--image-size", "64", "--json")
    done = run(capfd, "vgg11_bn", *words)
    event = json.loads(done.stdout.splitlines()[0])
    assert (event["type"], event["variant"], event["channels"]) == ("network_inspected", "vgg_bn:1x64,2x128", 1)
    assert [layer["shape"] for layer in event["layers"] if layer["kind"] == "pool"] == [[16, 32, 32], [32, 16, 16]]


def test_that_what_cannot_be_built_is_refused_as_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    done = run(capfd, "vgg16", "--blocks", "1x8,1x8,1x8,1x8,1x8,1x8", "--image-size", "32")
    assert (done.returncode, done.stdout) == (2, "")
    assert "image-size" in done.stderr
    assert "64..1024" in done.stderr


def test_that_a_files_tensors_are_followed_by_the_networks_that_they_fit() -> None:
    tensors = [
        TensorFact(name="features.0.weight", shape=[64, 3, 3, 3], dtype="float32", bytes=6912),
        TensorFact(name="features.0.bias", shape=[64], dtype="float16", bytes=128, finite=False),
    ]
    fits = [
        FitFact(variant="vgg16", matching=2, missing=30, unused=0),
        FitFact(variant="vgg13", matching=0, missing=20, unused=2),
    ]
    event = inspected(vgg.Shape("vgg16", 5), source="file", name="odd.pth", tensors=tensors, fits=fits)
    told = inspecting.lines(event)
    assert [line.split() for line in told if line.startswith("features.0.")] == [
        ["features.0.weight", "64", "x", "3", "x", "3", "x", "3", "float32", "7", "kB", "yes"],
        ["features.0.bias", "64", "float16", "128", "B", "no"],
    ]
    assert "1 tensor holds numbers that are not finite." in told
    assert "It fits VGG-16 in part: 2 tensors, 30 are missing." in told
    assert not any(line.startswith("VGG-13") for line in told)


@pytest.mark.parametrize(
    ("matching", "missing", "unused", "words"),
    [
        (32, 0, 0, "It fits VGG-16 as a whole: 32 tensors."),
        (26, 6, 0, "It fits VGG-16 in part: 26 tensors, 6 are missing."),
        (26, 6, 3, "It is nearest to VGG-16: 26 tensors fit, 6 are missing, 3 are of no use to it."),
        (0, 32, 3, "It fits none of the VGG networks."),
    ],
)
def test_that_one_sentence_says_what_a_file_is_for(matching: int, missing: int, unused: int, words: str) -> None:
    fit = FitFact(variant="vgg16", matching=matching, missing=missing, unused=unused)
    assert layer_words.best_fit(inspected(vgg.Shape("vgg16"), fits=[fit])) == words


def test_that_own_blocks_and_the_rule_for_first_weights_can_be_typed(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), "--variant", "vgg11_bn", "--blocks", "1x8,2X16", "--initial", "xavier")
    assert done.returncode == 0
    refused = command("train", str(pictures), "--blocks", "8")
    assert refused.returncode == 2
    assert "1x64,1x128,2x256" in refused.stderr


def test_that_the_same_blocks_written_otherwise_go_on_with_a_run() -> None:
    manifest = Manifest(job=TrainJob(variant="vgg11", blocks="1x8,2x16"), created=0.0)
    resuming.compare(manifest, {"blocks": "1X8, 2x16"})
    paper = msgspec.structs.replace(manifest, job=TrainJob(variant="vgg11"))
    resuming.compare(paper, {"blocks": "1x64,1x128,2x256,2x512,2x512"})
    with pytest.raises(ResumeMismatch):
        resuming.compare(manifest, {"blocks": "1x8,2x24"})
