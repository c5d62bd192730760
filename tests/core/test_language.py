"""Sentences and languages."""

from __future__ import annotations

import pytest

from vgg_studio.core import language


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        (("There is no folder x.", "Check the name."), "There is no folder x. Check the name."),
        (("文件夹 x 不存在。", "检查名称。"), "文件夹 x 不存在。检查名称。"),
        (("Only one.", ""), "Only one."),
        (("", "Only one."), "Only one."),
        ((), ""),
    ],
)
def test_that_a_space_stands_between_sentences_only_where_the_language_has_one(
    sentences: tuple[str, ...], text: str
) -> None:
    assert language.joined(*sentences) == text
