"""The catalogues of translations hold what the code says, and nothing else."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from vgg_studio import paths
from vgg_studio.core import language

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def catalogues() -> Any:
    """The script `packaging/catalogues.py` as a namespace."""
    return _Names(runpy.run_path(str(ROOT / "packaging" / "catalogues.py")))


class _Names:
    def __init__(self, names: dict[str, Any]) -> None:
        self.__dict__.update(names)


def test_that_every_language_we_offer_has_a_catalogue(catalogues: Any) -> None:
    found = {path.parent.parent.name for path in catalogues.po_files()}
    assert found == set(language.LANGUAGES) - {"en"}


def test_that_nothing_is_untranslated_unsure_or_stale(catalogues: Any) -> None:
    template = catalogues.extract()
    assert len(template) > 100
    found = [line for path in catalogues.po_files() for line in catalogues.problems(path, template)]
    assert not found, f"{len(found)} problems; see CONTRIBUTING.md, Words\n" + "\n".join(found[:20])


def test_that_the_compiled_catalogue_says_what_the_edited_one_says(catalogues: Any) -> None:
    """A checkout whose .mo is older than its .po shows old words; `packaging/catalogues.py compile` mends it."""
    for path in catalogues.po_files():
        code = path.parent.parent.name
        language.use(code, paths.locales())
        texts = [message for message in catalogues.read(path) if message.id and isinstance(message.id, str)]
        shown = {text.id: language._(text.id) for text in texts}
        assert shown == {text.id: text.string or text.id for text in texts}


@pytest.mark.parametrize(
    ("one", "translated", "problem"),
    [
        ("Read {path}.", "", "untranslated"),
        ("Read {path}.", "读取 {file}。", "other placeholders"),
        ("Read {path}.", "读取 {path}", "ends in another way"),
    ],
)
def test_that_a_bad_translation_is_named(
    catalogues: Any, tmp_path: Path, one: str, translated: str, problem: str
) -> None:
    template, theirs = Catalog(), Catalog(locale="zh_CN")
    template.add(one)
    theirs.add(one, translated)
    path = _saved(catalogues, theirs, tmp_path)
    assert [line.split(":")[0] for line in catalogues.problems(path, template)] == [problem]


def test_that_an_entry_which_the_code_no_longer_has_is_named(catalogues: Any, tmp_path: Path) -> None:
    theirs = Catalog(locale="zh_CN")
    theirs.add("Gone", "没了")
    path = _saved(catalogues, theirs, tmp_path)
    assert list(catalogues.problems(path, Catalog())) == ["stale, the code no longer says: 'Gone'"]


def test_that_an_update_keeps_translations_and_drops_what_is_stale(catalogues: Any, tmp_path: Path) -> None:
    template, theirs = Catalog(), Catalog(locale="zh_CN")
    template.add("Kept")
    template.add("New")
    theirs.add("Kept", "留下")
    theirs.add("Gone", "没了")
    path = _saved(catalogues, theirs, tmp_path)
    catalogues.update(path, template)
    assert {message.id: message.string for message in catalogues.read(path) if message.id} == {
        "Kept": "留下",
        "New": "",
    }


def _saved(catalogues: Any, catalogue: Catalog, folder: Path) -> Path:
    path = folder / "zh_CN" / "LC_MESSAGES" / "vgg_studio.po"
    path.parent.mkdir(parents=True)
    path.write_bytes(catalogues.written(catalogue, "zh_CN"))
    return path
