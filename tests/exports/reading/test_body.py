"""Bodies of every kind -> entries, or one sentence that says what is wrong and where."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.grades.causes import Cause
from exports.grades.facts import Entry
from exports.reading.body import BodyError, UnreadableEntry, read


def body_of(*participants, **top):
    return read(json.dumps({"participants": participants, **top}).encode())


def lines_of(text):
    """The entries of a list that is given as raw JSON."""
    return read(b'{"participants": [' + text.encode() + b"]}").lines


def only_entry(text):
    [line] = lines_of(text)
    assert isinstance(line, Entry)
    return line


def read_or_refused(content):
    """The entries, or the sentence that says why there are none."""
    try:
        return read(content).lines
    except BodyError as refused:
        return str(refused)


# The body as a whole


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b" \r\n\t", "empty", id="blank"),
        pytest.param(b'{"participants": [\n  x]}', "Expecting value at line 2, column 3", id="a stray letter"),
        pytest.param(b'{"participants": [}', "at line 1, column 19", id="an open list"),
        pytest.param(b'{"participants": []} x', "Extra data at line 1, column 22", id="something after the end"),
        pytest.param(b'{"participants": [{"userId": 007}]}', "at line 1, column 31", id="a number with leading zeros"),
        pytest.param(b"{'participants': []}", "at line 1, column 2", id="single quotes"),
        pytest.param(b'{"participants": "\xff"}', "byte 19", id="not UTF-8"),
        pytest.param('{"participants": []}'.encode("utf-16"), "not UTF-8", id="UTF-16"),
        pytest.param(b"[]", "but it is a list", id="a list at the top"),
        pytest.param(b'"participants"', "but it is a text.", id="a text at the top"),
        pytest.param(b"null", "but it is null", id="null at the top"),
        pytest.param(b"12", "but it is a number", id="a number at the top"),
        pytest.param(b"{}", "no 'participants'", id="no participants"),
        pytest.param(b'{"Participants": []}', "no 'participants'", id="participants in capitals"),
        pytest.param(b'{"participants": null}', "must be a list, but it is null", id="participants null"),
        pytest.param(b'{"participants": {}}', "must be a list, but it is an object", id="participants an object"),
        pytest.param(b'{"participants": true}', "must be a list, but it is true or false", id="participants true"),
        pytest.param(b'{"participants": [], "participants": []}', "a key appears twice", id="participants twice"),
        pytest.param(b'{"participants": [{"userId": NaN}]}', "NaN", id="NaN"),
        pytest.param(b'{"participants": [{"mark": -Infinity}]}', "-Infinity", id="Infinity"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="100,000 lists"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="100,000 objects"),
        pytest.param(b'{"participants": [], "flowId": []}', "'flowId' is a list", id="flowId a list"),
        pytest.param(b'{"participants": [], "flowId": true}', "'flowId' is true or", id="flowId true"),
        pytest.param(
            b'{"participants": [], "flowId": "\\u0000"}', "'flowId' contains the control", id="flowId with NUL"
        ),
        pytest.param(b'{"participants": [], "flowId": "\\ud800"}', "'flowId' contains the lone", id="half a character"),
        pytest.param(
            b'{"participants": [], "flowId": ' + b"7" * 10_000 + b"}", "has 10000 characters; 255", id="flowId too long"
        ),
        pytest.param(b'{"participants": [], "sourceCode": {}}', "'sourceCode' is an object", id="sourceCode an object"),
    ],
)
def test_a_body_without_a_list_of_participants_is_refused_with_what_and_where(content, says):
    with pytest.raises(BodyError) as refused:
        read(content)

    assert says in str(refused.value)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isascii()


def test_a_byte_order_mark_is_no_fault():
    assert read(b'\xef\xbb\xbf{"participants": [{"userId": 1, "mark": "A"}]}').lines == [Entry(user_id="1", mark="A")]


def test_fields_that_nobody_asked_for_are_passed_over():
    body = read(b'{"x": {"y": [1]}, "participants": [{"userId": "1", "mark": "A", "name": {"first": []}}]}')

    assert body.lines == [Entry(user_id="1", mark="A")]


@pytest.mark.parametrize(
    ("given", "flow_id"), [("77", "77"), (77, "77"), (None, ""), ("  ", ""), ("007", "007"), ("a/b ö", "a/b ö")]
)
def test_the_flow_id_is_text_whether_it_comes_as_text_or_number(given, flow_id):
    assert body_of(flowId=given).flow_id == flow_id


def test_the_source_of_the_body_is_for_the_entries_without_their_own():
    body = body_of(
        {"userId": "1"}, {"userId": "2", "sourceCode": "T"}, {"userId": "3", "sourceCode": " "}, sourceCode="S"
    )

    assert [line.source_code for line in body.lines] == ["S", "T", "S"]


# Persons


@pytest.mark.parametrize(
    ("text", "user_id", "is_number"),
    [
        ("0", "0", True),
        ("5", "5", True),
        ("-12", "-12", True),
        ("9" * 255, "9" * 255, True),
        ("-0", "0", True),
        ("1001.0", "1001", True),
        ("-1001.00", "-1001", True),
        ("0.0", "0", True),
        ("-0.0", "0", True),
        ("0e5", "0", True),
        ("1e3", "1000", True),
        ("1E+3", "1000", True),
        ("1.2345678E7", "12345678", True),
        ("10010e-1", "1001", True),
        ("12345678901234567890123456789012.0", "12345678901234567890123456789012", True),
        ('"5"', "5", False),
        ('"007"', "007", False),
        ('"ann@example.edu"', "ann@example.edu", False),
        ('" u1 "', "u1", False),
        ('"\\u00e6\\ud83d\\ude00"', "æ😀", False),
        ('"null"', "null", False),
    ],
)
def test_a_user_id_keeps_its_digits_and_its_type(text, user_id, is_number):
    entry = only_entry(f'{{"userId": {text}}}')

    assert (entry.user_id, entry.user_id_is_number) == (user_id, is_number)


@pytest.mark.parametrize(
    ("item", "detail"),
    [
        ("null", {"reason": "NO_OBJECT", "found": "null", "place": 1}),
        ("[]", {"reason": "NO_OBJECT", "found": "array", "place": 1}),
        ('"u1"', {"reason": "NO_OBJECT", "found": "string", "place": 1}),
        ("5", {"reason": "NO_OBJECT", "found": "number", "place": 1}),
        ("false", {"reason": "NO_OBJECT", "found": "boolean", "place": 1}),
        ("{}", {"reason": "FIELD_MISSING", "field": "userId", "place": 1}),
        ('{"userid": 1}', {"reason": "FIELD_MISSING", "field": "userId", "place": 1}),
        ('{"userId": null}', {"reason": "FIELD_NULL", "field": "userId", "place": 1}),
        ('{"userId": true}', {"reason": "FIELD_OF_KIND", "found": "boolean", "field": "userId", "place": 1}),
        ('{"userId": {"id": 1}}', {"reason": "FIELD_OF_KIND", "found": "object", "field": "userId", "place": 1}),
        ('{"userId": [1]}', {"reason": "FIELD_OF_KIND", "found": "array", "field": "userId", "place": 1}),
        ('{"userId": ""}', {"reason": "FIELD_EMPTY", "field": "userId", "place": 1}),
        ('{"userId": " \\t"}', {"reason": "FIELD_EMPTY", "field": "userId", "place": 1}),
        ('{"userId": 1.5}', {"reason": "FIELD_NOT_WHOLE", "field": "userId", "place": 1}),
        ('{"userId": 1001.01}', {"reason": "FIELD_NOT_WHOLE", "field": "userId", "place": 1}),
        ('{"userId": 15e-1}', {"reason": "FIELD_NOT_WHOLE", "field": "userId", "place": 1}),
        ('{"userId": 1e99999999999999999999}', {"reason": "FIELD_NOT_WHOLE", "field": "userId", "place": 1}),
        ('{"userId": 1e999}', {"reason": "FIELD_NOT_WHOLE", "field": "userId", "place": 1}),
        (
            '{"userId": "a\\u0000b"}',
            {
                "reason": "FIELD_CHARACTER",
                "kind": "control character",
                "character": "U+0000",
                "field": "userId",
                "place": 1,
            },
        ),
        (
            '{"userId": "\\ud800"}',
            {
                "reason": "FIELD_CHARACTER",
                "kind": "lone surrogate",
                "character": "U+D800",
                "field": "userId",
                "place": 1,
            },
        ),
        (
            f'{{"userId": "{"x" * 256}"}}',
            {"reason": "FIELD_TOO_LONG", "length": 256, "max": 255, "field": "userId", "place": 1},
        ),
        (
            f'{{"userId": {"9" * 10_000}}}',
            {"reason": "FIELD_TOO_LONG", "length": 10000, "max": 255, "field": "userId", "place": 1},
        ),
        ('{"userId": 1, "userId": 2, "mark": "A"}', {"reason": "FIELD_TWICE", "field": "userId", "place": 1}),
    ],
)
def test_an_entry_that_names_no_person_is_answered_by_its_place_and_harms_no_other(item, detail):
    assert lines_of(f'{item}, {{"userId": "u2", "mark": "A"}}') == [
        UnreadableEntry(place=1, detail=detail),
        Entry(user_id="u2", mark="A"),
    ]


@pytest.mark.parametrize(
    ("text", "echoed"),
    [
        ("5", 5),
        ('"5"', "5"),
        ('"007"', "007"),
        ("-5", -5),
        ("-0", 0),
        ("9" * 300, int("9" * 300)),
        ("9" * 4300, int("9" * 4300)),
        ("-" + "9" * 4300, int("-" + "9" * 4300)),
        ("9" * 4301, "9" * 4301),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1001.0", 1001.0),
        ("12345678901234567.0", 12345678901234567),
        ("1e999", "1e999"),
        ("-1e999", "-1e999"),
        ("null", None),
        ("true", True),
        ('["5", 5, {"a": 1.5}]', ["5", 5, {"a": 1.5}]),
        ('"\\ud800"', "\ud800"),
    ],
)
def test_a_user_id_is_echoed_as_it_came(text, echoed):
    [user_id] = read(f'{{"participants": [{{"userId": {text}}}]}}'.encode()).user_ids

    assert user_id == echoed
    assert type(user_id) is type(echoed)


def test_an_entry_without_a_user_id_echoes_null():
    assert read(b'{"participants": [{}, null, []]}').user_ids == [None, None, None]


# Assessments


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("0", "0"),
        ('"0"', "0"),
        ("75", "75"),
        ("75.0", "75.0"),
        ("88.50", "88.50"),
        ("1E2", "1E2"),
        ("-3", "-3"),
        ("12345678901234567890.10", "12345678901234567890.10"),
        ('"B"', "B"),
        ('" B "', "B"),
        ('"Bestået ✓"', "Bestået ✓"),
        ('"null"', "null"),
        ('""', ""),
        ("null", ""),
        ('"  "', ""),
        ('"\\u00a0\\t\\n"', ""),
        (f'"{"x" * 333}"', "x" * 333),
    ],
)
@pytest.mark.parametrize("key", ["mark", "adminGrade"])
def test_a_grade_keeps_what_is_seen_of_it_and_nothing_stays_nothing(key, text, mark):
    entry = only_entry(f'{{"userId": 1, "{key}": {text}}}')

    assert (entry.given, entry.fault) == (mark, None)


@pytest.mark.parametrize(("grade", "code", "given"), [("B", "U", "U"), ("B", "", "B"), ("", "U", "U"), ("", "", "")])
def test_the_alternative_grade_overrides_the_mark(grade, code, given):
    assert body_of({"userId": 1, "mark": grade, "adminGrade": code}).lines[0].given == given


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ('"mark": []', {"reason": "FIELD_OF_KIND", "found": "array", "field": "mark"}),
        ('"mark": {}', {"reason": "FIELD_OF_KIND", "found": "object", "field": "mark"}),
        ('"mark": false', {"reason": "FIELD_OF_KIND", "found": "boolean", "field": "mark"}),
        (
            '"mark": "A\\u0000"',
            {"reason": "FIELD_CHARACTER", "kind": "control character", "character": "U+0000", "field": "mark"},
        ),
        (
            '"mark": "\\udfff"',
            {"reason": "FIELD_CHARACTER", "kind": "lone surrogate", "character": "U+DFFF", "field": "mark"},
        ),
        (f'"mark": {"9" * 10_000}', {"reason": "FIELD_TOO_LONG", "length": 10000, "max": 333, "field": "mark"}),
        ('"adminGrade": ["U"], "mark": "A"', {"reason": "FIELD_OF_KIND", "found": "array", "field": "adminGrade"}),
        (
            f'"mark": "A", "sourceCode": "{"s" * 256}"',
            {"reason": "FIELD_TOO_LONG", "length": 256, "max": 255, "field": "sourceCode"},
        ),
        ('"mark": "A", "learnUserId": true', {"reason": "FIELD_OF_KIND", "found": "boolean", "field": "learnUserId"}),
        ('"mark": "A", "mark": "A"', {"reason": "KEY_TWICE"}),
        ('"mark": "A", "x": 1, "x": 2', {"reason": "KEY_TWICE"}),
    ],
)
def test_an_entry_that_is_not_usable_keeps_its_person_and_harms_no_other(fields, detail):
    assert lines_of(f'{{"userId": "u1", {fields}}}, {{"userId": "u2", "mark": "A"}}') == [
        Entry(user_id="u1", fault=Cause.ENTRY_NOT_USABLE, fault_detail=detail),
        Entry(user_id="u2", mark="A"),
    ]


def test_a_strange_key_in_an_entry_is_no_fault():
    assert only_entry('{"userId": "u1", "mark": "A", "\\ud800\\u0000": 1}') == Entry(user_id="u1", mark="A")


# The same person twice


def faults(*participants):
    return [line.fault for line in body_of(*participants).lines]


def test_equal_entries_are_no_contradiction():
    assert faults({"userId": 5, "mark": "A"}, {"userId": "5", "mark": "A"}) == [None, None]


# Anything at all


@settings(deadline=None)  # a loaded machine is no fault
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_with_a_sentence(content):
    assert isinstance(read_or_refused(content), list) or read_or_refused(content).endswith(".")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    st.lists(st.fixed_dictionaries({}, optional={"userId": JSON, "mark": JSON, "adminGrade": JSON}) | JSON, max_size=6)
)
def test_every_item_of_any_list_becomes_one_line_at_its_place(items):
    body = body_of(*items)

    assert len(body.lines) == len(body.user_ids) == len(items)
    for place, (item, line, user_id) in enumerate(zip(items, body.lines, body.user_ids, strict=True), start=1):
        given_id = item.get("userId") if isinstance(item, dict) else None
        assert user_id == given_id
        if isinstance(line, UnreadableEntry):
            assert line.place == place
        else:
            assert line.user_id == (str(given_id) if isinstance(given_id, str) else str(int(Decimal(repr(given_id)))))
