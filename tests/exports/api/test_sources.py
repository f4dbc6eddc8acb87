"""People of several SIS sources over the whole way: each grade to the column of its source, and true numbers."""

import threading

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from courses.models import GradeColumn
from exports.delivering import recording
from exports.importing import rosters
from exports.mapping.deleting import take_grades_out
from exports.models import Delivery, Flow, GradeInLearn, Participant
from exports.retrying import retry
from exports.tasks import deliver_attempt
from tests.conftest import COURSE
from tests.exports.importing.files import csv_file
from tests.factories import (
    ColumnMappingFactory,
    CourseFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
)
from tests.signed_in import signed_in, text_of

S, T, REST = "UNIwise||001||2026", "UNIwise||002||2026", "UNIwise||003||2026"
OTHER = "CHE201-2026"
COLUMNS = {S: (COURSE, "Biology"), T: (OTHER, "Chemistry"), "": (COURSE, "Rest")}
PARTICIPANTS = "/admin/exports/participant/"


@pytest.fixture
def world(learn):
    """The sandbox with a column for each source; in its second course u7 is not enrolled."""
    enrolled = [f"u{number}" for number in range(1, 21) if number != 7]
    rest = {"points": None}
    learn.world.merge({"courses": {COURSE: {"columns": {"Biology": rest, "Rest": rest}}}})
    learn.world.merge({"courses": {OTHER: {"users": enrolled, "columns": {"Chemistry": rest}}}})
    return learn


def mapped(*sources):
    flow = FlowFactory(flow_id="77")
    courses = {course_id: CourseFactory(course_id=course_id) for course_id in (COURSE, OTHER)}
    for source in sources:
        add_mapping(flow, source, courses)
    return flow


def add_mapping(flow, source, courses):
    course_id, name = COLUMNS[source]
    column = GradeColumnFactory(course=courses[course_id], name=name, in_learn=True)
    ColumnMappingFactory(flow=flow, grade_column=column, source_code=source)


@pytest.fixture
def flow(world):
    """S and T have a column each; there is no default."""
    return mapped(S, T)


@pytest.fixture
def with_default(world):
    return mapped(S, T, "")


@pytest.fixture
def roster(tmp_path):
    """Imports lines of user id, Learn user, source and how they were added; returns what somebody is warned of."""

    def roster(*rows):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_file(["user_id", "learn_user_id", "source_code", "added_by"], *rows))
        warnings = []
        rosters.import_from("77", path, warn=warnings.append)
        return " ".join(warnings)

    return roster


def entry(mark="75", source=None, user_id="u1", **more):
    return {"userId": user_id, "mark": mark, **({"sourceCode": source} if source else {}), **more}


def in_learn(learn, user="u1"):
    """User's value by source, where there is one."""
    found = {}
    for source, (course, column) in COLUMNS.items():
        if value := learn.world.values(course, column).get(user):
            found[source] = value
    return found


def numbers(answer):
    """Successes and errors; they are those of the attempt."""
    assert answer["numberOfErrors"] == len(answer["errors"])
    attempt = Flow.objects.get(flow_id="77").attempts.latest("pk")
    assert (attempt.number_of_success, attempt.number_of_errors) == (
        answer["numberOfSuccess"],
        answer["numberOfErrors"],
    )
    return answer["numberOfSuccess"], answer["numberOfErrors"]


def reasons(answer):
    return [error["errorInfo"] for error in answer["errors"]]


def standing(user_id="u1"):
    person = Participant.objects.get(user_id=user_id)
    return person.state, person.cause, person.value_in_learn


def retry_all(**condition):
    outcome = retry(Participant.objects.filter(**condition), by=None, in_background=False)
    for attempt in outcome.attempts:
        if attempt.finished_at is None:
            deliver_attempt.func(attempt.pk)
    return outcome.queued


@transaction.atomic
def lose(column, *, is_certain):
    """Learn has deleted the column, or may have."""
    take_grades_out(None, column=GradeColumn.objects.get(name=column), is_certain=is_certain)


def told(wiseflow, user_id="u1"):
    results = wiseflow.get("/api/wiseflow/flows/77/participants").json()["results"]
    return next(result for result in results if result["userId"] == user_id)


# Named by the body


