"""What must hold at every moment, whatever went wrong. Each function asserts; Learn and the database bear witness."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from exports.models import Delivery, ExportAttempt, ExportState, Flow, GradeInLearn, Participant
from sandbox.world import World

State = Delivery.State
MAY_BE_IN_LEARN = {State.SENDING, State.DELIVERED, State.UNCONFIRMED}


def books_balance(world: World) -> None:
    """Everything that holds even while deliveries are on their way."""
    deliveries: defaultdict[int, list[Delivery]] = defaultdict(list)
    for delivery in Delivery.objects.order_by("pk").select_related("attempt"):
        deliveries[delivery.participant_id].append(delivery)
    for participant in Participant.objects.with_grades():
        follows_its_deliveries(participant, deliveries[participant.pk])
    learn_agrees(Delivery.objects.select_related("participant__flow"), world)
    for attempt in ExportAttempt.objects.prefetch_related("deliveries"):
        counts_add_up(attempt)
    for flow in Flow.objects.all():
        follows_its_participants(flow)


def nothing_is_open() -> None:
    """Every export and retry has ended: each entry is in one final state."""
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()
    assert not ExportAttempt.objects.filter(finished_at__isnull=True).exists()


def follows_its_deliveries(participant: Participant, deliveries: list[Delivery]) -> None:
    """One state: on its way while a delivery is open; exported only with a grade in Learn, at the last one's value."""
    still_open = [delivery for delivery in deliveries if delivery.state in Delivery.OPEN]
    places = {(delivery.course_id, delivery.column_name, delivery.learn_user_id) for delivery in still_open}
    assert len(places) == len(still_open), f"{participant} is on its way twice to one place"
    assert (participant.state == ExportState.QUEUED) == bool(still_open), participant
    current = [grade for grade in participant.in_learn if not grade.is_left_behind]
    if participant.state == ExportState.EXPORTED:
        assert current, participant
        assert all(grade.is_certain for grade in current), participant
    if participant.state == ExportState.FAILED:
        assert participant.cause, participant
    if not deliveries:
        assert participant.state in (ExportState.NOT_EXPORTED, ExportState.EXPORTED), participant


def learn_agrees(deliveries: Iterable[Delivery], world: World) -> None:
    """What is called delivered did arrive, and what is called not arrived did not."""
    places: defaultdict[tuple[str, str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        if delivery.course_id:  # nothing was to be sent for the others
            places[delivery.course_id, delivery.column_name, delivery.learn_user_id].append(delivery)
    for place, sent_there in places.items():
        arrived = set(world.sent(*place))
        allowed = {delivery.value for delivery in sent_there if delivery.state in MAY_BE_IN_LEARN}
        confirmed = {delivery.value for delivery in sent_there if delivery.state == State.DELIVERED}
        assert confirmed <= arrived <= allowed, (place, arrived, sent_there)


def the_ledger_is_true(world: World, *, changed: Collection[tuple[str, str, str]] = ()) -> None:
    """What the ledger has for certain is in Learn, at that very place; what it does not have is not there.

    While a call is on its way to a place, what is there is decided by its record. `changed`: where someone has changed
    the grade in Learn by hand, as course id, column name and Learn user.
    """
    sending = Delivery.objects.filter(state=State.SENDING)
    called = {*sending.values_list("course_id", "column_name", "learn_user_id"), *changed}
    known = set()
    for grade in GradeInLearn.objects.in_learn():
        place = grade.course_id, grade.column_name, grade.learn_user_id
        known.add(place)
        if place in called:
            continue
        value = world.value(*place)
        if grade.is_certain:
            assert value == grade.value, (grade, value)
        else:
            before = GradeInLearn.objects.filter(
                course_id=grade.course_id, column_name=grade.column_name, learn_user_id=grade.learn_user_id
            )
            assert value in {None, *before.values_list("value", flat=True)}, (grade, value)
    for course_id, column_name, learn_user_id in set(
        Delivery.objects.exclude(course_id="").values_list("course_id", "column_name", "learn_user_id")
    ):
        place = course_id, column_name, learn_user_id
        if place not in known and place not in called:
            ended = GradeInLearn.objects.filter(
                course_id=course_id, column_name=column_name, learn_user_id=learn_user_id
            )
            assert world.value(*place) is None or ended.exists(), place


def every_success_is_one(answer: dict, body: list[dict], flow_id: str) -> None:
    """Whoever is not among the errors has a grade in Learn, for certain, wherever they lead.

    Or had it, until a grade of another flow followed it there within this very export: what waits is carried along,
    whoever queued it.
    """
    refused = {error["userId"] for error in answer["errors"]}
    began_at = ExportAttempt.objects.filter(flow__flow_id=flow_id).latest("pk").started_at
    for entry in body:
        if entry["userId"] in refused:
            continue
        person = Participant.objects.get(flow__flow_id=flow_id, user_id=entry["userId"])
        given = entry.get("adminGrade") or entry["mark"]
        grades = GradeInLearn.objects.filter(participant=person, certainty="CONFIRMED", value=given)
        assert any(
            (grade.is_in_learn and not grade.is_left_behind) or was_followed(grade, began_at) for grade in grades
        ), (entry, list(person.grades.all()))


def was_followed(grade: GradeInLearn, began_at: datetime) -> bool:
    """Whether another person's grade has come to its place since then."""
    return grade.until is not None and grade.until >= began_at and grade.ended_by_id not in (None, grade.participant_id)


def counts_add_up(attempt: ExportAttempt) -> None:
    """A finished attempt counts every entry of its body once."""
    deliveries = list(attempt.deliveries.all())
    is_open = any(delivery.state in Delivery.OPEN for delivery in deliveries)
    if attempt.finished_at is None:
        return
    assert not is_open, f"{attempt} is finished and has open deliveries"
    delivered = sum(delivery.entry_count for delivery in deliveries if delivery.state == State.DELIVERED)
    others = sum(delivery.entry_count for delivery in deliveries if delivery.state != State.DELIVERED)
    joint: dict[tuple[object, ...], list[Delivery]] = defaultdict(list)  # of entries for all sources of a person
    for delivery in deliveries:
        if delivery.joint_entry_count:
            entry = delivery.participant_id, delivery.mark, delivery.alternative_grade, bool(delivery.source_code)
            joint[entry].append(delivery)
    for parts in joint.values():
        numbers: defaultdict[str, int] = defaultdict(int)
        for part in parts:
            numbers[part.source_code] += part.joint_entry_count
        if all(part.state == State.DELIVERED for part in parts):
            delivered += max(numbers.values())
        else:
            others += max(numbers.values())
    assert attempt.number_of_success == delivered, attempt
    assert attempt.number_of_errors == others + len(attempt.unreadable_entries), attempt
    if attempt.number_of_errors:
        assert attempt.state == ExportState.FAILED, attempt


def follows_its_participants(flow: Flow) -> None:
    """One failed makes the flow FAILED (R6), else one on its way makes it QUEUED."""
    states: Iterable[str] = flow.participants.order_by().values_list("state", flat=True)
    present = set(states)
    order = (ExportState.FAILED, ExportState.QUEUED, ExportState.EXPORTED)
    expected = next((state for state in order if state in present), ExportState.NOT_EXPORTED)
    assert flow.state == expected, (flow, present)
