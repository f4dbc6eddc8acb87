"""What was said last of each source of a participant: the deliveries that count now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from common.database.bulk import among
from exports.grades.causes import Cause
from exports.grades.facts import BY_HAND
from exports.models import Delivery, Participant


def current_deliveries(people: Iterable[Participant]) -> dict[int, list[Delivery]]:
    """The latest delivery for each source of these participants, newest first, by primary key.

    An entry without a source speaks for all of them, so what was said before it counts no more; nor does it, once
    something was said for each of them. What is in progress counts before all that came after it; what was refused
    because of that, only where there is nothing else.
    """
    sources = {person.pk: export_sources(person) for person in people}
    found: dict[int, list[Delivery]] = {participant: [] for participant in sources}
    seen: dict[int, dict[str, int]] = defaultdict(dict)  # the attempts in which something was said, by source
    oldest: dict[int, int] = {}
    newest_first = Delivery.objects.filter(among("participant_id", list(sources))).order_by("-attempt_id", "-pk")
    deliveries = sorted(newest_first, key=lambda delivery: delivery.state not in Delivery.OPEN)
    for delivery in sorted(deliveries, key=lambda delivery: delivery.cause == Cause.IN_PROGRESS):
        person = delivery.participant_id
        if delivery.attempt_id < oldest.get(person, 0) or delivery.source_code in seen[person]:
            continue
        if is_superseded(delivery, sources[person], seen[person]):
            continue
        seen[person][delivery.source_code] = delivery.attempt_id
        found[person].append(delivery)
        is_unusable = bool(delivery.cause) and Cause(delivery.cause).needs_new_export  # no one knows for which source
        if delivery.joint_entry_count or not (delivery.source_code or is_unusable):
            oldest[person] = max(delivery.attempt_id, oldest.get(person, 0))
    return found


def export_sources(person: Participant) -> set[str]:
    """The sources of which something is exported (R8)."""
    return {code for code, how in person.sources.items() if how != BY_HAND}


def is_superseded(delivery: Delivery, sources: Collection[str], said: Mapping[str, int]) -> bool:
    """Whether it is for no source in particular, and something was said for each of `sources` since; not what is open.

    `said`: the attempts in which that was, by source.
    """
    if delivery.source_code or delivery.state in Delivery.OPEN or not sources:
        return False
    return all(said.get(source, 0) > delivery.attempt_id for source in sources)