def test_each_sources_grade_goes_to_its_own_column(world, flow, wiseflow):
    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)
    assert numbers(wiseflow.export(entry("75", T))) == (1, 0)

    assert in_learn(world) == {S: "75", T: "75"}
    assert standing() == ("EXPORTED", "", "75")


@pytest.mark.parametrize("marks", [("75", "75"), ("75", "60")])
def test_also_in_one_body(world, flow, wiseflow, marks):
    assert numbers(wiseflow.export(entry(marks[0], S), entry(marks[1], T))) == (2, 0)

    assert in_learn(world) == {S: marks[0], T: marks[1]}
    answer = told(wiseflow)
    assert answer["state"] == "EXPORTED"
    assert answer["value"] == ("75" if marks[1] == "75" else "")
    assert [(place["sourceCode"], place["courseId"], place["value"]) for place in answer["places"]] == [
        (S, COURSE, marks[0]),
        (T, OTHER, marks[1]),
    ]


def test_the_same_again_is_a_success_without_a_call(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    calls = len(world.calls.of("gradeValueAPI"))

    assert numbers(wiseflow.export(entry("60", T), entry("75", S))) == (2, 0)

    assert len(world.calls.of("gradeValueAPI")) == calls


def test_another_mark_for_one_source_is_refused_by_name(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))

    answer = wiseflow.export(entry("75", S), entry("61", T))

    assert numbers(answer) == (1, 1)
    assert reasons(answer)[0].startswith(f"Source {T}: Already exported as 60 on ")
    assert in_learn(world) == {S: "75", T: "60"}
    assert standing()[0] == "EXPORTED"


def test_different_grades_for_one_source_are_contradictory(world, flow, wiseflow):
    answer = wiseflow.export(entry("75", S), entry("60", S), entry("50", T), entry("A", user_id="u2", source=S))

    assert numbers(answer) == (2, 2)
    assert all(reason.startswith(f"Source {S}: The export holds different grades") for reason in reasons(answer))
    assert in_learn(world) == {T: "50"}
    assert standing()[:2] == ("FAILED", "CONTRADICTORY_ENTRIES")
    assert retry_all() == 0
    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)
    assert standing() == ("EXPORTED", "", "")


def test_an_entry_without_a_source_beside_one_with_another_grade_is_contradictory(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))

    answer = wiseflow.export(entry("75"), entry("60", S))

    assert numbers(answer) == (0, 2)
    assert in_learn(world) == {T: "75"}  # it is for T as well, where nothing contradicts it


def test_the_same_grade_with_and_without_a_source_is_one(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))

    assert numbers(wiseflow.export(entry("75"), entry("75", S), entry("75"))) == (3, 0)

    assert in_learn(world) == {S: "75", T: "75"}


# Without a source


