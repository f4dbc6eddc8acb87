"""Which flow ids a pattern is for."""

import pytest

from exports.reading.flow_patterns import MAX_PATTERNS, matches, refuse_patterns


@pytest.mark.parametrize(
    ("pattern", "flow_id", "is_for_it"),
    [
        ("4711", "4711", True),
        ("4711", "47111", False),
        ("4711", "04711", False),
        ("EX-*", "EX-1", True),
        ("EX-*", "EX-", True),
        ("EX-*", "ex-1", False),
        ("EX-*", "MY-EX-1", False),
        ("*-2026", "bio-2026", True),
        ("*-2026", "bio-2026-2", False),
        ("a*b*c", "a1b2c", True),
        ("a*b*c", "a1c2b", False),
        ("*", "anything/at all\n", True),
        ("a?c", "abc", False),
        ("a?c", "a?c", True),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("a[*", "a[1", True),
        ("a.c", "abc", False),
        ("ü*", "über", True),
    ],
)
def test_a_star_is_any_text_and_all_else_is_itself(pattern, flow_id, is_for_it):
    assert matches([pattern], flow_id) is is_for_it


def test_one_of_several_is_enough():
    assert matches(["1", "2*"], "22")


@pytest.mark.timeout(5)
def test_many_stars_take_no_time():
    assert not matches(["*a" * 120] * MAX_PATTERNS, "a" * 119 + "b" * 136)


@pytest.mark.parametrize(
    "given",
    [
        "4711",
        {"4711": True},
        [4711],
        [None],
        [""],
        ["  "],
        [" 4711"],
        ["x" * 256],
        ["a\nb"],
        ["a\u200bb"],
        ["\ud800"],
        ["1"] * (MAX_PATTERNS + 1),
    ],
)
def test_what_is_no_list_of_patterns_is_refused(given):
    with pytest.raises(ValueError):
        refuse_patterns(given)


def test_usable_patterns_are_taken():
    refuse_patterns([])
    refuse_patterns(["4711", "EX-*", "*", "[a]", "成績*"])
