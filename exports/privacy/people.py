"""Who a student is here: their ids in WISEflow and in Learn, and their rows."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from common import spelling
from common.sentences import shortlist
from exports.models import Decision, Delivery, GradeInLearn, Participant, PersonInWiseflow

MAX_NAMED = 10  # ids in one sentence


class NotOnePerson(Exception):
    """What was given does not lead to one student. The argument is a sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """`ids`: those of WISEflow first, then those of Learn. `participants`: primary keys, one for each flow."""

    user_ids: tuple[str, ...]
    ids: tuple[str, ...]
    participants: tuple[int, ...]


def find(given: Sequence[str]) -> Person:
    """The student with these ids, each of WISEflow or of Learn; one that is known nowhere may still be in a text.

    Raises NotOnePerson where another student shares one of them.
    """
    texts = list(dict.fromkeys(map(spelled, given)))
    participants = list(participants_of(texts))
    user_ids = list(dict.fromkeys(user_id for _pk, user_id, _learn_user in participants))
    pks = tuple(pk for pk, _user_id, _learn_user in participants)
    ids = tuple(dict.fromkeys([*user_ids, *texts, *learn_users(participants)]))
    strangers = set(user_ids) - set(texts) if len(user_ids) > 1 else set[str]()
    if others := sorted(strangers | sharing(ids, pks)):
        text = _("More than one student of WISEflow has this id, or leads to this Learn user: %(ids)s.")
        advice = _(
            "If they are one person, give all these ids at once. If not, correct the Learn user of the one that is "
            "wrong first."
        )
        raise NotOnePerson(f"{text % {'ids': shortlist(sorted({*user_ids, *others}), most=MAX_NAMED)}} {advice}")
    return Person(user_ids=tuple(user_ids), ids=ids, participants=pks)


def spelled(text: str) -> str:
    try:
        found = spelling.clean(text)
    except ValueError as reason:
        raise NotOnePerson(str(reason)) from reason
    if not found:
        raise NotOnePerson(_("An id is empty."))
    return found


Row = tuple[int, str, str]  # primary key, user id, Learn user


def participants_of(texts: Sequence[str]) -> Iterator[Row]:
    """Those with one of these user ids; for a text that is no user id, those who lead to that Learn user; where no one
    does, those who once led to it.
    """
    people = Participant.objects.order_by("pk")
    seen = set[int]()
    for text in texts:
        wanted = (Q(user_id=text), leading_to(text), led_to(text))
        found = next((rows for each in wanted if (rows := list(people.filter(each).values_list(*COLUMNS)))), [])
        for row in found:
            if row[0] not in seen:
                seen.add(row[0])
                yield row


COLUMNS = ("pk", "user_id", "learn_user_id")


def leading_to(learn_user: str) -> Q:
    listed = PersonInWiseflow.objects.filter(learn_user_id=learn_user)
    current = GradeInLearn.objects.current().filter(learn_user_id=learn_user).order_by()
    return Q(learn_user_id=learn_user) | among_participants(listed, current)


def led_to(learn_user: str) -> Q:
    return among_participants(
        *(model.objects.filter(learn_user_id=learn_user).order_by() for model in (GradeInLearn, Delivery, Decision))
    )


def among_participants(*rows: QuerySet[Any]) -> Q:
    """Looked up by themselves: joined, each participant would be looked up in them."""
    return Q(pk__in={pk for each in rows for pk in each.values_list("participant", flat=True)})


def learn_users(participants: Sequence[Row]) -> Iterator[str]:
    """The Learn users that they have now. What they led to once may have been a mistake, and another student's."""
    pks = [pk for pk, _user_id, _learn_user in participants]
    yield from filter(None, (learn_user for _pk, _user_id, learn_user in participants))
    listed = PersonInWiseflow.objects.filter(participant__in=pks).exclude(learn_user_id="")
    yield from listed.order_by("pk").values_list("learn_user_id", flat=True)
    current = GradeInLearn.objects.current().filter(participant__in=pks)
    yield from current.order_by("pk").values_list("learn_user_id", flat=True)


def sharing(ids: Collection[str], pks: Collection[int]) -> set[str]:
    """The user ids of other students who have one of these ids too, or whose grade is in Learn at their place."""
    same = Participant.objects.exclude(pk__in=pks).filter(Q(user_id__in=ids) | Q(learn_user_id__in=ids))
    grades = GradeInLearn.objects.in_learn().filter(learn_user_id__in=ids).exclude(participant__in=pks)
    return {
        *same.order_by().values_list("user_id", flat=True)[:MAX_NAMED],
        *grades.order_by().values_list("participant__user_id", flat=True)[:MAX_NAMED],
    }
