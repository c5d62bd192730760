"""The style sheet, made from the tokens. Widgets say what they are by properties (`kind`, `tone`), never by their place."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QColor

_SHEET = """
* { outline: none; }
QMainWindow, QDialog, QStackedWidget, QScrollArea, QWidget[kind="content"] { background: {bg}; }
QScrollArea { border: none; }
QWidget[kind="rail"] { background: {rail}; border-right: 1px solid {line}; }
QWidget[kind="header"] { background: {bg}; border-bottom: 1px solid {line}; }
QFrame[kind="card"] { background: {card}; border: 1px solid {line}; border-radius: 8px; }
QFrame[kind="matte"] { background: {sunken}; border: 1px solid {line}; border-radius: 8px; }
QFrame[kind="drop"] { background: {card}; border: 2px dashed {line2}; border-radius: 8px; }
QFrame[kind="drop"][over="true"] { background: {tint}; border-color: {link}; }
QFrame[kind="divider"] { background: {line}; border: none; }
QLabel { background: transparent; }
QLabel[tone="text"] { color: {text}; } QLabel[tone="muted"] { color: {muted}; } QLabel[tone="link"] { color: {link}; }
QLabel[tone="good"] { color: {good}; } QLabel[tone="warn"] { color: {warn}; } QLabel[tone="bad"] { color: {bad}; }
QLabel[kind="chip"] { border-radius: 12px; padding: 0 12px; }
QLabel[kind="chip"][tone="good"] { background: {goodbg}; } QLabel[kind="chip"][tone="warn"] { background: {warnbg}; }
QLabel[kind="chip"][tone="bad"] { background: {badbg}; } QLabel[kind="chip"][tone="muted"] { background: {sunken}; }

QPushButton { border-radius: 6px; padding: 0 16px; min-height: 30px; max-height: 30px; color: {text};
  background: {field}; border: 1px solid {line2}; }
QPushButton:hover { background: {hover}; } QPushButton:pressed { background: {line}; }
QPushButton[tone="bad"] { color: {bad}; }
QPushButton:disabled { color: {muted}; background: {sunken}; border-color: {line}; }
QPushButton[kind="primary"] { background: {accent}; border: 1px solid {accent}; color: {onaccent}; }
QPushButton[kind="primary"]:hover { background: {accent8}; border-color: {accent8}; }
QPushButton[kind="primary"]:pressed { background: {accent16}; border-color: {accent16}; }
QPushButton[kind="primary"]:disabled { background: {sunken}; border-color: {line}; color: {muted}; }
QPushButton[kind="link"] { border: none; background: transparent; color: {link}; padding: 0; text-align: left;
  min-height: 24px; max-height: 24px; }
QPushButton[kind="link"]:hover { text-decoration: underline; } QPushButton[kind="link"]:disabled { color: {muted}; }

QToolButton { border: none; border-radius: 6px; background: transparent; color: {text}; padding: 0 8px;
  min-height: 32px; max-height: 32px; }
QToolButton:hover { background: {hover}; } QToolButton:pressed, QToolButton:open { background: {line}; }
QToolButton:disabled { color: {muted}; }
QToolButton::menu-indicator { image: none; width: 0; }
QFrame[kind="segments"] { background: {sunken}; border: 1px solid {line}; border-radius: 6px; }
QFrame[kind="segments"] QPushButton { border: none; background: transparent; color: {muted}; border-radius: 4px; padding: 0 12px;
  min-height: 24px; max-height: 24px; }
QFrame[kind="segments"] QPushButton:hover { color: {text}; }
QFrame[kind="segments"] QPushButton:checked { background: {field}; color: {text}; border: 1px solid {line};
  min-height: 22px; max-height: 22px; }

QComboBox, QAbstractSpinBox, QLineEdit { background: {field}; color: {text}; border: 1px solid {line2}; border-radius: 6px;
  padding: 0 12px; min-height: 30px; max-height: 30px; selection-background-color: {accent}; selection-color: {onaccent}; }
QComboBox:hover, QAbstractSpinBox:hover, QLineEdit:hover { border-color: {muted}; }
QComboBox:disabled, QAbstractSpinBox:disabled, QLineEdit:disabled { background: {sunken}; border-color: {line}; color: {text}; }
QComboBox { combobox-popup: 0; } QComboBox::drop-down { border: none; width: 32px; } QComboBox::down-arrow { image: none; }
QComboBox QAbstractItemView { background: {card}; color: {text}; border: 1px solid {line2}; padding: 4px;
  selection-background-color: {tint}; selection-color: {text}; }
QComboBox QAbstractItemView::item { min-height: 32px; padding: 0 8px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: {tint}; color: {text}; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { subcontrol-origin: border; width: 0; height: 0; border: none; }
QAbstractSpinBox QLineEdit, QComboBox QLineEdit { border: none; background: transparent; padding: 0;
  min-height: 0; max-height: 28px; }
QPlainTextEdit, QTextEdit { background: {field}; color: {text}; border: 1px solid {line2}; border-radius: 6px; padding: 8px;
  selection-background-color: {accent}; selection-color: {onaccent}; }

QProgressBar { background: {sunken}; border: none; border-radius: 4px; }
QProgressBar::chunk { background: {data}; border-radius: 4px; }
QProgressBar[kind="line"] { background: transparent; border-radius: 0; } QProgressBar[kind="line"]::chunk { border-radius: 0; }
QAbstractItemView { background: transparent; border: none; color: {text}; selection-background-color: {tint};
  selection-color: {text}; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: transparent; color: {muted}; border: none; border-bottom: 1px solid {line}; padding: 0 8px; }
QTableCornerButton::section { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 8px; margin: 0; border: none; }
QScrollBar:horizontal { background: transparent; height: 8px; margin: 0; border: none; }
QScrollBar::handle { background: {line2}; border-radius: 4px; } QScrollBar::handle:hover { background: {muted}; }
QScrollBar::handle:vertical { min-height: 32px; } QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }
QSlider::groove:horizontal { height: 4px; background: {line}; border-radius: 2px; }
QSlider::sub-page:horizontal { background: {data}; border-radius: 2px; }
QSlider::handle:horizontal { width: 16px; height: 16px; margin: -6px 0; border-radius: 8px; background: {accent}; }
QMenu { background: {card}; color: {text}; border: 1px solid {line2}; padding: 4px; }
QMenu::item { padding: 8px 16px; border-radius: 4px; } QMenu::item:selected { background: {tint}; }
QMenu::item:disabled { color: {muted}; } QMenu::separator { height: 1px; background: {line}; margin: 4px 8px; }
QToolTip { background: {card}; color: {text}; border: 1px solid {line2}; padding: 4px; }
"""


def sheet(colours: Mapping[str, str]) -> str:
    """The whole style sheet; `colours` holds each token's #RRGGBB in the scheme in use."""
    text = _SHEET
    for name, colour in colours.items():
        text = text.replace("{" + name + "}", colour)
    for percent in (8, 16):  # the filled button under the pointer and under the finger
        text = text.replace(f"{{accent{percent}}}", darker(QColor(colours["accent"]), percent).name())
    return text


def darker(colour: QColor, percent: int) -> QColor:
    """A colour, `percent` darker."""
    return QColor(*(round(part * (100 - percent) / 100) for part in (colour.red(), colour.green(), colour.blue())))