def test_an_entry_without_a_source_goes_to_all_that_the_roster_has(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"), ("u2", "", T, "SIS"))

    assert numbers(wiseflow.export(entry("75"), entry("B", user_id="u2"))) == (2, 0)

    assert in_learn(world) == {S: "75", T: "75"}
    assert in_learn(world, "u2") == {T: "B"}


def test_or_to_all_that_bodies_have_named(world, with_default, wiseflow):
    wiseflow.export(entry("75", S), entry("75", T))

    assert numbers(wiseflow.export(entry("75"))) == (1, 0)

    assert in_learn(world) == {S: "75", T: "75"}


def test_it_is_a_success_only_where_all_places_have_the_value(world, flow, wiseflow, roster):
    roster(("u7", "", S, "SIS"), ("u7", "", T, "SIS"))

    answer = wiseflow.export(entry("75", user_id="u7"), entry("B", user_id="u2", source=S))

    assert numbers(answer) == (0, 2)
    assert reasons(answer)[0].startswith(f"Source {T}: Learn rejected it")
    assert "roster" in reasons(answer)[1]
    assert in_learn(world, "u7") == {S: "75"}
    assert standing("u7")[:2] == ("FAILED", "REJECTED_BY_LEARN")
    assert told(wiseflow, "u7")["errorInfo"].startswith(f"Source {T}: Learn rejected it")


def test_a_retry_sends_what_is_missing_and_nothing_else(world, flow, wiseflow, roster):
    roster(("u7", "", S, "SIS"), ("u7", "", T, "SIS"))
    wiseflow.export(entry("75", user_id="u7"))
    world.world.merge({"courses": {OTHER: {"users": [f"u{number}" for number in range(1, 21)]}}})

    assert retry_all() == 1

    assert in_learn(world, "u7") == {S: "75", T: "75"}
    assert standing("u7") == ("EXPORTED", "", "75")
    assert world.world.sent(*COLUMNS[S], "u7") == ["75"]
    assert retry_all() == 0
    assert numbers(wiseflow.export(entry("75", user_id="u7"))) == (1, 0)


def test_a_retry_sends_each_failed_sources_own_grade(world, flow, wiseflow):
    world.faults.add("maintenance")

    assert numbers(wiseflow.export(entry("75", S), entry("60", T), entry("B", user_id="u2", source=S))) == (0, 3)
    assert retry_all() == 3

    assert in_learn(world) == {S: "75", T: "60"}
    assert standing() == ("EXPORTED", "", "")


def test_one_source_failed_in_one_call_and_the_other_in_another(world, flow, wiseflow):
    world.faults.add("maintenance", times=2)
    wiseflow.export(entry("75", S))
    wiseflow.export(entry("60", T))

    assert retry_all() == 2
    assert in_learn(world) == {S: "75", T: "60"}


def test_a_source_that_fails_makes_the_person_failed_whatever_the_other(world, flow, wiseflow):
    wiseflow.export(entry("75", S))
    world.faults.add("maintenance")
    wiseflow.export(entry("60", T))

    assert standing()[:2] == ("FAILED", "LEARN_UNAVAILABLE")
    assert told(wiseflow)["errorInfo"].startswith(f"Source {T}: ")
    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)
    assert standing()[:2] == ("FAILED", "LEARN_UNAVAILABLE")
    flow.refresh_from_db()
    assert (flow.state, flow.failed_count) == ("FAILED", 1)
    assert retry_all() == 1
    assert in_learn(world) == {S: "75", T: "60"}


def test_an_overwrite_that_fails_for_one_source_is_retried_for_it(world, flow, wiseflow, roster):
    """What was said for all sources is not said again where one of them has been told otherwise since."""
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))
    wiseflow.export(entry("75"))
    Flow.objects.update(allow_overwrite=True)
    world.faults.add("maintenance")
    wiseflow.export(entry("80", S))

    assert retry_all() == 1

    assert in_learn(world) == {S: "80", T: "75"}
    assert standing()[:2] == ("EXPORTED", "")


def test_an_unusable_entry_for_all_sources_stays_unusable(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))

    answer = wiseflow.export(entry("75", learnUserId=["u2"]), entry("B", user_id="u2", source=S))

    assert numbers(answer)[1] == 2
    assert retry_all(user_id="u1") == 0
    assert in_learn(world) == {}


@pytest.mark.parametrize("others", [[], [entry("75", user_id="u3", source=S)]])
def test_the_numbers_are_those_of_the_entries_however_mixed(world, flow, wiseflow, roster, others):
    rows = [(user, "", source, "SIS") for user in ("u1", "u2", "u3", "u4", "u7") for source in (S, T)]
    roster(*rows)
    body = [
        entry("75"),
        entry("75"),
        entry("60", user_id="u2"),
        entry("61", user_id="u2"),  # contradicts
        entry("A", user_id="u4", learnUserId=["x"]),  # not usable
        entry("A", user_id="u4"),
        entry("C", user_id="u7"),  # rejected for T
        entry("C", user_id="u7", source=S),
        entry("", user_id="u9"),
        {"mark": "A"},
        *others,
    ]

    answer = wiseflow.export(*body)

    assert numbers(answer) == (4 + len(others), 6)


def test_a_source_that_is_refused_while_another_is_on_its_way_counts(world, flow, wiseflow):
    person = ParticipantFactory(flow=flow, user_id="u1", queued=True, sources={S: None})
    delivery = DeliveryFactory(
        attempt=ExportAttemptFactory(flow=flow, running=True),
        participant=person,
        queued=True,
        source_code=S,
        course_id=COURSE,
        column_name="Biology",
    )

    answer = wiseflow.export(entry("75", REST))

    assert numbers(answer) == (0, 1)
    assert reasons(answer)[0].startswith(f"Source {REST}: ")
    assert standing()[0] == "QUEUED"
    Delivery.objects.filter(pk=delivery.pk).update(state="DELIVERED", settled_at=timezone.now())
    follow(delivery)
    assert standing() == ("FAILED", "SOURCE_NOT_MAPPED", "B")


