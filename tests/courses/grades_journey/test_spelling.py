"""An answer that repeats a name in another spelling: no further call would say more."""

import time
from collections.abc import Callable

import pytest

from courses.grades_journey import (
    Call,
    ColumnToDelete,
    EnrolmentData,
    ExternalGradeColumn,
    GradableItem,
    GradesJourney,
    GradeValue,
    Item,
    ItemRejected,
    ItemType,
    SchemaItem,
)
from courses.grades_journey.results import Result, written_otherwise
from courses.grades_journey.settlement import Settlement
from courses.learn_http.errors import LearnError
from courses.sentences import reason_of
from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.courses.grades_journey.conftest import Send
from tests.courses.grades_journey.pretend import NOT_REPEATABLE, REPEATABLE, PretendLearn, grade, grades, items_of
from tests.courses.learn_http.pretend import answer
from tests.sentences import said

OTHERWISE = [
    ("R&D", "R&amp;D"),
    ("R&amp;D", "R&D"),
    ("Tom's essay", "Tom&#39;s essay"),
    ('The "final"', "The &quot;final&quot;"),
    ("A < B", "A &lt; B"),
    ("Élan", "&Eacute;lan"),
    ("Final Exam", "final exam"),
    ("final exam", "FINAL EXAM"),
    ("Maße", "MASSE"),
    ("Final  Exam", "Final Exam"),
    ("Final Exam ", "Final Exam"),
    ("Final Exam", "Final\u00a0Exam"),
    ("Final Exam", "Final\tExam"),
    ("Caf\u00e9", "Cafe\u0301"),
    ("R&D  Exam", "r&amp;d exam"),
]
ANOTHER = [
    ("Exam", "Exam 2"),
    ("Exam 1", "Exam1"),
    ("Exam", ""),
    ("Exam", "Example"),
    ("R&D", "R and D"),
    ("R&D", "R&amp;amp;D"),
    ("R&D", "RD"),
    ("Exam", "&lt;Exam&gt;"),
    ("Café", "Cafe"),
    ("Exam", "\u0415\u0445am"),  # two Cyrillic letters
    ("Exam", "Exam."),
    ("1", "\u0661"),
]


def answering(*answered: str | None, course: str = "c1", status: str = "OK") -> list[Result]:
    return [Result(status=status, message="", echo=(course, name)) for name in answered]


def finished(items: list[GradeValue], results: list[Result]) -> tuple[list[LearnError | None], int]:
    """What becomes of the items where every call of so many is answered so, and the number of calls."""
    calls: list[int] = []

    def send(some: object) -> list[Result]:
        calls.append(len(list(some)))  # type: ignore[call-overload]
        return results[: calls[-1]] if len(results) == len(items) else results

    return Settlement(items, send, until=time.monotonic() + 5).finish(), len(calls)


@pytest.mark.parametrize(("sent", "answered"), OTHERWISE)
def test_a_name_in_another_spelling_is_named_after_one_call(sent: str, answered: str):
    outcomes, calls = finished(grades(3, column=sent), answering(*[answered] * 3))
    for outcome in outcomes:
        assert outcome is not None
        assert (outcome.code, outcome.params["effect"]) == ("NAME_WRITTEN_OTHERWISE", "GRADE")
        assert outcome.params["sent"] != outcome.params["answered"]
        assert str(outcome.params["answered"]).isprintable()
    assert calls == 1


@pytest.mark.parametrize(("sent", "answered"), ANOTHER)
def test_another_name_is_no_other_spelling(sent: str, answered: str):
    outcomes, calls = finished(grades(2, column=sent), answering(answered, answered))
    assert [outcome and outcome.code for outcome in outcomes] == ["RESULTS_NOT_MATCHED"] * 2
    assert calls == 3


@pytest.mark.parametrize("course", ["C1", " c1", "c1\u00a0", "&#99;1"])
def test_a_course_id_has_spellings_too(course: str):
    [outcome], calls = finished([grade()], answering("Exam", course=course))
    assert outcome is not None
    assert (outcome.code, outcome.params["sent"], calls) == ("NAME_WRITTEN_OTHERWISE", "c1", 1)


@pytest.mark.parametrize("results", [answering("exam"), answering("exam", "exam", "exam"), answering("exam", None)])
def test_of_results_that_do_not_fit_no_spelling_is_believed(results: list[Result]):
    items = grades(2)
    assert finished(items, results)[1] == 3
    assert [result.spelling for result in written_otherwise(items, results[:1])] == [None]


def test_a_result_without_a_status_is_not_believed_in_any_spelling():
    outcomes, calls = finished(grades(2), answering("exam", "exam", status=""))
    assert [outcome and outcome.code for outcome in outcomes] == ["RESULTS_NOT_MATCHED"] * 2
    assert calls == 3


