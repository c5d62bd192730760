"""How a folder is meant: class folders, or parts (train, val, test) that hold them; and a level above or below."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import NamedTuple

from vgg_studio.core.events import Part
from vgg_studio.core.split import PARTS, Layout
from vgg_studio.pictures.walking import Walk

_WORDS: dict[Part, str] = {
    "train": "train training trainset trainingset traindata trn tr trainingsdaten entrenamiento entraînement entrainement "
    "apprentissage addestramento treino treinamento обучение 训练 训练集 训练数据 訓練 訓練集 訓練資料 学習 学習用 학습 훈련",
    "val": "val valid validation validate validating valset valdata dev eval evaluation validierung validierungsdaten "
    "validación validacion validação validazione валидация 验证 验证集 验证数据 驗證 驗證集 驗證資料 校验 検証 検証用 검증",
    "test": "test testing tests testset testdata holdout prüfung pruefung testdaten prueba pruebas essai teste тест "
    "测试 测试集 测试数据 測試 測試集 測試資料 テスト テスト用 테스트 시험",
}
_PART_OF: dict[str, Part] = {word: part for part in PARTS for word in _WORDS[part].split()}
_HOLDER_WORDS = (  # folders that pictures are put into, whatever is on them
    "images image imgs img pictures photos data dataset datasets jpg jpeg png raw bilder fotos daten imágenes imagenes "
    "données immagini imagens фото изображения 图片 图像 照片 数据 数据集 圖片 資料集 画像 写真 이미지 사진"
)
_HOLDERS = frozenset(_HOLDER_WORDS.split())
_DEEPEST = 6  # single folders inside each other that are looked through


class Plan(NamedTuple):
    """Where the class folders stand: the layout and the folder that holds them, for each part."""

    layout: Layout
    parts: dict[Part, bytes]


def find(walk: Walk, folder: bytes) -> Plan:
    """The plan for a folder: parts if there are any, else class folders; looks through folders that only wrap another."""
    inner = _unwrapped(walk, folder)
    parts = parts_in(walk, inner)
    if len(parts) > 1:
        return Plan(_layout(parts), parts)
    return Plan("classes", parts or {"train": inner})


def parts_in(walk: Walk, folder: bytes) -> dict[Part, bytes]:
    """The folders of `folder` that are named like parts of one set; empty unless they are training and another.

    A part whose pictures lie loose (as test sets of competitions do) has no classes and is left out: `train` may stand alone.
    """
    named = [(path, found) for path, _ in walk.entries(folder).folders if (found := part_named(os.path.basename(path)))]
    groups: dict[tuple[str, ...], dict[Part, bytes]] = {}
    for path, (part, words) in named:
        groups.setdefault(words, {}).setdefault(part, path)
    in_order = [group for _, group in sorted(groups.items())]  # plain names first, then `seg_train`, `train_set` ...
    if len({part for _, (part, _) in named}) == len(named) and all(len(words) < 2 for _, (_, words) in named):
        in_order.append(
            {part: path for path, (part, words) in named if "".join(words).isdecimal()}
        )  # `1_train`, `2_test`
    for group in in_order:
        if "train" in group and len(group) > 1:
            inner = {part: _unwrapped(walk, group[part]) for part in PARTS if part in group}
            parts: dict[Part, bytes] = {part: path for part, path in inner.items() if _class_folders(walk, path)}
            return parts if "train" in parts else {"train": inner["train"]}
    return {}


def part_named(name: bytes) -> tuple[Part, tuple[str, ...]] | None:
    """The part that a folder's name means in one of the languages, and the name's other words; None for other names."""
    text = unicodedata.normalize("NFC", name.decode("utf-8", "replace")).casefold()
    words = [word for word in re.split(r"[\s_.\-]+", text) if word]
    parts = [word for word in words if word in _PART_OF]
    if len(parts) != 1:
        return None
    words.remove(parts[0])
    return _PART_OF[parts[0]], tuple(words)


def better(walk: Walk) -> str:
    """The folder above the walked one, where that fits better: it holds parts, or class folders beside this one; else ""."""
    folder = walk.root
    above = os.path.dirname(folder)
    if above in (folder, os.path.expanduser(b"~")) or os.path.dirname(above) == above:
        return ""
    try:
        around = Walk(above)
        parts = parts_in(around, above) if part_named(os.path.basename(folder)) else {}
        if len(parts) > 1:
            return os.fsdecode(above)
        if walk.entries(folder).pictures and len(_class_folders(around, above, direct=True)) > 1:
            return os.fsdecode(above)
    except OSError:
        return ""
    return ""


def inside(walk: Walk) -> str:
    """The one folder in the walked one that looks like a set by itself, so that the one around it is hardly meant; else "".

    It holds no pictures of its own but parts, or class folders where it is called `images` or is alone.
    """
    holders = [path for path, _ in walk.entries(walk.root).folders if walk.holds_pictures(path)]
    found = [path for path in holders if not walk.entries(path).pictures and _is_set(walk, path, len(holders) == 1)]
    return os.fsdecode(found[0]) if len(found) == 1 else ""


def _is_set(walk: Walk, folder: bytes, alone: bool) -> bool:
    if len(parts_in(walk, folder)) > 1:
        return True
    name = unicodedata.normalize("NFC", os.path.basename(folder).decode("utf-8", "replace")).casefold()
    return (alone or name in _HOLDERS) and len(_class_folders(walk, folder)) > 1


def _unwrapped(walk: Walk, folder: bytes) -> bytes:
    """The folder itself, or the one inside that alone holds anything and is no class."""
    for _ in range(_DEEPEST):
        entries = walk.entries(folder)
        if entries.pictures:
            return folder
        holders = _class_folders(walk, folder)
        if len(holders) != 1 or walk.entries(holders[0]).pictures or not walk.entries(holders[0]).folders:
            return folder
        folder = holders[0]
    return folder


def _class_folders(walk: Walk, folder: bytes, direct: bool = False) -> list[bytes]:
    """At most two folders that hold pictures (`direct`: not only further down): enough to tell one from several."""
    found: list[bytes] = []
    for path, _ in walk.entries(folder).folders:
        if walk.entries(path).pictures if direct else walk.holds_pictures(path):
            found.append(path)
        if len(found) > 1:
            break
    return found


def _layout(parts: dict[Part, bytes]) -> Layout:
    if "val" in parts and "test" in parts:
        return "train_val_test"
    return "train_test" if "test" in parts else "train_val"