def follow(*deliveries):
    """What follows from deliveries that have just been settled."""
    rows = Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
    settled = [recording.Settled(*row) for row in rows.values_list(*recording.SETTLED_COLUMNS)]
    with transaction.atomic():
        recording.follow(settled, timezone.now())


@pytest.mark.parametrize("body", [[entry("75", T)], [entry("75", T), entry("60", T)], [entry("75", S), entry("75", T)]])
def test_what_comes_while_a_grade_is_on_its_way_leaves_it_so(world, flow, wiseflow, body):
    """The flow's count of what is on its way stays true, so that nothing is queued twice."""
    person = ParticipantFactory(flow=flow, user_id="u1", queued=True, sources={S: None, T: None})
    attempt = ExportAttemptFactory(flow=flow, running=True)
    for source, name in ((S, "Biology"), (T, "Chemistry")):
        place = {"course_id": COLUMNS[source][0], "column_name": name}
        DeliveryFactory(attempt=attempt, participant=person, queued=True, source_code=source, **place)

    for _ in range(2):
        assert numbers(wiseflow.export(*body)) == (0, len(body))
        assert standing()[0] == "QUEUED"
    flow.refresh_from_db()
    assert flow.queued_count == 1
    sent = Delivery.objects.filter(attempt=attempt)
    sent.update(state="DELIVERED", settled_at=timezone.now())
    follow(*sent)
    assert standing()[0] == "EXPORTED"


@pytest.mark.parametrize("number", [2, 4])
def test_the_same_body_at_once_sends_each_source_once(world, flow, wiseflow, roster, number):
    roster(*[(f"u{n}", "", source, "SIS") for n in range(1, 7) for source in (S, T)])
    body = {"participants": [entry("75", user_id=f"u{n}") for n in range(1, 7)]}
    answers = []

    def export():
        path = "/api/wiseflow/flows/77/export"
        response = Client().post(path, body, content_type="application/json", headers=wiseflow.headers)
        answers.append(response.json())
        connection.close()

    threads = [threading.Thread(target=export) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(answer["numberOfSuccess"] + answer["numberOfErrors"] == 6 for answer in answers)
    assert {person.state for person in Participant.objects.all()} == {"EXPORTED"}
    for n in range(1, 7):
        assert world.world.sent(*COLUMNS[S], f"u{n}") == world.world.sent(*COLUMNS[T], f"u{n}") == ["75"]
    for attempt in flow.attempts.all():
        assert attempt.number_of_success + attempt.number_of_errors == 6


def test_a_fault_in_one_batch_leaves_the_other_sources_delivered(world, flow, wiseflow, settings):
    settings.LEARN_BATCH_SIZE = 1
    world.faults.add("truncated_json", times=1)

    answer = wiseflow.export(entry("75", S), entry("60", T))

    assert numbers(answer) == (1, 1)
    assert standing()[:2] == ("FAILED", "UNCONFIRMED")
    assert {place["certainty"] for place in told(wiseflow)["places"]} == {"CONFIRMED", "DOUBTFUL"}
    assert retry_all() == 1
    assert in_learn(world) == {S: "75", T: "60"}
    assert standing() == ("EXPORTED", "", "")


# By hand, not mapped, mapped later


def test_by_hand_for_one_source_leaves_that_one_out(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "MANUAL"))

    assert numbers(wiseflow.export(entry("75"))) == (1, 0)
    answer = wiseflow.export(entry("75", T))

    assert numbers(answer) == (0, 1)
    assert reasons(answer)[0].startswith(f"Source {T}: This person was added by hand")
    assert in_learn(world) == {S: "75"}


def test_a_source_taken_out_after_its_export_stays_in_learn(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))
    wiseflow.export(entry("75"))

    roster(("u1", "", T, "MANUAL"))

    assert standing() == ("EXPORTED", "", "75")
    assert numbers(wiseflow.export(entry("75"))) == (1, 0)
    assert len(told(wiseflow)["places"]) == 2


