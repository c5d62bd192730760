"""Colours, spaces, fonts and icons: one table, light and dark, that style sheet, delegates and plots read."""

from __future__ import annotations

from functools import cache
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from vgg_studio import paths
from vgg_studio.app.style import sheet

Scheme = Literal["light", "dark"]

TOKENS: dict[str, tuple[str, str]] = {  # name: (light, dark)
    "rail": ("#ECEEF2", "#16181B"),
    "bg": ("#F6F7F9", "#1B1E22"),
    "card": ("#FFFFFF", "#23272C"),
    "field": ("#FFFFFF", "#2B3037"),
    "sunken": ("#EFF1F5", "#1D2024"),  # mattes behind pictures, bar tracks, locked fields
    "line": ("#DDE1E7", "#353B43"),
    "line2": ("#BCC3CE", "#525A66"),  # control borders, scroll handle
    "text": ("#15181D", "#ECEEF2"),
    "muted": ("#58606C", "#A4ACB9"),
    "accent": ("#3B57D6", "#4A63E0"),
    "onaccent": ("#FFFFFF", "#FFFFFF"),
    "link": ("#3450CC", "#9FB0FF"),
    "tint": ("#E4E9FB", "#2B3557"),
    "hover": ("#E3E6EB", "#2A2F36"),
    "data": ("#5B6C88", "#8C9DBA"),
    "good": ("#17703C", "#6FCB93"),
    "goodbg": ("#E2F2E8", "#1E3328"),
    "warn": ("#855000", "#E9B45C"),
    "warnbg": ("#FBF0DB", "#3A2F1B"),
    "bad": ("#B3261E", "#FF8F85"),
    "badbg": ("#FBE9E7", "#3F2524"),
    "ptrain": ("#747E8E", "#8992A0"),
    "frozen": ("#8A93A2", "#6F7887"),
    "grid": ("#E7EAEF", "#2E333A"),
    "folder": ("#B9C1CE", "#4A515C"),
    "folder2": ("#D9DEE6", "#3A414A"),
    "heatright": ("#5B6C88", "#8C9DBA"),
    "heatwrong": ("#E2781E", "#BA681E"),
}
SPACE = (4, 8, 12, 16, 24, 32)
RADIUS_CARD, RADIUS_CONTROL, RADIUS_CELL = 8, 6, 4
CONTROL_HEIGHT, ROW_HEIGHT, HEADER_HEIGHT = 32, 36, 56
RAIL_WIDE, RAIL_NARROW, NARROW_BELOW, LOW_BELOW = 200, 56, 1100, 760
ICON = 20
ROLES: dict[str, tuple[int, int, bool]] = {  # role: (size in px, weight, digits of one width)
    "body": (13, 400, False),
    "strong": (13, 600, False),
    "title": (20, 600, False),
    "answer": (32, 600, False),
    "tabular": (13, 400, True),
    "tabular_strong": (13, 600, True),
    "figure": (20, 600, True),  # the value of a tile
}
LINE_HEIGHT = {13: 18, 20: 28, 32: 40}

_chosen = "system"
_shown = ""  # the scheme in which everything on the screen is painted


class _Signals(QObject):
    """What other objects connect to: the scheme's colours were swapped."""

    changed = Signal()


signals = _Signals()


def scheme() -> Scheme:
    """The scheme in use: the chosen one, else the system's."""
    if _chosen in ("light", "dark"):
        return "light" if _chosen == "light" else "dark"
    if QGuiApplication.instance() is None:
        return "light"
    return "dark" if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"


def hexa(name: str) -> str:
    """The colour of a token in the scheme in use, as #RRGGBB."""
    return TOKENS[name][scheme() == "dark"]


def color(name: str, alpha: float = 1.0) -> QColor:
    """The colour of a token in the scheme in use; `alpha` from 0 to 1."""
    found = QColor(hexa(name))
    found.setAlphaF(alpha)
    return found


def mixed(top: str, bottom: str, alpha: float) -> QColor:
    """Token `top` laid over token `bottom` with the given opacity: the shades of heat cells and bars."""
    over, under = QColor(hexa(top)), QColor(hexa(bottom))
    parts = ((over.red(), under.red()), (over.green(), under.green()), (over.blue(), under.blue()))
    return QColor(*(round(a * alpha + b * (1 - alpha)) for a, b in parts))


def heat(right: bool, share: float) -> QColor:
    """A cell of the matrix of mistakes: `share` is the cell's part of its row, from 0 to 1; nothing at all is sunken."""
    if share <= 0:
        return color("sunken")
    alpha = 0.16 + 0.34 * share if right else 0.18 + 0.6 * min(1.0, share / 0.2)
    return mixed("heatright" if right else "heatwrong", "card", alpha)


