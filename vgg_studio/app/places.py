"""Where a folder lies and when it was open, in few words."""

from __future__ import annotations

import os
import time
from pathlib import PurePath

from PySide6.QtCore import QDate, QDateTime, QLocale

from vgg_studio.core import language
from vgg_studio.core.language import _
from vgg_studio.core.wording import escaped

BETWEEN = " › "


def name(path: str) -> str:
    """A folder's or file's own name, made safe to show; the whole path where it has none (a drive)."""
    return escaped(PurePath(path).name or path)


def place(path: str) -> str:
    """The folders above: below the user's own folder only those in between, such as `Pictures › field work`."""
    above = PurePath(os.path.abspath(path)).parent
    home = PurePath(os.path.expanduser("~"))
    if above == home:
        return _("your own folder")
    parts = above.relative_to(home).parts if above.is_relative_to(home) else above.parts
    shown = [part.strip("/\\") for part in parts if part.strip("/\\")]
    return escaped(BETWEEN.join(shown)) or escaped(str(above))


def day(seconds: float) -> str:
    """The day of a time in Unix seconds: today, yesterday, `12 May`, or with its year where that is another one."""
    date, today = (
        QDateTime.fromSecsSinceEpoch(int(seconds)).date(),
        QDateTime.fromSecsSinceEpoch(int(time.time())).date(),
    )
    if date == today:
        return _("today")
    if date == today.addDays(-1):
        return _("yesterday")
    return _in_words(date, date.year() != today.year())


def _in_words(date: QDate, with_year: bool) -> str:
    if language.current() == "zh_CN":
        return QLocale("zh_CN").toString(date, "yyyy年M月d日" if with_year else "M月d日")
    return QLocale("en_GB").toString(date, "d MMM yyyy" if with_year else "d MMM")
