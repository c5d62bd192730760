"""Where things lie: what the program ships, and the user's own folders (made on demand).

VGG_STUDIO_HOME puts all of the user's folders below one: for tests, portable copies and shared machines. A folder that cannot
be made raises StorageError.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

from vgg_studio.core.errors import from_os_error

APP = "vgg-studio"


def resource(*parts: str) -> Path:
    """A shipped file: beside the package in a checkout, inside it in an installed copy."""
    package = Path(__file__).resolve().parent
    inside = package / "resources"
    return (inside if inside.is_dir() else package.parent / "resources").joinpath(*parts)


def locales() -> Path:
    """The folder of the gettext catalogues."""
    return resource("locale")


def runs_folder() -> Path:
    """Where runs go that were given no folder of their own: among the user's documents, because they are the user's work."""
    return _folder("runs", lambda: Path(platformdirs.user_documents_dir()) / "VGG Studio" / "runs")


def samples_folder() -> Path:
    """The built-in sample pictures, drawn at their first use."""
    return _folder("samples", lambda: Path(platformdirs.user_data_dir(APP)) / "samples", make=False)


def cache_folder() -> Path:
    """Thumbnails and everything else that can be made again; private to the user."""
    return _folder("cache", lambda: Path(platformdirs.user_cache_dir(APP)))


def weights_folder() -> Path:
    """Downloaded official weights."""
    return _folder("weights", lambda: Path(platformdirs.user_data_dir(APP)) / "weights")


def corrections_folder() -> Path:
    """What was put right by hand in sets of pictures (`core.corrections`): the sets themselves are never written."""
    return _folder("corrections", lambda: Path(platformdirs.user_data_dir(APP)) / "corrections", make=False)


def data_sets_folder() -> Path:
    """Fetched data sets and unpacked archives: a folder for each."""
    return _folder("data-sets", lambda: Path(platformdirs.user_data_dir(APP)) / "data-sets")


def log_folder() -> Path:
    """The rotating log of the window and its engines."""
    return _folder("log", lambda: Path(platformdirs.user_log_dir(APP)))


def settings_file() -> Path:
    """The window's settings (recent folders, last choices, geometry, language, scheme)."""
    return _folder("settings", lambda: Path(platformdirs.user_config_dir(APP))) / "settings.ini"


def _folder(name: str, usual: Callable[[], Path], make: bool = True) -> Path:
    home = os.environ.get("VGG_STUDIO_HOME")
    folder = Path(home).absolute() / name if home else usual()
    if make:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, str(folder)) from error
    return folder
