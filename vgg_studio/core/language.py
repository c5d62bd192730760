"""The words' language: one gettext catalogue for window, command line and engine sentences."""

from __future__ import annotations

import gettext
import locale
import os
from pathlib import Path

DOMAIN = "vgg_studio"
LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
_FULL_STOPS = ("。", "！", "？", "：")  # as wide as two letters

_active: gettext.NullTranslations = gettext.NullTranslations()
_code = "en"


def N_(text: str) -> str:  # gettext's own name for "mark now, translate when it is shown"
    """Mark a text for translation without translating it yet."""
    return text


def _(text: str) -> str:
    """The text in the active language."""
    return _active.gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """The form of a text that fits `count` in the active language; the caller fills in the number."""
    return _active.ngettext(one, many, count)


def joined(*sentences: str) -> str:
    """Sentences one after the other, empty ones left out; a full stop of Chinese brings its own space."""
    text = ""
    for sentence in filter(None, sentences):
        text += sentence if not text or text.endswith(_FULL_STOPS) else f" {sentence}"
    return text


def system_language() -> str:
    """The language the system asks for, as a key of LANGUAGES; English where we have no other."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        if value := os.environ.get(name, "").split(":")[0]:
            return nearest(value)
    return nearest(locale.getlocale()[0] or "en")


def nearest(name: str) -> str:
    """The key of LANGUAGES that is nearest to a locale's name such as `zh_Hans_CN.UTF-8`, `zh-CN` or `C`."""
    return "zh_CN" if name.lower().startswith(("zh", "chinese")) else "en"


def use(code: str, locales: Path) -> str:
    """Switch to a language (`""` follows the system); catalogues lie under `locales`. Returns the code in use."""
    global _active, _code
    _code = code if code in LANGUAGES or code == "pseudo" else system_language()
    if _code == "pseudo":
        _active = _Pseudo()
    elif _code == "en":
        _active = gettext.NullTranslations()
    else:
        _active = gettext.translation(DOMAIN, locales, languages=[_code], fallback=True)
    return _code


def current() -> str:
    """The code of the language in use."""
    return _code


class _Pseudo(gettext.NullTranslations):
    """English, 40 % longer: shows where a layout has no room for other languages. Used by tests."""

    def gettext(self, message: str) -> str:
        longer = max(1, round(len(message) * 0.4))
        return message + ("~~~~~ " * longer)[:longer].rstrip().ljust(longer, "~")  # in words, so that it can wrap

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)
