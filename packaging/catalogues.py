"""The catalogues of translations, for those who write code and those who translate.

    python packaging/catalogues.py extract   write every marked text of the code to a template (standard output)
    python packaging/catalogues.py update    bring each .po file up to date with the code; new texts wait for a translation
    python packaging/catalogues.py check     say what is untranslated, unsure, stale or has other placeholders; exit 1 if any
    python packaging/catalogues.py compile   write the .mo files that the program reads (a build does it by itself)

There is no template file in the repository: the code is the template, so nothing can fall behind.
"""

from __future__ import annotations

import argparse
import io
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "resources" / "locale"
PACKAGE = ROOT / "vgg_studio"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
_PLACEHOLDER = re.compile(r"\{(\w*)[^}]*\}")
_SENTENCES_END = ".。…"
_HEADER = """msgid ""
msgstr ""
"Project-Id-Version: VGG Studio\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
{forms}"""


def extract() -> Catalog:
    """Every marked text of the package, with the files it stands in (no line numbers: they change with each edit)."""
    catalogue = Catalog(project="VGG Studio", charset="utf-8")
    found = extract_from_dir(
        PACKAGE, method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=("Translators:",)
    )
    for name, _line, texts, comments, _context in sorted(found, key=lambda entry: (entry[0], entry[1])):
        catalogue.add(texts, locations=[(f"vgg_studio/{Path(name).as_posix()}", 0)], auto_comments=comments)
    return catalogue


def po_files() -> list[Path]:
    """The catalogues that people edit."""
    return sorted(LOCALES.glob("*/LC_MESSAGES/*.po"))


def read(path: Path) -> Catalog:
    """A catalogue in its language."""
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parent.parent.name)


def update(path: Path, template: Catalog) -> None:
    """Add new texts, drop those that the code no longer has, keep every translation. Guesses nothing."""
    catalogue = read(path)
    catalogue.update(template, no_fuzzy_matching=True, keep_user_comments=True)
    catalogue.obsolete.clear()
    path.write_bytes(written(catalogue, path.parent.parent.name))


def written(catalogue: Catalog, language: str = "") -> bytes:
    """The catalogue as a file with a header that stays the same from day to day."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=120, include_lineno=False, omit_header=True)
    forms = f'"Plural-Forms: {catalogue.plural_forms}\\n"\n' if language else ""
    head = _HEADER.format(language=language, forms=forms)
    return head.encode() + b"\n" + buffer.getvalue().lstrip(b"\n")


def problems(path: Path, template: Catalog) -> Iterator[str]:
    """What a reader of this language would trip over, one line each."""
    catalogue = read(path)
    for message in template:
        if message.id:
            yield from _problems_of(message, catalogue.get(message.id))
    for message in catalogue:
        if message.id and template.get(message.id) is None:
            yield f"stale, the code no longer says: {_first(message)!r}"


def _problems_of(wanted: Message, found: Message | None) -> Iterator[str]:
    text = _first(wanted)
    if found is None or not found.string or not all(_forms(found)):
        yield f"untranslated: {text!r} ({', '.join(sorted({name for name, _line in wanted.locations}))})"
        return
    if found.fuzzy:
        yield f"marked as unsure: {text!r}"
    allowed = set().union(*(_placeholders(form) for form in wanted.id)) if wanted.pluralizable else _placeholders(text)
    for form in _forms(found):
        used = _placeholders(form)
        if used != allowed and not (wanted.pluralizable and used < allowed):
            yield f"other placeholders: {text!r} has {sorted(allowed)}, its translation {sorted(used)}"
        if (text[-1] in _SENTENCES_END) != (form[-1] in _SENTENCES_END):
            yield f"ends in another way: {text!r} -> {form!r}"


def _first(message: Message) -> str:
    return message.id[0] if isinstance(message.id, (tuple, list)) else str(message.id)


def _forms(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, (tuple, list)) else (str(message.string),)


def _placeholders(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


def check() -> int:
    """Print the problems of every catalogue; 1 if there are any."""
    template = extract()
    count = 0
    for path in po_files():
        for line in problems(path, template):
            print(f"{path.relative_to(ROOT)}: {line}")
            count += 1
    print(f"{len(template)} texts, {len(po_files())} catalogues, {count} problems")
    return 1 if count else 0


def compile_all() -> None:
    """Write the .mo files with the function that builds use."""
    place = Path(__file__).with_name("compile_catalogues.py")
    runpy.run_path(str(place))["compile_catalogues"](ROOT / "resources")


def main() -> int:
    """The four commands of the module's first lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("extract", "update", "check", "compile"))
    what = parser.parse_args().what
    if what == "check":
        return check()
    if what == "extract":
        sys.stdout.buffer.write(written(extract()))
    elif what == "update":
        template = extract()
        for path in po_files():
            update(path, template)
            print(f"{path.relative_to(ROOT)}: {len(template)} texts")
    else:
        compile_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
