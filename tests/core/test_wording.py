from __future__ import annotations

import pytest

from vgg_studio import paths
from vgg_studio.core import events as ev, language, wording


def test_that_per_cent_follows_the_language() -> None:
    assert wording.percent(0.8812) == "88.1\u00a0%"
    language.use("zh_CN", paths.locales())
    assert wording.percent(0.8812) == "88.1%"
    assert wording.percent(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "1 second"),
        (45, "45 seconds"),
        (119, "119 seconds"),
        (150, "2 minutes"),
        (780, "13 minutes"),
        (7300, "2 hours 2 minutes"),
    ],
)
def test_that_a_length_of_time_is_told_as_people_say_it(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


def test_that_names_cannot_steer_a_terminal_or_turn_the_text_around() -> None:
    assert wording.escaped("a\x1b[31m\u202eb\nc\udcff") == "a\\x1b[31m\\u202eb\\x0ac\\xff"
    assert wording.escaped("R&D <img src=x> 雏菊 🌼") == "R&D <img src=x> 雏菊 🌼"


def test_that_the_score_is_told_with_its_range() -> None:
    evaluation = ev.Evaluation(
        split="test",
        accuracy=0.915,
        loss=0.3,
        classes=["a", "b"],
        confusion=[[100, 5], [12, 83]],
        count=200,
        correct=183,
        interval=(0.868, 0.946),
    )
    assert wording.score_sentence(evaluation) == "183 of 200 pictures it had never seen were named right."
    expected = "That is 91.5\u00a0%. On other pictures of this kind, expect 87 to 95\u00a0%."
    assert wording.range_sentence(evaluation) == expected


def _leaking(leaked: int, leaked_correct: int, count: int = 200, correct: int = 180) -> ev.Evaluation:
    return ev.Evaluation(
        split="test",
        accuracy=correct / count,
        loss=None,
        classes=["a"],
        confusion=[[count]],
        count=count,
        correct=correct,
        interval=(0.8, 0.95),
        leaked=leaked,
        leaked_correct=leaked_correct,
    )


@pytest.mark.parametrize(
    ("leaked", "right", "words"),
    [
        (0, 0, ""),
        (12, 12, " Without that the score is 89.4\u00a0%: it added 0.6 points."),
        (1, 0, " Without that the score is 90.5\u00a0%: it took 0.5 points away."),
        (10, 9, " Without that the score is 90.0\u00a0%, too."),
    ],
)
def test_that_a_score_with_pictures_that_were_learned_from_is_told_without_them(
    leaked: int, right: int, words: str
) -> None:
    told = wording.leak_sentence(_leaking(leaked, right))
    counted = f"{leaked} of these 200 pictures took part in the training too, the same or nearly the same."
    assert told == (counted + words if leaked else "")
    assert ("had never seen" in wording.score_sentence(_leaking(leaked, right))) == (not leaked)


def test_that_a_score_of_nothing_but_known_pictures_tells_nothing_about_others() -> None:
    told = wording.leak_sentence(_leaking(200, 180))
    assert told == "All of these pictures took part in the training too: the score tells nothing about new ones."


def test_that_a_run_that_goes_on_from_another_names_that_one() -> None:
    better = ev.WeightsReport(source="run", name="flowers-1")
    assert wording.start_title("official", better) == "the best network of flowers-1"
    assert wording.start_title("none", ev.WeightsReport(source="none")) == wording.start_title("none", None)


@pytest.mark.parametrize("split", ["val", "all"])
def test_that_only_a_score_of_the_test_part_claims_unseen_pictures(split: str) -> None:
    evaluation = ev.Evaluation(
        split=split, accuracy=1, loss=0, classes=[], confusion=[], count=2, correct=2, interval=(0.3, 1.0)
    )
    assert "never seen" not in wording.score_sentence(evaluation)


@pytest.mark.parametrize(
    ("name", "code"), [("zh_CN.UTF-8", "zh_CN"), ("zh-Hans", "zh_CN"), ("de_DE", "en"), ("C", "en")]
)
def test_that_the_nearest_language_is_taken(name: str, code: str) -> None:
    assert language.nearest(name) == code


def test_that_the_system_language_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert language.use("", paths.locales()) == "zh_CN"
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert language.use("", paths.locales()) == "en"


def test_that_the_pseudo_language_is_two_fifths_longer() -> None:
    language.use("pseudo", paths.locales())
    assert len(language._("0123456789")) == 14
