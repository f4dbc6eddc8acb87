"""A forgotten student is in no table any more, and all that is counted stays as it was."""

import re

import pytest
from django.core.management import CommandError, call_command

from courses.models import EnrolmentMetadata
from exports.models import Correction, Delivery, ExportState, Flow, GradeInLearn, Hold, Participant
from exports.privacy.forget import forget
from exports.privacy.people import find
from tests.exports.privacy.conftest import FIRST, LAST, LEARN_USER, USER, places_of
from tests.factories import (
    CorrectionFactory,
    DecisionFactory,
    DeliveryFactory,
    EnrolmentMetadataFactory,
    FlowFactory,
    HoldFactory,
    ParticipantFactory,
    ProvisioningStepFactory,
)

pytestmark = pytest.mark.django_db


def run(*ids, apply=True):
    call_command("forget_person", *ids, *(["--apply"] if apply else []))


def state_of_all():
    return (
        list(Flow.objects.order_by("pk").values_list("state", "exported_count", "failed_count", "not_exported_count")),
        list(Participant.objects.order_by("pk").values_list("pk", "flow", "state")),
        list(Delivery.objects.order_by("pk").values_list("pk", "attempt", "participant", "state", "cause")),
        GradeInLearn.objects.count(),
        Correction.objects.count(),
        Hold.objects.count(),
    )


def test_a_search_of_every_table_finds_nothing_of_a_forgotten_student(student):
    known = [USER, LEARN_USER, FIRST, LAST, "61.77", "77.61", "12.34", "sick on the day", "extra time", "665544"]
    assert all(map(places_of, known))
    Participant.objects.filter(user_id="S-ERASE-77201").update(user_id="another")
    Delivery.objects.filter(learn_user_id="S-ERASE-77201").update(learn_user_id="another")
    Hold.objects.filter(participant=None).update(reason=f"like {USER.lower()}, and {USER}@example.edu")

    run(USER)

    assert {text: places for text in [*known, USER.lower()] if (places := places_of(text))} == {}


def test_states_counts_and_history_stay_as_they_were(student):
    before = state_of_all()

    run(LEARN_USER)

    assert state_of_all() == before


def test_it_is_one_pseudonym_in_all_tables_and_another_for_the_next(student):
    run(USER)
    first = student.flow.participants.get(state="EXPORTED").user_id

    assert re.fullmatch(r"forgotten-[0-9a-f]{16}", first)
    assert set(Participant.objects.filter(forgotten_at__isnull=False).values_list("user_id", flat=True)) == {first}
    learn_users = Delivery.objects.filter(participant__user_id=first).values_list("learn_user_id", flat=True)
    assert set(learn_users) == {f"{first}-2", f"{first}-3"}
    run("S-ERASE-77201")
    assert Participant.objects.exclude(user_id=first).get().user_id not in (first, "S-ERASE-77201")


def test_without_apply_it_only_counts(student, capsys):
    before = list(Participant.objects.values())

    run(USER, apply=False)

    said = capsys.readouterr().out
    assert list(Participant.objects.values()) == before
    assert "exports_participant: 3\n" in said
    assert "django_session: 1\n" in said
    assert "Nothing is changed without --apply." in said


def test_forgetting_twice_finds_nothing_the_second_time(student, capsys):
    run(USER)
    run(USER)

    assert capsys.readouterr().out.endswith("Nothing is kept about this student.\n")


def test_a_student_whose_id_contains_theirs_keeps_everything(student):
    before = list(Participant.objects.filter(user_id="S-ERASE-77201").values("mark", "state", "cause", "failed_at"))

    run(USER)

    other = Participant.objects.filter(user_id="S-ERASE-77201")
    assert list(other.values("mark", "state", "cause", "failed_at")) == before
    assert "and S-ERASE-77201" in Hold.objects.get(participant=None).reason


def test_a_longer_word_that_is_another_students_id_is_left_alone(student):
    ParticipantFactory(user_id=f"{USER}-2")
    ParticipantFactory(user_id=USER.lower())

    run(USER)

    assert re.fullmatch(
        rf"like {USER.lower()}, and S-ERASE-77201; not {USER}-2", Hold.objects.get(participant=None).reason
    )


def test_nothing_is_expected_retried_or_looked_at_any_more(student):
    run(USER)

    theirs = Participant.objects.filter(forgotten_at__isnull=False)
    assert theirs.count() == 2
    assert not theirs.retryable().exists()
    assert not theirs.missing().exists()
    assert theirs.get(state=ExportState.FAILED).cause == "FORGOTTEN"
    assert Flow.objects.get(flow_id="4712").skipped_count == 1
    assert not GradeInLearn.objects.in_learn().filter(participant__in=theirs).exists()


def test_metadata_goes_with_its_history(student):
    run(USER)

    assert not EnrolmentMetadata.objects.exists()
    assert not EnrolmentMetadata.history.exists()


def test_a_student_of_whom_only_metadata_is_kept_can_be_forgotten():
    EnrolmentMetadataFactory(user_id="only-here")

    run("only-here")

    assert places_of("only-here") == []


@pytest.mark.parametrize("user_id", ["a.b+c(d)[e]*", "100%_sure\\", 'say "ø"', "O'Neill & Søn", "王小明的编号"])
def test_ids_of_any_characters_are_found_in_texts_and_json(user_id):
    person = ParticipantFactory(user_id=user_id, failed=True)
    DeliveryFactory(failed=True, participant__flow=person.flow, detail={"user_id": user_id, "text": f"({user_id})"})
    HoldFactory(reason=f"Because of {user_id}: ask")

    run(user_id)

    assert places_of(user_id) == []


