"""Features of a frozen part: computed once for each picture and view, the same whether kept, found or computed just now."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.lessons import draw, draw_folder, only
from vgg_studio import paths
from vgg_studio.core import events as ev, vgg
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.facts import Way
from vgg_studio.core.jobs import Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.split import Item
from vgg_studio.engine import feature_files, network, winograd
from vgg_studio.engine.batches import cropped
from vgg_studio.engine.data import PictureStore, open_array
from vgg_studio.engine.device import choose
from vgg_studio.engine.ending import Asked
from vgg_studio.engine.extract import KINDS, Extractor, feature_shape
from vgg_studio.engine.feature_files import FeatureFiles
from vgg_studio.engine.network import VGG, trunk_and_head
from vgg_studio.engine.scaling import Scaling
from vgg_studio.engine.source import Source, View
from vgg_studio.pictures import views
from vgg_studio.pictures.known import Known

SHAPE = vgg.Shape("vgg11_bn", 3, 3, 16, True)
PREP = Preprocessing(image_size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
CPU = choose("cpu")


def taught(shape: vgg.Shape, seed: int = 1) -> VGG:
    """A network whose batch normalisation has seen something."""
    built = network.build(shape, seed=seed)
    built.train()
    with torch.no_grad():
        built(torch.randn(8, shape.channels, 32, 32, generator=torch.Generator().manual_seed(seed)))
    return built.eval()


def extractor_of(stage: str = "block4", kept: str = "fp32", shape: vgg.Shape = SHAPE, **changes: Any) -> Extractor:
    settings: dict[str, Any] = {"prep": PREP, "way": Way(batch=4), "network": taught(shape), "device": CPU} | changes
    return Extractor(settings["network"], stage, settings["prep"], settings["device"], settings["way"], kept)


def noise(count: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


class Desk:
    """Sources over one folder of pictures; `read` counts the pictures that were opened."""

    def __init__(self, data: Path, held: ExitStack, way: Way) -> None:
        self.data = data
        self.way = way
        self.held = held
        self.known = held.enter_context(Known(paths.cache_folder()))
        self.read = 0

    @property
    def items(self) -> list[Item]:
        names = sorted(path.relative_to(self.data).as_posix() for path in self.data.rglob("*.png"))
        return [Item(picture=ev.PictureRef(path=name), label=number % 3) for number, name in enumerate(names)]

    def views(self, *numbers: int) -> list[View]:
        return [(item.picture, number) for item in self.items for number in numbers or (0,)]

    def source(self, extractor: Extractor | None = None, most: int = feature_files.MOST, keep: bool = True) -> Source:
        extractor = extractor or extractor_of(way=self.way)
        desk = self

        class Counting(PictureStore):
            def read(self, picture: ev.PictureRef) -> Any:
                desk.read += 1
                return super().read(picture)

        store = Counting(str(self.data), [item.picture for item in self.items], extractor.prep, memory=0)
        folder = paths.cache_folder() / "features" / extractor.key()
        source = Source(store, extractor, self.known, FeatureFiles(folder, extractor.row_bytes, most) if keep else None)
        self.held.callback(source.close)
        return source


ONE = Way(batch=4)
SIDE_BY_SIDE = Way(batch=4, convolution="winograd", workers=2)  # of nine pictures, the last batches are begun at a time


@pytest.fixture(params=[ONE, SIDE_BY_SIDE], ids=["one", "side by side"])
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Desk]:
    monkeypatch.setattr(feature_files, "RESERVE", 0)
    with ExitStack() as held:
        yield Desk(draw_folder(tmp_path / "pictures", count=3), held, request.param)


def filled(source: Source, wanted: Sequence[View], stop: Stop | None = None) -> ev.FeaturesReady:
    (ready,) = only(list(source.fill(wanted, stop or Stop())), ev.FeaturesReady)
    return ready


# --- the frozen part as a function


STAGES = [(stage, "classic") for stage in vgg.STAGES[1:]] + [("block3", "light"), ("fc8", "light")]


@pytest.mark.parametrize("variant", ["vgg11", "vgg11_bn"])
@pytest.mark.parametrize(("stage", "head"), STAGES)
def test_that_features_are_what_the_trunk_computes_and_have_the_shape_that_is_told(
    variant: str, stage: str, head: str
) -> None:
    shape = vgg.Shape(variant, 3, 3, 16, head == "classic", head)
    built = taught(shape)
    extractor = extractor_of(stage, network=built)

    features = extractor(noise(3))

    trunk, head_part = trunk_and_head(built, stage)
    wanted = trunk(Scaling(PREP, torch.device("cpu"))(noise(3)))
    assert features.shape[1:] == wanted.shape[1:] == feature_shape(shape, stage, 32)
    assert extractor.row_bytes == features[0].numel() * 4
    assert torch.allclose(features, wanted, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(head_part(features), built(Scaling(PREP, torch.device("cpu"))(noise(3))), atol=1e-4)


@pytest.mark.parametrize("kept", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize(
    "changes", [{}, {"layout": "contiguous"}, {"convolution": "winograd"}, {"convolution": "winograd", "workers": 3}]
)
def test_that_a_pictures_features_depend_on_no_other_picture_nor_on_its_place(
    kept: str, changes: dict[str, Any]
) -> None:
    extractor = extractor_of("fc8", kept, way=msgspec.structs.replace(Way(batch=8), **changes))
    whole = extractor(noise(8))

    order = torch.tensor([5, 0, 7, 3, 1, 6, 2, 4])
    assert torch.equal(extractor(noise(8)[order]), whole[order])
    for start, end in ((0, 1), (6, 8), (2, 7)):
        assert torch.equal(extractor(noise(8)[start:end]), whole[start:end])
    assert whole.dtype == KINDS[kept]


def test_that_numbers_beyond_half_precisions_range_are_held_at_its_end() -> None:
    built = taught(vgg.Shape("vgg11", 3, 3, 16, True))
    with torch.no_grad():
        for layer in built.features:
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight *= 50

    exact, half = (extractor_of("block5", kept, network=built)(noise(4)) for kept in ("fp32", "fp16"))

    assert exact.max() > 65504
    assert half.isfinite().all()
    assert half.max() == 65504


def test_that_winograd_is_used_only_where_it_computes_what_torch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    built = taught(SHAPE)
    way = Way(batch=4, convolution="winograd", workers=2)
    exact = extractor_of("fc6", network=built)(noise(4))
    fast = extractor_of("fc6", network=built, way=way)(noise(4))
    assert not torch.equal(fast, exact)
    assert torch.allclose(fast, exact, rtol=1e-3, atol=1e-5)

    monkeypatch.setattr(winograd, "_BT", tuple(reversed(winograd._BT)))  # as wrong as an overflow would make it
    assert torch.equal(extractor_of("fc6", network=built, way=way)(noise(4)), exact)


@pytest.mark.parametrize("convolution", ["direct", "winograd"])
def test_that_workers_share_all_convolutions_and_linear_layers_see_all_pictures_together(convolution: str) -> None:
    seen: list[tuple[str, int, str]] = []  # layer, pictures at once, thread

    def note(module: torch.nn.Module, given: Any, _: Any) -> None:
        thread = threading.current_thread().name
        seen.append((type(module).__name__, len(given[0]), "shared" if thread.startswith("network") else "alone"))

    extractor = extractor_of("fc8", way=Way(batch=4, convolution=convolution, workers=2))
    extractor(noise(4))  # builds it
    held = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        extractor(noise(4))
    finally:
        held.remove()

    convolutions = [one for one in seen if "Conv" in one[0]]
    assert len(convolutions) == 2 * 8  # VGG-11's, each for both halves
    assert {one[1:] for one in convolutions} == {(2, "shared")}
    assert {one[1:] for one in seen if one[0] == "Linear"} == {(4, "alone")}
    assert any("Winograd" in one[0] for one in convolutions) == (convolution == "winograd")


def test_that_two_pictures_are_computed_alone_only_where_that_changes_no_bit() -> None:
    for shape, stage in ((SHAPE, "fc8"), (vgg.Shape("vgg11", 3, 3, 16, True), "block5")):
        extractor = extractor_of(stage, way=Way(batch=16), shape=shape)
        among = extractor(noise(16))

        extractor(noise(16, seed=3), check_pairs=True)

        assert extractor.way.smallest == extractor.smallest in (2, 16)
        for start in range(0, 16, 2):
            assert torch.equal(extractor(noise(16)[start : start + 2]), among[start : start + 2])
            assert torch.equal(extractor(noise(16)[start : start + 1]), among[start : start + 1])


def test_that_pairs_are_checked_as_they_are_cut() -> None:
    extractor, boxes = extractor_of("block5", way=Way(batch=4)), torch.tensor([[0.1, 0.2, 0.9, 0.8]] * 4)
    wanted = extractor(noise(4), boxes)
    seen: list[Tensor] = []
    compute = extractor._compute
    assert compute is not None
    extractor._compute = lambda pictures: (seen.append(pictures), compute(pictures))[1]  # type: ignore[func-returns-value, assignment]

    assert torch.equal(extractor(noise(4), boxes, check_pairs=True), wanted)

    assert [len(pictures) for pictures in seen] == [4, 2]
    assert torch.equal(seen[1], seen[0][:2])


def test_that_a_difference_that_rounding_hides_is_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = extractor_of("block5", "fp16", way=Way(batch=4))
    extractor._compute = lambda pictures: torch.full(  # type: ignore[assignment]
        (len(pictures), *extractor.shape), 1 + 1e-6 * len(pictures)
    )

    extractor(noise(4), check_pairs=True)

    assert extractor.smallest == 4


def test_that_the_key_tells_apart_everything_that_the_numbers_depend_on_and_nothing_else() -> None:
    other = taught(SHAPE, seed=2)
    different = [
        extractor_of(),
        extractor_of("block3"),
        extractor_of(kept="fp16"),
        extractor_of(network=other),
        extractor_of(prep=msgspec.structs.replace(PREP, image_size=64)),
        extractor_of(prep=msgspec.structs.replace(PREP, resize="crop")),
        extractor_of(prep=msgspec.structs.replace(PREP, decode="scaled")),
        extractor_of(prep=msgspec.structs.replace(PREP, std=(0.2, 0.3, 0.5))),
        extractor_of(way=Way(batch=8)),
        extractor_of(way=Way(batch=4, precision="bf16")),
        extractor_of(way=Way(batch=4, layout="contiguous")),
        extractor_of(way=Way(batch=4, backend="ncnn")),
        extractor_of(way=Way(batch=4, convolution="winograd")),
        extractor_of(device=replace(CPU, fact=msgspec.structs.replace(CPU.fact, name="another processor"))),
        extractor_of(shape=vgg.Shape("vgg11", 3, 3, 16, True)),
    ]
    assert len({extractor.key() for extractor in different}) == len(different)

    same_trunk = taught(SHAPE)
    with torch.no_grad():
        same_trunk.get_parameter("features.22.weight").zero_()  # of block 5, which learns
        same_trunk.get_parameter("classifier.6.bias").add_(1)
    alike = [
        extractor_of(network=same_trunk),
        extractor_of(prep=msgspec.structs.replace(PREP, mirror=True)),
        extractor_of(way=Way(batch=4, smallest=2)),
        extractor_of(network=network.build(vgg.Shape("vgg11_bn", 7, 3, 16, False, "light"))),
    ]
    network.VGG.load_state_dict(
        alike[3].network, {k: v for k, v in same_trunk.state_dict().items() if k.startswith("features")}, strict=False
    )
    assert {extractor.key() for extractor in alike} == {different[0].key()}


# --- kept, found, computed


def test_that_what_was_computed_is_found_by_the_next_source_and_no_picture_is_opened_again(desk: Desk) -> None:
    first = filled(desk.source(), desk.views(0, 1))
    assert (first.found, first.computed, first.kept, first.precision) == (0, 18, True, "fp32")
    desk.read = 0

    source = desk.source()
    again = filled(source, desk.views(0, 1))
    features, refused = source.features(desk.views(0, 1))

    assert (again.found, again.computed, desk.read, refused) == (18, 0, 0, [])
    computed, _ = desk.source(keep=False).features(desk.views(0, 1))
    assert torch.equal(features, computed)


@pytest.mark.parametrize("kept", ["fp32", "fp16", "bf16"])
def test_that_features_are_alike_kept_partly_kept_or_computed_just_now(desk: Desk, kept: str) -> None:
    crops = views.every("flip_crop", 3)
    computed, _ = desk.source(extractor_of(kept=kept, way=desk.way), keep=False).features(desk.views(0, 1, *crops))
    partly = desk.source(extractor_of(kept=kept, way=desk.way))
    filled(partly, desk.views(1, crops[1])[3:])

    assert torch.equal(partly.features(desk.views(0, 1, *crops))[0], computed)
    filled(partly, desk.views(0, 1, *crops))
    assert torch.equal(partly.features(desk.views(0, 1, *crops))[0], computed)
    assert torch.equal(
        desk.source(extractor_of(kept=kept, way=desk.way)).features(desk.views(0, 1, *crops))[0], computed
    )


def test_that_views_are_what_they_say(desk: Desk) -> None:
    extractor = extractor_of("block2", way=desk.way)
    picture = desk.items[0].picture
    (plain, mirrored, *crops), _ = desk.source(extractor).features([(picture, view) for view in (0, 1, 2, 3, 4, 5)])

    array = torch.from_numpy(open_array(str(desk.data / picture.path), PREP).copy())[None]
    assert torch.equal(plain, extractor(array)[0])
    assert torch.equal(mirrored, extractor(array.flip(2))[0])
    digest = desk.known.digest(str(desk.data / picture.path))
    for view, crop in enumerate(crops, start=2):
        shown, boxes = views.varied(array.numpy().copy(), [view], [digest])
        assert boxes is not None
        assert torch.equal(crop, extractor(torch.from_numpy(shown), torch.from_numpy(boxes))[0])
        left, top, width, height = (boxes[0] * 32).tolist()
        assert left >= 0
        assert top >= 0
        assert left + width <= 32.001
        assert top + height <= 32.001
    assert len({crop.numpy().tobytes() for crop in (plain, mirrored, *crops)}) == 6


def test_that_a_crop_of_everything_is_the_picture_itself() -> None:
    pictures = torch.rand(2, 3, 32, 32)

    assert torch.allclose(cropped(pictures, torch.tensor([[0.0, 0, 1, 1]]).expand(2, 4)), pictures, atol=1e-5)


def test_that_a_folder_is_in_use_as_long_as_it_is_filled(desk: Desk) -> None:
    source = desk.source()
    assert source.files is not None
    mark = source.files.folder / feature_files.USED
    os.utime(mark, (1e9, 1e9))
    filled(source, desk.views())

    assert mark.stat().st_mtime > 1e9


def test_that_renamed_and_moved_pictures_are_found_by_their_content(desk: Desk, tmp_path: Path) -> None:
    filled(desk.source(), desk.views())
    moved = tmp_path / "elsewhere" / "deep"
    shutil.copytree(desk.data, moved)
    for number, path in enumerate(sorted(moved.rglob("*.png"))):
        path.rename(path.with_name(f"renamed {9 - number}.png"))
    desk.data = moved

    assert filled(desk.source(), desk.views()).computed == 0


def test_that_a_changed_picture_is_computed_anew(desk: Desk) -> None:
    filled(desk.source(), desk.views())
    changed = desk.items[4].picture
    draw(desk.data / changed.path, (1, 2, 3), seed=99)

    source = desk.source()
    assert filled(source, desk.views()).computed == 1
    array = open_array(str(desk.data / changed.path), PREP).copy()
    assert torch.equal(source.features([(changed, 0)])[0], source.extractor(torch.from_numpy(array)[None]))


def test_that_a_picture_that_is_changed_while_it_is_read_is_kept_under_its_own_content(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = desk.items[4].picture
    old = (desk.data / changed.path).read_bytes()
    source = desk.source()
    read = source.store.read

    def spoiled(picture: ev.PictureRef) -> Any:
        if picture == changed and (desk.data / changed.path).read_bytes() == old:
            draw(desk.data / changed.path, (1, 2, 3), seed=99)
        return read(picture)

    monkeypatch.setattr(source.store, "read", spoiled)
    filled(source, desk.views())
    new, _ = source.features([(changed, 0)])
    assert torch.equal(new, desk.source(keep=False).features([(changed, 0)])[0])

    (desk.data / changed.path).write_bytes(old)

    again = desk.source()
    assert filled(again, desk.views()).computed == 1
    assert torch.equal(again.features([(changed, 0)])[0], desk.source(keep=False).features([(changed, 0)])[0])


def test_that_what_cannot_be_read_is_told_once_and_the_counts_add_up(desk: Desk) -> None:
    items, wanted = desk.items, desk.views(0, 1)
    source = desk.source()
    (desk.data / items[2].picture.path).unlink()
    (desk.data / items[5].picture.path).write_bytes(b"no picture")

    steps, refused = source.fill(wanted, Stop()), []
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            refused = end.value
            break

    assert [picture for picture, _ in refused] == [items[2].picture, items[5].picture]
    (ready,) = only(events, ev.FeaturesReady)
    assert (ready.found, ready.computed) == (0, 14)
    progress = [event for event in only(events, ev.PhaseProgress) if event.phase == "extracting"]
    assert progress[-1].done == progress[-1].total == 16
    features, lost = source.features(wanted)
    assert len(features) == 14
    assert {picture for picture, _ in lost} == {items[2].picture, items[5].picture}


def test_that_batches_are_whole_without_the_pictures_that_are_gone(desk: Desk) -> None:
    items = desk.items
    source = desk.source()
    filled(source, desk.views()[:6])  # without mirror images: those have to be computed
    (desk.data / items[2].picture.path).unlink()
    (desk.data / items[7].picture.path).unlink()
    whole = desk.source(keep=False).features([(item.picture, 0) for item in (*items[:2], *items[3:6])])[0]

    first, second, last = source.batches(items, [np.arange(6), np.array([7]), np.array([8])], 0, mirror=True)

    assert first.mirrored is not None
    assert len(first) == len(first.pictures) == len(first.mirrored) == 5
    assert torch.equal(first.pictures, whole)
    assert first.labels.tolist() == [item.label for item in (*items[:2], *items[3:6])]
    assert [picture for picture, _ in first.refused] == [items[2].picture]
    assert (len(second), len(second.refused), len(last)) == (0, 1, 1)


def test_that_chunks_go_through_all_views_of_all_items_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    source = desk.source()
    monkeypatch.setattr("vgg_studio.engine.source._CHUNK", 4 * source.extractor.row_bytes)
    numbers = np.array([8, 1, 4, 0, 3, 7])

    for _ in range(2):
        found = list(source.chunks(desk.items, numbers, (0, 1))())
        assert [len(labels) for _, labels in found] == [4, 2, 4, 2]
        wanted = [(desk.items[number].picture, view) for view in (0, 1) for number in numbers]
        assert torch.equal(torch.cat([features for features, _ in found]), source.features(wanted)[0])
        assert torch.cat([labels for _, labels in found]).tolist() == [desk.items[n].label for n in numbers] * 2


def test_that_a_full_disk_is_told_and_everything_is_computed_all_the_same(desk: Desk) -> None:
    wanted = desk.views()
    extractor = extractor_of(way=desk.way)
    source = desk.source(extractor, most=5 * extractor.row_bytes)

    ready = filled(source, wanted)

    assert (ready.kept, ready.computed) == (False, 4)  # one batch of four fits
    assert torch.equal(source.features(wanted)[0], desk.source(keep=False).features(wanted)[0])
    assert list(source.fill(wanted, Stop())) == []
    assert filled(desk.source(), wanted).found == 4


def test_that_a_stop_while_features_are_computed_keeps_what_was_computed(desk: Desk) -> None:
    def pausing(stop: Stop) -> Iterator[ev.Event]:
        for event in desk.source().fill(desk.views(), stop):
            if isinstance(event, ev.PhaseProgress) and event.phase == "extracting":
                stop.ask("pause")
            yield event

    with pytest.raises(Asked):
        list(pausing(Stop()))

    assert filled(desk.source(), desk.views()).found == 4


def test_that_finish_ends_computing_where_it_is_without_leaving(desk: Desk) -> None:
    stop = Stop()
    stop.ask("finish")
    ready = filled(desk.source(), desk.views(), stop)
    assert (ready.computed, ready.found, ready.kept) == (0, 0, True)

    later = Stop()
    events = []
    for event in desk.source().fill(desk.views(), later):
        events.append(event)
        if isinstance(event, ev.PhaseProgress) and event.phase == "extracting":
            later.ask("finish")
    assert only(events, ev.FeaturesReady)[0].computed == 4


def test_that_whether_pairs_may_be_computed_alone_is_found_out_once_for_all_runs(desk: Desk) -> None:
    first = desk.source(extractor_of("fc8", way=desk.way))
    filled(first, desk.views())
    second = desk.source(extractor_of("fc8", way=desk.way))
    filled(second, desk.views())

    assert first.extractor.way == second.extractor.way
    assert first.extractor.smallest == second.extractor.smallest == first.extractor.way.smallest > 0


def test_that_the_share_that_is_there_is_told_before_anything_is_computed(desk: Desk) -> None:
    assert desk.source().found_share(desk.views()) == 0
    filled(desk.source(), desk.views()[:6])
    (desk.data / desk.items[0].picture.path).unlink()
    source = desk.source()

    assert source.found_share(desk.views()) == pytest.approx(5 / 8)
    assert source.found_share([]) == 0
    assert desk.source(keep=False).found_share(desk.views()) == 0


def test_that_a_picture_that_never_stops_changing_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    source, digest, turns = desk.source(), desk.known.digest, iter(range(1000))
    monkeypatch.setattr(desk.known, "digest", lambda path: digest(path)[:8] + next(turns).to_bytes(8, "little"))

    features, refused = source.features(desk.views()[:2])

    assert len(features) == 0
    assert all(isinstance(refusal, PictureRefused) for _, refusal in refused)
    assert len(refused) == 2
