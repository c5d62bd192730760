"""The house keeps its shape: who may import whom, how long things may grow, and that the documents tell the truth."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from vgg_studio.core import errors, events, jobs

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vgg_studio"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "packaging").glob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- who may import whom (pyproject.toml has the same rules for import-linter, line by line; here a process tells)

HEAVY = {"torch", "torchvision", "PIL", "numpy", "sklearn", "safetensors", "PySide6", "pyqtgraph", "typer", "rich"}
MAY_LOAD = {
    "core": {"msgspec"},
    "pictures": {"msgspec", "platformdirs", "PIL", "numpy"},
    "engine": {"msgspec", "platformdirs", "PIL", "numpy", "torch", "torchvision", "sklearn", "safetensors"},
    "app": {"msgspec", "platformdirs", "PySide6", "shiboken6", "pyqtgraph", "numpy", "colorama"},
    "cli": {"msgspec", "platformdirs", "typer", "rich"},
}


def _loaded_by(modules: list[str]) -> set[str]:
    """Top-level names in `sys.modules` of a fresh process that has imported these modules."""
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=False, cwd=ROOT)
    if "ImportError: lib" in run.stderr:
        pytest.skip(run.stderr.strip().splitlines()[-1] + " (see README.md, Window)")
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in run.stdout.split()}


def _modules(folder: str) -> list[str]:
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted((PACKAGE / folder).glob("*.py"))]


@pytest.mark.parametrize("folder", MAY_LOAD)
def test_that_a_folder_loads_only_what_it_may(folder: str) -> None:
    loaded = _loaded_by([name.removesuffix(".__init__") for name in _modules(folder)])
    assert loaded & HEAVY <= MAY_LOAD[folder]


def test_that_the_rules_load_nothing_but_the_standard_library_and_msgspec() -> None:
    bare = _loaded_by([])
    loaded = _loaded_by([name.removesuffix(".__init__") for name in _modules("core")])
    # msgspec takes typing_extensions where it happens to be installed
    assert loaded - bare - set(sys.stdlib_module_names) - {"typing_extensions"} == {"msgspec", "vgg_studio"}


def test_that_starting_up_loads_neither_window_nor_engine_nor_terminal() -> None:
    assert not _loaded_by(["vgg_studio.__main__"]) & HEAVY


# --- how long things may grow

FILE_LINES, FUNCTION_LINES, CLASS_LINES = 350, 50, 250
EXCEPTIONS = {"vgg_studio/app/window.py": 300, "vgg_studio/engine/train.py::train": 100}


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_that_files_functions_and_classes_stay_within_their_budget(path: Path) -> None:
    too_long = [f"{what}: {lines} lines, at most {cap}" for what, lines, cap in _sizes(path) if lines > cap]
    assert not too_long, "; ".join(too_long)


def _sizes(path: Path) -> Iterator[tuple[str, int, int]]:
    text = path.read_text(encoding="utf-8")
    yield _name(path), len(text.splitlines()), EXCEPTIONS.get(_name(path), FILE_LINES)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            what = f"{_name(path)}::{node.name}"
            usual = CLASS_LINES if isinstance(node, ast.ClassDef) else FUNCTION_LINES
            yield what, (node.end_lineno or node.lineno) - node.lineno + 1, EXCEPTIONS.get(what, usual)


# --- what files may say


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=False, cwd=ROOT)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_that_no_file_names_a_machine_or_a_registry() -> None:
    places = ["/wo" + r"rk/", "/ro" + r"ot/", r"/ho" + r"me/\w", "/Use" + r"rs/\w"]
    hosts = ["py" + r"pi\.org", "python" + "hosted", r"debian\.o" + "rg", r"ubuntu\.c" + "om"]
    forbidden = re.compile("|".join([*places, *hosts]))
    found = [
        f"{_name(path)}:{number}: {line.strip()[:100]}"
        for path in _tracked()
        if path.suffix not in {".png", ".jpg", ".svg"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert not found, "\n".join(found)


def test_that_no_package_shadows_the_distribution_named_packaging() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()


def _test_names() -> Iterator[tuple[str, str]]:
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield _name(path), node.name


def test_that_test_names_say_what_is_right() -> None:
    empty_words = {"works", "correctly", "correct", "properly", "fine", "ok", "should", "basic", "misc"}
    found = [
        f"{path}: {name}"
        for path, name in _test_names()
        if empty_words & set(name.split("_")) or len(name.split("_")) < 4
    ]
    assert not found, "\n".join(found)


def test_that_tests_use_fakes_and_no_mocks() -> None:
    mocks = re.compile(r"^\s*(from|import) unittest" + r"\.mock|Magic" + "Mock", re.MULTILINE)
    assert not [_name(path) for path in TESTS if mocks.search(path.read_text(encoding="utf-8"))]


# --- errors


def _all_errors(root: type[errors.StudioError] = errors.StudioError) -> Iterator[type[errors.StudioError]]:
    yield root
    for child in root.__subclasses__():
        yield from _all_errors(child)


@pytest.mark.parametrize("error", list(_all_errors()), ids=lambda error: error.__name__)
def test_that_every_error_has_a_sentence_of_its_own(error: type[errors.StudioError]) -> None:
    assert "sentence" in vars(error)
    assert error.sentence.endswith(".")
    assert not error.remedy or error.remedy[-1] in ".}" or "vgg-studio " in error.remedy


def test_that_the_tree_of_errors_is_drawn_at_the_top_of_its_file() -> None:
    drawn = set(re.findall(r"\b[A-Z][a-z]+[A-Z]?\w+\b", (errors.__doc__ or "").split("\n", 1)[1]))
    assert {error.__name__ for error in _all_errors()} <= drawn


def test_that_every_error_that_is_no_group_is_raised_somewhere() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    leaves = [error.__name__ for error in _all_errors() if not error.__subclasses__()]
    unused = [name for name in leaves if not re.search(rf"(?<!class )\b{name}\(", code)]
    assert not unused, f"never raised: {unused}"


# --- the documents tell the truth


def _rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its two head lines."""
    text = (ROOT / document).read_text(encoding="utf-8")
    section = re.split(r"^## ", text.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_that_the_table_of_events_is_that_of_the_code() -> None:
    written = [(row[0].strip("`"), row[1]) for row in _rows("ARCHITECTURE.md", "Events")]
    coded = []
    for event in get_args(events.Event):
        own = [field.encode_name for field in msgspec.structs.fields(event) if field.name not in ("time", "job", "seq")]
        coded.append((event.__struct_config__.tag, ", ".join(own)))
    assert written == coded


def test_that_the_table_of_orders_is_that_of_the_code() -> None:
    written = [row[0].strip("`") for row in _rows("ARCHITECTURE.md", "Orders")]
    assert written == [job.__struct_config__.tag for job in get_args(jobs.AnyJob)]


def test_that_every_source_file_stands_in_the_folder_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    chart = text.split("\n## Folder map\n", 1)[1].split("\n## ", 1)[0]
    missing = [
        _name(path)
        for path in SOURCES
        if path.name != "__init__.py" and not re.search(rf"\b{re.escape(path.name)}", chart)
    ]
    assert not missing


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "GLOSSARY.md"])
def test_that_every_file_which_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`((?:vgg_studio|tests|packaging|resources|\.ci)/[\w./-]+)`|\]\(([\w./-]+)\)", text)
    named += [
        (f"vgg_studio/{place}", "") for place in re.findall(r"`((?:core|pictures|engine|app|cli)/\w+\.py)`", text)
    ]
    missing = [one or two for one, two in named if not (ROOT / (one or two)).exists()]
    assert not missing


