"""The account of a person whom the provider has signed in, and the roles that their groups give."""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from common.signing_in.identity import Identity
from common.signing_in.refusals import Reason, Refused

log = structlog.get_logger(__name__)

MAX_LENGTH = 150  # of a name, as of Django's account
MAX_SUBJECT = 255


def account_of(claims: Mapping[str, Any]) -> User:
    """The account that belongs to the subject of `claims`, made at the first sign-in, with exactly the roles that the
    claims give. Raises Refused; an account without a role is closed and its sessions end.
    """
    issuer, subject = settings.OIDC_ISSUER, str(claims["sub"])
    if len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise Refused(Reason.NOT_BELIEVED, "subject")
    known = Identity.objects.select_related("user").filter(issuer=issuer, subject=subject).first()
    if known and not known.user.is_active:
        raise Refused(Reason.INACTIVE)
    try:
        given = roles_of(claims)
    except Refused:
        if known:
            close(known.user)
        raise
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=known.user_id) if known else open_account(subject, claims)
        give_roles(user, given)
        describe(user, claims)
        user.is_staff = True
        user.save()
    return user


def roles_of(claims: Mapping[str, Any]) -> list[Group]:
    """Our groups that the person's groups lead to, at least one. Raises Refused.

    The groups are a list: in a text, `it` would also be found in `visitors of it`.
    """
    given = claim_at(claims, settings.OIDC_GROUPS_CLAIM)
    if not isinstance(given, list):
        raise Refused(Reason.NO_GROUPS, "missing" if given is None else "not a list")
    names = {role for value, role in settings.OIDC_ROLES if value in given}
    if not names:
        raise Refused(Reason.NO_ROLE)
    groups = list(Group.objects.filter(name__in=names))
    if not groups:
        raise Refused(Reason.NO_ROLE, "no such group in GradeBridge")
    return groups


def claim_at(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this name, else the one at its path: `realm_access.roles` is `roles` in `realm_access`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def give_roles(user: User, given: list[Group]) -> None:
    """Of the groups that the settings name; others are given and taken by hand."""
    named = Group.objects.filter(name__in={role for _value, role in settings.OIDC_ROLES})
    before = set(user.groups.filter(pk__in=named).values_list("name", flat=True))
    after = {group.name for group in given}
    user.groups.remove(*(group for group in named if group not in given))
    user.groups.add(*given)
    if after != before:
        log.info("roles_changed", user=user.get_username(), before=sorted(before), after=sorted(after))


def close(user: User) -> None:
    """Whoever has lost the last group: no role, no page, and no session that goes on."""
    log.warning("account_closed", user=user.get_username())
    with transaction.atomic():
        user.groups.remove(*Group.objects.filter(name__in={role for _value, role in settings.OIDC_ROLES}))
        user.is_staff = False
        user.set_unusable_password()  # another random text, by which sessions are known
        user.save(update_fields=["is_staff", "password"])


def open_account(subject: str, claims: Mapping[str, Any]) -> User:
    """A new one, never one that is there: an equal name says nothing about who it is."""
    for name in names_for(subject, claims):
        if User.objects.filter(username__iexact=name).exists():
            continue
        try:
            with transaction.atomic():
                user = User.objects.create_user(name)
                Identity.objects.create(user=user, issuer=settings.OIDC_ISSUER, subject=subject)
        except IntegrityError:  # another sign-in was quicker: with this name, or of this person
            found = Identity.objects.filter(issuer=settings.OIDC_ISSUER, subject=subject).first()
            if found:
                return found.user
            continue
        return user
    raise Refused(Reason.NOT_BELIEVED, "name")  # never: a thousand people of one name


def names_for(subject: str, claims: Mapping[str, Any]) -> Iterator[str]:
    base = text_at(claims, "preferred_username") or email_of(claims) or subject[:MAX_LENGTH]
    yield base
    for number in range(2, 1000):
        yield f"{base[: MAX_LENGTH - 4]}-{number}"


def describe(user: User, claims: Mapping[str, Any]) -> None:
    """What the provider says of the person today. Their name to sign in with stays: histories name them by it."""
    user.first_name = text_at(claims, "given_name") or user.first_name
    user.last_name = text_at(claims, "family_name") or user.last_name
    user.email = email_of(claims) or user.email


def email_of(claims: Mapping[str, Any]) -> str:
    """Not one that the provider has not verified: notifications would go to a stranger."""
    return text_at(claims, "email") if claims.get("email_verified", True) is True else ""


def text_at(claims: Mapping[str, Any], name: str) -> str:
    given = claims.get(name)
    if not isinstance(given, str):
        return ""
    return "".join(character for character in given if character.isprintable()).strip()[:MAX_LENGTH]
