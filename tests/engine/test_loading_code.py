"""The code that the Share page shows is run as it stands: plain torchvision must give our answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vgg_studio.core.loading_code import loading_code
from vgg_studio.core.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from vgg_studio.core.vgg import A_LRN, C, Shape
from vgg_studio.engine.network import build
from vgg_studio.pictures.opening import open_picture
from vgg_studio.pictures.resizing import to_array

GREY = Preprocessing(image_size=32, channels=1, mean=(0.5,), std=(0.25,))
CASES = [
    (Shape("vgg11_bn", classes=3, width_divisor=16, slim_linear=True), Preprocessing(image_size=64)),
    (Shape("vgg13", classes=3, width_divisor=16, slim_linear=True, channels=1), GREY),
    (
        Shape("vgg16", classes=2, width_divisor=8, slim_linear=True),
        Preprocessing(image_size=48, resize="crop", resize_side=60, mean=IMAGENET_MEAN, std=IMAGENET_STD),
    ),
    (Shape("vgg11", classes=3, head="light"), Preprocessing(image_size=32)),
    (Shape("vgg11_bn", classes=3, width_divisor=16, head="light"), Preprocessing(image_size=64, mirror=True)),
    (Shape(A_LRN, classes=3, width_divisor=16, slim_linear=True), Preprocessing(image_size=64)),
    (Shape(C, classes=3, width_divisor=16, slim_linear=True), Preprocessing(image_size=64)),
    (Shape("vgg_bn:1x8,2x16", classes=3), Preprocessing(image_size=32)),
    (Shape("vgg:1x8,1x8,1x16,1x16,1x16,1x24", classes=3, head="light"), Preprocessing(image_size=64)),
]


def _files(folder: Path, shape: Shape) -> torch.nn.Module:
    network = build(shape, seed=1).eval()
    torch.save(network.state_dict(), folder / "it's.pth")
    names = {str(index): f"class {index}" for index in range(shape.classes)}
    (folder / "class_indices.json").write_text(json.dumps(names), encoding="utf-8")
    pixels = np.random.default_rng(0).integers(0, 255, (70, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "picture.png")
    (folder / "picture.png").rename(folder / "picture.jpg")  # PNG inside: no loss, and no two decoders to compare
    return network


def _run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the very thing that is tested
    return names


@pytest.mark.parametrize(
    ("shape", "preprocessing"),
    CASES,
    ids=["slim", "grey", "crop", "light", "light, slim, mirrored", "A-LRN", "C", "own", "six blocks"],
)
def test_that_the_shown_code_gives_our_scores(
    shape: Shape,
    preprocessing: Preprocessing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    network = _files(tmp_path, shape)
    monkeypatch.chdir(tmp_path)
    with torch.inference_mode():
        found = _run(loading_code(shape, preprocessing, "it's.pth"))["scores"]
        array = to_array(Image.open("picture.jpg").convert("RGB"), preprocessing)
        mean, std = (torch.tensor(values)[:, None, None] for values in (preprocessing.mean, preprocessing.std))
        picture = (torch.from_numpy(array.copy()).permute(2, 0, 1) / 255 - mean) / std
        faces = [picture, picture.flip(-1)] if preprocessing.mirror else [picture]
        wanted = network(torch.stack(faces)).mean(0)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert capsys.readouterr().out.strip() == f"class {int(wanted.argmax())}"


@pytest.mark.parametrize("resize", ["square", "crop"])
def test_that_a_large_jpeg_is_decoded_at_the_fraction_that_the_network_learned_from(
    resize: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = Shape("vgg11", classes=3, head="light")
    preprocessing = Preprocessing(image_size=32, resize=resize, decode="scaled")
    network = _files(tmp_path, shape)
    pixels = np.random.default_rng(1).integers(0, 255, (700, 900, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "picture.jpg", exif=turned)
    monkeypatch.chdir(tmp_path)
    code = loading_code(shape, preprocessing, "it's.pth")

    def ours(at_least: int) -> torch.Tensor:
        array = to_array(open_picture("picture.jpg", at_least=at_least), preprocessing)
        picture = (torch.from_numpy(array.copy()).permute(2, 0, 1) / 255 - 0.5) / 0.5
        return network(picture.unsqueeze(0))[0]  # type: ignore[no-any-return] # as Module is typed

    with torch.inference_mode():
        found = _run(code)["scores"]
        torch.testing.assert_close(found, ours(preprocessing.decoded_side), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(found, ours(0), rtol=1e-4, atol=1e-5)


def test_that_a_network_of_full_size_is_built_by_torchvisions_own_function() -> None:
    assert "torchvision.models.vgg19_bn(num_classes=7)" in loading_code(
        Shape("vgg19_bn", classes=7), Preprocessing(), "a.pth"
    )


def test_that_a_network_with_four_channels_names_the_file_that_tells_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = Shape("vgg11", classes=2, width_divisor=16, slim_linear=True, channels=4)
    _files(tmp_path, shape)
    monkeypatch.chdir(tmp_path)
    code = loading_code(shape, Preprocessing(channels=4), "it's.pth")
    assert "preprocessing.json" in code
    assert _run(code)["network"].features[0].in_channels == 4