def test_that_every_dependency_has_its_line_among_the_decisions() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[<>=]", wanted)[0] for wanted in project["dependencies"]]
    rows = {row[0].strip("`") for row in _rows("ARCHITECTURE.md", "Dependencies")}
    assert set(names) == rows


def test_that_the_newest_version_stands_in_the_changelog_and_the_metainfo() -> None:
    import vgg_studio

    version = vgg_studio.__version__
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    metainfo = next((ROOT / "packaging").glob("*.metainfo.xml")).read_text(encoding="utf-8")
    assert f'<release version="{version}"' in metainfo


def test_that_no_shown_text_uses_a_word_to_avoid() -> None:
    avoided = {word.strip() for row in _rows("GLOSSARY.md", "Words") for word in row[2].split(",") if word.strip("– ")}
    catalogues = runpy.run_path(str(ROOT / "packaging" / "catalogues.py"))
    found = []
    for message in catalogues["extract"]():
        for text in (message.id,) if isinstance(message.id, str) else tuple(message.id):
            words = set(re.findall(r"[a-z]+", re.sub(r"--[\w-]+|\{\w*\}|`[^`]*`", " ", text.lower())))
            found += [f"{word!r} in {text!r}" for word in sorted(words & avoided)]
    assert len(avoided) > 10
    assert not found, "\n".join(found)