def test_an_id_of_one_character_leaves_ordinary_texts_alone(capsys):
    ParticipantFactory(user_id="1", failed=True)
    hold = HoldFactory(reason="Question 1 was marked wrongly")
    other = DeliveryFactory(failed=True, detail={"user_id": "1", "value": "1", "flow_id": "1", "others": ["1", "2"]})

    run("1")

    hold.refresh_from_db()
    other.refresh_from_db()
    pseudonym = Participant.objects.get(forgotten_at__isnull=False).user_id
    assert hold.reason == "Question 1 was marked wrongly"
    assert other.detail == {"user_id": pseudonym, "value": "***", "flow_id": "1", "others": [pseudonym, "2"]}
    assert "fewer than 4 characters" in capsys.readouterr().out


def test_blanks_around_an_id_do_not_matter(student):
    run(f" {USER}\u00a0")

    assert not Participant.objects.filter(user_id=USER).exists()


# What is open


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda person: DeliveryFactory(participant=person, queued=True), "is in progress"),
        (lambda person: DeliveryFactory(participant=person, sending=True), "is in progress"),
        (lambda person: CorrectionFactory(participant=person), "A correction of this student is waiting"),
        (lambda person: DecisionFactory(grade=person.grades.get()), "A decision about a grade"),
        (lambda person: HoldFactory(participant=person, flow=person.flow), "is held"),
        (lambda person: Participant.objects.update(approved_mark="9"), "is not in Learn yet"),
        (lambda person: Participant.objects.update(cause="PAUSED"), "is held"),
        (
            lambda person: ProvisioningStepFactory(
                kind="METADATA", column=None, metadata=EnrolmentMetadataFactory(user_id=person.user_id)
            ),
            "Metadata of this student is being set",
        ),
    ],
)
def test_it_is_refused_while_something_of_the_student_is_open(make, sentence):
    person = ParticipantFactory(exported=True, user_id="S-12")
    make(person)

    with pytest.raises(CommandError, match=sentence):
        run("S-12")

    assert Participant.objects.get(pk=person.pk).user_id == "S-12"


# Who it is


def test_two_students_who_lead_to_one_learn_user_are_not_taken_for_one():
    ParticipantFactory(user_id="S-1", learn_user_id="L-1")
    ParticipantFactory(user_id="S-2", learn_user_id="L-1")

    for given in ("S-1", "S-2", "L-1"):
        with pytest.raises(CommandError, match=r"this Learn user: S-1, S-2\. If they are one person"):
            run(given)
    run("S-1", "S-2")

    assert places_of("L-1") == places_of("S-1") == places_of("S-2") == []


def test_a_learn_user_that_they_led_to_by_mistake_once_is_not_theirs():
    person = ParticipantFactory(user_id="S-100", exported=True)
    DeliveryFactory(attempt__flow=person.flow, participant=person, learn_user_id="S-200")
    EnrolmentMetadataFactory(user_id="S-200")

    run("S-100")

    assert EnrolmentMetadata.objects.get().user_id == "S-200"
    assert Delivery.objects.get().learn_user_id.startswith("forgotten-")


@pytest.mark.parametrize("given", ["", "  ", "a\u200bb"])
def test_what_is_no_id_is_refused(given):
    with pytest.raises(CommandError):
        run(given)


def test_two_learn_users_of_one_student_in_one_column_stay_two():
    """The ledger lets a place have one grade."""
    first = ParticipantFactory(user_id="S-100", learn_user_id="L-1", exported=True)
    second = ParticipantFactory(flow=FlowFactory(mapped=True), user_id="S-100", learn_user_id="L-2", exported=True)
    grade = second.grades.get()
    grade.course_id, grade.column_name = first.grades.get().place[:2]
    grade.save()

    forgotten = forget(find(["S-100"]), apply=True)

    assert {each.learn_user_id for each in GradeInLearn.objects.all()} == {
        f"{forgotten.pseudonym}-2",
        f"{forgotten.pseudonym}-3",
    }


def test_what_someone_else_writes_at_the_same_time_is_not_lost(student, monkeypatch):
    """A row of another student is changed only if it is still as it was read."""
    hold = Hold.objects.get(participant=None)
    from exports.privacy import forget as module

    apply = module.Changes.apply

    def write_first(changes):
        Hold.objects.filter(pk=hold.pk).update(reason=f"Written since then about {USER}")
        apply(changes)

    monkeypatch.setattr(module.Changes, "apply", write_first)
    run(USER)

    hold.refresh_from_db()
    assert re.fullmatch(r"Written since then about forgotten-[0-9a-f]{16}", hold.reason)


# Exported again


def test_who_is_exported_again_is_new_and_a_grade_in_learn_is_found_not_sent_again(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "B"}, {"userId": "u2", "mark": "C"})
    run("u1")
    sent = len(learn.calls.of("gradeValueAPI"))

    answer = wiseflow.export({"userId": "u1", "mark": "B"})

    assert answer["numberOfSuccess"] == 1
    assert Flow.objects.get().protect_first_export
    new = Participant.objects.get(user_id="u1")
    assert new.value_in_learn == "B"
    assert len(learn.calls.of("gradeValueAPI")) == sent


def test_who_is_exported_again_with_another_grade_replaces_nothing_in_learn(learn, flow, wiseflow):
    wiseflow.export({"userId": "u1", "mark": "B"})
    run("u1")

    wiseflow.export({"userId": "u1", "mark": "A"})

    assert Participant.objects.get(user_id="u1").cause == "CHANGED_IN_LEARN"
