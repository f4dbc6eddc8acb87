"""Events and reasons in words, and where a person sees more. No one's id, name or grade is in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.moments import moment
from common.sentences import shortlist
from exports.grades.causes import Cause
from exports.mapping.health import Kind as Problem
from exports.mapping.health.findings import Code as InLearn
from exports.models import Event
from exports.models.grade_in_learn import DIFFERENCES

REASONS: dict[str, Any] = {
    # of e-mail
    "NO_RECEIVER": gettext_lazy("This person is inactive, may not see grades, or has no e-mail address."),
    "MAIL_SERVER_NOT_REACHED": gettext_lazy("The mail server could not be reached. Check EMAIL_URL."),
    "MAIL_SIGN_IN_REFUSED": gettext_lazy("The mail server refused the user name or password in EMAIL_URL."),
    "MAIL_SENDER_REFUSED": gettext_lazy("The mail server refused the sender. Check DEFAULT_FROM_EMAIL."),
    "MAIL_ADDRESS_REFUSED": gettext_lazy("The mail server refused this person's e-mail address."),
    "MAIL_NOT_ACCEPTED": gettext_lazy("The mail server did not accept the message."),
    # of webhooks
    "HOST_UNKNOWN": gettext_lazy("The receiver's host name is not known. Check the address."),
    "ADDRESS_NOT_ALLOWED": gettext_lazy(
        "The receiver is in a private network. If that is right, allow the network in WEBHOOK_NETWORKS."
    ),
    "NOT_REACHED": gettext_lazy("The receiver could not be reached."),
    "CERTIFICATE_REFUSED": gettext_lazy("The receiver's certificate is not trusted."),
    "NO_ANSWER_IN_TIME": gettext_lazy("The receiver did not answer within %(seconds)s seconds."),
    "NO_USABLE_ANSWER": gettext_lazy("The receiver's answer cannot be read."),
    "REDIRECT": gettext_lazy("The receiver answered %(status)s, a redirect. Enter the final address."),
    "STATUS": gettext_lazy("The receiver answered %(status)s."),
}


def reason_sentence(reason: Mapping[str, Any]) -> str:
    """Why a try failed; empty: it did not. A reason of another version shows its code instead of breaking a page."""
    code = str(reason.get("code", ""))
    try:
        return str(REASONS[code]) % reason if code else ""
    except (KeyError, TypeError):
        return code


def sentences_of(events: Sequence[Event]) -> str:
    """What these events of one kind, and of one flow or of none, have to say together; in order, the newest last."""
    latest = events[-1]  # of what is watched it alone says how it is now
    match latest.kind:
        case Event.Kind.EXPORT_FAILED | Event.Kind.RETRY_FINISHED:
            return ends_sentence(events)
        case Event.Kind.CORRECTION_REQUESTED:
            text = ngettext("%(count)s correction is waiting.", "%(count)s corrections are waiting.", len(events))
            return text % {"count": intcomma(len(events))}
        case Event.Kind.DECISION_REQUESTED:
            text = ngettext(
                "%(count)s replacement of a grade in Learn is waiting.",
                "%(count)s replacements of grades in Learn are waiting.",
                len(events),
            )
            return text % {"count": intcomma(len(events))}
        case Event.Kind.EXEMPTION_REQUESTED:
            text = ngettext("%(count)s exemption is waiting.", "%(count)s exemptions are waiting.", len(events))
            return text % {"count": intcomma(len(events))}
        case Event.Kind.ACCESS_CHANGED | Event.Kind.ACCOUNT_CHANGED:
            return " ".join(access_sentence(event.data) for event in events)
        case Event.Kind.DIFFERENCE_FOUND:
            return differences_sentence(events)
        case Event.Kind.NOT_ARRIVED:
            return not_arrived_sentence(latest.data)
        case Event.Kind.QUOTA_SHORT:
            return quota_sentence(latest.data)
        case Event.Kind.MAPPING_FAULTS:
            return faults_sentence(latest.data)
    return _("Nothing has happened.")


ACCESS = {  # what was done, by its code; by someone, and without anyone having signed in
    "CLIENT_MADE": (
        gettext_lazy("%(by)s made the API client %(name)s."),
        gettext_lazy("The API client %(name)s was made on the command line."),
    ),
    "KEY_MADE": (
        gettext_lazy("%(by)s made a new key of the API client %(name)s."),
        gettext_lazy("A new key of the API client %(name)s was made."),
    ),
    "CLIENT_CHANGED": (
        gettext_lazy("%(by)s changed what the API client %(name)s may do."),
        gettext_lazy("What the API client %(name)s may do was changed."),
    ),
    "ACCOUNT_MADE": (
        gettext_lazy("%(by)s made the account %(name)s."),
        gettext_lazy("The account %(name)s was made at its first sign-in."),
    ),
    "ACCOUNT_OPENED": (
        gettext_lazy("%(by)s made the account %(name)s active, a superuser, or able to sign in here."),
        gettext_lazy("The account %(name)s was made active, a superuser, or able to sign in here."),
    ),
    "ROLES_GIVEN": (
        gettext_lazy("%(by)s gave %(name)s more roles or permissions."),
        gettext_lazy("%(name)s has more roles or permissions."),
    ),
    "PASSWORD_SET": (
        gettext_lazy("%(by)s set the password of the account %(name)s."),
        gettext_lazy("The password of the account %(name)s was set."),
    ),
}


def access_sentence(data: Mapping[str, Any]) -> str:
    """Who has opened what to whom. Names are of accounts and API clients, never of students."""
    by, by_no_one = ACCESS[data["change"]]
    return str(by if data["by"] else by_no_one) % data


def ends_sentence(events: Sequence[Event]) -> str:
    """The counts of all these attempts, and the causes of all."""
    text = _("Delivered: %(delivered)s. Not delivered: %(errors)s.")
    if len(events) > 1:
        text = _("Attempts: %(attempts)s. Delivered: %(delivered)s. Not delivered: %(errors)s.")
    said = text % {
        "attempts": intcomma(len(events)),
        "delivered": intcomma(sum(event.data["delivered"] for event in events)),
        "errors": intcomma(sum(event.data["not_delivered"] for event in events)),
    }
    causes = sum((Counter(event.causes) for event in events), Counter[str]())
    return (
        " ".join([said, _("Causes: %(causes)s.") % {"causes": counted(causes, dict(Cause.choices))}])
        if causes
        else said
    )


def differences_sentence(events: Sequence[Event]) -> str:
    """What all these runs have found together."""
    return _("Different in Learn: %(different)s. Not shown in Learn: %(not_shown)s.") % {
        "different": intcomma(sum(event.data["different"] for event in events)),
        "not_shown": intcomma(sum(event.data["not_shown"] for event in events)),
    }


def not_arrived_sentence(data: Mapping[str, Any]) -> str:
    return " ".join(filter(None, [ended_sentence(data), graded_sentence(data.get("graded"))]))


def graded_sentence(graded: int | None) -> str:
    """What WISEflow's API says of the missing; empty: it was not asked."""
    if graded is None:
        return ""
    if not graded:
        return _("WISEflow holds no grade of those who are missing.")
    text = ngettext(
        "%(count)s grade is entered in WISEflow and was not exported.",
        "%(count)s grades are entered in WISEflow and were not exported.",
        graded,
    )
    return text % {"count": intcomma(graded)}


