"""The peers' own environments: made by uv at their first use, in a folder that can be deleted at any time."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs

TORCH = f"torch=={importlib.metadata.version('torch').partition('+')[0]}"  # the same release for everybody
PACKAGES: dict[str, tuple[str, ...]] = {
    "timm": ("timm", "torchvision", TORCH),
    "keras": ("keras", "tensorflow", TORCH),
    "ultralytics": ("ultralytics", "torchvision", TORCH),
    "fastai": ("fastai", "torchvision", TORCH),
}
_READY = "ready.txt"


class PeerError(Exception):
    """An environment could not be made; the text is a sentence for the table."""


def folder() -> Path:
    """Where the environments lie: VGG_STUDIO_BENCH_ENVS, else below the user's cache folder."""
    named = os.environ.get("VGG_STUDIO_BENCH_ENVS")
    return Path(named) if named else Path(platformdirs.user_cache_dir("vgg-studio")) / "benchmark-peers"


def python_of(peer: str) -> Path:
    """The Python of a peer's environment; the tutorial's loop needs nothing that our own has not. Raises PeerError."""
    if peer not in PACKAGES:
        return Path(sys.executable)
    place = folder() / peer
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = "\n".join(PACKAGES[peer])
    ready = place / _READY
    if python.exists() and ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making the environment of {peer} in {place} ...", flush=True)
    _uv(peer, "venv", "--clear", "--python", sys.executable, str(place))
    _uv(peer, "pip", "install", "--compile-bytecode", "--python", str(python), *PACKAGES[peer])
    ready.write_text(wanted, encoding="utf-8")
    return python


def _uv(peer: str, *words: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    try:
        ended = subprocess.run([uv, "--quiet", "--no-config", *words], capture_output=True, text=True, check=False)
    except OSError as error:
        raise PeerError(f"{peer} was skipped: uv, which makes its environment, cannot be started ({error}).") from error
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
        raise PeerError(f"{peer} was skipped: its environment could not be made ({reason}).")
