"""People of several SIS sources over the whole way: each grade to the column of its source, and true numbers."""

import threading

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from exports.delivering import recording
from exports.models import Delivery, Flow, Participant
from tests.conftest import COURSE, let_no_one_look
from tests.exports.api.sources.conftest import (
    COLUMNS,
    OTHER,
    REST,
    S,
    T,
    entry,
    in_learn,
    numbers,
    reasons,
    retry_all,
    status,
    told,
)
from tests.factories import DeliveryFactory, ExportAttemptFactory, ParticipantFactory

# Named by the body


def test_each_sources_grade_goes_to_its_own_column(world, flow, wiseflow):
    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)
    assert numbers(wiseflow.export(entry("75", T))) == (1, 0)

    assert in_learn(world) == {S: "75", T: "75"}
    assert status() == ("EXPORTED", "", "75")


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
    assert reasons(answer)[0].startswith(f"Source {T}: This grade was already sent on ")
    assert " (60). " in reasons(answer)[0]
    assert in_learn(world) == {S: "75", T: "60"}
    assert status()[0] == "EXPORTED"


def test_different_grades_for_one_source_are_contradictory(world, flow, wiseflow):
    answer = wiseflow.export(entry("75", S), entry("60", S), entry("50", T), entry("A", user_id="u2", source=S))

    assert numbers(answer) == (2, 2)
    assert all(reason.startswith(f"Source {S}: The export contains different grades") for reason in reasons(answer))
    assert in_learn(world) == {T: "50"}
    assert status()[:2] == ("FAILED", "CONTRADICTORY_ENTRIES")
    assert retry_all() == 0
    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)
    assert status() == ("EXPORTED", "", "")


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
    assert status("u7")[:2] == ("FAILED", "REJECTED_BY_LEARN")
    assert told(wiseflow, "u7")["errorInfo"].startswith(f"Source {T}: Learn rejected it")


def test_a_retry_sends_what_is_missing_and_nothing_else(world, flow, wiseflow, roster):
    roster(("u7", "", S, "SIS"), ("u7", "", T, "SIS"))
    wiseflow.export(entry("75", user_id="u7"))
    world.world.merge({"courses": {OTHER: {"users": [f"u{number}" for number in range(1, 21)]}}})

    assert retry_all() == 1

    assert in_learn(world, "u7") == {S: "75", T: "75"}
    assert status("u7") == ("EXPORTED", "", "75")
    assert world.world.sent(*COLUMNS[S], "u7") == ["75"]
    assert retry_all() == 0
    assert numbers(wiseflow.export(entry("75", user_id="u7"))) == (1, 0)


def test_a_retry_sends_each_failed_sources_own_grade(world, flow, wiseflow):
    world.faults.add("maintenance")

    assert numbers(wiseflow.export(entry("75", S), entry("60", T), entry("B", user_id="u2", source=S))) == (0, 3)
    assert retry_all() == 3

    assert in_learn(world) == {S: "75", T: "60"}
    assert status() == ("EXPORTED", "", "")


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

    assert status()[:2] == ("FAILED", "LEARN_UNAVAILABLE")
    assert told(wiseflow)["errorInfo"].startswith(f"Source {T}: ")
    assert numbers(wiseflow.export(entry("75", S))) == (1, 0)
    assert status()[:2] == ("FAILED", "LEARN_UNAVAILABLE")
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
    assert status()[:2] == ("EXPORTED", "")


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
    assert status()[0] == "QUEUED"
    Delivery.objects.filter(pk=delivery.pk).update(state="DELIVERED", finished_at=timezone.now())
    follow(delivery)
    assert status() == ("FAILED", "SOURCE_NOT_MAPPED", "B")


def follow(*deliveries):
    """What follows from deliveries that have just been finished."""
    rows = Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
    finished = [recording.Finished(*row) for row in rows.values_list(*recording.FINISHED_COLUMNS)]
    with transaction.atomic():
        recording.follow(finished, timezone.now())


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
        assert status()[0] == "QUEUED"
    flow.refresh_from_db()
    assert flow.queued_count == 1
    sent = Delivery.objects.filter(attempt=attempt)
    sent.update(state="DELIVERED", finished_at=timezone.now())
    follow(*sent)
    assert status()[0] == "EXPORTED"


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
    let_no_one_look(world)
    world.faults.add("truncated_json", times=1)

    answer = wiseflow.export(entry("75", S), entry("60", T))

    assert numbers(answer) == (1, 1)
    assert status()[:2] == ("FAILED", "UNCONFIRMED")
    assert {place["certainty"] for place in told(wiseflow)["places"]} == {"CONFIRMED", "DOUBTFUL"}
    assert retry_all() == 1
    assert in_learn(world) == {S: "75", T: "60"}
    assert status() == ("EXPORTED", "", "")
