"""Participants: the state of every student's grade."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from common.admin.cells import link, state_pill
from common.admin.filters import LinkedRowFilter
from common.admin.read_only import HistoryAdmin
from common.database.bulk import among
from common.moments import moment
from common.sentences import shortlist
from exports.admin.desk.holding import HoldsPeople
from exports.admin.desk.wiseflow_api import in_wiseflow_of
from exports.admin.filters import Failures, Missing, OfCourseOfFlow, OnRoster, ProofOfPeople
from exports.admin.grades.asking import AsksForCorrections, is_correctable
from exports.admin.grades.differences import Decides
from exports.admin.grades.filters import FailedSince, OfAttempt, OfRetry
from exports.admin.grades.guidance import ExplainsCauses
from exports.admin.grades.people import FindsSeveral, Found, as_name, found_for, not_found, words_of
from exports.admin.grades.proving import ProvesAtOnce
from exports.admin.grades.retry_these import RetriesListed
from exports.admin.grades.why import ExplainsWhy
from exports.grades.causes import Cause
from exports.grades.sentences import places_named
from exports.mapping.places import destinations
from exports.mapping.valid_values import Mappings
from exports.models import Flow, GradeInLearn, Participant, Proof
from exports.models.participant import ParticipantQuerySet
from exports.templatetags.grades import grade_cells, id_cell, person_cell
from exports.templatetags.holds import with_holds
from exports.templatetags.proofs import proof_pills

MAX_DELIVERIES = 50  # on one page
MAX_CORRECTIONS = 10
MAX_PROOFS = 10
MAX_CHARACTERS = 60  # of a flow's title in a cell
MAX_NOT_FOUND = 20  # ids in one sentence


@admin.register(Participant)
class ParticipantAdmin(
    FindsSeveral,
    ExplainsCauses,
    ExplainsWhy,
    RetriesListed,
    AsksForCorrections,
    ProvesAtOnce,
    Decides,
    HoldsPeople,
    HistoryAdmin,
):
    actions_detail = ["retry", "why", "ask_correction", "hold", "release", "prove", "keep", "replace"]
    unlinked = (*RetriesListed.unlinked, "prove", "keep", "replace")
    actions = ["retry_failed", "hold_chosen", "release_chosen", *RetriesListed.FILE_ACTIONS]
    list_display = ["person", "learn_user", "of_flow", "status", "value_in_learn", "since", "reason"]
    ordering = ["-flow_id", "user_id"]  # the newest flow first: an index serves it, however many flows there are
    sortable_by = ["person"]
    list_filter = [
        *("state", Missing, OnRoster, OfCourseOfFlow, FailedSince, "changed_since_export", ProofOfPeople, Failures),
        *("cause", ("flow", LinkedRowFilter), OfAttempt, OfRetry),
    ]
    list_before_template = "admin/exports/failed_listed.html"
    list_select_related = ["flow"]
    search_fields = ["user_id", "learn_user_id", "first_name", "last_name"]
    search_help_text = _("One or several user ids, name, flow id or title")
    fieldsets = [
        (
            _("State of the grade"),
            {"fields": ["status", "reason", "valid_values", ("value_in_learn", "since"), "changed"]},
        ),
        (_("Last sent by WISEflow"), {"fields": [("mark", "alternative_grade")]}),
        (_("Participant"), {"fields": ["of_flow", ("user_id", "learn_user_id"), "full_name", "roster", "by_source"]}),
    ]
    readonly_fields = [
        *("status", *ExplainsCauses.readonly_fields, "valid_values", "value_in_learn", "since", "changed"),
        *("of_flow", "full_name", "roster", "by_source"),
    ]
    change_form_outer_before_template = "admin/exports/held.html"
    change_form_outer_after_template = "admin/exports/participant.html"

    def get_queryset(self, request: HttpRequest) -> ParticipantQuerySet:
        people: ParticipantQuerySet = super().get_queryset(request)
        return people.with_grades()

    def failed_among(self, queryset: ParticipantQuerySet) -> ParticipantQuerySet:
        return queryset.retryable()

    def with_any(self, rows: ParticipantQuerySet, text: str, found: Found) -> QuerySet[Participant]:
        """Also those of flows whose id or title is the text."""
        several: ParticipantQuerySet = rows.filter(among("pk", found.people))
        if not as_name(text):
            return several
        # a subquery: joined flows would cost a large table seconds
        flows = Flow.objects.filter(Q(flow_id__icontains=text) | Q(title__icontains=text))
        in_learn = GradeInLearn.objects.filter(learn_user_id__icontains=text).order_by()
        return several | rows.filter(flow__in=flows.order_by()) | rows.filter(pk__in=in_learn.values("participant"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Says which of several ids no one has."""
        response = super().changelist_view(request, extra_context)
        changes = (getattr(response, "context_data", None) or {}).get("cl")
        if changes is not None and (missing := ids_missing(request, changes)):
            text = ngettext(
                "No participant has this id: %(ids)s.", "No participant has these ids: %(ids)s.", len(missing)
            )
            messages.warning(request, text % {"ids": shortlist(missing, most=MAX_NOT_FOUND)})
        return response

    def page_context(self, request: HttpRequest, row: Participant) -> dict[str, Any]:
        deliveries = row.deliveries.select_related("attempt__flow").order_by("-pk")[: MAX_DELIVERIES + 1]
        corrections = row.corrections.select_related("requested_by", "decided_by", "attempt")
        in_learn = row.in_learn
        return super().page_context(request, row) | {
            "in_learn": in_learn,
            "in_wiseflow": in_wiseflow_of(row),
            "leads_to": "" if in_learn else places_named(destinations(row)),
            "has_left_behind": any(grade.is_left_behind for grade in in_learn),
            "may_see_grades": request.user.has_perm("exports.view_gradeinlearn"),
            "proofs": proofs_of(row),
            "deliveries": deliveries[:MAX_DELIVERIES],
            "has_more": len(deliveries) > MAX_DELIVERIES,
            "corrections": (latest := corrections[: MAX_CORRECTIONS + 1])[:MAX_CORRECTIONS],
            "has_more_corrections": len(latest) > MAX_CORRECTIONS,
            "may_correct": self.has_ask_permission(request) and is_correctable(row),
        }

    @admin.display(description=_("User id"), ordering="user_id")
    def person(self, participant: Participant) -> str:
        return person_cell(participant, participant.user_id)

    @admin.display(description=_("Learn user"))
    def learn_user(self, participant: Participant) -> str | None:
        return id_cell(participant.learn_user_id) if participant.learn_user_id else None

    @admin.display(description=_("Name"))
    def full_name(self, participant: Participant) -> str | None:
        return participant.name or None

    @admin.display(description=_("State"))
    def status(self, participant: Participant) -> str:
        return with_holds(state_pill(participant), participant)

    @admin.display(description=_("Valid values"))
    def valid_values(self, participant: Participant) -> str:
        """Beside a grade that cannot be converted."""
        return Mappings([participant.flow_id]).valid_values(participant, participant.flow_id)

    def get_fieldsets(self, request: HttpRequest, obj: Participant | None = None) -> Any:
        """Valid values only where there are some to show."""
        hidden = () if obj and obj.cause == Cause.VALUE_NOT_USABLE else ("valid_values",)
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    @admin.display(description=_("Flow"))
    def of_flow(self, participant: Participant) -> str:
        return link(participant.flow, Truncator(participant.flow).chars(MAX_CHARACTERS))

    @admin.display(description=_("Value in Learn"))
    def value_in_learn(self, participant: Participant) -> str | None:
        """Each value, with its Learn user where that is not who the person should be, and whether it is certain; and
        whether Learn shows it.
        """
        return (
            format_html("{} {}", grade_cells(participant), proof_pills(participant)) if participant.in_learn else None
        )

    @admin.display(description=_("Since"))
    def since(self, participant: Participant) -> str | None:
        when = participant.exported_at
        return formats.date_format(timezone.localtime(when), "SHORT_DATETIME_FORMAT") if when else None

    @admin.display(description=_("Changed since export"))
    def changed(self, participant: Participant) -> str:
        if participant.changed_since_export:
            return gettext("Yes: WISEflow has since sent another grade")
        return gettext("No")

    @admin.display(description=_("On the roster"))
    def roster(self, participant: Participant) -> str:
        if participant.left_roster_at:
            when = {"when": moment(participant.left_roster_at)}
            return gettext("Not any more: a new roster took them off on %(when)s") % when
        if not participant.on_roster:
            return gettext("No") if participant.flow.roster_imported_at else gettext("This flow has no roster")
        if participant.added_by == Participant.AddedBy.MANUAL:
            return gettext("Yes, added by hand")
        return gettext("Yes, added by the student system")

    @admin.display(description=_("Sources"))
    def by_source(self, participant: Participant) -> str:
        how = {
            "SIS": gettext("%(source)s (added by the student system)"),
            "MANUAL": gettext("%(source)s (added by hand)"),
            "": gettext("%(source)s (on the roster)"),
            None: gettext("%(source)s (named by WISEflow)"),
        }
        named = [how[added] % {"source": code} for code, added in participant.sources.items()]
        return ", ".join(named) or gettext("No source known")


def proofs_of(participant: Participant) -> list[Proof]:
    """What Learn has shown of theirs, the newest first."""
    proofs = Proof.objects.filter(grade__participant=participant).select_related("grade")
    return list(proofs.order_by("-pk")[:MAX_PROOFS])


def ids_missing(request: HttpRequest, changes: ChangeList) -> list[str]:
    """Which of the ids that the list is searched by no one has."""
    if len(words_of(changes.query)) < 2:
        return []
    return not_found(changes.query, found_for(request, changes.query))
