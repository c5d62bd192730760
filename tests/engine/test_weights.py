from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from vgg_studio.core import vgg
from vgg_studio.core.errors import (
    WeightsError,
    WeightsNotFinite,
    WeightsOddShape,
    WeightsOtherVariant,
    WeightsUnreadable,
    describe,
)
from vgg_studio.core.events import WeightsReport
from vgg_studio.engine.network import VGG, build
from vgg_studio.engine.weights import load, read_file, sha256_of, shape_of, shapes

SLIM = vgg.Shape("vgg11_bn", classes=5, width_divisor=16, slim_linear=True)


def _state(shape: vgg.Shape = SLIM, seed: int = 1) -> dict[str, Tensor]:
    state: dict[str, Tensor] = build(shape, seed=seed).state_dict()
    return state


def _saved(path: Path, value: object, **options: bool) -> Path:
    torch.save(value, path, **options)
    return path


def _load(tensors: dict[str, Tensor], shape: vgg.Shape, train_from: str = "fc6") -> tuple[VGG, WeightsReport]:
    network = build(shape, seed=9)
    return network, load(network, tensors, shape, "file", "some/where/flowers.pth", "abc", train_from)


def _same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(found[key], wanted[key]) for key in wanted)


# --- what is read


def test_that_each_layout_gives_back_the_same_tensors(tmp_path: Path) -> None:
    state = _state()
    save_file(state, tmp_path / "a.safetensors", metadata={"format": "pt"})
    _saved(tmp_path / "zip.pth", state)
    _saved(tmp_path / "old.pth", state, _use_new_zipfile_serialization=False)
    for name in ("a.safetensors", "zip.pth", "old.pth"):
        assert _same(read_file(tmp_path / name), state), name


def test_that_what_a_file_is_counts_and_not_its_name(tmp_path: Path) -> None:
    save_file(_state(), tmp_path / "a.pth")
    assert _same(read_file(str(tmp_path / "a.pth")), _state())


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict"])
def test_that_a_training_scripts_bundle_is_unpacked(tmp_path: Path, key: str) -> None:
    optimizer = torch.optim.Adam(build(SLIM).parameters()).state_dict()
    bundle = {key: _state(), "optimizer": optimizer, "epoch": 7, "best": 0.9, "names": ["a", "b"]}
    assert _same(read_file(_saved(tmp_path / "bundle.pth", bundle)), _state())


def test_that_the_prefix_of_parallel_training_is_taken_off(tmp_path: Path) -> None:
    parallel = {f"module.{key}": value for key, value in _state().items()}
    assert _same(read_file(_saved(tmp_path / "parallel.pth", parallel)), _state())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_that_other_precisions_become_single(tmp_path: Path, kind: torch.dtype, suffix: str) -> None:
    state = {key: value.to(kind) if value.is_floating_point() else value for key, value in _state().items()}
    path = tmp_path / f"a.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    found = read_file(path)
    assert {value.dtype for key, value in found.items() if not key.endswith("tracked")} == {torch.float32}
    assert torch.equal(found["features.0.weight"], state["features.0.weight"].float())


def test_that_parameters_and_transposed_tensors_are_read_as_plain_ones(tmp_path: Path) -> None:
    state = {key: value.clone() for key, value in _state().items()}
    odd: dict[str, Tensor] = dict(state)
    odd["classifier.3.weight"] = state["classifier.3.weight"].t().contiguous().t()
    odd["features.0.weight"] = torch.nn.Parameter(state["features.0.weight"])
    found = read_file(_saved(tmp_path / "a.pth", odd))
    assert _same(found, state)
    assert all(value.is_contiguous() and not value.requires_grad for value in found.values())


def test_that_a_classifier_of_nothing_but_nan_is_left_out(tmp_path: Path) -> None:
    state = {key: value * float("nan") if key.startswith("classifier") else value for key, value in _state().items()}
    assert not any(key.startswith("classifier") for key in read_file(_saved(tmp_path / "features.pth", state)))


