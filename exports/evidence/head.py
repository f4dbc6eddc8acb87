"""What evidence says of itself: of which exam, when, by whom, and how much of what is in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.translation import gettext

from common.moments import moment
from exports.evidence.collecting import Counts
from exports.evidence.columns import Part, moment_cell, plain, utc_to_local
from exports.evidence.contents import Contents
from exports.models import Flow


class Item(NamedTuple):
    """`name` and `value` as in a file, `label` and `shown` as on a page."""

    name: str
    label: str
    value: str
    shown: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """`reference`: empty for what is only printed, which no register knows."""

    flow_id: str
    title: str
    counts: Counts
    rows: dict[Part, int]
    checksum: str
    made_at: datetime
    made_by: str
    reference: str = ""

    def items(self) -> list[Item]:
        return [
            text_item("flow_id", gettext("Flow"), self.flow_id),
            text_item("title", gettext("Title"), self.title),
            *self.count_items(),
            Item("made_at", gettext("Made"), utc_to_local(moment_cell(self.made_at)), moment(self.made_at)),
            text_item("made_by", gettext("Made by"), self.made_by),
            text_item("time_zone", gettext("Time zone"), timezone.get_current_timezone_name()),
            text_item("version", gettext("GradeBridge version"), settings.VERSION),
            number_item("rows", gettext("Rows"), sum(self.rows.values())),
            *([text_item("reference", gettext("Reference"), self.reference)] if self.reference else []),
            text_item("checksum", gettext("Checksum of the rows"), self.checksum),
        ]

    def count_items(self) -> list[Item]:
        """All people, of them those of each kind, and the grades in Learn by what its gradebook shows."""
        counts = self.counts
        return [
            number_item("people", gettext("Students"), counts.people),
            number_item("expected", gettext("Expected"), counts.expected),
            number_item("received", gettext("Received"), counts.received),
            number_item("delivered", gettext("Delivered"), counts.delivered),
            number_item("failed", gettext("Failed"), counts.failed),
            number_item("skipped", gettext("Of these, left out by a rule"), counts.skipped),
            number_item("in_progress", gettext("In progress"), counts.in_progress),
            number_item("missing", gettext("Missing"), counts.missing),
            number_item("proven", gettext("Grades proven in Learn"), counts.proven),
            number_item("different", gettext("Different in Learn"), counts.different),
            number_item("absent", gettext("Not shown in Learn"), counts.absent),
            number_item("kept", gettext("Learn's grade kept"), counts.kept),
            number_item("unreadable", gettext("Not readable in Learn"), counts.unreadable),
            number_item("unread", gettext("Not read back yet"), counts.unread),
        ]


def head_of(
    flow: Flow, contents: Contents, counts: Counts, *, made_at: datetime, made_by: str, reference: str = ""
) -> Head:
    return Head(
        flow_id=flow.flow_id,
        title=flow.title,
        counts=counts,
        rows=dict(contents.counts),
        checksum=contents.fingerprint.checksum,
        made_at=made_at,
        made_by=made_by,
        reference=reference,
    )


def text_item(name: str, label: str, text: str) -> Item:
    return Item(name, label, plain(text), plain(text))


def number_item(name: str, label: str, number: int) -> Item:
    return Item(name, label, str(number), intcomma(number))
