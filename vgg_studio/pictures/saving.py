"""Writing the studio's own small JPEGs (thumbnails, sample pictures), each whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image

from vgg_studio.core.errors import from_os_error


def save_jpeg(picture: Image.Image, path: Path, *, quality: int, mode: int = 0o666) -> None:
    """Write an RGB picture as a JPEG. Raises StorageError.

    No fsync, unlike `core.writing`: whoever reads these takes an empty file for a missing one and makes it again.
    """
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
                file.write(data.getbuffer())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, str(path)) from error


def stands(path: Path) -> bool:
    """Whether a file that `save_jpeg` writes is there and not empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
