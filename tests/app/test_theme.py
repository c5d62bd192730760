from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QFont, QImage
from PySide6.QtWidgets import QApplication

from vgg_studio import paths
from vgg_studio.app import style, theme
from vgg_studio.app.fields import Choice, MenuButton, Number, Segments
from vgg_studio.app.widgets import (
    Chip,
    Elided,
    EmptyState,
    Label,
    PlainButton,
    PrimaryButton,
    Sign,
    elide,
    plain_tip,
)

SCHEMES = ("light", "dark")
TEXT_ON = {  # words: the surfaces they stand on
    "text": ("rail", "bg", "card", "field", "sunken", "tint", "folder2", "hover"),
    "muted": ("rail", "bg", "card", "sunken", "tint", "hover"),
    "link": ("card", "tint", "bg"),
    "onaccent": ("accent",),
    "good": ("goodbg", "card"),
    "warn": ("warnbg", "card"),
    "bad": ("badbg", "card", "field"),
}
SHAPES_ON = {"data": ("card", "tint", "sunken"), "ptrain": ("card",), "frozen": ("card",), "link": ("rail", "tint")}


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest, application: QApplication) -> Iterator[str]:
    theme.choose(request.param)
    yield request.param
    theme.choose("light")


def brightness(colour: QColor) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    light, dark = sorted((brightness(one), brightness(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_that_words_can_be_read_on_every_surface_they_stand_on(scheme: str) -> None:
    for name, surfaces in TEXT_ON.items():
        for surface in surfaces:
            assert contrast(theme.color(name), theme.color(surface)) >= 4.5, f"{name} on {surface}"


def test_that_shapes_that_mean_something_stand_out(scheme: str) -> None:
    for name, surfaces in SHAPES_ON.items():
        for surface in surfaces:
            assert contrast(theme.color(name), theme.color(surface)) >= 3.0, f"{name} on {surface}"


def test_that_the_button_under_the_pointer_and_the_finger_can_be_read(scheme: str) -> None:
    for percent in (0, 8, 16):
        assert contrast(theme.color("onaccent"), style.darker(theme.color("accent"), percent)) >= 4.5


@pytest.mark.parametrize("right", [True, False])
def test_that_numbers_can_be_read_at_any_heat(scheme: str, right: bool) -> None:
    for share in range(101):
        assert contrast(theme.color("text"), theme.heat(right, share / 100)) >= 4.5


def test_that_the_style_sheet_leaves_no_token_unfilled(scheme: str) -> None:
    sheet = style.sheet({name: theme.hexa(name) for name in theme.TOKENS})
    assert not re.findall(r"\{[a-z]+\d*\}", sheet)
    assert theme.hexa("card") in sheet


def test_that_the_style_sheet_keeps_to_the_steps_of_space() -> None:
    inner_edges = {0, 2, 3}  # borders and thin fields count inside the step
    for line in re.findall(r"(?:padding|margin)[a-z-]*: ([^;]+);", style._SHEET):
        for value in re.findall(r"(-?\d+)(?:px)?", line):
            assert abs(int(value)) in {*theme.SPACE, *inner_edges, 6}, line


def test_that_there_are_three_sizes_and_two_weights(application: QApplication) -> None:
    fonts = [theme.font(role) for role in theme.ROLES]
    assert {font.pixelSize() for font in fonts} == {13, 20, 32}
    assert {int(font.weight()) for font in fonts} == {400, 600}
    assert theme.font("tabular").featureValue(QFont.Tag("tnum")) == 1
    assert not theme.font("body").isFeatureSet(QFont.Tag("tnum"))


def test_that_the_scheme_follows_the_system_until_one_is_chosen(application: QApplication) -> None:
    theme.choose("system")
    assert theme.scheme() == ("dark" if application.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light")
    theme.choose("dark")
    assert theme.scheme() == "dark"
    assert theme.hexa("card") == theme.TOKENS["card"][1]


def test_that_a_change_of_scheme_reaches_palette_sheet_and_listeners(application: QApplication) -> None:
    class Listener(QObject):
        heard: list[str] = []

        def hear(self) -> None:
            self.heard.append(theme.hexa("bg"))

    listener = Listener()
    theme.signals.changed.connect(listener.hear)
    for name in ("dark", "light", "light"):
        theme.choose(name)
        assert application.palette().window().color() == theme.color("bg")
        assert theme.hexa("rail") in application.styleSheet()
    assert listener.heard == list(reversed(theme.TOKENS["bg"]))


def test_that_every_icon_is_drawn_in_the_colour_that_is_asked_for(scheme: str) -> None:
    names = [file.stem for file in paths.resource("icons").glob("*.svg") if "currentColor" in file.read_text()]
    assert len(names) > 20
    for name in names:
        image = theme.pixmap(name, "bad", 20, 2.0).toImage().convertToFormat(QImage.Format.Format_ARGB32)
        assert (image.width(), image.height()) == (40, 40)
        solid = [image.pixelColor(x, y) for x in range(40) for y in range(40) if image.pixelColor(x, y).alpha() > 250]
        assert solid, name
        assert all(abs(pixel.red() - theme.color("bad").red()) <= 4 for pixel in solid), name
        edge = [image.pixelColor(n, m).alpha() for n in (0, 39) for m in range(40)]
        assert max(edge) < 40, f"{name} is cut off"


@pytest.mark.parametrize("name", ["mark", "folders"])
def test_that_the_drawings_take_their_colours_from_the_tokens(scheme: str, name: str) -> None:
    drawn = theme.drawing(name, 96, 96).toImage()
    wanted = theme.color("text" if name == "mark" else "folder2")
    close = [
        pixel
        for x in range(96)
        for y in range(96)
        if (pixel := drawn.pixelColor(x, y)).alpha() == 255
        and max(abs(pixel.red() - wanted.red()), abs(pixel.blue() - wanted.blue())) < 3
    ]
    assert close


# --- widgets


def test_that_names_from_outside_are_never_taken_for_markup(application: QApplication) -> None:
    evil = "<img src='/dev/zero'> R&D"
    label = Label(evil)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert plain_tip(evil) == "<span>&lt;img src=&#x27;/dev/zero&#x27;&gt; R&amp;D</span>"
    button = PlainButton(evil)
    assert button.words() == evil
    assert button.text() == "<img src='/dev/zero'> R&&D"
    assert button.shortcut().isEmpty()


def test_that_a_shortened_label_tells_the_whole_text_elsewhere(application: QApplication) -> None:
    label = Elided("a rather long sentence that has no room")
    label.resize(80, 18)
    label.show()
    assert label.text().endswith("…")
    assert "no room" in label.toolTip()
    assert label.accessibleName() == label.whole()
    label.resize(600, 18)
    assert label.text() == label.whole()
    assert label.toolTip() == ""


def test_that_shortening_removes_line_breaks(application: QApplication) -> None:
    assert elide("a\nb", theme.font(), 500) == "a b"


def test_that_controls_are_32_px_high(application: QApplication) -> None:
    for control in (PrimaryButton("Go"), PlainButton("Go", icon="copy"), Choice("c"), Number(0, 9, "n"), MenuButton("m"),
                    Segments("a", "b")):  # fmt: skip
        control.adjustSize()
        assert control.height() == 32, type(control).__name__
    assert Chip("x").height() == 24


def test_that_a_choice_keeps_its_value_when_its_words_change(application: QApplication) -> None:
    choice = Choice()
    seen: list[int] = []
    choice.currentIndexChanged.connect(seen.append)
    choice.fill([("one", 1), ("two", 2)])
    choice.choose(2)
    seen.clear()
    choice.fill([("drei", 3), ("zwei", 2)])
    assert choice.currentData() == 2
    assert seen == []


def test_that_segments_show_one_view_at_a_time(application: QApplication) -> None:
    segments = Segments("Score", "Curves")
    seen: list[int] = []
    segments.chosen.connect(seen.append)
    assert segments.current() == 0
    segments.show_view(1)
    assert (segments.current(), seen) == (1, [1])


def test_that_a_sign_changes_colour_with_the_scheme(application: QApplication) -> None:
    sign = Sign("warn")
    before = sign.pixmap().toImage()
    theme.choose("dark")
    assert sign.pixmap().toImage() != before


def test_that_an_empty_state_shows_its_whole_sentence(application: QApplication) -> None:
    state = EmptyState("picture", "A sentence that is far too long to stand on one line of this width. " * 2, "Go")
    state.resize(700, 400)
    state.show()
    needed = state.sentence.heightForWidth(state.sentence.width())
    assert state.sentence.height() >= needed > 18
