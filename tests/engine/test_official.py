from __future__ import annotations

import pytest

from vgg_studio.core import vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from vgg_studio.engine.official import imagenet_classes, official


@pytest.mark.parametrize("variant", vgg.TORCHVISIONS)
def test_that_each_network_has_official_weights_with_their_hash_and_preprocessing(variant: str) -> None:
    found = official(variant)
    assert found.url.startswith("https://")
    assert found.url.endswith(f"/{found.file_name}")
    assert found.file_name.startswith(f"{variant}-{found.sha256_prefix}")
    assert len(found.sha256_prefix) >= 8
    assert (found.mean, found.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert abs(found.size_bytes - 4 * vgg.parameters(vgg.Shape(variant))) < 200_000


def test_that_vgg16s_features_have_a_normalisation_of_their_own() -> None:
    found = official("vgg16", "official-features")
    assert found.file_name == "vgg16_features-amdegroot-88682ab5.pth"
    assert found.mean == (0.48235, 0.45882, 0.40784)
    assert found.std == (1 / 255,) * 3


def test_that_features_of_other_networks_are_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError) as caught:
        official("vgg19", "official-features")
    assert caught.value.values == {"name": "weights", "value": "official-features", "allowed": "official"}


def test_that_the_official_transform_is_shorter_side_256_and_centre_crop_224() -> None:
    prep = official("vgg16").preprocessing()
    assert (prep.resize, prep.image_size, prep.shorter_side) == ("crop", 224, 256)
    assert official("vgg16").preprocessing("square").resize_side == 0
    assert official("vgg16").preprocessing("crop", 112).shorter_side == 128


def test_that_another_server_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGG_STUDIO_WEIGHTS_URL", "https://mirror.example/vgg/")
    assert official("vgg16").url == "https://mirror.example/vgg/vgg16-397923af.pth"


def test_that_the_shipped_names_are_those_of_the_registry() -> None:
    from torchvision.models import VGG16_Weights

    assert imagenet_classes() == VGG16_Weights.IMAGENET1K_V1.meta["categories"]
    assert len(imagenet_classes()) == 1000


@pytest.mark.parametrize("variant", [vgg.A_LRN, vgg.C, "vgg12", ""])
def test_that_a_network_without_official_weights_is_refused_with_those_that_have_them(variant: str) -> None:
    with pytest.raises(UsageError) as caught:
        official(variant)
    assert caught.value.values["value"] == variant
    assert "vgg16_bn" in str(caught.value)