def test_that_the_hash_is_the_files_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


# --- what is refused for its numbers


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("key", ["features.0.weight", "classifier.6.bias", "features.1.running_var"])
def test_that_a_value_which_is_no_number_is_refused_with_its_place(tmp_path: Path, key: str, bad: float) -> None:
    state = {name: value.clone() for name, value in _state().items()}
    state[key].view(-1)[-1] = bad
    with pytest.raises(WeightsNotFinite) as caught:
        read_file(_saved(tmp_path / "a.pth", state))
    assert caught.value.values["name"] == key


def test_that_a_double_too_large_for_single_precision_is_refused(tmp_path: Path) -> None:
    state = {key: value.double() for key, value in _state().items()}
    state["features.0.bias"][0] = 1e300
    with pytest.raises(WeightsNotFinite):
        read_file(_saved(tmp_path / "a.pth", state))


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (torch.eye(4).to_sparse(), "sparse_coo"),
        (torch.ones(3, dtype=torch.int64), "int64"),
        (torch.ones(3, dtype=torch.complex64), "complex64"),
        (torch.ones(3, dtype=torch.bool), "bool"),
    ],
)
def test_that_numbers_of_an_odd_kind_are_refused_by_name(tmp_path: Path, odd: Tensor, kind: str) -> None:
    with pytest.raises(WeightsUnreadable) as caught:
        read_file(_saved(tmp_path / "a.pth", _state() | {"features.0.weight": odd}))
    assert (caught.value.values["tensor"], caught.value.values["kind"]) == ("features.0.weight", kind)
    assert "odd kind" in describe(caught.value.fact())


def test_that_one_number_said_to_be_a_billion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnreadable) as caught:
        read_file(_saved(tmp_path / "a.pth", {"features.0.weight": torch.ones(1).expand(1000, 1000, 1000)}))
    assert caught.value.values["detail"] == "too_large_inside"


# --- whose weights they are


@pytest.mark.parametrize("variant", vgg.VARIANTS)
def test_that_the_network_is_read_from_the_shapes(variant: str) -> None:
    for shape in (
        vgg.Shape(variant, classes=7),
        vgg.Shape(variant, classes=3, channels=1, width_divisor=4),
        vgg.Shape(variant, classes=3, channels=4, width_divisor=16, slim_linear=True),
    ):
        with torch.device("meta"):
            state = VGG(shape).state_dict()
        assert shape_of(state) == shape


def test_that_a_network_without_classifier_is_known_by_its_convolutions() -> None:
    with torch.device("meta"):
        state = VGG(vgg.Shape("vgg19", classes=3)).state_dict()
    features = {key: value for key, value in state.items() if key.startswith("features")}
    assert shape_of(features) == vgg.Shape("vgg19", classes=1000)


def test_that_the_table_of_shapes_is_that_of_the_networks() -> None:
    state = {key: tuple(value.shape) for key, value in _state().items() if not key.endswith("tracked")}
    assert {key: shapes(SLIM)[key] for key in state} == shapes(SLIM) == state


def test_that_another_kind_of_network_is_refused() -> None:
    for tensors in ({"conv1.weight": torch.ones(64, 3, 7, 7)}, {}, {"features.0.weight": torch.ones(4)}):
        with pytest.raises(WeightsUnreadable) as caught:
            shape_of(tensors, "resnet.pth")
        assert caught.value.values == {"path": "resnet.pth", "detail": "not_vgg"}


@pytest.mark.parametrize(
    "missing", ["features.0.bias", "features.1.weight", "classifier.3.weight", "classifier.6.bias"]
)
def test_that_half_a_layer_is_refused_by_name(missing: str) -> None:
    state = {key: value for key, value in _state().items() if key != missing}
    with pytest.raises(WeightsUnreadable) as caught:
        shape_of(state)
    assert caught.value.values["tensor"] == missing


