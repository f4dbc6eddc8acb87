"""Blanks and characters that no one sees, in bodies and addresses as WISEflow might send them."""

from typing import Any
from urllib.parse import quote

import pytest

from courses.models import GradeColumn
from exports.grades.causes import Cause
from exports.models import ApiClient, Flow, Participant
from sandbox.server import SandboxLearn
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.factories import ColumnMappingFactory, RequestProfileFactory, TranslationFactory
from tests.spellings import BLANKS, INVISIBLE, blanks, code, unseen

SOURCE = "UNIwise||001||2026"
OWN = "Resit"
NO_ASSESSMENT = "There is no mark or alternative grade. Assess the participant in WISEflow, then export again."


def values(learn: SandboxLearn, column: str = COLUMN) -> dict[str, str]:
    found: dict[str, str] = learn.world.as_json()["courses"][COURSE]["columns"][column]["values"]
    return found


def reasons(answer: Any) -> dict[Any, str]:
    return {error["userId"]: error["errorInfo"] for error in answer["errors"]}


@pytest.fixture
def own_column(learn: SandboxLearn, flow: Flow) -> None:
    """`SOURCE` has a column of its own beside the flow's default."""
    learn.world.merge({"courses": {COURSE: {"columns": {OWN: {"points": None}}}}})
    column = GradeColumn.objects.create(course=GradeColumn.objects.get().course, name=OWN)
    ColumnMappingFactory(flow=flow, source_code=SOURCE, grade_column=column)


# Sources


def test_a_blank_around_a_source_leads_to_that_sources_column(
    learn: SandboxLearn, own_column: None, wiseflow: WiseFlow
) -> None:
    entries = [
        {"userId": f"u{place}", "mark": "75", "sourceCode": spelled}
        for place, spelled in enumerate([SOURCE, *(SOURCE + blank for blank in BLANKS), f"\u00a0{SOURCE}"], start=1)
    ]
    answer = wiseflow.export(*entries)
    assert answer["errors"] == []
    assert values(learn, OWN) == {entry["userId"]: "75" for entry in entries}
    assert values(learn) == {}


def test_a_blank_around_the_bodys_source_does_so_too(learn: SandboxLearn, own_column: None, wiseflow: WiseFlow) -> None:
    body = {"sourceCode": f"\u00a0{SOURCE} ", "participants": [{"userId": "u1", "mark": "75", "sourceCode": "\u3000"}]}
    assert wiseflow.post(body).json()["numberOfSuccess"] == 1
    assert values(learn, OWN) == {"u1": "75"}


def test_a_source_with_a_character_that_no_one_sees_is_refused_by_name(
    learn: SandboxLearn, own_column: None, wiseflow: WiseFlow
) -> None:
    spelled = {f"u{place}": character for place, character in enumerate(INVISIBLE, start=1)}
    answer = wiseflow.export(
        *({"userId": user, "mark": "75", "sourceCode": character + SOURCE} for user, character in spelled.items())
    )
    assert answer["numberOfSuccess"] == 0
    assert reasons(answer) == {
        user: f"The entry cannot be used: sourceCode contains the invisible character {code(character)}. "
        "Correct it in WISEflow, then export again."
        for user, character in spelled.items()
    }
    assert "U+FEFF" in str(answer)
    assert set(Participant.objects.values_list("cause", flat=True)) == {Cause.ENTRY_NOT_USABLE}
    assert values(learn) == values(learn, OWN) == {}


# People


@blanks
def test_blanks_around_a_user_id_are_cut_and_come_back_in_the_answer(
    flow: Flow, wiseflow: WiseFlow, blank: str
) -> None:
    answer = wiseflow.export({"userId": f"{blank}s77{blank}", "mark": ""})
    assert [error["userId"] for error in answer["errors"]] == [f"{blank}s77{blank}"]
    assert Participant.objects.get().user_id == "s77"


@blanks
def test_two_spellings_of_one_person_with_two_grades_contradict_each_other(
    learn: SandboxLearn, flow: Flow, wiseflow: WiseFlow, blank: str
) -> None:
    answer = wiseflow.export({"userId": "u1", "mark": "75"}, {"userId": f"u1{blank}", "mark": "20"})
    assert [error["userId"] for error in answer["errors"]] == ["u1", f"u1{blank}"]
    assert Participant.objects.get().cause == Cause.CONTRADICTORY_ENTRIES
    assert values(learn) == {}


