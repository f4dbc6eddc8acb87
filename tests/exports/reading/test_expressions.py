"""Expressions over bodies: what they find, what they refuse, and that none takes long."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.reading.expressions import (
    EXPRESSION_LENGTH,
    FUNCTIONS,
    BadSyntax,
    Expression,
    TooManySteps,
)
from exports.reading.values import CannotFind, Number, RepeatedKeys


def found(text, value):
    return Expression.compile(text).finder()(value)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("mark", {"mark": "B"}, "B"),
        (" mark ", {"mark": "B"}, "B"),
        ('"user-id"', {"user-id": "u1"}, "u1"),
        ("mark", ["B"], None),
        ("mark", {}, None),
        ("", {"mark": "B"}, None),
        ("a.b", {"a": {"b": "x"}}, "x"),
        ("a.b", {"a": "x"}, None),
        ("[1]", ["a", "b"], "b"),
        ("@", ["a"], ["a"]),
        ("g[].s[]", {"g": [{"s": ["a"]}, {"s": ["b", "c"]}]}, ["a", "b", "c"]),
        ("a || b", {"a": "", "b": "x"}, "x"),
        ("a || b", {"a": Number("0"), "b": "x"}, "0"),
        ("[?t=='f'].v | [0]", [{"t": "p", "v": "A"}, {"t": "f", "v": "B"}], "B"),
        ("[?n > `9`].n", [{"n": Number("10.0")}, {"n": Number("8.5")}], ["10.0"]),
        ("[?n == `10`].n", [{"n": Number("10.0")}, {"n": "10"}], ["10.0"]),
        ("[?n == `0.1`].n", [{"n": Number("0.10")}], ["0.10"]),
        ("a == b", {"a": {"x": [Number("1")]}, "b": {"x": [Number("1.0")]}}, True),
        ("a == `true`", {"a": Number("1")}, False),
        ("a < b", {"a": "x", "b": Number("1")}, None),
        ("join('', ['s', to_string(n)])", {"n": Number("007")}, "s007"),
        ("to_string(n)", {"n": None}, None),
        ("to_number(n)", {"n": "75.50"}, "75.50"),
        ("to_number(n)", {"n": "B"}, None),
        ("[?to_number(n) >= `9`].n", [{"n": "10.00"}, {"n": "8"}, {"n": "B"}, {}], ["10.00"]),
        ("[?d > '2026-02'].d", [{"d": "2026-05"}, {"d": "2026-01"}], ["2026-05"]),
        ("[?starts_with(s, 'UNI')].s", [{"s": "UNIwise||1"}, {"s": "x"}], ["UNIwise||1"]),
        ("[?ends_with(s, '1')].s", [{"s": "UNIwise||1"}, {"s": "x"}], ["UNIwise||1"]),
        ("contains(s, 'ise')", {"s": "UNIwise"}, True),
        ("contains(s, `1`)", {"s": "1"}, False),
        ("keys(a)", {"a": {"u1": "B", "u2": "C"}}, ["u1", "u2"]),
        ("length(a)", {"a": ["x", "y"]}, "2"),
        ("contains(a, `2`)", {"a": [Number("2.0")]}, True),
        ("not_null(a, b)", {"b": "x"}, "x"),
        ("*.v", {"a": {"v": "x"}, "b": {}}, ["x"]),
        ("values(@)[0]", {"a": "x"}, "x"),
        ("a[1:]", {"a": ["x", "y"]}, ["y"]),
        ("items(a)", {"a": {"u1": {"g": "B"}, "u2": None}}, [["u1", {"g": "B"}], ["u2", None]]),
        ("items(a)", {"a": {}}, []),
        ("items(a)[*][0]", {"a": {"u1": "B"}}, ["u1"]),
        ("items(@)[?[1] == 'B'] | [0]", {"u1": "A", "u2": "B"}, ["u2", "B"]),
        ("length(items(a))", {"a": {"u1": "B"}}, "1"),
    ],
)
def test_what_is_found(text, value, expected):
    assert found(text, value) == expected


ROWS = [{"p": "x", "t": "a"}, {"p": None, "t": "a"}, {"t": "b"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rows[].p", ["x", None, None]),
        ("rows[*].p", ["x", None, None]),
        ("rows[:2].p", ["x", None]),
        ("rows[?t=='a'].p", ["x", None]),  # whom the filter leaves out is left out
        ("rows[?tags[].final].p", []),  # nothing was found for any row, so none is chosen
        ("by.*.p", ["x", None]),
        ("groups[].students[]", ["a", None, "b"]),  # a group without a list has no entry
        ("groups[].students[].p", [None] * 3),
        ("rows[].q || rows[].p", ["x", None, None]),
        ("rows[].q || nothing", None),
        ("rows[:1].{marks: [`null`, p][].q}", [{"marks": []}]),  # inside an entry all is as usual
    ],
)
def test_nulls_are_kept_where_no_item_may_be_lost(text, expected):
    body = {
        "rows": ROWS,
        "by": {"1": {"p": "x"}, "2": {}},
        "groups": [{"students": ["a", None]}, {}, {"students": ["b"]}],
    }

    assert Expression.compile(text).finder(keeps_nulls=True)(body) == expected


X, Y = {"p": "x"}, {"p": "y"}


@pytest.mark.parametrize(
    ("text", "body", "expected"),
    [
        ("[passed, absent][]", {"passed": [X]}, [X]),
        ("[passed, absent][]", {"passed": [X], "absent": None}, [X]),
        ("[passed, absent][]", {"passed": [X, None], "absent": [None]}, [X, None, None]),
        ("[passed, absent][]", {"passed": [], "absent": None}, []),
        ("[passed, absent][]", {}, None),
        ("[passed, absent] | []", {"absent": [Y]}, [Y]),
        ("[passed, absent][0:2][]", {"absent": [Y]}, [Y]),
        ("[passed, absent][*][]", {"absent": [Y]}, [Y]),
        ("[passed[], absent[]][]", {"absent": [Y]}, [Y]),
        ("[passed[].p, absent[].p][]", {"passed": [X, {}]}, ["x", None]),
        ("[lead, members][]", {"lead": X}, [X]),
        ("teams[].members[]", {"teams": [{"members": [X]}, {}, None, {"members": None}]}, [X]),
        ("teams[].members[]", {"teams": [{"members": [None, X]}, {"members": []}]}, [None, X]),
        ("teams[].members[]", {"teams": [{}]}, None),
        ("teams[].members[]", {"teams": []}, []),
        ("teams[].members[]", {}, None),
        ("teams[*].members[]", {"teams": [{"members": [X]}, {}]}, [X]),
        ("by.*.members[]", {"by": {"a": {"members": [X]}, "b": {}}}, [X]),
        ("a[].b[].c[]", {"a": [{"b": [{"c": [X]}, {}]}, {}]}, [X]),
        ("rows[].person[]", {"rows": [{"person": X}, {}]}, [X, None]),  # no list, but somebody who is not named
        ("rows[][]", {"rows": [[X, None], [None]]}, [X, None, None]),
        ("rows[]", {"rows": [None, X]}, [None, X]),
    ],
)
def test_a_list_that_is_missing_or_null_is_no_entry_and_a_null_inside_one_is(text, body, expected):
    assert Expression.compile(text).finder(keeps_nulls=True)(body) == expected


def test_nulls_are_left_out_elsewhere():
    assert found("[].p", ROWS) == found("[?t=='a'].p", ROWS) == ["x"]


@pytest.mark.parametrize("text", ["n", "[n][0]", "not_null(m, n)", "to_number(n)", "values({n: n})[0]"])
def test_a_number_stays_as_it_was_written(text):
    number = found(text, {"n": Number("75.0")})

    assert (number, type(number)) == ("75.0", Number)


def test_what_is_counted_is_a_number():
    assert isinstance(found("length(@)", ["x"]), Number)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a.", "not complete"),
        ("a[", "not complete"),
        ("a..b", "character 3 (.b)"),
        ("a b", "character 3 (b)"),
        ("a = b", "character 3"),
        ("$", "character 1 ($). JMESPath has no $: leave it out"),
        ("$.export.cohorts[*]", "character 1 ($.export.cohorts[*]). JMESPath has no $: leave it out"),
        ("a.$", "character 3 ($). JMESPath has no $"),
        ("a[?$.b]", "character 4 ($.b]). JMESPath has no $"),
        ("é", "character 1"),
        ("'x", "has a ' at character 1 that is never closed"),
        ("nothing(a)", "There is no function nothing(). Use one of contains,"),
        ("sum(a)", "There is no function sum()"),
        ("a[?sum(b)]", "There is no function sum()"),
        *(
            (f"a | {name}({arguments})", f"There is no function {name}(). Use one of contains,")
            for name, arguments in {
                "map": "&b, @",
                "max": "@",
                "max_by": "@, &b",
                "merge": "@, @",
                "min": "@",
                "min_by": "@, &b",
                "reverse": "@",
                "sort": "@",
                "sort_by": "@, &b",
                "to_array": "@",
                "type": "@",
            }.items()
        ),
        ("not_null(&a)", "sign & cannot be used"),
        ("&a", "sign & cannot be used"),
        ("join(a)", "join() needs 2 arguments, but it has 1"),
        ("not_null()", "not_null() needs at least 1 argument, but it has 0"),
        ("[" * 500, "nested too deeply"),
        ("a" * (EXPRESSION_LENGTH + 1), "has 501 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_place(text, says):
    with pytest.raises(BadSyntax) as refused:
        Expression.compile(text)

    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "value", "detail"),
    [
        ("join('', [a])", {"a": None}, {"reason": "FIELD_JOIN", "found": "null"}),
        ("join('', [a])", {"a": Number("1")}, {"reason": "FIELD_JOIN", "found": "number"}),
        (
            "starts_with(a, 's')",
            {"a": Number("1")},
            {"reason": "FIELD_NO_ARGUMENT", "function": "starts_with", "found": "number"},
        ),
        ("to_string(a)", {"a": []}, {"reason": "FIELD_NO_ARGUMENT", "function": "to_string", "found": "array"}),
        ("length(a)", {"a": Number("1")}, {"reason": "FIELD_NO_ARGUMENT", "function": "length", "found": "number"}),
        ("items(a)", {"a": [["u1", "B"]]}, {"reason": "FIELD_NO_ARGUMENT", "function": "items", "found": "array"}),
        ("join('', a)", {"a": "x"}, {"reason": "FIELD_NO_ARGUMENT", "function": "join", "found": "string"}),
        ("a[::0]", {"a": ["x"]}, {"reason": "FIELD_NO_FIT"}),
        ("a > b", {"a": Number("1e99999999999999999999"), "b": Number("1")}, {"reason": "FIELD_NO_FIT"}),
        ("a.b", {"a": RepeatedKeys([("b", "1"), ("b", "2")])}, {"reason": "FIELD_TWICE"}),
        ("a.*", {"a": RepeatedKeys([("b", "1"), ("b", "2")])}, {"reason": "FIELD_AMBIGUOUS"}),
        ("keys(a)", {"a": RepeatedKeys([("b", "1"), ("b", "2")])}, {"reason": "FIELD_AMBIGUOUS"}),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_was_found(text, value, detail):
    with pytest.raises(CannotFind) as refused:
        found(text, value)

    assert refused.value.detail == detail


def test_a_key_that_nobody_reads_may_be_given_twice():
    assert found("a.c", {"a": RepeatedKeys([("b", "1"), ("b", "2"), ("c", "x")])}) == "x"


@pytest.mark.parametrize(
    "text",
    [
        "|".join(["[@,@]|[]"] * 40),  # a list that doubles
        "|".join(["[@,@]"] * 60) + "|@==@",  # few steps to make, 2 to the 60 to compare
        "|".join(["join('',[@,@])"] * 30),  # a text that doubles
    ],
)
def test_an_expression_that_multiplies_runs_out_of_steps(text):
    began = time.monotonic()

    with pytest.raises(TooManySteps) as spent:
        found(text, "abc")

    assert str(spent.value) == f"{text[:57]}..."
    assert time.monotonic() - began < 60  # hours, without a limit


def test_the_steps_are_for_all_values_of_a_body_together():
    find = Expression.compile("length(a) == length(b)").finder()

    with pytest.raises(TooManySteps):
        list(map(find, [{"a": ["x"] * 100, "b": ["x"] * 100}] * 1_000_000))


SYNTAX = st.text(st.sampled_from("ab.[]*?@&|!'\"`:,()=<> 01-{}\\") | st.characters(), max_size=30)
CALLS = st.builds(lambda name, inner: f"{name}({inner})", st.sampled_from([*FUNCTIONS, "sum", "x"]), SYNTAX)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # JMESPath's, for texts between backticks
@settings(deadline=None)
@given(SYNTAX | CALLS)
def test_any_text_is_an_expression_or_refused_with_a_sentence(text):
    try:
        expression = Expression.compile(text)
    except BadSyntax as refused:
        said = str(refused)
    else:
        said = found_or_why_not(expression)

    assert said.endswith(".")


def found_or_why_not(expression):
    try:
        expression.finder()({"a": {"b": [Number("1"), None, "x"]}, "b": [[], {}]})
    except CannotFind as reason:
        return f"{reason}."
    return "Found."