def ended_sentence(data: Mapping[str, Any]) -> str:
    when = {"when": moment(datetime.fromisoformat(data["ended_at"]))}
    if data["is_empty"]:
        return _("The assessment period ended on %(when)s, and WISEflow has sent no grade.") % when
    text = ngettext(
        "The assessment period ended on %(when)s, and %(missing)s of %(expected)s grades is missing.",
        "The assessment period ended on %(when)s, and %(missing)s of %(expected)s grades are missing.",
        data["missing"],
    )
    return text % (when | {"missing": intcomma(data["missing"]), "expected": intcomma(data["expected"])})


def quota_sentence(data: Mapping[str, Any]) -> str:
    if data["lifts_at"]:
        text = _("Learn accepts no more calls before %(when)s. Until then no grade can be delivered.")
        return text % {"when": moment(datetime.fromisoformat(data["lifts_at"]))}
    text = _("Grades waiting: %(grades)s. Calls to Learn that they need: %(calls)s. Calls left today: %(left)s.")
    return text % {
        "grades": intcomma(data["grades"]),
        "calls": intcomma(data["calls"]),
        "left": intcomma(data["calls_left"]),
    }


def faults_sentence(data: Mapping[str, Any]) -> str:
    text = ngettext(
        "The assessment period ends on %(when)s, and the mapping has %(count)s error: %(kinds)s.",
        "The assessment period ends on %(when)s, and the mapping has %(count)s errors: %(kinds)s.",
        data["errors"],
    )
    return text % {
        "when": moment(datetime.fromisoformat(data["ends_at"])),
        "count": intcomma(data["errors"]),
        "kinds": counted(Counter(data["kinds"]), dict([*Problem.choices, *InLearn.choices])),
    }


def counted(numbers: Counter[str], labels: Mapping[str, Any]) -> str:
    """`Learn not available (10), Not sent in time (2)`: the greatest number first."""
    texts = [
        _("%(name)s (%(count)s)") % {"name": labels.get(code, code), "count": intcomma(number)}
        for code, number in numbers.most_common()
    ]
    return shortlist(texts)


def flow_name(event: Event) -> str:
    """As the admin shows it; of an event without a flow nothing."""
    return capfirst(str(event.flow)) if event.flow else ""


def link_of(event: Event) -> str:
    """The page that says more. Empty: the site does not know its own address."""
    match event.kind:
        case Event.Kind.EXPORT_FAILED | Event.Kind.RETRY_FINISHED:
            path = reverse("admin:exports_exportattempt_change", args=[event.data["attempt"]])
        case Event.Kind.CORRECTION_REQUESTED:
            path = reverse("admin:exports_correction_change", args=[event.data["correction"]])
        case Event.Kind.DECISION_REQUESTED:
            path = reverse("admin:exports_decision_change", args=[event.data["decision"]])
        case Event.Kind.EXEMPTION_REQUESTED:
            path = reverse("admin:exports_exemption_change", args=[event.data["exemption"]])
        case Event.Kind.ACCESS_CHANGED:
            path = reverse("changes")
        case Event.Kind.DIFFERENCE_FOUND:
            people = reverse("admin:exports_participant_changelist")
            path = f"{people}?{urlencode({'flow__exact': str(event.flow_id), 'proof': DIFFERENCES})}"
        case Event.Kind.NOT_ARRIVED | Event.Kind.MAPPING_FAULTS:
            path = reverse("admin:exports_flow_change", args=[event.flow_id])
        case _:
            path = reverse("admin:index")
    return absolute(path)


def link_of_flow(event: Event) -> str:
    """The page of its flow: of several events together."""
    return absolute(reverse("admin:exports_flow_change", args=[event.flow_id])) if event.flow_id else link_of(event)


def absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}" if settings.SITE_URL else ""
