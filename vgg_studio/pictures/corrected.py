"""What a folder holds after what a person has put right in it, which the program keeps outside the folder."""

from __future__ import annotations

from vgg_studio import paths
from vgg_studio.core import corrections
from vgg_studio.core.split import Listing


def corrected(listing: Listing, wanted: bool = True) -> Listing:
    """The listing with its folder's corrections, or as it is where they are not `wanted`."""
    if not wanted:
        return listing
    return corrections.apply(listing, corrections.load(listing.folder, paths.corrections_folder()))


def state(folder: str) -> str:
    """What tells the corrections of a folder from earlier ones: "" where there are none."""
    return corrections.load(folder, paths.corrections_folder()).digest()