def test_a_source_without_a_column_is_refused_by_name(world, flow, wiseflow):
    answer = wiseflow.export(entry("75", S), entry("75", REST))

    assert numbers(answer) == (1, 1)
    assert reasons(answer)[0].startswith(f"Source {REST}: Source {REST} has no Learn column in this flow.")
    assert standing()[:2] == ("FAILED", "SOURCE_NOT_MAPPED")


def test_or_goes_to_the_default(world, with_default, wiseflow):
    assert numbers(wiseflow.export(entry("75", S), entry("60", REST))) == (2, 0)

    assert in_learn(world) == {S: "75", "": "60"}


def test_two_sources_that_share_the_default_are_sent_once_if_they_agree(world, wiseflow):
    mapped("")

    assert numbers(wiseflow.export(entry("75", S), entry("75", T))) == (2, 0)

    assert world.world.sent(*COLUMNS[""], "u1") == ["75"]
    assert numbers(wiseflow.export(entry("75", T))) == (1, 0)
    assert numbers(wiseflow.export(entry("75", S), entry("75", T))) == (2, 0)
    assert world.world.sent(*COLUMNS[""], "u1") == ["75"]
    assert standing() == ("EXPORTED", "", "75")


def test_and_are_contradictory_if_they_do_not(world, wiseflow):
    mapped("")

    assert numbers(wiseflow.export(entry("75", S), entry("60", T))) == (0, 2)

    assert in_learn(world) == {}


def test_one_after_the_other_the_second_is_refused(world, wiseflow):
    mapped("")
    wiseflow.export(entry("75", S))

    assert numbers(wiseflow.export(entry("60", T))) == (0, 1)

    assert in_learn(world) == {"": "75"}


def test_people_of_unmapped_sources_go_to_the_default_once(world, wiseflow, roster):
    mapped("")
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))

    assert numbers(wiseflow.export(entry("75"))) == (1, 0)

    assert world.world.sent(*COLUMNS[""], "u1") == ["75"]
    assert standing() == ("EXPORTED", "", "75")


def test_a_source_that_is_mapped_later_gets_the_next_export(world, wiseflow, roster):
    flow = mapped(S)
    roster(("u1", "", S, "SIS"), ("u1", "", T, "SIS"))
    assert numbers(wiseflow.export(entry("75"))) == (1, 0)
    add_mapping(flow, T, {OTHER: CourseFactory._meta.model.objects.get(course_id=OTHER)})

    assert numbers(wiseflow.export(entry("75"))) == (1, 0)

    assert in_learn(world) == {S: "75", T: "75"}
    assert world.world.sent(*COLUMNS[S], "u1") == ["75"]


def test_a_source_that_moves_from_the_default_to_its_own_column(world, wiseflow, roster):
    flow = mapped("")
    roster(("u1", "", S, "SIS"))
    wiseflow.export(entry("75", S))
    add_mapping(flow, S, {COURSE: GradeColumn.objects.get(name="Rest").course})

    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)

    assert in_learn(world) == {S: "75", "": "75"}
    assert [place["columnName"] for place in told(wiseflow)["places"]] == ["Biology", "Rest"]


def test_a_person_who_gets_a_source_has_a_grade_at_the_wrong_place(world, with_default, wiseflow, roster):
    roster(("u1", "", "", "SIS"))
    wiseflow.export(entry("75"))
    assert in_learn(world) == {"": "75"}

    warning = roster(("u1", "", S, "SIS"))

    assert "u1 (75 is in Learn for Learn user u1 in column Rest" in warning
    assert standing()[:2] == ("FAILED", "MISPLACED")
    assert retry_all() == 1
    assert in_learn(world) == {S: "75", "": "75"}
    assert standing() == ("EXPORTED", "", "75")


# Another Learn user, another person


