"""Orders on pictures and folders: none of them needs a network."""

from __future__ import annotations

from vgg_studio.core.facts import PictureRef
from vgg_studio.core.job_rules import Job, between, one_of

VARIATIONS = ("none", "flip", "flip_crop", "crop", "crop_upside_down")
CROPPING = VARIATIONS[2:]  # over a frozen part each picture is cut in a few fixed ways
RESIZES = ("square", "crop")  # straight to the square; shorter side, then centre crop
HELD_BACK = 15  # per cent of a class, for each of val and test
_MOST_HELD_BACK = 80  # of both together


class ScanJob(Job, tag="scan", frozen=True, kw_only=True):
    """List a folder, open every picture once, tell what can be used."""

    data: str
    seed: int = 0
    val_percent: int = HELD_BACK  # of each class, where the folder gives no such part
    test_percent: int = HELD_BACK
    corrections: bool = True  # heed what was left out or put into another class by hand


class ThumbnailJob(Job, tag="thumbnails", frozen=True, kw_only=True):
    """Make small JPEGs of pictures (longer side `side` px) in the cache folder. `data` is the folder paths are relative to."""

    pictures: list[PictureRef]
    data: str = ""
    side: int = 256


class DrawSamplesJob(Job, tag="draw_samples", frozen=True, kw_only=True):
    """Draw the built-in sample pictures into a folder (done once; a complete one is left as it is)."""

    folder: str
    count: int = 480
    seed: int = 7


class PreviewJob(Job, tag="preview", frozen=True, kw_only=True):
    """Make small JPEGs of pictures as training sees them: `variants` variations of each, drawn as the run's rounds draw them.

    `pictures` empty: the first batch of `batch` pictures in the order of round 1, with their labels. `views` 0: everything
    learns, so each round cuts anew; else so many fixed crops of each picture, as a frozen part knows them.
    """

    data: str
    pictures: list[PictureRef] = []
    views: int = 0
    batch: int = 16
    variants: int = 1
    variation: str = "flip"
    image_size: int = 224
    resize: str = "square"
    channels: int = 3
    seed: int = 0
    val_percent: int = HELD_BACK
    test_percent: int = HELD_BACK
    corrections: bool = True

    def __post_init__(self) -> None:
        one_of("variation", self.variation, VARIATIONS)
        one_of("resize", self.resize, RESIZES)
        between("image-size", self.image_size, 32, 1024)
        between("variants", self.variants, 1, 64)
        between("views", self.views, 0, 64)
        between("batch-size", self.batch, 1, 4096)
        between("channels", self.channels, 1, 4)
        held_back(self.val_percent, self.test_percent)


class WriteSplitJob(Job, tag="write_split", frozen=True, kw_only=True):
    """Copy a folder's pictures into `folder`/train, val and test, a folder for each class, as a training would split them."""

    data: str
    folder: str
    seed: int = 0
    val_percent: int = HELD_BACK
    test_percent: int = HELD_BACK

    def __post_init__(self) -> None:
        held_back(self.val_percent, self.test_percent)


class FetchDataJob(Job, tag="fetch_data", frozen=True, kw_only=True):
    """Make a known data set ready: from an archive or folder on the disk (`source`), else downloaded."""

    name: str  # cifar10, fashion-mnist, flowers
    source: str = ""


def held_back(val: int, test: int) -> None:
    """Raise UsageError where the two parts leave too little to learn from."""
    between("val-percent", val, 0, 50)
    between("test-percent", test, 0, min(50, _MOST_HELD_BACK - val))
