"""The sample pictures' recipe: four kinds of things, each time in another size, place, turn, colour, scene and noise.

Colours are drawn from one table for all kinds, so a network must learn shapes.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw

SIDE = 96  # px of a finished picture
_FINE = 2  # drawn this much larger, then scaled down: smooth edges
_MOST_TURN = 15  # degrees either way
_SIZES = (0.35, 0.46)  # half of a thing's height, as a share of the picture's side
_CONTRAST = 70.0  # least difference in brightness between a thing and its background, of 255
_NOISE = (3.0, 9.0)  # standard deviation in grey levels

Point = tuple[float, float]
Colour = tuple[int, int, int]
Shape = tuple[str, list[Point]]  # which of the picture's colours; corners between -1 and 1, y down


def _oval(x: float, y: float, wide: float, high: float, turn: float = 0.0) -> list[Point]:
    points = []
    for step in range(36):
        angle = step * math.tau / 36
        along, across = wide * math.cos(angle), high * math.sin(angle)
        points.append(
            (x + along * math.cos(turn) - across * math.sin(turn), y + along * math.sin(turn) + across * math.cos(turn))
        )
    return points


def _box(left: float, top: float, right: float, bottom: float) -> list[Point]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _fish(chance: Random) -> list[Shape]:
    high, tail = chance.uniform(0.42, 0.6), chance.uniform(0.35, 0.5)
    shapes: list[Shape] = [
        ("second", [(0.45, 0.0), (1.0, -tail), (0.86, 0.0), (1.0, tail)]),
        ("second", [(-0.25, -high * 0.8), (0.15, -high * 1.45), (0.3, -high * 0.6)]),
        ("main", _oval(-0.2, 0.0, 0.78, high)),
        ("second", [(0.0, 0.06), (0.3, -0.12), (0.3, 0.28)]),
        ("light", _oval(-0.62, -high * 0.25, 0.12, 0.12)),
        ("dark", _oval(-0.64, -high * 0.25, 0.06, 0.06)),
    ]
    return shapes


def _flower(chance: Random) -> list[Shape]:
    petals, first = chance.randint(5, 8), chance.uniform(0, math.tau)
    shapes: list[Shape] = [("dark", _box(-0.05, 0.1, 0.05, 1.0)), ("dark", _oval(0.24, 0.72, 0.24, 0.09, -0.6))]
    for petal in range(petals):
        turn = first + petal * math.tau / petals
        shapes.append(("main", _oval(0.52 * math.cos(turn), -0.3 + 0.52 * math.sin(turn), 0.38, 1.25 / petals, turn)))
    return [*shapes, ("light", _oval(0.0, -0.3, 0.24, 0.24)), ("second", _oval(0.0, -0.3, 0.15, 0.15))]


def _house(chance: Random) -> list[Shape]:
    wide, roof, door = chance.uniform(0.6, 0.85), chance.uniform(0.5, 0.7), chance.choice((-0.4, 0.0, 0.4))
    pane = -0.35 if door > 0 else 0.35
    return [
        ("second", _box(wide * 0.4, -0.85, wide * 0.65, -0.2)),
        ("main", _box(-wide, -0.2, wide, 0.9)),
        ("second", [(-wide - 0.15, -0.18), (0.0, -0.2 - roof), (wide + 0.15, -0.18)]),
        ("dark", _box(door * wide - 0.14, 0.3, door * wide + 0.14, 0.9)),
        ("light", _box(pane * wide - 0.15, 0.02, pane * wide + 0.15, 0.32)),
    ]


def _car(chance: Random) -> list[Shape]:
    roof, front = chance.uniform(0.5, 0.65), chance.uniform(0.35, 0.55)
    shapes: list[Shape] = [
        ("main", [(-1.0, -0.05), (1.0, -0.05), (1.0, 0.4), (-1.0, 0.4)]),
        ("main", [(-0.75, 0.0), (-0.5, -roof), (front - 0.2, -roof), (front + 0.2, 0.0)]),
        ("light", [(-0.6, -0.05), (-0.42, -roof + 0.12), (-0.14, -roof + 0.12), (-0.14, -0.05)]),
        ("light", [(0.0, -0.05), (0.0, -roof + 0.12), (front - 0.26, -roof + 0.12), (front + 0.04, -0.05)]),
        ("second", _box(-1.0, 0.2, 1.0, 0.3)),
    ]
    for x in (-0.55, 0.55):
        shapes += [("dark", _oval(x, 0.42, 0.26, 0.26)), ("light", _oval(x, 0.42, 0.11, 0.11))]
    return shapes


KINDS: dict[str, Callable[[Random], list[Shape]]] = {
    "car": _car,
    "fish": _fish,
    "flower": _flower,
    "house": _house,
}


def draw(kind: str, number: int, seed: int) -> Image.Image:
    """The sample picture of a kind with this number: RGB, SIDE px a side, the same each time for the same seed."""
    chance = Random(f"{seed} {kind} {number}")
    scene = _scene(chance)
    pen = ImageDraw.Draw(scene)
    colours = _colours(chance, scene)
    place = _placed(chance)
    for name, points in KINDS[kind](chance):
        pen.polygon([place(point) for point in points], fill=colours[name])
    return _with_noise(scene.resize((SIDE, SIDE), Image.Resampling.LANCZOS), chance)


def _placed(chance: Random) -> Callable[[Point], Point]:
    """Where a thing's points come to lie: mirrored or not, turned, scaled, moved within the picture."""
    side = SIDE * _FINE
    mirror, turn = chance.choice((-1, 1)), math.radians(chance.uniform(-_MOST_TURN, _MOST_TURN))
    size = chance.uniform(*_SIZES)
    room = 0.54 - size
    x, y = (side * (0.5 + chance.uniform(-room, room)) for _ in range(2))
    cos, sin = math.cos(turn) * size * side, math.sin(turn) * size * side
    return lambda point: (x + mirror * point[0] * cos - point[1] * sin, y + mirror * point[0] * sin + point[1] * cos)


