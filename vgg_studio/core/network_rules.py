"""What a network may be: which blocks can be built for pictures of a size, and which weights exist for it."""

from __future__ import annotations

from vgg_studio.core import vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.job_rules import one_of

OFFICIAL = ("official", "official-features")


def network(variant: str, blocks: str, width_divisor: int, image_size: int) -> tuple[str, str]:
    """Variant and blocks as they are kept: own blocks that are the paper's become its variant. Raises UsageError.

    Each block halves the picture, so `image_size` px must be at least 2 to the power of their number.
    """
    one_of("variant", variant, vgg.VARIANTS)
    if not blocks:
        return variant, ""
    if variant in (vgg.A_LRN, vgg.C):
        raise UsageError(name="blocks", value=blocks, allowed="no_blocks")
    try:
        kept = vgg.named(variant, blocks)
    except ValueError:
        raise UsageError(name="blocks", value=blocks, allowed="own_blocks") from None
    found = vgg.parsed(blocks)
    if min(channels for _, channels in found) < width_divisor:
        raise UsageError(name="width-divisor", value=width_divisor, allowed="1")
    if image_size < 2 ** len(found):
        raise UsageError(name="image-size", value=image_size, allowed=f"{2 ** len(found)}..1024")
    return kept


def start(variant: str, blocks: str, weights: str) -> None:
    """Raise UsageError where official weights are asked for and nobody has published any."""
    if weights in OFFICIAL and (blocks or variant not in vgg.TORCHVISIONS):
        raise UsageError(name="weights", value=weights, allowed="no_official")
