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
        learn_agrees(deliveries[participant.pk], world)
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
    assert participant.state == expected, participant
    confirmed = [delivery for delivery in deliveries if delivery.state == State.DELIVERED]
    assert (participant.exported_at is not None) == bool(confirmed), participant
    if confirmed:
        assert participant.exported_value == confirmed[-1].value, participant


def learn_agrees(deliveries: list[Delivery], world: World) -> None:
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
    """Where nothing is on its way: who is called exported without a cause is in Learn with that value.

    Of others whose grade was there it is said that it was replaced. What is in doubt or failed stands under Failed.
    """
    exported = Participant.objects.filter(state=ExportState.EXPORTED, exported_at__isnull=False)
    for person in exported.exclude(exported_course_id=""):
        value = world.value(person.exported_course_id, person.exported_column_name, person.exported_learn_user_id)
        stands = value == person.exported_value
        assert stands or person.cause == Cause.REPLACED, (person, person.exported_value, value)
        assert not (stands and person.cause == Cause.REPLACED), (person, person.exported_value, value)


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
