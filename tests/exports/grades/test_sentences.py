"""Every cause, reason and parameter is said in plain sentences, to administrators and to everyone else."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from courses import sentences as learn
from courses.learn_http.errors import Fault
from exports.grades import sentences
from exports.grades.causes import Cause
from exports.grades.sentences import GUIDANCE, REASONS, WHOLE, error_info, sentence, what_to_do

# What only an administrator may do in GradeBridge or to its server
BY_ADMINISTRATORS = {
    Cause.PAUSED,
    Cause.NOT_MAPPED,
    Cause.SOURCE_NOT_MAPPED,
    Cause.COLUMN_DELETED,
    Cause.NOT_SYNCHRONISED,
    Cause.NOT_ON_ROSTER,
    Cause.ADDED_BY_HAND,
    Cause.ALTERNATIVE_GRADE_OF_ANOTHER,
    Cause.SAME_LEARN_USER,
    Cause.SAME_LEARN_USER_ELSEWHERE,
    Cause.REPLACED,
    Cause.VALUE_NOT_USABLE,
    Cause.LEARN_USER_UNKNOWN,
    Cause.CREDENTIALS_REFUSED,
    Cause.PERMISSION_MISSING,
    Cause.NOT_INSTALLED,
    Cause.REQUEST_REFUSED,
    Cause.INTERNAL_ERROR,
}

AT = "2026-09-30T21:59:00+00:00"
EXPORTED = {"value": "Not passed", "since_on": AT}
BY_ANNA = {"held_by": "anna", "held_at": AT, "why": "The board meets on Friday"}
HOLDER = {"value": "75.5", "user_id": "u1001", "flow_id": "1234567"}

# A detail as its raiser gives it: cause -> parameters
DETAILS = {
    Cause.NO_USER_ID: {"reason": "FIELD_MISSING", "field": "userId", "place": 49999},
    Cause.ENTRY_NOT_USABLE: {"reason": "FIELD_OF_KIND", "field": "learnUserId", "found": "object"},
    Cause.HELD: BY_ANNA,
    Cause.PAUSED: BY_ANNA,
    Cause.SOURCE_NOT_MAPPED: {"source_code": "UNIwise||001||2021"},
    Cause.COLUMN_DELETED: {"column_name": "Final grade"},
    Cause.ASSESSMENT_NOT_ENDED: {"ends_at": AT},
    Cause.ALTERNATIVE_GRADE_TOO_EARLY: {"ends_at": AT},
    Cause.ALREADY_EXPORTED: EXPORTED,
    Cause.ALTERNATIVE_GRADE_LOCKED: EXPORTED,
    Cause.ALTERNATIVE_GRADE_OF_ANOTHER: HOLDER,
    Cause.SAME_LEARN_USER: {"learn_user_id": "s1001", "others": ["u1", "u2"]},
    Cause.SAME_LEARN_USER_ELSEWHERE: HOLDER,
    Cause.REPLACED: HOLDER,
    Cause.PERHAPS_REPLACED: HOLDER,
    Cause.MISPLACED: {"places": [["BIO101-2026", "Final grade", "wrong5"]]},
    Cause.CHANGED_IN_LEARN: {"shown": "12", "score": "12", "possible": "100"},
    Cause.LEARN_GRADE_KEPT: {"shown": "12"},
    Cause.NOT_READ: {"problem": {"code": "NOT_REACHED"}},
    Cause.VALUE_NOT_USABLE: {"reason": "VALUE_TOO_LONG", "length": 400, "max": 333},
    Cause.LEARN_USER_UNKNOWN: {"user_id": "u1001"},
    Cause.REJECTED_BY_LEARN: {"code": "REJECTED", "message": "User u1001 is not enrolled in course BIO101-2026."},
    Cause.LEARN_UNAVAILABLE: {"code": "NOT_REACHED"},
    Cause.CREDENTIALS_REFUSED: {"code": "KEY_REFUSED"},
    Cause.PERMISSION_MISSING: {"code": "NOT_ENTITLED"},
    Cause.NOT_INSTALLED: {"code": "SERVICE_UNKNOWN"},
    Cause.QUOTA_USED_UP: {"code": "QUOTA_USED_UP", "lifts_at": AT},
    Cause.REQUEST_REFUSED: {"code": "REFUSED", "status": 400, "message": "The request body is not JSON"},
    Cause.UNCONFIRMED: {"code": "NO_ANSWER_IN_TIME", "seconds": 30, "effect": "GRADE"},
    Cause.INTERNAL_ERROR: {"code": "CRASHED"},
}

OF_FIELD = {"field": "results[0].grade"}
OF_MARK = {"mark": "89,99"}
OF_VALUE = {"value": "101"}
# Reason -> cause and parameters
OF_ENTRY = {
    "KEY_TWICE": {},
    **dict.fromkeys(("FIELD_TWICE", "FIELD_AMBIGUOUS", "FIELD_TOO_DEEP", "FIELD_NO_FIT", "FIELD_ADDED_BY"), OF_FIELD),
    "FIELD_OF_KIND": {**OF_FIELD, "found": "boolean"},
    "FIELD_TOO_LONG": {**OF_FIELD, "length": 10_000, "max": 333},
    "FIELD_CHARACTER": {**OF_FIELD, "kind": "invisible character", "character": "U+200B"},
    "FIELD_NO_ORDER": {**OF_FIELD, "found": "computed"},
    "FIELD_NO_ARGUMENT": {**OF_FIELD, "function": "starts_with", "found": "expref"},
    "FIELD_JOIN": {**OF_FIELD, "found": "null"},
}
OF_PERSON = {
    "NO_OBJECT": {"found": "array"},
    **dict.fromkeys(("FIELD_MISSING", "FIELD_NULL", "FIELD_EMPTY", "FIELD_NOT_WHOLE"), OF_FIELD),
}
OF_GRADE = {
    **dict.fromkeys(
        ("MARK_NOT_IN_TRANSLATION", "CODE_NOT_IN_TRANSLATION", "MARK_NO_NUMBER", "MARK_LOSES_DIGITS"), OF_MARK
    ),
    "VALUE_EMPTY": {},
    "NAMES_TOO_LONG": {},
    "NOT_IN_WISEFLOW": {"user_id": "u1001"},
    "VALUE_TOO_LONG": {"length": 334, "max": 333},
    **dict.fromkeys(("VALUE_NO_SYMBOL", "VALUE_NO_NUMBER", "VALUE_NO_GRADE", "VALUE_AMBIGUOUS"), OF_VALUE),
    "VALUE_OUT_OF_RANGE": {**OF_VALUE, "points": "100"},
}
WHOLES = {
    "NO_ANSWER_YET": (Cause.UNCONFIRMED, {}),
    "SYNCHRONISED_LATER": (Cause.NOT_SYNCHRONISED, {"synchronised_at": "2026-05-03T09:00:00+00:00"}),
    "CORRECTION_APPROVED": (Cause.ALREADY_EXPORTED, {**EXPORTED, "mark": "Passed"}),
    "PERSON_HELD": (Cause.HELD, BY_ANNA),
    "SET_BY": (Cause.CHANGED_IN_LEARN, {"shown": "12", "by": "M. Hansen", "changed_at": AT}),
    "SET_ON": (Cause.CHANGED_IN_LEARN, {"shown": "12", "changed_at": AT}),
    "ANOTHER_SHOWN": (Cause.NOT_IN_LEARN, {"shown": "12"}),
    "COLUMN_PERHAPS_DELETED": (Cause.UNCONFIRMED, {"column_name": "Final grade", "deleted_on": AT}),
}
SAMPLES = {
    **{reason: (Cause.ENTRY_NOT_USABLE, params) for reason, params in OF_ENTRY.items()},
    **{reason: (Cause.NO_USER_ID, {"place": 49999, **params}) for reason, params in OF_PERSON.items()},
    **{reason: (Cause.VALUE_NOT_USABLE, params) for reason, params in OF_GRADE.items()},
    **WHOLES,
}
ALL = [
    *(pytest.param(cause, DETAILS.get(cause, {}), id=cause.value) for cause in Cause),
    *(pytest.param(cause, {"reason": reason, **params}, id=reason) for reason, (cause, params) in SAMPLES.items()),
]


def is_sentence(text):
    """Nothing is left of a template, and it ends in one full stop."""
    return text[0].isupper() and re.search(r"[^ .:]\.$", text) and not re.search(r"%\(|[?{}\n]|  | \.|''", text)


# The tables


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_guidance_and_a_short_name(cause):
    assert cause in GUIDANCE
    assert 0 < len(cause.label) <= 40
    assert len(cause.value) <= 40  # the column that keeps it


def raised_reasons():
    """Every reason that is written in a call or a detail anywhere in exports."""
    found = set()
    for path in Path(settings.BASE_DIR, "exports").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="Unreadable" | "CannotFind" | "NotTranslatable"), args=[first, *_]):
                    names = [first]
                case ast.Call(func=ast.Name(id="looked_up"), args=[*_, last]):
                    names = [last]
                case ast.Dict(keys=keys, values=values):
                    pairs = zip(keys, values, strict=True)
                    names = [value for key, value in pairs if getattr(key, "value", "") == "reason"]
                case _:
                    continue
            found |= {name.value for name in names if isinstance(name, ast.Constant) and isinstance(name.value, str)}
    return found - {""}


def test_every_reason_that_is_raised_has_a_sentence_and_a_sample_here():
    raised = raised_reasons()

    assert len(raised) > 25
    assert raised <= {*REASONS, *WHOLE}
    assert {*REASONS, *WHOLE} == set(SAMPLES)


def test_every_kind_that_is_found_in_a_body_has_words():
    assert set(sentences.KINDS) == {
        *("null", "boolean", "number", "computed", "string", "array", "object", "expref"),
        *("control character", "invisible character", "lone surrogate", "line break"),
    }


# The sentences


@pytest.mark.parametrize("may_configure", [False, True])
@pytest.mark.parametrize(("cause", "detail"), ALL)
def test_everything_is_said_shortly_with_what_to_do(cause, detail, may_configure):
    said, info = sentence(cause, detail), error_info(cause, detail, may_configure=may_configure)

    assert is_sentence(said), said
    assert is_sentence(info), info
    assert len(info) <= 250
    assert info == f"{said} {what_to_do(cause, may_configure=may_configure)}"


@pytest.mark.parametrize(("cause", "detail"), ALL)
def test_every_parameter_is_said(cause, detail):
    said = sentence(cause, detail)

    for name, value in detail.items():
        if isinstance(value, dict):  # what Learn says of it
            assert learn.sentence(value) in said
        elif name not in ("reason", "code", "effect", "found", "place") and not name.endswith(("_at", "_on")):
            texts = value if isinstance(value, list) else [str(value).rstrip(".")]
            assert all((text if isinstance(text, str) else text[0]) in said for text in texts), (name, said)


@pytest.mark.parametrize(
    ("cause", "detail", "said"),
    [
        (
            Cause.NO_USER_ID,
            {"reason": "NO_OBJECT", "place": 2, "found": "null"},
            "Entry 2 has no usable user id: it is null, not an object.",
        ),
        (
            Cause.ENTRY_NOT_USABLE,
            {"reason": "FIELD_OF_KIND", "field": "mark", "found": "array"},
            "The entry cannot be used: mark is a list, not a text or number.",
        ),
        (
            Cause.ENTRY_NOT_USABLE,
            {"reason": "FIELD_CHARACTER", "field": "mark", "kind": "lone surrogate", "character": "U+D800"},
            "The entry cannot be used: mark contains the lone surrogate U+D800.",
        ),
        (
            Cause.VALUE_NOT_USABLE,
            {"reason": "VALUE_OUT_OF_RANGE", "value": "101", "points": "100"},
            "The grade could not be converted for Learn: '101' is not between 0 and the column's 100 points.",
        ),
        (Cause.SOURCE_NOT_MAPPED, {"source_code": ""}, "No Learn column is chosen for source (none) of this flow."),
        (Cause.UNCONFIRMED, {"reason": "NO_ANSWER_YET"}, "Learn has not answered yet."),
        (
            Cause.UNCONFIRMED,
            {"code": "CONNECTION_BROKEN", "effect": "GRADE"},
            "The connection to Learn broke. The grade may or may not be in Learn's gradebook.",
        ),
        (Cause.REJECTED_BY_LEARN, {"code": "REJECTED", "message": "No such user."}, "Learn rejected it: No such user."),
        (Cause.REJECTED_BY_LEARN, {"text": "No such user."}, "Rejected by Learn: No such user."),
        (
            Cause.MISPLACED,
            {"places": [["BIO", "Final", "u1"], ["CHE", "Essay", "u2"]]},
            "The grade is in Learn for Learn user u1 in column Final of course BIO; "
            "Learn user u2 in column Essay of course CHE, which is no longer the right place.",
        ),
    ],
)
def test_a_sentence_says_what_happened(cause, detail, said):
    assert sentence(cause, detail) == said


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["u2"], "u2"),
        (["u2", "u3"], "u2, u3"),
        (["u2", "u3", "u4"], "u2, u3, u4"),
        (["u2", "u3", "u4", "u5"], "u2, u3, u4 and 1 more"),
        ([f"u{number}" for number in range(2, 22)], "u2, u3, u4 and 17 more"),
    ],
)
def test_of_several_who_share_a_learn_user_some_are_named_and_the_rest_counted(others, said):
    detail = {"learn_user_id": "s1", "others": others}
    assert sentence(Cause.SAME_LEARN_USER, detail) == (
        f"This student has the same Learn user (s1) as {said} in this flow."
    )


@pytest.mark.parametrize(
    ("cause", "detail", "zone", "said"),
    [
        (Cause.ASSESSMENT_NOT_ENDED, {"ends_at": AT}, "Europe/Copenhagen", "30 September 2026, 23:59"),
        (Cause.ASSESSMENT_NOT_ENDED, {"ends_at": AT}, "Asia/Tokyo", "1 October 2026, 06:59"),
        (Cause.ASSESSMENT_NOT_ENDED, {"ends_at": "2026-06-03T12:00:00+09:00"}, "UTC", "3 June 2026, 03:00"),
        (Cause.ALREADY_EXPORTED, {"value": "B", "since_on": "2026-05-03T22:30:00+00:00"}, "UTC", "3 May 2026 (B)"),
        (
            Cause.ALREADY_EXPORTED,
            {"value": "B", "since_on": "2026-05-03T22:30:00+00:00"},
            "Europe/Copenhagen",
            "4 May 2026 (B)",
        ),
        (Cause.QUOTA_USED_UP, {"code": "QUOTA_USED_UP", "lifts_at": AT}, "Asia/Tokyo", "1 October 2026, 06:59"),
    ],
)
def test_days_and_times_are_in_the_zone_of_the_site(cause, detail, zone, said):
    with timezone.override(zone):
        assert said in sentence(cause, detail)


# Odd values

ODD = [
    *("{detail} {0} {}", "%(reason)s %s %", "100 %", "a \"quoted\" 'text'", "<b>&amp;</b>", "back\\slash \\n"),
    *("two\nlines\r\n", "\u2028\u200b\u202e", "🎓 æ é", "...", ".", "", " ", "x" * 500, "%" * 500, "{" * 500),
]


@pytest.mark.parametrize("odd", ODD, ids=[ascii(text[:12]) for text in ODD])
@pytest.mark.parametrize(("cause", "detail"), ALL)
def test_odd_values_harm_no_sentence(cause, detail, odd):
    kept = ("reason", "code", "effect")
    strange = {
        name: [odd if isinstance(item, str) else [odd] * 3 for item in value] if isinstance(value, list) else odd
        for name, value in detail.items()
        if name not in kept and not name.endswith(("_at", "_on"))
    }

    said = sentence(cause, {**detail, **strange})

    template = sentence(cause, detail)
    assert said[0] == template[0]
    assert said.endswith(".")
    assert len(said) < 1100
    if odd in ODD[:6] and strange.keys() - {"place", "found", "kind"}:
        assert odd.rstrip(". ") in said


def test_long_grades_and_names_are_cut():
    said = sentence(Cause.REPLACED, {"value": "x" * 333, "user_id": "u" * 255, "flow_id": "f" * 255})
    assert said == (
        f"Learn now shows {'x' * 60}… of student {'u' * 60}… in flow {'f' * 60}… for the same Learn user and column."
    )
    assert len(sentence(Cause.MISPLACED, {"places": [["c" * 333, "n" * 333, "u" * 333]]})) < 300


# Details of other versions

OTHERS = [
    {"reason": "OF_A_NEWER_VERSION"},
    {"reason": "OF_A_NEWER_VERSION", "value": "x", "field": "mark"},
    {"reason": "FIELD_OF_KIND"},
    {"reason": "VALUE_OUT_OF_RANGE", "value": "5"},
    {"reason": "CORRECTION_APPROVED", "since_on": "no day"},
    {"reason": None},
    {"reason": ["x"]},
    {"code": "OF_A_NEWER_VERSION", "seconds": 5},
    {"code": "NO_ANSWER_IN_TIME"},
    {"code": "QUOTA_USED_UP", "lifts_at": "no time"},
    {"code": "REFUSED", "message": None},
    {"code": "NOT_REACHED", "effect": "NEWER", "advice": "NEWER"},
    {"text": None},
    {"text": ""},
    {"text": "..."},
    {"ends_at": None, "since_on": 5, "places": [["one"]], "others": None},
    {"unknown": {"a": [1]}},
    {},
]


@pytest.mark.parametrize("detail", OTHERS, ids=str)
@pytest.mark.parametrize("cause", Cause)
def test_a_detail_of_another_version_still_gives_a_sentence(cause, detail):
    said = sentence(cause, detail)

    assert said[0].isupper()
    assert said.endswith(".")
    assert not said.endswith("..")
    assert "%(" not in said
    assert error_info(cause, detail) == f"{said} {what_to_do(cause)}"


@pytest.mark.parametrize("cause", Cause)
def test_without_what_its_sentence_needs_a_cause_is_said_by_its_name(cause):
    needs_detail = cause in DETAILS and cause is not Cause.INTERNAL_ERROR
    assert (sentence(cause, {}) == f"{cause.label}.") == needs_detail


# What to do


@pytest.mark.parametrize("cause", Cause)
def test_only_where_an_administrator_must_act_do_managers_read_something_else(cause):
    for_managers, for_administrators = what_to_do(cause), what_to_do(cause, may_configure=True)

    if cause in BY_ADMINISTRATORS:
        assert "sk an administrator" in for_managers or "contact your administrator" in for_managers
        assert "administrator" not in for_administrators
        assert for_managers != for_administrators
    else:
        assert for_managers == for_administrators


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in BY_ADMINISTRATORS])
def test_managers_are_sent_only_where_they_may_act(cause):
    for word in ("flow's page", "mapping", "roster", "translation", "profile", "LEARN_", "log", "synchronised"):
        assert word not in what_to_do(cause)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_next_step(cause):
    steps = (
        "retry",
        "export again",
        "correct the export",
        "change it in learn",
        "request a correction",
        "export them",
        "replace it",
    )
    for may_configure in (False, True):
        assert any(step in what_to_do(cause, may_configure=may_configure).lower() for step in steps)


def test_only_what_wiseflow_sent_cannot_be_repaired_by_a_retry():
    needing = {cause for cause in Cause if cause.needs_new_export}

    assert needing == {Cause.NO_USER_ID, Cause.ENTRY_NOT_USABLE, Cause.CONTRADICTORY_ENTRIES}
    assert not any("retry" in what_to_do(cause).lower() for cause in needing)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_of_a_call_to_learn_is_said(fault):
    assert fault in learn.SENTENCES


def test_sentences_are_made_in_the_language_of_the_reader():
    for table in (REASONS, WHOLE, sentences.KINDS):
        assert all(not isinstance(text, str) for text in table.values())  # lazy: translated where it is read