def _scene(chance: Random) -> Image.Image:
    """A background: two colours that run into each other, with strokes and blots that belong to no kind."""
    side = SIDE * _FINE
    hue, bright = chance.random(), chance.uniform(0.35, 0.95)
    ends = np.array(
        [_colour(hue + chance.uniform(-0.12, 0.12), chance.uniform(0.05, 0.4), bright + by) for by in (-0.12, 0.08)]
    )
    turn = chance.uniform(0, math.tau)
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    share = np.clip(0.5 + 0.4 * (columns * math.cos(turn) + rows * math.sin(turn)), 0, 1)[..., None]
    scene = Image.fromarray((ends[0] * (1 - share) + ends[1] * share).astype(np.uint8))
    pen = ImageDraw.Draw(scene)
    for _ in range(chance.randint(2, 6)):
        colour = _colour(hue + chance.uniform(-0.2, 0.2), chance.uniform(0.1, 0.4), bright + chance.uniform(-0.15, 0.1))
        x, y, size = chance.uniform(0, side), chance.uniform(0, side), side * chance.uniform(0.04, 0.12)
        if chance.random() < 0.5:
            pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)
        else:
            pen.line(
                (x, y, x + chance.uniform(-3, 3) * size, y + chance.uniform(-3, 3) * size),
                fill=colour,
                width=round(size / 3),
            )
    return scene


def _colours(chance: Random, scene: Image.Image) -> dict[str, Colour]:
    """A thing's colours: any, as long as the main one is clearly brighter or darker than what is around."""
    around = _brightness(*np.asarray(scene).mean(axis=(0, 1)))
    while True:
        hue, main = chance.random(), chance.uniform(0.25, 1.0)
        colour = _colour(hue, chance.uniform(0.5, 0.95), main)
        if abs(_brightness(*colour) - around) >= _CONTRAST:
            break
    return {
        "main": colour,
        "second": _colour(hue + chance.uniform(0.15, 0.85), chance.uniform(0.4, 0.9), main * chance.uniform(0.7, 1.0)),
        "dark": _colour(hue, 0.5, 0.15 if around > _CONTRAST else 0.3),
        "light": _colour(hue, 0.08, 0.97),
    }


def _brightness(red: float, green: float, blue: float) -> float:
    """Luma of ITU-R 601, 0 to 255."""
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _colour(hue: float, saturation: float, brightness: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, min(1.0, max(0.0, brightness)))
    return round(red * 255), round(green * 255), round(blue * 255)


def _with_noise(picture: Image.Image, chance: Random) -> Image.Image:
    random = np.random.default_rng(chance.getrandbits(63))
    noise = random.normal(0.0, chance.uniform(*_NOISE), (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
