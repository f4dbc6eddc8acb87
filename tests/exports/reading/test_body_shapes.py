"""Bodies of other shapes than the documented one, read by a profile."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.grades.causes import Cause
from exports.grades.facts import Entry
from exports.reading.body import Body, BodyError, UnreadableEntry, read
from exports.reading.profiles import DOCUMENTED, DOCUMENTED_PROFILE, Profile


def shaped(**texts):
    return Profile.compile(DOCUMENTED | texts)


NESTED = shaped(
    flow_id="assessment.flow.id",
    participants="assessment.groups[].candidates[]",
    user_id="person.id",
    learn_user_id="person.login",
    mark="results[?type=='FINAL'].grade | [0]",
    alternative_grade="results[?type=='ABSENCE'].code | [0]",
    entry_source_code="course.source",
    added_by="course.via",
)
ROWS = Profile.compile({"participants": "rows", "user_id": "[0]", "mark": "[1]", "entry_source_code": "[2]"})
TOP_LIST = Profile.compile({"participants": "@", "user_id": "id", "mark": "grade"})
JOINED = shaped(learn_user_id="join('', ['s', to_string(userId)])")
PROFILES = [NESTED, ROWS, TOP_LIST, JOINED, shaped(user_id="values(@)[0]", mark="length(@)", participants="*")]


def lines_of(body, profile):
    return read(body if isinstance(body, bytes) else json.dumps(body).encode(), profile).lines


def read_or_refused(content, profile):
    """What is read, or the sentence that says why nothing is."""
    try:
        return read(content, profile)
    except BodyError as refused:
        return str(refused)


def only_line(entry, profile=DOCUMENTED_PROFILE):
    text = entry if isinstance(entry, str) else json.dumps(entry)
    [line] = read(f'{{"participants": [{text}]}}'.encode(), profile).lines
    return line


def test_a_nested_body():
    candidate = {
        "person": {"id": 1001, "login": "ann"},
        "results": [{"type": "DRAFT", "grade": "C"}, {"type": "FINAL", "grade": "B"}],
        "course": {"source": "S1", "via": "sis"},
    }
    absent = {"person": {"id": "1002"}, "results": [{"type": "ABSENCE", "code": "FE"}]}
    groups = [{"candidates": [candidate]}, {"candidates": []}, {"candidates": [absent]}]

    body = read(json.dumps({"assessment": {"flow": {"id": 77}, "groups": groups}}).encode(), NESTED)

    assert body.flow_id == "77"
    assert body.lines == [
        Entry(user_id="1001", mark="B", source_code="S1", learn_user_id="ann", added_by="SIS"),
        Entry(user_id="1002", alternative_grade="FE"),
    ]
    assert body.user_ids == [1001, "1002"]


def test_rows_without_keys():
    assert lines_of(b'{"rows": [[5, 75.0, "S"], ["6", "B"], [], null, {"0": 1}]}', ROWS) == [
        Entry(user_id="5", mark="75.0", source_code="S"),
        Entry(user_id="6", mark="B"),
        *(
            UnreadableEntry(place=place, detail={"reason": "FIELD_NULL", "field": "[0]", "place": place})
            for place in (3, 4, 5)
        ),
    ]


@pytest.mark.parametrize("row", [{"person": None}, {}])
def test_a_row_without_a_person_is_answered_and_kept(row):
    body = {"rows": [{"person": {"userId": 1, "mark": "A"}}, row]}

    assert lines_of(body, shaped(participants="rows[].person")) == [
        Entry(user_id="1", mark="A", user_id_is_number=True),
        UnreadableEntry(place=2, detail={"reason": "NO_OBJECT", "found": "null", "place": 2}),
    ]


def test_a_group_without_its_list_has_no_entry_and_a_null_in_a_list_is_answered_and_kept():
    body = {"groups": [{"students": [{"userId": "1", "mark": "A"}, None]}, {"name": "B"}, {"students": []}]}

    assert lines_of(body, shaped(participants="groups[].students[]")) == [
        Entry(user_id="1", mark="A"),
        UnreadableEntry(place=2, detail={"reason": "NO_OBJECT", "found": "null", "place": 2}),
    ]


def test_what_is_found_within_an_entry_leaves_nulls_out():
    entry = {"userId": "1", "results": [{"type": "FINAL"}, {"type": "FINAL", "grade": "B"}]}

    assert only_line(entry, shaped(mark="results[?type=='FINAL'].grade | [0]")).mark == "B"


def test_a_body_that_is_the_list():
    assert lines_of([{"id": 1, "grade": "A"}], TOP_LIST) == [Entry(user_id="1", mark="A")]


@pytest.mark.parametrize(
    ("body", "profile", "says"),
    [
        ({"rows": {}}, ROWS, "'rows' must be a list, but it is an object."),
        ({"row": []}, ROWS, "The request body has no 'rows'."),
        ([], ROWS, "The request body must be an object with 'rows', but it is a list."),
        ({}, TOP_LIST, "'@' must be a list, but it is an object."),
        ({}, shaped(participants="[passed, absent][]"), "'[passed, absent][]' must be a list, but it is null."),
        ({"teams": [{}]}, shaped(participants="teams[].members[]"), "must be a list, but it is null."),
        ({"assessment": {}}, NESTED, "'assessment.groups[].candidates[]' must be a list, but it is null."),
        ({"participants": [], "f": {}}, shaped(flow_id="f"), "'f' is an object, not a text or number."),
        (
            {"participants": [{}], "f": 1},
            shaped(flow_id="join('', f)"),
            "'join('', f)' does not fit: join() does not accept a number.",
        ),
        (b'{"a": {"b": [], "b": []}}', shaped(participants="a.b"), "'a.b' appears twice."),
        (b'{"a": [], "a": []}', shaped(participants="@.a"), "a key appears twice at its top level."),
        (
            {"participants": [{"userId": "abc"}]},
            shaped(mark="|".join(["[@,@]|[]"] * 40)),
            "|[@,...' takes too long for this request body. Simplify it",
        ),
    ],
)
def test_a_body_that_does_not_fit_is_refused_and_the_expression_named(body, profile, says):
    with pytest.raises(BodyError) as refused:
        lines_of(body, profile)

    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "texts", "detail"),
    [
        ({"userId": 1, "m": {"g": []}}, {"mark": "m.g"}, {"reason": "FIELD_OF_KIND", "found": "array", "field": "m.g"}),
        (
            {"userId": 1, "m": 1},
            {"mark": "join('', [m])"},
            {"reason": "FIELD_JOIN", "found": "number", "field": "join('', [m])"},
        ),
        ({"userId": 1}, {"mark": "`1.5`"}, {"reason": "FIELD_OF_KIND", "found": "computed", "field": "`1.5`"}),
        ('{"userId": 1, "m": {"g": 1, "g": 2}}', {"mark": "m.g"}, {"reason": "FIELD_TWICE", "field": "m.g"}),
        ('{"userId": 1, "m": 1, "m": 1}', {"mark": "m"}, {"reason": "KEY_TWICE"}),
        (
            '{"userId": 1, "m": ["\\ud800"]}',
            {"mark": "m[0]"},
            {"reason": "FIELD_CHARACTER", "kind": "lone surrogate", "character": "U+D800", "field": "m[0]"},
        ),
    ],
)
def test_an_entry_that_does_not_fit_keeps_its_person_and_the_expression_is_named(entry, texts, detail):
    line = only_line(entry, shaped(**texts))

    assert (line.user_id, line.fault, line.fault_detail) == ("1", Cause.ENTRY_NOT_USABLE, detail)


@pytest.mark.parametrize(
    ("expression", "entry", "detail", "echoed"),
    [
        ("a.id", {"a": {}}, {"reason": "FIELD_NULL", "field": "a.id", "place": 1}, None),
        (
            "a.id",
            {"a": {"id": True}},
            {"reason": "FIELD_OF_KIND", "found": "boolean", "field": "a.id", "place": 1},
            True,
        ),
        ("a.id", {"a": {"id": 1.5}}, {"reason": "FIELD_NOT_WHOLE", "field": "a.id", "place": 1}, 1.5),
        (
            "join('', [a])",
            {"a": 1},
            {"reason": "FIELD_JOIN", "found": "number", "field": "join('', [a])", "place": 1},
            None,
        ),
        (
            "|".join(["[@,@]"] * 60),
            {},
            {"reason": "FIELD_OF_KIND", "found": "array", "field": f"{'[@,@]|' * 9}[@,...", "place": 1},
            None,
        ),
    ],
)
def test_an_entry_whose_user_id_is_not_found_is_answered_by_its_place(expression, entry, detail, echoed):
    body = read(json.dumps({"participants": [entry]}).encode(), shaped(user_id=expression))

    [line] = body.lines
    assert isinstance(line, UnreadableEntry)
    assert line.detail == detail
    assert body.user_ids == [echoed]


@pytest.mark.parametrize(
    ("given", "added_by"),
    [("SIS", "SIS"), ("sis", "SIS"), (" Manual ", "MANUAL"), ("", ""), ("  ", ""), (None, "")],
)
def test_who_added_a_person_is_read_in_any_case(given, added_by):
    assert only_line({"userId": "1", "addedBy": given}) == Entry(user_id="1", added_by=added_by)


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ("hand", {"reason": "FIELD_ADDED_BY", "field": "addedBy"}),
        (1, {"reason": "FIELD_ADDED_BY", "field": "addedBy"}),
        (True, {"reason": "FIELD_OF_KIND", "found": "boolean", "field": "addedBy"}),
        (False, {"reason": "FIELD_OF_KIND", "found": "boolean", "field": "addedBy"}),
        ([], {"reason": "FIELD_OF_KIND", "found": "array", "field": "addedBy"}),
        ("x" * 300, {"reason": "FIELD_TOO_LONG", "length": 300, "max": 255, "field": "addedBy"}),
    ],
)
def test_an_entry_that_says_something_else_of_it_is_not_usable(given, detail):
    line = only_line({"userId": "1", "addedBy": given})

    assert (line.fault, line.fault_detail) == (Cause.ENTRY_NOT_USABLE, detail)


@pytest.mark.parametrize("depth", [300, 460, 700, 950])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_deep_body_is_read_or_refused(depth, profile):
    inner = b"[" * depth + b"]" * depth
    content = b'{"participants": [{"userId": ' + inner + b'}], "rows": [[' + inner + b"]]}"

    result = read_or_refused(content, profile)

    assert isinstance(result, Body) or result.endswith(".")


KEYS = st.sampled_from(
    ["participants", "rows", "assessment", "groups", "candidates", "person", "id", "userId", "results", "type", "grade"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)
ANYWHERE = st.builds(
    lambda inner: {"participants": inner, "rows": inner, "assessment": {"groups": [{"candidates": inner}]}},
    st.lists(JSON, max_size=4),
)


@settings(deadline=None)
@given(JSON | ANYWHERE, st.sampled_from(PROFILES))
def test_any_json_is_read_or_refused_by_any_profile(body, profile):
    result = read_or_refused(json.dumps(body).encode(), profile)

    if isinstance(result, str):
        assert result.endswith(".")
    else:
        assert len(result.lines) == len(result.user_ids)
        json.dumps(result.user_ids)