@pytest.mark.parametrize(
    ("key", "odd"),
    [("features.4.weight", (8, 4, 5, 5)), ("classifier.0.weight", (256, 49)), ("features.1.running_mean", (5,))],
)
def test_that_an_odd_shape_is_refused_with_both_shapes(key: str, odd: tuple[int, ...]) -> None:
    with pytest.raises(WeightsOddShape) as caught:
        shape_of(_state() | {key: torch.ones(odd)})
    assert caught.value.values["name"] == key
    assert caught.value.values["found"] == "x".join(map(str, odd))


@pytest.mark.parametrize(
    "odd",
    [
        {"features.0.bias": torch.zeros(1, 1, 1, 1), "features.0.weight": torch.zeros(3)},
        {"features.0.bias": torch.zeros(1, 1, 1, 1), "features.0.weight": torch.zeros(())},
        {"features.0.weight": torch.zeros(1, 1, 1, 1), f"features.{'9' * 5000}.weight": torch.zeros(1, 1, 1, 1)},
    ],
    ids=["too flat", "a lone number", "a number without end"],
)
def test_that_odd_tensors_under_known_names_are_no_network(odd: dict[str, Tensor]) -> None:
    with pytest.raises(WeightsUnreadable) as caught:
        shape_of(odd, "odd.pth")
    assert caught.value.values["detail"] == "not_vgg"


@pytest.mark.parametrize("key", ["classifier.0.weight", "classifier.6.weight"])
def test_that_a_lone_number_for_a_linear_layer_is_an_odd_shape(key: str) -> None:
    with pytest.raises(WeightsOddShape) as caught:
        shape_of(_state() | {key: torch.zeros(())})
    assert caught.value.values["name"] == key


@pytest.mark.parametrize(
    ("key", "odd"),
    [("classifier.6.weight", (0, 256)), ("features.0.weight", (4, 0, 3, 3)), ("features.0.weight", (4, 7, 3, 3))],
)
def test_that_a_network_that_answers_nothing_or_sees_no_picture_is_an_odd_shape(key: str, odd: tuple[int, ...]) -> None:
    with pytest.raises(WeightsOddShape) as caught:
        shape_of(_state() | {key: torch.zeros(odd)})
    assert (caught.value.values["name"], caught.value.values["found"]) == (key, "x".join(map(str, odd)))


def test_that_names_with_halves_of_characters_can_be_sent(tmp_path: Path) -> None:
    found = read_file(_saved(tmp_path / "x.pth", {"\ud800": torch.zeros(3)}))
    assert list(found) == ["\\ud800"]


# --- what is loaded


def test_that_weights_for_the_same_classes_are_loaded_to_the_last() -> None:
    network, report = _load(_state(), SLIM)
    assert _same(network.state_dict(), _state())
    assert (report.missing, report.unused, report.advice) == ([], [], "")
    assert (report.source, report.name, report.sha256) == ("file", "flowers.pth", "abc")


def test_that_only_the_head_is_fresh_where_the_classes_differ() -> None:
    network, report = _load(_state(), replace(SLIM, classes=7))
    head = ["classifier.6.weight", "classifier.6.bias"]
    assert (report.missing, report.unused, report.advice) == (head, head, "")
    assert network.state_dict()["classifier.6.weight"].shape[0] == 7
    assert torch.equal(network.state_dict()["classifier.3.weight"], _state()["classifier.3.weight"])


@pytest.mark.parametrize(
    ("train_from", "advice"),
    [("block1", ""), ("fc6", ""), ("fc7", "fc6_is_the_right_stage"), ("fc8", "fc6_is_the_right_stage")],
)
def test_that_training_behind_random_layers_is_advised_against(train_from: str, advice: str) -> None:
    features = {key: value for key, value in _state().items() if key.startswith("features")}
    network, report = _load(features, SLIM, train_from)
    assert report.advice == advice
    assert report.missing == [f"classifier.{index}.{part}" for index in (0, 3, 6) for part in ("weight", "bias")]
    assert torch.equal(network.state_dict()["classifier.0.weight"], _state(seed=9)["classifier.0.weight"])