def test_columns_that_differ_in_their_spelling_alone_are_told_apart_by_it():
    items = [grade("u1", column="Exam"), grade("u2", column="EXAM")]
    assert finished(items, answering("EXAM", "Exam")) == ([None, None], 1)
    outcomes, _calls = finished(items, answering("exam", "exam"))
    assert [outcome and outcome.code for outcome in outcomes] == ["NAME_WRITTEN_OTHERWISE"] * 2  # asked for one by one


def test_the_other_items_of_the_call_are_judged_by_it():
    items = [grade("u1"), grade("u2", column="R&D"), grade("u3"), grade("u4", column="Essay")]
    outcomes, calls = finished(items, answering("Exam", "R&amp;D", "Exam", "Essay"))
    assert [outcome and outcome.code for outcome in outcomes] == [None, "NAME_WRITTEN_OTHERWISE", None, None]
    assert calls == 1


def test_the_others_that_failed_are_asked_for_again_without_it():
    items = [grade("u1"), grade("u2", column="R&D"), grade("u3")]
    asked: list[list[str]] = []

    def send(some: list[GradeValue]) -> list[Result]:  # type: ignore[type-arg, unused-ignore]
        asked.append([item.user_id for item in some])
        return [
            Result(
                status="ERROR" if item.user_id == "u3" else "OK",
                message="No",
                echo=("c1", item.name.replace("&", "&amp;")),
            )
            for item in some
        ]

    outcomes = Settlement(items, send, until=time.monotonic() + 5).finish()  # type: ignore[arg-type]
    assert asked == [["u1", "u2", "u3"], ["u3"]]
    assert [type(outcome) for outcome in outcomes][::2] == [type(None), ItemRejected]
    assert outcomes[1] is not None
    assert outcomes[1].code == "NAME_WRITTEN_OTHERWISE"


def test_people_read_both_spellings():
    [outcome], _calls = finished([grade(column="R&D")], answering("R&amp;D"))
    assert outcome is not None
    assert said(outcome) == (
        "Learn answered for 'R&amp;D' where 'R&D' was sent. Use the spelling that Learn has. "
        "The grade may or may not be in Learn's gradebook."
    )


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize("write", [str.upper, lambda name: f" {name}", lambda name: name.replace("n", "&#110;")])
def test_it_costs_one_call_of_any_service(
    learn: PretendLearn, send: Send, observed: list[Call], kind: type[Item], write: Callable[[str], str]
):
    learn.script.append(lambda items: answer([{**one, "name": write(one["name"])} for one in learn.take(items)]))
    outcomes = send(*items_of(kind, 3))
    assert [outcome and outcome.params["sent"] for outcome in outcomes] == ["n1", "n2", "n3"]
    assert {(outcome and outcome.code, outcome and outcome.params["effect"]) for outcome in outcomes} == {
        ("NAME_WRITTEN_OTHERWISE", kind.effect)
    }
    assert [call.error for call in observed] == ["Unconfirmed"]


SANDBOX_ITEMS: list[list[Item]] = [
    [GradeValue(course_id="BIO", user_id=user, name="Exam", value="1") for user in ("s1", "s2", "s3")],
    [GradableItem(course_id="BIO", name=name, item_type=ItemType.MANUAL_COLUMN) for name in ("Lab a", "Lab b")],
    [SchemaItem(title=title, symbols="P=50:F=0") for title in ("Pass", "Fail")],
    [ColumnToDelete(course_id="BIO", name="Exam")],
    [ExternalGradeColumn(course_id="BIO", name="Exam")],
    [EnrolmentData(course_id="BIO", user_id="s1", optional_data="Room=B12")],
]


@pytest.mark.parametrize("items", SANDBOX_ITEMS, ids=lambda items: items[0].service)
def test_the_sandbox_learn_that_spells_otherwise_is_called_once(items: list[Item]):
    world = World(
        {"courses": {"BIO": {"experience": "ORIGINAL", "users": ["s1", "s2", "s3"], "columns": {"Exam": {}}}}}
    )
    with SandboxLearn(world, key="key", secret="secret") as sandbox:
        sandbox.faults.add("other_spelling", times=None)
        journey = GradesJourney(url=sandbox.url, key="key", secret="secret", timeout=5)
        outcomes = journey.send(items, until=time.monotonic() + 10)
        calls = [call for call in sandbox.calls.as_json() if call["service"] == items[0].service]
    assert [outcome and outcome.code for outcome in outcomes] == ["NAME_WRITTEN_OTHERWISE"] * len(items)
    assert outcomes[0] is not None
    sent = items[0].echo[1]
    assert reason_of(outcomes[0]) == {
        "code": "NAME_WRITTEN_OTHERWISE",
        "sent": sent,
        "answered": sent.swapcase(),
        "effect": items[0].effect,
    }
    assert len(calls) == 1