def test_a_new_learn_user_moves_the_grades_of_all_sources(world, flow, wiseflow, roster):
    roster(("p", "u1", S, "SIS"), ("p", "u1", T, "SIS"))
    wiseflow.export(entry("75", S, "p"), entry("60", T, "p"))

    warning = roster(("p", "u2", T, "SIS"))

    assert "Learn user u1 in column Biology" in warning
    assert "Learn user u1 in column Chemistry" in warning
    assert standing("p")[:2] == ("FAILED", "MISPLACED")
    assert retry_all() == 2
    assert in_learn(world, "u2") == {S: "75", T: "60"}
    assert standing("p") == ("EXPORTED", "", "")
    roster(("p", "u1", T, "SIS"))
    assert standing("p")[:2] == ("EXPORTED", "")
    assert retry_all() == 0


def test_and_where_only_one_arrives_only_the_other_is_sent_again(world, flow, wiseflow, roster):
    roster(("p", "u1", S, "SIS"), ("p", "u1", T, "SIS"))
    wiseflow.export(entry("75", S, "p"), entry("60", T, "p"))
    roster(("p", "u7", S, "SIS"))

    assert retry_all() == 2  # T is rejected: u7 is not in its course

    assert in_learn(world, "u7") == {S: "75"}
    assert standing("p")[:2] == ("FAILED", "REJECTED_BY_LEARN")
    roster(("p", "u8", S, "SIS"))
    assert standing("p")[0] == "FAILED"
    assert retry_all() == 2
    assert in_learn(world, "u8") == {S: "75", T: "60"}
    assert standing("p") == ("EXPORTED", "", "")


def test_a_grade_that_only_a_body_named_a_source_for_is_not_misplaced(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"))
    wiseflow.export(entry("75", S), entry("60", T))

    assert roster(("u1", "u1", S, "SIS")) == ""

    assert standing()[0] == "EXPORTED"


def test_a_place_of_one_source_is_taken_while_the_body_speaks_of_another(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))

    answer = wiseflow.export(entry("75", S), entry("50", T, "p2", learnUserId="u1"))

    assert numbers(answer) == (1, 1)
    assert "as does person u1 of the same flow" in reasons(answer)[0]
    assert in_learn(world) == {S: "75", T: "60"}


def test_a_resit_of_one_source_takes_only_its_grade(world, flow, wiseflow, roster):
    wiseflow.export(entry("75", S), entry("60", T))
    resit = FlowFactory(flow_id="78")
    ColumnMappingFactory(flow=resit, grade_column=GradeColumn.objects.get(name="Chemistry"))

    wiseflow.export(entry("B", user_id="x", learnUserId="u1"), path="/api/wiseflow/flows/78/export")

    person = Participant.objects.get(user_id="u1")
    assert (person.state, person.cause, person.cause_source_code) == ("FAILED", "REPLACED", T)
    assert [grade.source_code for grade in person.in_learn] == [S]
    assert retry_all() == 0
    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)
    assert standing()[:2] == ("FAILED", "REPLACED")
    roster(("u1", "u2", S, "SIS"), ("u1", "u2", T, "SIS"))
    assert retry_all() == 2
    assert in_learn(world, "u2") == {S: "75", T: "60"}


def test_what_was_purged_is_moved_by_what_is_in_learn(world, flow, wiseflow, roster):
    roster(("p", "u1", S, "SIS"), ("p", "u1", T, "SIS"))
    wiseflow.export(entry("75", S, "p"), entry("60", T, "p"))
    flow.attempts.all().delete()
    roster(("p", "u2", T, "SIS"))
    assert standing("p")[:2] == ("FAILED", "MISPLACED")

    assert retry_all() == 2

    assert in_learn(world, "u2") == {S: "75", T: "60"}


# Shown before, and after