def test_two_spellings_of_one_person_with_one_grade_are_one_person(
    learn: SandboxLearn, flow: Flow, wiseflow: WiseFlow
) -> None:
    answer = wiseflow.export({"userId": "u1", "mark": "75"}, {"userId": "\u00a0u1\u3000", "mark": " 75"})
    assert answer == {"numberOfSuccess": 2, "numberOfErrors": 0, "errors": []}
    assert Participant.objects.get().user_id == "u1"
    assert values(learn) == {"u1": "75"}


@unseen
def test_a_user_id_with_a_character_that_no_one_sees_names_no_person(
    flow: Flow, wiseflow: WiseFlow, unseen: str
) -> None:
    answer = wiseflow.export({"userId": f"s77{unseen}", "mark": "75"})
    [reason] = reasons(answer).values()
    assert reason.startswith("Entry 1 has no usable user id: userId contains the ")
    assert code(unseen) in reason
    assert not Participant.objects.exists()


@blanks
def test_blanks_around_a_learn_user_are_cut(learn: SandboxLearn, flow: Flow, wiseflow: WiseFlow, blank: str) -> None:
    assert wiseflow.export({"userId": 1, "mark": "75", "learnUserId": f"{blank}u2{blank}"})["numberOfSuccess"] == 1
    assert values(learn) == {"u2": "75"}


@unseen
def test_a_learn_user_with_a_character_that_no_one_sees_is_refused(
    learn: SandboxLearn, flow: Flow, wiseflow: WiseFlow, unseen: str
) -> None:
    answer = wiseflow.export({"userId": 1, "mark": "75", "learnUserId": f"u2{unseen}"})
    assert code(unseen) in reasons(answer)[1]
    assert Participant.objects.get().cause == Cause.ENTRY_NOT_USABLE
    assert values(learn) == {}


# Grades


@blanks
@pytest.mark.parametrize("key", ["mark", "adminGrade"])
def test_blanks_around_a_grade_are_cut(
    learn: SandboxLearn, flow: Flow, wiseflow: WiseFlow, key: str, blank: str
) -> None:
    flow.column_mappings.update(translation=TranslationFactory(alternatives={"75": "75"}))
    assert wiseflow.export({"userId": "u1", key: f"{blank}75{blank}"})["errors"] == []
    assert values(learn) == {"u1": "75"}


@unseen
@pytest.mark.parametrize("key", ["mark", "adminGrade"])
def test_a_grade_with_a_character_that_no_one_sees_is_refused(
    flow: Flow, wiseflow: WiseFlow, key: str, unseen: str
) -> None:
    grades = [f"{unseen}75", f"7{unseen}5", f"75{unseen}", f" A{unseen} "]
    answer = wiseflow.export(*({"userId": place, key: grade} for place, grade in enumerate(grades)))
    for place in range(4):
        assert reasons(answer)[place].startswith(f"The entry cannot be used: {key} contains the ")
        assert code(unseen) in reasons(answer)[place]


NOTHING = [*BLANKS, *INVISIBLE, "\u0001", "\u0000", " \u200b\u00a0", "\ufeff\ufeff", "\u200b" * 400, " " * 400]


@pytest.mark.parametrize("key", ["mark", "adminGrade"])
def test_a_grade_in_which_nothing_can_be_seen_is_none(flow: Flow, wiseflow: WiseFlow, key: str) -> None:
    answer = wiseflow.export(*({"userId": place, key: nothing} for place, nothing in enumerate(NOTHING)))
    assert reasons(answer) == dict.fromkeys(range(len(NOTHING)), NO_ASSESSMENT)
    assert set(Participant.objects.values_list("cause", flat=True)) == {Cause.NO_ASSESSMENT}


def test_an_alternative_grade_in_which_nothing_can_be_seen_does_not_override_the_mark(
    learn: SandboxLearn, flow: Flow, wiseflow: WiseFlow
) -> None:
    assert wiseflow.export({"userId": "u1", "mark": "75", "adminGrade": "\u200b"})["numberOfSuccess"] == 1
    assert values(learn) == {"u1": "75"}


