"""What a folder holds after what a person has put right in it, which the program keeps outside the folder."""

from __future__ import annotations

from vgg_studio import paths
from vgg_studio.core import corrections
from vgg_studio.core.errors import StorageError
from vgg_studio.core.split import Listing


def corrected(listing: Listing, wanted: bool = True) -> Listing:
    """The listing with its folder's corrections, or as it is where they are not `wanted`."""
    if not wanted:
        return listing
    try:
        folder = paths.corrections_folder()
    except StorageError:  # where nothing can be kept, nothing was put right
        return listing
    return corrections.apply(listing, corrections.load(listing.folder, folder))
