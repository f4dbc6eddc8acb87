"""First and last names, which are shown beside the ids while someone works with a flow."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from common import stopping
from common.database.bulk import among
from exports.models import ExportAttempt, Flow, Participant, PersonInWiseflow


def named_people(before: datetime) -> QuerySet[Participant]:
    """Those with a name, in flows that no one works with any more."""
    later = ExportAttempt.objects.filter(flow=OuterRef("pk")).exclude(finished_at__lt=before).order_by()
    flows = Flow.objects.filter(roster_imported_at__lt=before).exclude(assessment_ends_at__gte=before)
    people = Participant.objects.filter(flow__in=flows.exclude(Exists(later)).order_by().values("pk")).order_by()
    return people.exclude(first_name="", last_name="")


def delete_names(people: QuerySet[Participant]) -> int:
    """Flow by flow, with its row locked as an import of a roster does. Returns how many people had one."""
    deleted = 0
    flows = Flow.objects.filter(pk__in=people.values("flow")).order_by("pk")
    for pk in list(flows.values_list("pk", flat=True)):
        if stopping.is_requested():
            break
        with transaction.atomic():
            flow = Flow.objects.select_for_update(no_key=True).get(pk=pk)
            named = list(people.filter(flow=flow).values_list("pk", flat=True))
            PersonInWiseflow.objects.filter(among("participant_id", named)).update(first_name="", last_name="")
            Participant.objects.filter(among("pk", named)).update(first_name="", last_name="")
            deleted += len(named)
    return deleted
