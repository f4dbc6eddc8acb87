"""Request profiles: expressions that compile, and how a user id becomes a Learn user."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.reading import profiles
from exports.reading.profiles import (
    DOCUMENTED,
    DOCUMENTED_PROFILE,
    BadExpression,
    BadRule,
    LearnUserRule,
    Profile,
    Rule,
)


def learn_user(rule, text, user_id):
    return LearnUserRule.compile(rule, text).learn_user_of(user_id)


def test_the_documented_shape_is_looked_up_by_keys_alone():
    assert {name: expression.key for name, expression in DOCUMENTED_PROFILE.expressions.items()} == DOCUMENTED


@pytest.mark.parametrize("name", DOCUMENTED)
def test_an_expression_that_cannot_be_compiled_names_its_field(name):
    with pytest.raises(BadExpression) as bad:
        Profile.compile(DOCUMENTED | {name: "a."})

    assert bad.value.field == name
    assert str(bad.value) == "The expression is not complete."


@pytest.mark.parametrize(
    ("name", "says"),
    [("participants", "an expression for the list of participants"), ("user_id", "an expression for the user id")],
)
@pytest.mark.parametrize("text", ["", "  "])
def test_what_is_needed_cannot_be_empty(name, says, text):
    with pytest.raises(BadExpression, match=says) as bad:
        Profile.compile(DOCUMENTED | {name: text})

    assert bad.value.field == name


def test_all_else_can_be_left_out():
    profile = Profile.compile({"participants": "@", "user_id": "[0]"})

    assert profile.finders()["mark"]({"mark": "B"}) is None


@pytest.mark.parametrize(
    ("rule", "text", "user_id", "expected"),
    [
        (Rule.AS_IS, "", "1001", "1001"),
        (Rule.PREFIX, "s", "1001", "s1001"),
        (Rule.SUFFIX, "@example.edu", "ann", "ann@example.edu"),
        (Rule.PREFIX, "s" * 100, "1" * 255, None),  # longer than Learn takes
        (Rule.PATTERN, r"(.+)@example\.edu", "ann@example.edu", "ann"),
        (Rule.PATTERN, r"(.+)@example\.edu", "ann@example.org", None),
        (Rule.PATTERN, r"\d+", "1001", BadRule),
        (Rule.PATTERN, r"(\d+)", "x1001", None),  # it must fit all of the user id
        (Rule.PATTERN, r"u(\d*)", "u", None),
        (Rule.PATTERN, r"u(\d)?", "u", None),
        (Rule.PATTERN, r"u0*(\d{6})", "u00123456", "123456"),
        (Rule.PATTERN, r"(\p{Lu}+)-.*", "ÆØ-x", "ÆØ"),
    ],
)
def test_how_a_user_id_becomes_a_learn_user(rule, text, user_id, expected):
    if expected is BadRule:
        with pytest.raises(BadRule):
            learn_user(rule, text, user_id)
    else:
        assert learn_user(rule, text, user_id) == expected


@pytest.mark.parametrize(
    ("rule", "text", "says"),
    [
        (Rule.AS_IS, "s", "Leave this empty"),
        (Rule.PREFIX, "", "Enter the prefix."),
        (Rule.SUFFIX, "", "Enter the suffix."),
        (Rule.PATTERN, "", "Enter the pattern."),
        (Rule.PATTERN, "(a", "This is not a valid pattern: missing )"),
        (Rule.PATTERN, r"(\p{Foo})", "This is not a valid pattern: unknown property"),
        (Rule.PATTERN, "a", "The pattern has 0 groups."),
        (Rule.PATTERN, "(a)(b)", "The pattern has 2 groups."),
        (Rule.PATTERN, "((a){999}){999}", "counts in curly brackets are too large"),
        (Rule.PATTERN, "(a){99999999}", "counts of up to three digits"),
        (Rule.PATTERN, "(?x)(a){9 9 9 9 9 9 9 9}", "Use curly brackets only for counts"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, text, says):
    with pytest.raises(BadRule) as bad:
        LearnUserRule.compile(rule, text)

    assert says in str(bad.value)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" * 16 + "(a)+" + ")+" * 16,
        "(?:" * 12 + "(a)*" + ")*" * 12,
        "(?:" * 4 + "(a)" + ")?" * 4,
        "(?:(?:(?:(a){2}){2}){2}){2}",
        "(?:(?:(?:(a)+?)*?)??)+?",
        "(?:(?:(?:(a)++)*+)?+)++",
        "(?:(?:[)](?:(a[)]+)+)+)+",
        r"(?:(?:\)(?:(a\)+)+)+)+",
        "(?:(?:[]))](?:(a+)+)+)+",
        "(?=(?:(?:(?:(a)+)+)+)+)",
        "(?P<x>(?:(?:(?:a+)+)+)+)",
        "(?:(?:(?:(a+)|b)+|c)+|d)+",
        "(?x)(?: (?: (?: (a)+ ) +) +) +",
        "(?V1)([[)]a]+)",
        "(?i-x:(a))",
        "(?#[)(?:(?:(?:(a)+)+)+)+",
        "((a){40}){40}",
        "(?:(?:(a){11}){10}){10}",
    ],
)
def test_a_pattern_that_would_take_much_memory_is_never_compiled(monkeypatch, pattern):
    monkeypatch.setattr(profiles.regex, "compile", lambda pattern: pytest.fail("it was compiled"))

    with pytest.raises(BadRule):
        LearnUserRule.compile(Rule.PATTERN, pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:(?:(a)+)+)+b?c*d+",
        "a+b+c+d+e+(f+)g+",
        r"(?:u|s)?0*([1-9][0-9]{0,8})(?:@.+)?",
        r"([\w.+-]+)@(?:[a-z]+\.)*example\.edu",
        r"\(+\(+\(+\(+(a)",
        "([(+*?)]+)",
        "[]*+?]+([^]*+?]+)",
        r"(\d{6})(?:-\d{2,4})?",
        "(?i)(?:uni-)?([a-z]+)",
        "(?P<x>.+)",
        "(.{333})",
    ],
)
def test_a_usual_pattern_is_taken(pattern):
    LearnUserRule.compile(Rule.PATTERN, pattern)


def test_a_pattern_that_takes_too_long_fits_nobody_and_costs_little_over_many():
    rule = LearnUserRule.compile(Rule.PATTERN, "(?R)(a)")
    began = time.monotonic()

    assert [rule.learn_user_of("a" * 250) for _ in range(1000)] == [None] * 1000

    assert time.monotonic() - began < 30  # a thousand time-outs would be longer


@pytest.mark.filterwarnings("ignore")  # of what the library may mean one day by such a pattern
@settings(deadline=None)
@given(st.text(st.sampled_from("ab(){}[]?*+|\\.<>:=!,12dwpPNLgRVx^$-&~ ") | st.characters(), max_size=20))
def test_any_pattern_is_compiled_or_refused_with_a_sentence(text):
    result = compiled_or_refused(text)

    assert result is None or result in "ab12" or result.endswith(".")


def compiled_or_refused(pattern):
    try:
        return learn_user(Rule.PATTERN, pattern, "ab12")
    except BadRule as bad:
        return str(bad)