def font(role: str = "body") -> QFont:
    """The system's font in one of the roles of ROLES."""
    size, weight, tabular = ROLES[role]
    found = QFont(QApplication.font())
    found.setPixelSize(size)
    found.setWeight(QFont.Weight(weight))
    if tabular:
        found.setFeature(QFont.Tag("tnum"), 1)
    return found


def choose(name: str) -> None:
    """Follow the system ("system") or keep one scheme ("light", "dark"); everything on the screen changes at once."""
    global _chosen
    _chosen = name if name in ("light", "dark") else "system"
    wanted = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(_chosen, Qt.ColorScheme.Unknown)
    QGuiApplication.styleHints().setColorScheme(wanted)  # the system's own dialogs follow too
    refresh()


def chosen() -> str:
    """What `choose` was told last."""
    return _chosen


def apply(app: QApplication) -> None:
    """Give the application its style, and follow the system's scheme from now on."""
    app.setStyle("Fusion")
    app.setFont(font("body"))
    app.styleHints().colorSchemeChanged.connect(refresh)
    refresh()


def refresh() -> None:
    """Swap the colours of everything on the screen for those of the scheme in use, if they are others."""
    global _shown
    app = QApplication.instance()
    if not isinstance(app, QApplication) or _shown == scheme():
        return
    _shown = scheme()
    app.setPalette(palette())
    app.setStyleSheet(sheet({name: hexa(name) for name in TOKENS}))
    signals.changed.emit()


def palette() -> QPalette:
    """The tokens as Qt's palette, for what the style sheet does not reach: item views, dialogs, text selections."""
    role = QPalette.ColorRole
    found = QPalette()
    for where, name in (
        (role.Window, "bg"), (role.WindowText, "text"), (role.Base, "card"), (role.AlternateBase, "sunken"),
        (role.Text, "text"), (role.Button, "field"), (role.ButtonText, "text"), (role.PlaceholderText, "muted"),
        (role.ToolTipBase, "card"), (role.ToolTipText, "text"), (role.Highlight, "tint"), (role.HighlightedText, "text"),
        (role.Link, "link"), (role.LinkVisited, "link"), (role.Light, "card"), (role.Midlight, "line"),
        (role.Mid, "line2"), (role.Dark, "line2"), (role.Shadow, "line2"), (role.BrightText, "bad"), (role.Accent, "accent"),
    ):  # fmt: skip
        found.setColor(where, color(name))
    for where in (role.WindowText, role.Text, role.ButtonText):
        found.setColor(QPalette.ColorGroup.Disabled, where, color("muted"))
    return found


@cache
def _drawing(name: str) -> str:
    return paths.resource("icons", f"{name}.svg").read_text(encoding="utf-8")


def _painted(svg: str, size: QSize, ratio: float) -> QPixmap:
    canvas = QPixmap(size * ratio)
    canvas.setDevicePixelRatio(ratio)
    canvas.fill(Qt.GlobalColor.transparent)
    painter = QPainter(canvas)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size.width(), size.height()))
    painter.end()
    return canvas


def drawing(name: str, width: int, height: int, ratio: float = 1.0) -> QPixmap:
    """A drawing from `resources/icons` whose colours are token names written as `{token}`."""
    svg = _drawing(name)
    for token in TOKENS:
        svg = svg.replace("{" + token + "}", hexa(token))
    return _painted(svg, QSize(width, height), ratio)


def pixmap(name: str, tone: str = "muted", size: int = ICON, ratio: float = 1.0) -> QPixmap:
    """An icon from `resources/icons` in the colour of a token; `ratio` is the screen's device pixel ratio."""
    return _icon_pixmap(name, hexa(tone), size, ratio)


@cache
def _icon_pixmap(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    return _painted(_drawing(name).replace("currentColor", colour), QSize(size, size), ratio)


def icon(name: str, tone: str = "muted", size: int = ICON, room: int = 0) -> QIcon:
    """An icon for buttons and menus, sharp at 100 to 300 %, with `room` px free at its right.

    Made anew when the scheme changes: ask again in `retheme`.
    """
    found = QIcon()
    for ratio in (1.0, 1.5, 2.0, 3.0):
        canvas = QPixmap(QSize(size + room, size) * ratio)
        canvas.setDevicePixelRatio(ratio)
        canvas.fill(Qt.GlobalColor.transparent)
        painter = QPainter(canvas)
        painter.drawPixmap(0, 0, _icon_pixmap(name, hexa(tone), size, ratio))
        painter.end()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled):
            found.addPixmap(canvas, mode)
    return found
