"""How a picture becomes numbers: kept with every run, so that training, scores and predictions see the same thing."""

from __future__ import annotations

import msgspec

from vgg_studio.core.jobs import TrainJob

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_SPARE = 2  # times the side that is needed, so that the antialiasing filter still does the last of the scaling


class Preprocessing(msgspec.Struct, frozen=True, kw_only=True):
    """The one evaluation transform: scale to `image_size` px, then (value / 255 - mean) / std for each channel.

    `square` scales both sides to `image_size` (the aspect changes, nothing is cut away); `crop` scales the shorter side to
    `resize_side` px (0: image_size * 256 / 224) and takes the square in the centre.
    """

    image_size: int = 224
    resize: str = "square"
    resize_side: int = 0
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    channels: int = 3
    decode: str = "full"  # "scaled": a large JPEG is decoded at a fraction, no side below twice what is needed
    mirror: bool = False  # an answer is the mean of those for the picture and for its mirror image

    @property
    def shorter_side(self) -> int:
        """Side in px that `crop` scales the shorter side to."""
        return self.resize_side or round(self.image_size * 256 / 224)

    @property
    def decoded_side(self) -> int:
        """Px that both sides of a JPEG keep at least when it is decoded at a fraction of its size; 0: never at a fraction."""
        if self.decode != "scaled":
            return 0
        return _SPARE * (self.shorter_side if self.resize == "crop" else self.image_size)


def for_new_run(job: TrainJob) -> Preprocessing:
    """What a run that starts today does to its pictures; mean and deviation are measured later.

    Runs of older versions, and files without a preprocessing.json, keep decoding in full: their networks saw those numbers.
    """
    return Preprocessing(
        image_size=job.image_size, resize=job.resize, channels=job.channels, decode="scaled", mirror=job.mirror
    )


def to_json(preprocessing: Preprocessing) -> bytes:
    """The file `preprocessing.json`."""
    return msgspec.json.format(msgspec.json.encode(preprocessing), indent=1) + b"\n"


def from_json(data: bytes) -> Preprocessing:
    """Read `preprocessing.json`. Raises msgspec.DecodeError."""
    return msgspec.json.decode(data, type=Preprocessing)
