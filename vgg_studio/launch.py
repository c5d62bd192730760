"""Opens the window, or says in one sentence why it cannot: Qt itself would abort the process.

Nothing here loads Qt before it is asked to, so tests and the command line may read APT_LINE.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vgg_studio.core.errors import DisplayMissing, QtLibrariesMissing, StudioError, UsageError

# What Qt's widgets and its X11 and Wayland plug-ins load, by the names of Debian 12 and Ubuntu 24.04.
QT_PACKAGES = (
    "libegl1",
    "libgl1",
    "libdbus-1-3",
    "libfontconfig1",
    "libglib2.0-0",
    "libwayland-cursor0",
    "libx11-xcb1",
    "libxkbcommon-x11-0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-shape0",
    "libxcb-sync1",
    "libxcb-xfixes0",
    "libxcb-xkb1",
)
APT_LINE = "sudo apt-get install -y " + " ".join(QT_PACKAGES)
_PIP_LINE = "python -m pip install --force-reinstall PySide6-Essentials"

Loader = Callable[[str], Any]  # ctypes.CDLL, or a test's stand-in: raises OSError that names what is missing


def why_no_window(
    environ: Mapping[str, str] = os.environ, system: str = sys.platform, load: Loader = ctypes.CDLL
) -> StudioError | None:
    """What keeps the window from opening here, or None. Leaves Qt's widgets imported, because they are needed next."""
    has_own_display = system in ("win32", "darwin")
    platforms = [] if has_own_display else _platforms(environ)
    if not platforms and not has_own_display:
        return DisplayMissing()
    try:
        importlib.import_module("PySide6.QtWidgets")
    except ImportError as error:
        apart = has_own_display or isinstance(error, ModuleNotFoundError)
        return QtLibrariesMissing(detail=_first_part(error), command=_PIP_LINE if apart else APT_LINE)
    problems = [_why_not(platform, environ, load) for platform in platforms]
    return None if None in problems or not problems else problems[0]


def _platforms(environ: Mapping[str, str]) -> list[str]:
    """The plug-ins that Qt would try, in its order; none without a display."""
    if asked := environ.get("QT_QPA_PLATFORM"):
        return [name.split(":")[0] for name in asked.split(";") if name]
    found = {"wayland": environ.get("WAYLAND_DISPLAY"), "xcb": environ.get("DISPLAY")}
    return [name for name, display in found.items() if display]


def _why_not(platform: str, environ: Mapping[str, str], load: Loader) -> StudioError | None:
    plugin = _plugin(platform, environ)
    if plugin is None:
        return UsageError(name="QT_QPA_PLATFORM", value=platform, allowed="xcb, wayland, offscreen")
    try:
        load(str(plugin))
    except OSError as error:
        return QtLibrariesMissing(detail=_first_part(error), command=APT_LINE)
    answers = True
    if platform == "xcb":
        answers = _x_server_answers(environ.get("DISPLAY", ""), load)
    elif platform.startswith("wayland") and not environ.get("WAYLAND_SOCKET"):  # a connection that is open already
        answers = _compositor_answers(environ.get("WAYLAND_DISPLAY", ""), load)
    return None if answers else DisplayMissing()


def _plugin(platform: str, environ: Mapping[str, str]) -> Path | None:
    from PySide6.QtCore import QLibraryInfo

    own = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"
    folders = [Path(environ.get("QT_QPA_PLATFORM_PLUGIN_PATH") or own), own]
    files = [folder / f"libq{platform}.so" for folder in folders]
    return next((file for file in files if file.exists()), None)


def _x_server_answers(display: str, load: Loader) -> bool:
    """Whether an X server answers where DISPLAY points to: it stays set when a remote session has lost its own."""
    xcb = load("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(os.fsencode(display) or None, None))
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused


def _compositor_answers(display: str, load: Loader) -> bool:
    """Whether a Wayland compositor answers; like DISPLAY, WAYLAND_DISPLAY outlives the session that set it."""
    wayland = load("libwayland-client.so.0")
    wayland.wl_display_connect.restype = ctypes.c_void_p
    connection = wayland.wl_display_connect(os.fsencode(display) or None)
    if connection:
        wayland.wl_display_disconnect(ctypes.c_void_p(connection))
    return bool(connection)


def _first_part(error: Exception) -> str:
    """`libEGL.so.1` of "libEGL.so.1: cannot open shared object file: No such file or directory"."""
    return str(error).split(":", maxsplit=1)[0]


def open_window(folder: str = "") -> int:
    """Show the window, on a folder of pictures where one is given; returns the exit code. Raises StudioError."""
    problem = why_no_window()
    if problem is not None:
        raise problem
    from vgg_studio.app.main import run

    return run(folder or None)
