"""Every code that is raised has its sentence, which can be made of what its raiser gives."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import courses
from courses.connection import ADVICE_FOR
from courses.learn_http.errors import Explained, Fault
from courses.sentences import ADVICE, EFFECTS, FIELDS, PARTS, SENTENCES, sentence, shown_grade
from tests.courses.grades_journey.pretend import NOT_REPEATABLE, REPEATABLE


def kinds(of: type) -> set[type]:
    return {of, *(kind for child in of.__subclasses__() for kind in kinds(child))}


ERRORS = {"__init__", *(kind.__name__ for kind in kinds(Explained))}  # what is called with a code
NO_SENTENCE = ("code", "advice", "effect")  # parameters that become sentences of their own
OLD = {"TEXT"}  # what no code raises any more
OF_DELIVERIES = {"FOUND_IN_LEARN", "READING_CRASHED"}  # raised where grades are sent
SAMPLES = {
    "lifts_at": "2026-05-03T09:00:00+00:00",
    "since_at": "2026-05-03T09:00:00+00:00",
    "lease_ends_at": "2026-05-03T09:00:00+00:00",
    "seconds": 0.2,
    "status": 412,
    "length": 334,
    "max": 333,
    "place": 2,
    "field": "course_id",
    "what": "lower bound",
}


def raised() -> Iterator[tuple[str, frozenset[str], str]]:
    """Code, names of parameters and place of everything in `courses` that says a code with its parameters."""
    for path in sorted(Path(courses.__file__).parent.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            place = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "code":
                        yield from ((code, frozenset(keys), place) for code in codes_in(value))
            elif isinstance(node, ast.Call) and node.args and name_of(node.func) in ERRORS:
                names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                yield from ((code, names, place) for code in codes_in(node.args[0]))


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def codes_in(node: ast.expr) -> list[str]:
    match node:
        case ast.Attribute(value=ast.Name(id="Fault"), attr=name):
            return [name]
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*codes_in(body), *codes_in(orelse)]
    return []


RAISED = list(raised())


def checked(text: str) -> str:
    """The sentence, if it is one."""
    assert "%(" not in text
    assert text.endswith(".")
    assert not text.endswith("..")
    assert text[0].isupper()
    assert text == " ".join(text.split())
    return text


@pytest.mark.parametrize(("code", "names", "place"), RAISED, ids=[f"{code} {place}" for code, _, place in RAISED])
def test_what_is_raised_has_a_sentence_made_of_what_its_raiser_gives(code, names, place):
    params = {name: SAMPLES.get(name, "Sample 1") for name in names - set(NO_SENTENCE)}
    text = checked(sentence({"code": code, **params}))
    assert text != f"{code}."


def test_every_fault_is_raised_and_every_sentence_said():
    codes = {code for code, _names, _place in RAISED}
    assert codes >= set(Fault)
    assert codes == set(SENTENCES) - OLD - OF_DELIVERIES


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("code", [Fault.EMPTY, Fault.TOO_LONG, Fault.NOT_SENDABLE])
def test_fields_are_named_as_people_name_them(code, field):
    text = checked(sentence({"code": code, "field": field, "length": 334, "max": 333}))
    assert text.startswith(f"The {FIELDS[field]} ")
    assert "_" not in text


@pytest.mark.parametrize("what", PARTS)
def test_parts_of_a_text_are_named(what):
    text = checked(sentence({"code": "PART_EMPTY", "what": what, "place": 3}))
    assert text == f"{what.capitalize()} 3 is empty."


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
def test_what_every_item_may_have_done_is_said(kind):
    text = sentence({"code": Fault.CONNECTION_BROKEN, "effect": kind.effect})
    assert text == f"The connection to Learn broke. {checked(str(EFFECTS[kind.effect]))}"


@pytest.mark.parametrize("advice", [*ADVICE_FOR.values(), *ADVICE])
def test_advice_follows_as_a_sentence(advice):
    text = sentence({"code": "REJECTED", "message": "No such column.", "advice": advice})
    assert text == f"Learn rejected it: No such column. {checked(str(ADVICE[advice]))}"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ({}, ""),
        ({"code": "A_LATER_CODE", "x": 1}, "A_LATER_CODE."),
        ({"code": "TEXT", "text": "As it was"}, "As it was."),
        ({"code": "TEXT", "text": "Two. Sentences."}, "Two. Sentences."),
        ({"code": "REJECTED"}, "Learn rejected it: Learn gave no reason."),
        ({"code": "REJECTED", "message": "50 % of %(x)s"}, "Learn rejected it: 50 % of %(x)s."),
        ({"code": "REDIRECTED", "address": ""}, "an unknown address"),
        ({"code": "QUOTA_USED_UP", "lifts_at": "2026-12-31T23:30:00+00:00"}, "1 January 2027, 00:30."),
        ({"code": "IN_LEARN", "since_at": ""}, "It has been in Learn since an unknown time."),
        ({"code": "IN_LEARN"}, "It has been in Learn since an unknown time."),
        ({"code": "EMPTY", "field": "a_new_field"}, "a_new_field is empty."),
    ],
)
def test_reasons_of_any_version_can_be_read(reason, text):
    found = sentence(reason)
    assert text in found
    assert bool(found) == bool(reason)


@pytest.mark.parametrize(
    "reason",
    [
        {"code": "NO_ANSWER_IN_TIME"},
        {"code": "INTERRUPTED", "advice": "NEWER"},
        {"code": "QUOTA_USED_UP", "lifts_at": "soon"},
        {"code": "NEWER"},
        {"advice": "NEWER"},
    ],
)
def test_a_reason_of_another_version_breaks_no_page(reason):
    assert sentence(reason).endswith(".")


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ({"shown": "B"}, "B"),
        ({"shown": "B", "score": "83", "possible": "100"}, "B (83 of 100)"),
        ({"shown": "B", "score": "83"}, "B (83)"),
        ({"shown": "83", "score": "83", "possible": "100"}, "83 of 100"),
        ({"shown": "83", "score": "83"}, "83"),
        ({"shown": "B", "is_exempt": True, "is_corrupt": True}, "B, exempt, marked as corrupt"),
        ({"shown": "Withdrawn", "has_notation": True}, "Withdrawn, a notation"),
        ({"shown": "", "is_exempt": True}, "no grade, exempt"),
        ({"shown": ""}, "no grade"),
        ({}, "no grade"),
        ({"shown": "50 % of %(x)s", "score": "1", "possible": "2"}, "50 % of %(x)s (1 of 2)"),
    ],
)
def test_what_learn_shows_is_said_as_people_see_it(detail, text):
    assert shown_grade(detail) == text
