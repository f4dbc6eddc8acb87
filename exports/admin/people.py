"""Finding a person."""

from django.db.models import Q

from exports.models import GradeInLearn, Participant
from exports.models.participant import ParticipantQuerySet


def with_id(user_id: str) -> ParticipantQuerySet:
    """The participants with exactly this WISEflow or Learn user id, or with a grade in Learn for that Learn user."""
    wanted = user_id.strip()
    in_learn = GradeInLearn.objects.filter(learn_user_id=wanted).order_by().values("participant")
    return Participant.objects.filter(Q(user_id=wanted) | Q(learn_user_id=wanted) | Q(pk__in=in_learn)).order_by()
