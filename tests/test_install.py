"""The shipped data is found in a wheel, in a source distribution and in an editable install."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from vgg_studio import launch

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("vgg-studio.svg", "locale/zh_CN/LC_MESSAGES/vgg_studio.mo")
FIND = "import sys; from vgg_studio import paths; [print(paths.resource(name).is_file()) for name in sys.argv[1:]]"


def _backend() -> Callable[..., str]:
    hatchling = pytest.importorskip("hatchling.build", reason="hatchling builds what this test looks into")
    pytest.importorskip("babel", reason="the build hook compiles the catalogues with babel")
    build: Callable[..., str] = lambda kind, folder: getattr(hatchling, f"build_{kind}")(str(folder))  # noqa: E731
    return build


def _found_in(folder: Path) -> list[str]:
    """What a fresh Python says that imports the package from `folder` alone (and our dependencies as always)."""
    environ = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-P", "-c", FIND, *NEEDED]
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], Path]:
    """Builds a distribution of a source tree into the test's folder."""
    build = _backend()

    def make(kind: str, tree: Path) -> Path:
        monkeypatch.chdir(tree)
        return tmp_path / build(kind, tmp_path)

    return make


def test_that_a_wheel_holds_package_and_resources_and_nothing_else(
    built: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(built("wheel", ROOT)) as wheel:
        wheel.extractall(tmp_path / "site")  # noqa: S202 - our own wheel, just built
    assert {path.name for path in (tmp_path / "site").iterdir() if path.suffix != ".dist-info"} == {"vgg_studio"}
    assert _found_in(tmp_path / "site") == ["True"] * len(NEEDED)
    entry = next((tmp_path / "site").glob("*.dist-info/entry_points.txt")).read_text()
    assert "vgg-studio = vgg_studio.__main__:main" in entry


def test_that_a_source_distribution_makes_the_same_wheel(built: Callable[[str, Path], Path], tmp_path: Path) -> None:
    with tarfile.open(built("sdist", ROOT)) as source:
        source.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's own Python knows none
        source.extractall(tmp_path / "unpacked")  # noqa: S202 - our own archive, just built
    with zipfile.ZipFile(built("wheel", ROOT)) as direct:
        names = set(direct.namelist())
    tree = next((tmp_path / "unpacked").iterdir())
    with zipfile.ZipFile(built("wheel", tree)) as through_sdist:
        assert set(through_sdist.namelist()) == names
    assert (tree / "tests" / "conftest.py").is_file()
    assert (tree / "packaging" / "compile_catalogues.py").is_file()


def test_that_an_editable_install_finds_the_resources_of_the_checkout(
    built: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(built("editable", ROOT)) as wheel:
        link = next(name for name in wheel.namelist() if name.endswith(".pth"))
        folder = Path(wheel.read(link).decode().strip())
        assert not [name for name in wheel.namelist() if "resources" in name]  # a copy would go stale
    assert folder.resolve() == ROOT
    assert _found_in(folder) == ["True"] * len(NEEDED)


def test_that_every_edited_catalogue_is_compiled_by_the_build_hook(tmp_path: Path) -> None:
    _backend()
    source = tmp_path / "locale" / "zh_CN" / "LC_MESSAGES" / "vgg_studio.po"
    source.parent.mkdir(parents=True)
    source.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Run"\nmsgstr "运行"\n'
    )
    hook = runpy.run_path(str(ROOT / "packaging" / "compile_catalogues.py"))
    assert hook["compile_catalogues"](tmp_path) == [source.with_suffix(".mo")]
    assert "运行".encode() in source.with_suffix(".mo").read_bytes()


# --- what the README tells people to type


def _lines_of_readme() -> list[str]:
    return (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_that_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    top = [line for line in _lines_of_readme()[:16] if line.startswith("python3 -m venv .venv && ")]
    assert len(top) == 2
    assert top[0].endswith(".venv/bin/uv run vgg-studio demo")
    assert top[1].endswith(".venv/bin/uv run --group test pytest")


def test_that_the_readme_names_the_system_libraries_that_the_program_names() -> None:
    assert launch.APT_LINE in _lines_of_readme()


def test_that_the_gate_runs_the_commands_of_the_readme() -> None:
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"test_line=.*grep.*README\.md", gate)
    assert "grep -m1 '^sudo apt-get install -y lib' README.md" in gate
    assert launch.APT_LINE.startswith("sudo apt-get install -y lib")