def test_half_of_a_character_is_refused_and_no_missing_grade(flow: Flow, wiseflow: WiseFlow) -> None:
    answer = wiseflow.export({"userId": "u1", "mark": "\ud800"})
    assert "mark contains the lone surrogate U+D800" in reasons(answer)["u1"]


@pytest.mark.parametrize("mark", ["75,", "75.", "7 5", "7\u00a05", "1e5", "75 %"])
def test_a_sentence_about_a_wrong_grade_shows_where_it_ends(flow: Flow, wiseflow: WiseFlow, mark: str) -> None:
    flow.column_mappings.update(translation=TranslationFactory(marks="NUMERIC"))
    answer = wiseflow.export({"userId": "u1", "mark": f" {mark}\u00a0"})
    assert (
        f"The grade could not be converted for Learn: the mark '{mark}' is not a number such as 89.99."
        in reasons(answer)["u1"]
    )


# Flows


@blanks
def test_blanks_around_a_flow_id_are_cut_in_body_and_address(flow: Flow, wiseflow: WiseFlow, blank: str) -> None:
    body = {"flowId": f"77{blank}", "participants": []}
    for path in ("/api/wiseflow/export", f"/api/wiseflow/flows/{quote(f'{blank}77{blank}')}/export"):
        assert wiseflow.post(body, path).status_code == 200
    assert Flow.objects.get() == flow
    assert wiseflow.get(f"/api/wiseflow/flows/{quote(f'77{blank}')}/export").json()["flowId"] == "77"


@unseen
def test_a_flow_id_with_a_character_that_no_one_sees_is_refused(flow: Flow, wiseflow: WiseFlow, unseen: str) -> None:
    in_body = wiseflow.post({"flowId": f"77{unseen}", "participants": []}, "/api/wiseflow/export")
    assert in_body.status_code == 400
    assert in_body.json()["detail"].startswith("'flowId' contains the ")
    address = f"/api/wiseflow/flows/77{quote(unseen)}/export"
    in_address = wiseflow.post({"participants": []}, address)
    assert in_address.status_code == 400
    assert in_address.json()["detail"].startswith("The flow id in the address contains the ")
    assert code(unseen) in in_body.json()["detail"]
    assert code(unseen) in in_address.json()["detail"]
    assert wiseflow.get(address).status_code == 404
    assert Flow.objects.get() == flow


# Bodies of another shape

BODY = {
    "flow": "\u00a077 ",
    "rows": [
        {"id": " u1\u3000", "grade": {"value": "\u00a075 "}, "from": f" {SOURCE}\t", "learn": " u1", "by": " sis "},
        {"id": "u2", "grade": {"value": "\u200b"}},
        {"id": "u3", "grade": {"value": "7\u200b5"}},
        {"id": "u4\ufeff", "grade": {"value": "75"}},
    ],
}


@pytest.mark.parametrize(
    "expressions",
    [
        {
            "user_id": "id",
            "mark": "grade.value",
            "entry_source_code": "from",
            "learn_user_id": "learn",
            "added_by": "by",
        },
        {
            "user_id": "join('', [id])",
            "mark": "grade.value || ''",
            "entry_source_code": "not_null(from, '')",
            "learn_user_id": "not_null(learn, '')",
            "added_by": "not_null(by, '')",
        },
    ],
)
def test_a_body_of_another_shape_follows_the_same_rule(
    learn: SandboxLearn, own_column: None, wiseflow: WiseFlow, expressions: dict[str, str]
) -> None:
    profile = RequestProfileFactory(flow_id="flow", participants="rows", **expressions)
    ApiClient.objects.update(profile=profile)

    answer = wiseflow.post(BODY, "/api/wiseflow/export").json()

    assert (answer["numberOfSuccess"], answer["numberOfErrors"]) == (1, 3)
    assert values(learn, OWN) == {"u1": "75"}
    causes = dict(Participant.objects.values_list("user_id", "cause"))
    assert causes == {"u1": "", "u2": Cause.NO_ASSESSMENT, "u3": Cause.ENTRY_NOT_USABLE}
