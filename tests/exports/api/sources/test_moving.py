"""People of several sources: another Learn user, another person, and what the pages show."""

from courses.models import GradeColumn
from exports.models import Flow, Participant
from tests.exports.api.sources.conftest import S, T, entry, in_learn, numbers, reasons, retry_all, status
from tests.factories import ColumnMappingFactory, FlowFactory
from tests.signed_in import signed_in, text_of

PARTICIPANTS = "/admin/exports/participant/"


# Another Learn user, another person


def test_a_new_learn_user_moves_the_grades_of_all_sources(world, flow, wiseflow, roster):
    roster(("p", "u1", S, "SIS"), ("p", "u1", T, "SIS"))
    wiseflow.export(entry("75", S, "p"), entry("60", T, "p"))

    warning = roster(("p", "u2", T, "SIS"))

    assert "Learn user u1 in column Biology" in warning
    assert "Learn user u1 in column Chemistry" in warning
    assert status("p")[:2] == ("FAILED", "MISPLACED")
    assert retry_all() == 2
    assert in_learn(world, "u2") == {S: "75", T: "60"}
    assert status("p") == ("EXPORTED", "", "")
    roster(("p", "u1", T, "SIS"))
    assert status("p")[:2] == ("EXPORTED", "")
    assert retry_all() == 0


def test_and_where_only_one_arrives_only_the_other_is_sent_again(world, flow, wiseflow, roster):
    roster(("p", "u1", S, "SIS"), ("p", "u1", T, "SIS"))
    wiseflow.export(entry("75", S, "p"), entry("60", T, "p"))
    roster(("p", "u7", S, "SIS"))

    assert retry_all() == 2  # T is rejected: u7 is not in its course

    assert in_learn(world, "u7") == {S: "75"}
    assert status("p")[:2] == ("FAILED", "REJECTED_BY_LEARN")
    roster(("p", "u8", S, "SIS"))
    assert status("p")[0] == "FAILED"
    assert retry_all() == 2
    assert in_learn(world, "u8") == {S: "75", T: "60"}
    assert status("p") == ("EXPORTED", "", "")


def test_a_grade_that_only_a_body_named_a_source_for_is_not_misplaced(world, flow, wiseflow, roster):
    roster(("u1", "", S, "SIS"))
    wiseflow.export(entry("75", S), entry("60", T))

    assert roster(("u1", "u1", S, "SIS")) == ""

    assert status()[0] == "EXPORTED"


def test_a_place_of_one_source_is_taken_while_the_body_speaks_of_another(world, flow, wiseflow):
    wiseflow.export(entry("75", S), entry("60", T))

    answer = wiseflow.export(entry("75", S), entry("50", T, "p2", learnUserId="u1"))

    assert numbers(answer) == (1, 1)
    assert "This student has the same Learn user (u1) as u1 in this flow." in reasons(answer)[0]
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
    assert status()[:2] == ("FAILED", "REPLACED")
    roster(("u1", "u2", S, "SIS"), ("u1", "u2", T, "SIS"))
    assert retry_all() == 2
    assert in_learn(world, "u2") == {S: "75", T: "60"}


def test_what_was_purged_is_moved_by_what_is_in_learn(world, flow, wiseflow, roster):
    roster(("p", "u1", S, "SIS"), ("p", "u1", T, "SIS"))
    wiseflow.export(entry("75", S, "p"), entry("60", T, "p"))
    flow.attempts.all().delete()
    roster(("p", "u2", T, "SIS"))
    assert status("p")[:2] == ("FAILED", "MISPLACED")

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
