"""What must hold at every moment, whatever went wrong. Each function asserts; Learn and the database bear witness."""

from collections import defaultdict
from collections.abc import Iterable

from exports.causes import Cause
from exports.models import Delivery, ExportAttempt, ExportState, Flow, Participant
from gradebridge.sandbox.world import World

State = Delivery.State
MAY_BE_IN_LEARN = {State.SENDING, State.DELIVERED, State.UNCONFIRMED}


def books_balance(world: World) -> None:
    """Everything that holds even while deliveries are on their way."""
    deliveries: defaultdict[int, list[Delivery]] = defaultdict(list)
    for delivery in Delivery.objects.order_by("pk").select_related("attempt"):
        deliveries[delivery.participant_id].append(delivery)
    for participant in Participant.objects.all():
        stands_where_the_last_delivery_left_it(participant, deliveries[participant.pk])
    learn_agrees(Delivery.objects.select_related("participant__flow"), world)
    for attempt in ExportAttempt.objects.prefetch_related("deliveries"):
        counts_add_up(attempt)
    for flow in Flow.objects.all():
        follows_its_participants(flow)


def nothing_is_open() -> None:
    """Every export and retry has ended: each entry is in one final state."""
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()
    assert not ExportAttempt.objects.filter(finished_at__isnull=True).exists()


def stands_where_the_last_delivery_left_it(participant: Participant, deliveries: list[Delivery]) -> None:
    """One state, told by the last delivery that was not refused; a refusal never takes away a confirmed grade."""
    still_open = [delivery for delivery in deliveries if delivery.state in Delivery.OPEN]
    assert len(still_open) <= 1, f"{participant} is on its way twice"
    tried = [delivery for delivery in deliveries if delivery.state != State.REFUSED]
    expected = ExportState.NOT_EXPORTED
    if still_open:
        expected = ExportState.QUEUED
    elif deliveries:
        delivered = bool(tried) and tried[-1].state == State.DELIVERED
        expected = ExportState.EXPORTED if delivered else ExportState.FAILED
    if participant.cause == Cause.REPLACED and participant.state == ExportState.EXPORTED:
        expected = ExportState.EXPORTED  # whatever was tried since: a rule has refused it
    assert participant.state == expected, participant
    confirmed = [delivery for delivery in deliveries if delivery.state == State.DELIVERED]
    assert (participant.exported_at is not None) == bool(confirmed), participant
    if confirmed:
        assert participant.exported_value == confirmed[-1].value, participant


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


def one_stands_at_each_place(world: World) -> None:
    """Who is called exported is in Learn with that value, unless it is said that another export has replaced it; and
    that is never said of all who lead to a place.

    Nothing is said while another's delivery there may have arrived: that one stands under Failed, or is on its way.
    """
    places: defaultdict[tuple[str, str, str], list[Participant]] = defaultdict(list)
    for person in Participant.objects.exclude(exported_course_id=""):
        place = person.exported_course_id, person.exported_column_name, person.exported_learn_user_id
        places[place].append(person)
    for place, people in places.items():
        if (value := world.value(*place)) in in_doubt(*place):
            continue
        assert not all(person.cause == Cause.REPLACED for person in people), (place, value)
        for person in people:
            if person.state == ExportState.EXPORTED:
                assert person.exported_value == value or person.cause == Cause.REPLACED, (person, value)


def in_doubt(course_id: str, column_name: str, learn_user_id: str) -> set[str]:
    """The values that may have come to this place without a confirmation."""
    there = Delivery.objects.filter(course_id=course_id, column_name=column_name, learn_user_id=learn_user_id)
    return set(there.filter(state__in=[State.SENDING, State.UNCONFIRMED]).values_list("value", flat=True))


def counts_add_up(attempt: ExportAttempt) -> None:
    """A finished attempt counts every entry of its body once."""
    deliveries = list(attempt.deliveries.all())
    is_open = any(delivery.state in Delivery.OPEN for delivery in deliveries)
    if attempt.finished_at is None:
        return
    assert not is_open, f"{attempt} is finished and has open deliveries"
    delivered = sum(delivery.entry_count for delivery in deliveries if delivery.state == State.DELIVERED)
    others = sum(delivery.entry_count for delivery in deliveries if delivery.state != State.DELIVERED)
    assert attempt.number_of_success == delivered, attempt
    assert attempt.number_of_errors == others + len(attempt.unreadable_entries), attempt
    if attempt.number_of_errors:
        assert attempt.state == ExportState.FAILED, attempt


def follows_its_participants(flow: Flow) -> None:
    """One on its way makes the flow QUEUED, else one failed makes it FAILED (R6)."""
    states: Iterable[str] = flow.participants.order_by().values_list("state", flat=True)
    present = set(states)
    order = (ExportState.QUEUED, ExportState.FAILED, ExportState.EXPORTED)
    expected = next((state for state in order if state in present), ExportState.NOT_EXPORTED)
    assert flow.state == expected, (flow, present)
