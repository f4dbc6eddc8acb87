"""Evidence as people read it: the columns of the PDF and of the printed page."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.moments import short_moment
from exports.evidence.columns import Part, names_of
from exports.evidence.contents import Contents
from exports.models import Correction, ExportAttempt, ExportState, GradeInLearn, ProofState

Named = Mapping[str, str]  # the cells of a row by their columns' names
Text = Any  # a lazily translated text


@dataclass(frozen=True, slots=True)
class Shown:
    """`width`: in points, of the 786 that a page has."""

    title: Text
    width: int
    text: Callable[[Named], str]


def shown_rows(part: Part, contents: Contents) -> Iterator[list[str]]:
    names, columns = names_of(part), SHOWN[part]
    for cells in contents.rows(part):
        named = dict(zip(names, cells, strict=True))
        yield [column.text(named) for column in columns]


def label(choices: type[TextChoices], value: str) -> str:
    return str(choices(value).label) if value else ""


def when(cell: str) -> str:
    return short_moment(datetime.fromisoformat(cell)) if cell else ""


def name(row: Named) -> str:
    return f"{row['first_name']} {row['last_name']}".strip()


def state(row: Named) -> str:
    if row["expected"] == "true" and row["state"] == ExportState.NOT_EXPORTED:
        return gettext("Missing")
    return label(ExportState, row["state"])


def given(row: Named) -> str:
    """The alternative grade overrides the mark: both are shown."""
    return " · ".join(filter(None, (row["mark"], row["alternative_grade"])))


def place(row: Named) -> str:
    return " · ".join(filter(None, (row["course_id"], row["column_name"], row["learn_user_id"])))


def attempt(row: Named) -> str:
    if not row["attempt"]:
        return ""
    trigger = label(ExportAttempt.Trigger, row["trigger"])
    return gettext("%(number)s: %(trigger)s") % {"number": row["attempt"], "trigger": trigger}


def proof(row: Named) -> str:
    """`Different in Learn: 12, 3 May`; empty: it was not read back."""
    if not row["proof"]:
        return ""
    said = {"verdict": label(ProofState, row["proof"]), "shown": row["shown"], "when": when(row["read_at"])}
    return (gettext("%(verdict)s: %(shown)s, %(when)s") if row["shown"] else gettext("%(verdict)s, %(when)s")) % said


def sent_or_failed(row: Named) -> str:
    return when(row["since"] or row["failed_at"])


def what_came_after(row: Named) -> str:
    if row["dealt_with_by"]:
        return gettext("Dealt with by %(person)s") % {"person": row["dealt_with_by"]}
    if not row["replaced_by_user_id"]:
        return ""
    return gettext("%(value)s of %(user)s in flow %(flow)s") % {
        "value": row["replaced_by_value"],
        "user": row["replaced_by_user_id"],
        "flow": row["replaced_by_flow_id"],
    }


def change(row: Named) -> str:
    old = " · ".join(dict.fromkeys(filter(None, (row["mark_before"], row["value_before"]))))
    return f"{old} → {row['mark']}"


def reason(row: Named) -> str:
    if not row["decline_reason"]:
        return row["reason"]
    return gettext("%(reason)s Declined: %(decline_reason)s") % {
        "reason": row["reason"],
        "decline_reason": row["decline_reason"],
    }


def by_and_when(who: str, at: str) -> Callable[[Named], str]:
    return lambda row: f"{row[who]}, {when(row[at])}" if row[who] else ""


PERSON = (Shown(_("User id"), 88, lambda row: row["user_id"]), Shown(_("Name"), 84, name))
SOURCE = Shown(_("Source"), 70, lambda row: row["source_code"])

SHOWN: dict[Part, tuple[Shown, ...]] = {
    Part.GRADES: (
        Shown(_("User id"), 80, lambda row: row["user_id"]),
        Shown(_("Name"), 70, name),
        Shown(_("Expected"), 40, lambda row: gettext("Yes") if row["expected"] == "true" else gettext("No")),
        Shown(_("State"), 48, state),
        Shown(_("Grade in WISEflow"), 44, given),
        Shown(_("Value in Learn"), 38, lambda row: row["value"]),
        Shown(_("Certainty"), 46, lambda row: label(GradeInLearn.Certainty, row["certainty"])),
        Shown(_("Place in Learn"), 104, place),
        Shown(_("Source"), 58, lambda row: row["source_code"]),
        Shown(_("Since"), 48, sent_or_failed),
        Shown(_("Attempt"), 48, attempt),
        Shown(_("What is not as it should be"), 82, lambda row: row["explanation"]),
        Shown(_("Learn's gradebook"), 80, proof),
    ),
    Part.ENDED: (
        *PERSON,
        Shown(_("Value"), 44, lambda row: row["value"]),
        Shown(_("Certainty"), 50, lambda row: label(GradeInLearn.Certainty, row["certainty"])),
        Shown(_("Place in Learn"), 126, place),
        SOURCE,
        Shown(_("Since"), 52, lambda row: when(row["since"])),
        Shown(_("Until"), 52, lambda row: when(row["until"])),
        Shown(_("How it ended"), 110, lambda row: label(GradeInLearn.Ending, row["ended_as"])),
        Shown(_("What came after it"), 110, what_came_after),
    ),
    Part.CORRECTIONS: (
        *PERSON,
        SOURCE,
        Shown(_("Change"), 70, change),
        Shown(_("State"), 64, lambda row: label(Correction.State, row["correction_state"])),
        Shown(_("Reason"), 190, reason),
        Shown(_("Requested"), 85, by_and_when("requested_by", "requested_at")),
        Shown(_("Decided"), 85, by_and_when("decided_by", "decided_at")),
        Shown(_("Attempt"), 50, lambda row: row["attempt"]),
    ),
}

TITLES: dict[Part, Text] = {
    Part.GRADES: _("Every student"),
    Part.ENDED: _("No longer in Learn"),
    Part.CORRECTIONS: _("Corrections"),
}
