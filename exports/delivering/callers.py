"""How the API clients that export people name their Learn users."""

from collections.abc import Collection, Iterable

import structlog

from exports.grades.facts import LearnUserOf, PersonFacts
from exports.models import ApiClient, RequestProfile
from exports.reading.profiles import BadRule

log = structlog.get_logger(__name__)


def rules_of(callers: Collection[int]) -> dict[int, LearnUserOf]:
    """The rules for Learn users of those of these API clients that have one."""
    clients = ApiClient.objects.filter(profile__isnull=False, pk__in=callers).select_related("profile")
    return rules_among(clients) if callers else {}


def rules_among(clients: Iterable[ApiClient]) -> dict[int, LearnUserOf]:
    return {client.pk: rule_of(client.profile) for client in clients if client.profile}


def rule_of(profile: RequestProfile) -> LearnUserOf:
    """The profile's rule for Learn users. One that is not usable any more knows none: the grade is refused, and the
    other callers' are not held up.
    """
    try:
        return profile.rule().learn_user_of
    except BadRule as bad:
        log.warning("request_profile_not_usable", profile=profile.pk, reason=str(bad))
        return lambda user_id: None


def callers_of(people: Iterable[PersonFacts]) -> set[int]:
    return {person.api_client_id for person in people if person.api_client_id}