def test_a_rehearsal_says_what_the_export_says(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"), ("u1", "", T, "MANUAL"), ("u2", "", S, "SIS"), ("u2", "", T, "SIS"))
    body = [entry("75"), entry("75", T), entry("A", user_id="u2"), entry("B", user_id="u2", source=T)]

    rehearsed = wiseflow.export(*body, path="/api/wiseflow/flows/77/export?rehearsal=true")

    places = [(line["columnName"], line["verdict"]) for line in rehearsed["participants"]]
    assert ("Biology", "SEND") in places
    assert not Flow.objects.get().attempts.exists()
    answer = wiseflow.export(*body)
    assert (rehearsed["numberOfSuccess"], rehearsed["numberOfErrors"]) == numbers(answer)
    assert rehearsed["errors"] == answer["errors"]


def test_the_pages_show_each_value_and_where(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T), entry("C", T, "u7"), entry("C", S, "u7"))
    manager = signed_in(manager=True)

    page = text_of(manager.get(PARTICIPANTS))
    assert '75 <span class="gb-quiet">for u1 in Biology</span>' in page
    assert '60 <span class="gb-quiet">for u1 in Chemistry</span>' in page
    failed = text_of(manager.get(f"{PARTICIPANTS}?state__exact=FAILED"))
    assert f"Source {T}: Learn rejected it" in failed
    assert ">u1<" not in failed
    person = Participant.objects.get(user_id="u7")
    assert manager.get(f"{PARTICIPANTS}{person.pk}/change/").status_code == 200
    question = text_of(manager.get(f"{PARTICIPANTS}{person.pk}/retry/"))
    assert "Chemistry" in question
    assert "Biology" not in question
    data = {"action": "retry_failed", "_selected_action": [person.pk], "post": "yes"}
    manager.post(PARTICIPANTS, data)
    assert list(person.deliveries.filter(attempt__trigger="RETRY").values_list("source_code", flat=True)) == [T]


# Said without a source, before the sources were known


def test_a_failure_without_a_source_counts_no_more_once_each_source_has_a_grade(world, flow, wiseflow):
    wiseflow.export(entry("50"))
    wiseflow.export(entry("75", S))
    wiseflow.export(entry("60", T))

    assert standing() == ("EXPORTED", "", "")


def test_and_a_retry_does_not_bring_it_back(world, flow, wiseflow):
    Flow.objects.update(synchronised_at=None, allow_overwrite=True)
    wiseflow.export(entry("50"))
    Flow.objects.update(synchronised_at="2026-01-01T00:00Z")
    wiseflow.export(entry("75", S))
    wiseflow.export(entry("60", T))

    assert retry_all() == 0
    assert in_learn(world) == {S: "75", T: "60"}


def test_a_grade_sent_without_a_source_is_not_left_behind_where_a_source_leads_to_it(world, wiseflow):
    mapped(T, "")
    wiseflow.export(entry("75"))

    assert numbers(wiseflow.export(entry("75", S), entry("60", T))) == (2, 0)

    assert not GradeInLearn.objects.left_behind().exists()
    assert standing() == ("EXPORTED", "", "")


def test_a_grade_sent_without_a_source_that_is_lost_is_sent_again_for_its_source_alone(world, wiseflow):
    mapped(T, "")
    wiseflow.export(entry("75"))
    wiseflow.export(entry("75", S))
    wiseflow.export(entry("60", T))
    Flow.objects.update(allow_overwrite=True)
    lose("Rest", is_certain=True)
    assert standing()[:2] == ("FAILED", "COLUMN_DELETED")

    assert retry_all() == 1

    assert in_learn(world) == {T: "60", "": "75"}
    assert world.world.sent(COURSE, "Rest", "u1") == ["75", "75"]
    assert world.world.sent(OTHER, "Chemistry", "u1") == ["60"]
    assert standing() == ("EXPORTED", "", "")


def test_a_column_that_may_be_deleted_is_retried_for_its_source(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    lose("Biology", is_certain=False)
    assert standing()[:2] == ("FAILED", "UNCONFIRMED")

    assert retry_all() == 1
    assert standing() == ("EXPORTED", "", "")


def test_a_column_that_may_be_deleted_stays_the_cause(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    lose("Biology", is_certain=False)
    wiseflow.export(entry("60", T))

    assert standing()[:2] == ("FAILED", "UNCONFIRMED")


def test_a_grade_lost_with_its_column_is_sent_again_though_another_was_refused_since(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    lose("Biology", is_certain=True)
    assert numbers(wiseflow.export(entry("80", S))) == (0, 1)

    assert retry_all() == 1
    assert standing()[0] == "EXPORTED"
    assert in_learn(world) == {S: "75", T: "60"}


def test_a_lost_column_names_no_other_source(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))
    wiseflow.export(entry("61", T))

    lose("Biology", is_certain=True)

    assert told(wiseflow)["errorInfo"].startswith("Column Biology was deleted")
