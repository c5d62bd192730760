"""Qt's own words (dialog buttons, context menus) in the language of the window, and its numbers in the same way."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

_LOCALES = {"zh_CN": QLocale(QLocale.Language.Chinese, QLocale.Country.China)}
_ENGLISH = QLocale(QLocale.Language.English, QLocale.Country.UnitedStates)

_active: list[QTranslator] = []


def speak(code: str) -> None:
    """Let Qt speak the language with this code of core.language; English is what it speaks by itself."""
    QLocale.setDefault(_LOCALES.get(code, _ENGLISH))
    for old in _active:
        QCoreApplication.removeTranslator(old)
    _active.clear()
    translator = QTranslator()
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if code in _LOCALES and translator.load(f"qtbase_{code}", folder):
        QCoreApplication.installTranslator(translator)
        _active.append(translator)
