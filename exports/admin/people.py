"""Finding a person."""

from django.db.models import Q

from exports.models import Participant
from exports.models.participant import ParticipantQuerySet


def with_id(user_id: str) -> ParticipantQuerySet:
    """The participants with exactly this WISEflow or Learn user id."""
    wanted = user_id.strip()
    return Participant.objects.filter(Q(user_id=wanted) | Q(learn_user_id=wanted)).order_by()