def test_that_weights_without_the_last_layer_alone_need_no_advice() -> None:
    tensors = {key: value for key, value in _state().items() if not key.startswith("classifier.6")}
    _, report = _load(tensors, SLIM, "fc8")
    assert (report.missing, report.advice) == (["classifier.6.weight", "classifier.6.bias"], "")


def test_that_counters_of_batches_may_be_missing() -> None:
    tensors = {key: value for key, value in _state().items() if not key.endswith("tracked")}
    _, report = _load(tensors, SLIM)
    assert report.missing == []


def test_that_what_the_network_does_not_know_is_named_as_unused() -> None:
    _, report = _load(_state() | {"mean": torch.ones(3)}, SLIM)
    assert report.unused == ["mean"]


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [("vgg11", "vgg11_bn", "VGG-11, not to VGG-11-BN"), ("vgg19", "vgg16", "VGG-19, not to VGG-16")],
)
def test_that_weights_of_another_network_are_refused_naming_both(found: str, wanted: str, words: str) -> None:
    tensors = _state(replace(SLIM, variant=found))
    network = build(replace(SLIM, variant=wanted), seed=9)
    with pytest.raises(WeightsOtherVariant) as caught:
        load(network, tensors, network.shape, "file", "a.pth", "", "fc6")
    assert words in describe(caught.value.fact())
    assert _same(network.state_dict(), _state(network.shape, seed=9))


def test_that_weights_of_another_width_are_refused_and_leave_the_network_as_it_was() -> None:
    network = build(SLIM, seed=9)
    with pytest.raises(WeightsOddShape):
        load(network, _state(replace(SLIM, width_divisor=8)), SLIM, "file", "a.pth", "", "fc6")
    assert _same(network.state_dict(), _state(seed=9))


# --- damaged files


def _mutants(data: bytes, count: int) -> list[bytes]:
    """Copies with some bytes changed, most of them near the start or the end, where the structure is."""
    draw = random.Random(1)
    found = []
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            reach = draw.choice([64, 4096, len(data)])
            place = draw.randrange(min(reach, len(data)))
            mutant[place if draw.random() < 0.5 else len(data) - 1 - place] = draw.randrange(256)
        found.append(bytes(mutant))
    return found


@pytest.mark.parametrize("layout", ["zip", "old", "safetensors"])
def test_that_damaged_and_cut_files_are_read_or_refused_and_never_end_otherwise(tmp_path: Path, layout: str) -> None:
    tiny = {"features.0.weight": torch.ones(4, 3, 3, 3), "features.0.bias": torch.ones(4)}
    path = tmp_path / "a"
    if layout == "safetensors":
        save_file(tiny, path)
    else:
        torch.save(tiny, path, _use_new_zipfile_serialization=layout == "zip")
    data = path.read_bytes()
    cuts = [data[:length] for length in range(0, len(data), max(1, len(data) // 100))]
    refused = 0
    for damaged in [*cuts, *_mutants(data, 300)]:
        path.write_bytes(damaged)
        try:
            read_file(path)
        except WeightsError:
            refused += 1
    assert refused >= len(cuts)


# --- real weights


@pytest.mark.real
def test_that_real_weights_without_classifier_load_into_vgg16(real_data: Path) -> None:
    path = real_data / "weights" / "vgg16_features.pth"
    tensors = read_file(path)
    assert shape_of(tensors) == vgg.Shape("vgg16")
    shape = vgg.Shape("vgg16", classes=5)
    with torch.device("meta"):
        wanted = {key for key in VGG(shape).state_dict() if key.startswith("features")}
    assert tensors.keys() == wanted
    assert (
        sum(os.path.getsize(path) - 4 * value.numel() for value in [torch.cat([v.flatten() for v in tensors.values()])])
        < 1e5
    )
