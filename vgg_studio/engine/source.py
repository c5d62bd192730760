"""Where a training with a frozen part gets its inputs: features, computed once for each picture and view, then only read."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import FeaturesReady, PhaseProgress, PhaseStarted, PictureRef
from vgg_studio.core.jobs import Stop
from vgg_studio.core.split import Item
from vgg_studio.engine.batches import Batch
from vgg_studio.engine.data import Bytes, PictureStore, Refusal, ahead, workers
from vgg_studio.engine.ending import Steps, Ticker, check
from vgg_studio.engine.extract import ALONE, KINDS, Extractor
from vgg_studio.engine.feature_files import FeatureFiles, Name
from vgg_studio.engine.last_layer import Chunks
from vgg_studio.engine.several import each, here
from vgg_studio.pictures import views
from vgg_studio.pictures.known import Known

View = tuple[PictureRef, int]  # a picture and the number of one of its views (pictures/views.py)
_CHUNK = 64 << 20  # bytes of features that are gone through at once
_ALIKE, _UNLIKE = "pairs-alike", "pairs-unlike"  # what a folder's first run found out
_AT_ONCE = 2  # batches, where networks compute side by side
_TRIES = 3  # looks at a picture that is being changed


class _Found(NamedTuple):
    """A picture as it was read, under the name of its own content."""

    name: Name
    array: Bytes


_Read = tuple[PictureRef, _Found | PictureRefused]
_Extracted = tuple[int, list[_Found], Tensor]  # of how many pictures, which of them could be read, their features


class Source:
    """Features of views: from the cache's files, else computed. `files` None: nothing is kept, each use computes anew.

    One thread uses a source. What could not be read is told by `fill` and by the batches.
    """

    def __init__(self, store: PictureStore, extractor: Extractor, known: Known, files: FeatureFiles | None) -> None:
        self.store = store
        self.extractor = extractor
        self.files = files
        self._known = known
        self._digests: dict[PictureRef, bytes] = {}
        self._checked = extractor.way.smallest > 0
        for mark, smallest in ((_ALIKE, ALONE), (_UNLIKE, extractor.batch)):
            if files is not None and not self._checked and files.is_marked(mark):
                extractor.settle(smallest)
                self._checked = True
        self._full = False  # the disk takes no more; what is there is still used

    @property
    def keeps(self) -> bool:
        """Whether what is computed is kept."""
        return self.files is not None and not self._full

    def fill(self, wanted: Sequence[View], stop: Stop) -> Steps[list[Refusal]]:
        """Compute what is not there yet of `wanted`, telling progress; returns what could not be read. Raises Asked.

        Where nothing is kept the rounds compute for themselves; that the disk takes no more is told once. Where several
        processes train together each computes its share of what its machine lacks, into the one cache of that machine.
        """
        if not here().exchange([self.keeps]).all():
            return []
        if self.files is not None:
            with contextlib.suppress(OSError):
                self.files.use()
        began = time.monotonic()
        refused: list[Refusal] = []
        missing = yield from self._missing(wanted, refused, stop)
        lost = {picture for picture, _ in refused}
        there = sum(picture not in lost for picture, _ in wanted)
        computed = 0
        if here().exchange([len(missing)]).any():
            computed = yield from self._compute(wanted, missing, refused, stop)
        yield FeaturesReady(
            found=there - len(missing),
            computed=computed,
            seconds=time.monotonic() - began,
            kept=self.keeps,
            way=self.extractor.way,
            precision=self.extractor.kept,
        )
        return list(dict(refused).items())  # each once, however many views of it were wanted

    def _compute(
        self, wanted: Sequence[View], missing: Sequence[View], refused: list[Refusal], stop: Stop
    ) -> Steps[int]:
        """Compute and keep views; how many it were before the end, a stop, or a full disk."""
        yield PhaseStarted(phase="extracting", total=len(missing))
        left = set(missing)
        mine = [view for view in here().every_other(wanted) if view in left]
        computed = 0
        for count, lost, full in (yield from each(stop, self._computing(mine, len(missing), stop))):
            computed += count
            refused += lost
            self._full |= full
        if self.files is not None and not here().alone:
            self.files.refresh()
        return computed

    def _computing(self, mine: Sequence[View], total: int, stop: Stop) -> Steps[tuple[int, list[Refusal], bool]]:
        """Compute and keep this process's share: how many it were, what could not be read, whether the disk is full."""
        ticker, done, computed = Ticker(), 0, 0
        refused: list[Refusal] = []
        with contextlib.closing(self._read_ahead(mine)) as reading:
            for seen, good, features in self._extracted(reading, refused, stop):
                if good and not self._add(good, features):
                    break
                done, computed = done + seen, computed + len(good)
                if ticker.due() or done == len(mine):
                    yield PhaseProgress(phase="extracting", done=total * done // len(mine), total=total)
        return computed, refused, self._full

    def found_share(self, wanted: Sequence[View]) -> float:
        """The share of views whose features are there; pictures that cannot be read count as missing."""
        for picture, _ in wanted:
            if picture not in self._digests and not isinstance(digest := self._digest(picture), PictureRefused):
                self._digests[picture] = digest
        found = sum(self._name_if_kept(view) is not None for view in wanted)
        return found / len(wanted) if wanted else 0.0

    def batches(
        self,
        items: Sequence[Item],
        numbers: Sequence[npt.NDArray[np.intp]],
        view: int | npt.NDArray[np.intp],
        mirror: bool = False,
    ) -> Generator[Batch, None, None]:
        """The batches whose items' numbers are given. Close it to end it.

        `view` is the one for all items or that of each item; with `mirror` the features of the mirror images come along.
        """
        for some in numbers:
            chosen = [items[number] for number in some.tolist()]
            wanted = [view] * len(some) if isinstance(view, int) else view[some].tolist()
            features, refused = self.features(list(zip((item.picture for item in chosen), wanted, strict=True)))
            good, mirrored = _less(chosen, refused), None
            if mirror:
                mirrored, gone = self.features([(item.picture, views.MIRRORED) for item in good])
                still = _less(good, gone)  # gone between its two views
                features = features[[item in still for item in good]] if gone else features
                good, refused = still, refused + gone
            labels = torch.tensor([item.label for item in good], dtype=torch.int64)
            yield Batch(features, labels, refused=refused, mirrored=mirrored)

    def chunks(self, items: Sequence[Item], numbers: npt.NDArray[np.intp], chosen: Sequence[int]) -> Chunks:
        """A way to go through features (N, *shape) and classes (N) of items in all the views, some at a time."""
        size = max(1, _CHUNK // self.extractor.row_bytes)
        some = [numbers[start : start + size] for start in range(0, len(numbers), size)]
        return lambda: ((one.pictures, one.labels) for view in chosen for one in self.batches(items, some, view))

    def features(self, wanted: Sequence[View]) -> tuple[Tensor, list[Refusal]]:
        """Features (N, *shape) of views in order, less those that cannot be read: kept ones are read, others computed."""
        names = [self._name_if_kept(view) for view in wanted]
        there = [name for name in names if name is not None]
        missing = [view for view, name in zip(wanted, names, strict=True) if name is None]
        kept = self._as_features(self.files.read(there)) if self.files is not None and there else None
        if not missing and kept is not None:
            return kept, []
        computed, refused = self._computed(missing)
        if kept is None:
            return computed, refused
        lost = {picture for picture, _ in refused}
        from_files, from_now = iter(kept), iter(computed)
        good = [name for (picture, _), name in zip(wanted, names, strict=True) if picture not in lost]
        return torch.stack([next(from_now if name is None else from_files) for name in good]), refused

    def _computed(self, wanted: Sequence[View]) -> tuple[Tensor, list[Refusal]]:
        refused: list[Refusal] = []
        found = [self._no_features()]
        with contextlib.closing(self._read_ahead(wanted)) as reading:
            found += [features for _, _, features in self._extracted(reading, refused, Stop())]
        return torch.cat(found), refused

    def _missing(self, wanted: Sequence[View], refused: list[Refusal], stop: Stop) -> Steps[list[View]]:
        """Which views have no features yet. Names are made of contents, so each picture is read or recognised first."""
        pictures = list(dict.fromkeys(picture for picture, _ in wanted))
        lost: set[PictureRef] = set()
        if here().exchange([sum(picture not in self._digests for picture in pictures)]).any():
            for share in (yield from each(stop, self._named(here().share(pictures), stop))):
                self._digests |= {name: digest for name, digest in share.items() if isinstance(digest, bytes)}
                refused += [(name, lack) for name, lack in share.items() if isinstance(lack, PictureRefused)]
            lost = {picture for picture, _ in refused}
        return [view for view in wanted if view[0] not in lost and self._name_if_kept(view) is None]

    def _named(self, pictures: Sequence[PictureRef], stop: Stop) -> Steps[dict[PictureRef, bytes | PictureRefused]]:
        """The digest of each picture's content, or why it cannot be read."""
        ticker = Ticker()
        named: dict[PictureRef, bytes | PictureRefused] = {
            picture: self._digests[picture] for picture in pictures if picture in self._digests
        }
        unnamed = [picture for picture in pictures if picture not in named]
        with contextlib.closing(ahead((partial(self._digest, one) for one in unnamed), workers())) as digests:
            for done, (picture, digest) in enumerate(zip(unnamed, digests, strict=True), start=1):
                if stop.how != "finish":  # which waits: the end needs to know what is there
                    check(stop)
                named[picture] = digest
                if ticker.due() and done < len(unnamed):
                    yield PhaseProgress(phase="preparing", done=done, total=len(unnamed))
        return named

    def _digest(self, picture: PictureRef) -> bytes | PictureRefused:
        try:
            return self._known.digest_of(picture, self.store.root)
        except PictureRefused as refusal:
            return refusal

    def _name_if_kept(self, view: View) -> Name | None:
        digest = self._digests.get(view[0])
        if digest is None or self.files is None:
            return None
        name = (digest, view[1])
        return name if name in self.files else None

    def _read_ahead(self, wanted: Sequence[View]) -> Generator[_Read, None, None]:
        return ahead((partial(self._read, view) for view in wanted), workers(), depth=2 * self.extractor.batch)

    def _read(self, view: View) -> _Read:
        """A picture and its content's digest, which are sure to belong together: somebody may be changing the file."""
        picture, number = view
        try:
            for _ in range(_TRIES):
                digest = self._known.digest_of(picture, self.store.root)
                array = self.store.read(picture)
                if self._known.digest_of(picture, self.store.root) == digest:
                    self._digests[picture] = digest
                    return picture, _Found((digest, number), array)
            raise PictureRefused("unreadable", path=picture.path)
        except PictureRefused as refusal:
            return picture, refusal

    def _extracted(self, reading: Iterator[_Read], refused: list[Refusal], stop: Stop) -> Iterator[_Extracted]:
        """The features of what is read, batch after batch; with networks side by side the next one is begun meanwhile.

        (Else a network that is done with its part of a batch waits for the others: a tenth of the time.) Raises Asked.
        """
        groups = _groups(reading, self.extractor.batch, stop)
        while not self.extractor.side_by_side and (group := next(groups, [])):  # the first batch builds the network
            yield self._one(len(group), _sorted_out(group, refused))
        tasks = (partial(self._one, len(group), _sorted_out(group, refused)) for group in groups)
        with contextlib.closing(ahead(tasks, _AT_ONCE, depth=_AT_ONCE - 1)) as batches:
            yield from batches
        if stop.how != "finish":  # which needs a few features at most, and computes them itself
            check(stop)

    def _one(self, seen: int, good: list[_Found]) -> _Extracted:
        return seen, good, self._features(good) if good else self._no_features()

    def _features(self, good: Sequence[_Found]) -> Tensor:
        digests, numbers = zip(*(found.name for found in good), strict=True)
        pictures, boxes = views.varied(np.stack([found.array for found in good]), numbers, digests)
        crops = None if boxes is None else torch.from_numpy(boxes)
        features = self.extractor(torch.from_numpy(pictures), crops, check_pairs=not self._checked)
        if not self._checked and self.files is not None and self.extractor.way.smallest:
            self.files.mark(_ALIKE if self.extractor.smallest == ALONE else _UNLIKE)  # found out once for all runs
        self._checked = True
        return features

    def _add(self, good: Sequence[_Found], features: Tensor) -> bool:
        """Keep features; False where the disk takes no more: then nothing is kept from here on."""
        rows = features.reshape(len(good), -1).view(torch.uint8).numpy()
        try:
            if self.files is not None:
                self.files.add([found.name for found in good], rows)
        except OSError:
            self._full = True
        return not self._full

    def _no_features(self) -> Tensor:
        return torch.empty(0, *self.extractor.shape, dtype=KINDS[self.extractor.kept])

    def _as_features(self, rows: npt.NDArray[np.uint8]) -> Tensor:
        kind = KINDS[self.extractor.kept]
        return torch.from_numpy(rows).view(kind).reshape(len(rows), *self.extractor.shape)

    def close(self) -> None:
        """Close the cache's files."""
        if self.files is not None:
            self.files.close()


def _sorted_out(group: Sequence[_Read], refused: list[Refusal]) -> list[_Found]:
    """What could be read; what could not is added to `refused`."""
    refused += [(picture, read) for picture, read in group if isinstance(read, PictureRefused)]
    return [read for _, read in group if isinstance(read, _Found)]


def _less(items: Sequence[Item], refused: Sequence[Refusal]) -> list[Item]:
    lost = {picture for picture, _ in refused}
    return [item for item in items if item.picture not in lost]


def _groups(reading: Iterator[_Read], size: int, stop: Stop) -> Iterator[list[_Read]]:
    """What is read, in groups, until a stop is asked for: what was begun before is still worth keeping."""
    while not stop.how and (group := list(itertools.islice(reading, size))):
        yield group
