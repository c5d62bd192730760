"""The one door for pictures: nothing else in the studio opens a picture's file.

ordinary file? -> `decoding`: first bytes -> allowed kind? -> at most 100 megapixels? -> all pixels -> upright RGB.
Each step may end in PictureRefused with its reason.
"""

from __future__ import annotations

import os

from PIL import Image

from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.facts import PictureRef
from vgg_studio.pictures import datasets
from vgg_studio.pictures.decoding import DOOR as DOOR, Decoded, decoded
from vgg_studio.pictures.files import locate, ordinary_file, shown


def open_picture(path: str | bytes | os.PathLike[str], *, at_least: int = 0) -> Image.Image:
    """The picture in mode RGB, upright, all of it decoded; of an animation the first frame.

    With `at_least` (px) a JPEG may come smaller, by 2, 4 or 8, as long as both sides keep that many pixels: much faster.
    Raises PictureRefused with a reason of `core.errors.REASONS`. Safe to call from several threads.
    """
    return open_whole(path, at_least=at_least).picture


def open_whole(path: str | bytes | os.PathLike[str], *, at_least: int = 0) -> Decoded:
    """What `open_picture` opens, with what its file says of it. Raises PictureRefused."""
    with ordinary_file(path) as file:
        try:
            return decoded(file, at_least)
        except PictureRefused as refusal:
            refusal.values.setdefault("path", shown(os.fsencode(path)))
            raise


def open_ref(ref: PictureRef, root: str, *, at_least: int = 0) -> Image.Image:
    """The picture of a reference, as `open_picture` gives it: a file below `root`, or a row of the data set in `root`.

    Raises PictureRefused.
    """
    if ref.row < 0:
        return open_picture(locate(ref, root), at_least=at_least)
    return datasets.picture(ref, root)
