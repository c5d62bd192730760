"""The official ImageNet weights, as torchvision's registry lists them: where they lie, what they expect, what they name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from vgg_studio import paths
from vgg_studio.core import vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.preprocessing import Preprocessing

MIRROR = "VGG_STUDIO_WEIGHTS_URL"  # another server that has the files under the same names
_MEMBERS = {"official": "IMAGENET1K_V1", "official-features": "IMAGENET1K_FEATURES"}


@dataclass(frozen=True)
class OfficialWeights:
    """One file of official weights. `sha256_prefix` is the part of the file's sha256 that its name carries."""

    variant: str
    kind: str  # official, official-features
    url: str
    file_name: str
    sha256_prefix: str
    size_bytes: int  # as published, rounded to some kB
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int
    resize_side: int

    def preprocessing(self, resize: str = "crop", image_size: int = 0) -> Preprocessing:
        """What pictures must go through for these weights; `crop` at 224 px is how they were scored."""
        size = image_size or self.image_size
        side = self.resize_side if size == self.image_size else 0
        return Preprocessing(
            image_size=size, resize=resize, resize_side=side if resize == "crop" else 0, mean=self.mean, std=self.std
        )


def official(variant: str, kind: str = "official") -> OfficialWeights:
    """The registry's entry. Raises UsageError where it has none of that kind for the network.

    torchvision is imported here and not above: it takes a second or more, and most orders need none of it.
    """
    if variant not in vgg.TORCHVISIONS:
        raise UsageError(name="official", value=variant, allowed=", ".join(vgg.TORCHVISIONS))
    from torchvision.models import get_model_weights

    registry: Any = get_model_weights(variant)
    entry = getattr(registry, _MEMBERS.get(kind, ""), None)
    if entry is None:
        allowed = ", ".join(name for name, member in _MEMBERS.items() if hasattr(registry, member))
        raise UsageError(name="weights", value=kind, allowed=allowed)
    return _from_registry(variant, kind, entry)


def imagenet_classes() -> list[str]:
    """The 1000 names that the official classifiers answer with, in their order."""
    return msgspec.json.decode(paths.resource("imagenet_classes.json").read_bytes(), type=list[str])


def _from_registry(variant: str, kind: str, entry: Any) -> OfficialWeights:
    transform = entry.transforms()
    name = PurePosixPath(urlsplit(entry.url).path).name
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    return OfficialWeights(
        variant=variant,
        kind=kind,
        url=f"{mirror}/{name}" if mirror else entry.url,
        file_name=name,
        sha256_prefix=re.findall(r"-([0-9a-f]{8,})\.", name)[-1],
        size_bytes=round(entry.meta["_file_size"] * 2**20),
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        image_size=transform.crop_size[0],
        resize_side=transform.resize_size[0],
    )
