"""How deep and how large a body may be. The same on every Python, and found before anything costs memory."""

import sys

import pytest

from exports.reading import body as reading
from exports.reading import bounds
from exports.reading.body import BodyError, TooManyParticipants, UnreadableEntry, read
from exports.reading.profiles import DOCUMENTED, Profile

TOO_DEEP = "The request body is nested too deeply: 100 lists and objects inside one another are allowed."


def entry(user_id):
    """Three deep itself."""
    return '{"participants": [{"userId": ' + user_id + ', "mark": "A"}]}'


def beside(value):
    """Two deep itself, of which one is around the value."""
    return '{"participants": [], "x": ' + value + "}"


def nested(depth, opens="[", closes="]", inner=""):
    return opens * depth + inner + closes * depth


@pytest.mark.parametrize(
    "text",
    [
        entry(nested(97)),
        entry(nested(97, '{"a":', "}", "1")),
        entry(nested(48, '[{"a":', "}]", "1")),
        beside(nested(99)),
        beside("[" + ",".join([nested(98)] * 50) + "]"),  # beside one another, not inside
        entry('"' + "[" * 5000 + '"'),  # brackets in a text are text
        entry('"\\\\\\"' + "[" * 5000 + '"'),
        entry('"' + "{" * 200 + '\\\\"'),
        '{"participants": [], "' + "[" * 500 + '": 1}',
        "\ufeff" + beside(nested(99)),
    ],
)
def test_a_body_of_a_hundred_levels_is_read_however_many_brackets_its_texts_hold(text):
    read(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        entry(nested(98)),
        entry(nested(98, '{"a":', "}", "1")),
        entry(nested(49, '[{"a":', "}]", "1")),
        entry(nested(300)),
        entry(nested(950)),
        entry(nested(100_000)),
        beside(nested(100)),
        beside("[" + nested(98) + ", [" + nested(98) + "]]"),
        beside('["\\\\", ' + nested(99) + "]"),
        "[" * 101,
        "[" * 1_000_000,
        '{"a":' * 100_000,
    ],
)
def test_a_body_that_is_nested_more_deeply_is_refused_and_says_how_deep_it_may_be(text):
    with pytest.raises(BodyError) as refused:
        read(text.encode())

    assert str(refused.value) == TOO_DEEP


def test_the_depth_does_not_hang_on_the_recursion_limit():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        with pytest.raises(BodyError, match="nested too deeply"):
            read(entry(nested(98)).encode())
    finally:
        sys.setrecursionlimit(before)


def test_a_user_id_that_is_nested_just_so_deeply_is_refused_alone():
    detail = {"reason": "FIELD_OF_KIND", "found": "array", "field": "userId", "place": 1}

    assert read(entry(nested(97)).encode()).lines == [UnreadableEntry(place=1, detail=detail)]


OTHER = Profile.compile({"participants": "rows[].people[]", "user_id": "id"})
ROWS = '{"rows": [{"people": LIST}, {"people": []}]}'


@pytest.mark.parametrize("item", ["0", "null", "{}", "[]", '""', "1.5", '"x"', '{"id": 1}', "[[0]]", "true"])
@pytest.mark.parametrize(
    ("profile", "text"), [(Profile.compile(DOCUMENTED), '{"participants": LIST}'), (OTHER, ROWS)], ids=["own", "other"]
)
def test_entries_are_counted_before_any_is_read(monkeypatch, profile, text, item):
    monkeypatch.setattr(reading.Shape, "read_entry", lambda *args: pytest.fail("an entry was read"))

    with pytest.raises(TooManyParticipants) as refused:
        read(text.replace("LIST", f"[{','.join([item] * 4)}]").encode(), profile, most=3)

    assert str(refused.value) == "The request body has 4 participants; 3 are allowed (EXPORT_MAX_PARTICIPANTS)."


def test_just_so_many_entries_are_read():
    assert len(read(b'{"participants": [{}, {}, {}]}', most=3).lines) == 3


@pytest.mark.parametrize("item", ["0", "{}", "[]", '{"":0}', '{"":0,"":0}', "[0,0]", '""', "null", '{"a":[{}]}', "-1"])
@pytest.mark.parametrize("text", ['{"participants": [ITEMS]}', beside("[ITEMS]"), entry("[ITEMS]")])
def test_more_values_than_participants_can_have_are_refused_before_they_are_parsed(monkeypatch, text, item):
    monkeypatch.setattr(bounds, "MAX_VALUES", 50)
    monkeypatch.setattr(reading.json, "loads", lambda *args, **kw: pytest.fail("it was parsed"))

    with pytest.raises(TooManyParticipants, match=r"more than 60 values.*EXPORT_MAX_PARTICIPANTS"):
        read(text.replace("ITEMS", ",".join([item] * 61)).encode(), most=3)


def test_commas_and_brackets_in_texts_are_no_values(monkeypatch):
    monkeypatch.setattr(bounds, "MAX_VALUES", 10)

    assert len(read(entry('"[,,,{,,,{,,,\\",,,,,"').encode()).lines) == 1
