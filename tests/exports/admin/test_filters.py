"""The filters that people think in: course, days, person. Each has an address that can be shared."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from exports.models import ExportAttempt
from tests.exports.admin.test_lists import rows, statements
from tests.factories import (
    ColumnMappingFactory,
    CorrectionFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    FlowFactory,
    ParticipantFactory,
    RetryRunFactory,
    UserFactory,
)
from tests.signed_in import text_of

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


class TestCourse:
    @pytest.fixture
    def flows(self, db: None) -> list[Any]:
        courses = [("BIO-1", "Biology"), ("BIO-10", "Biology and chemistry"), ("HIS-1", "History")]
        return [
            ColumnMappingFactory(grade_column__course__course_id=course, grade_column__course__title=title).flow
            for course, title in courses
        ]

    @pytest.mark.parametrize(
        ("typed", "found"),
        [("BIO-1", [0]), ("bio", [0, 1]), ("chemistry", [1]), (" HIS-1 ", [2]), ("nothing", []), ("", [0, 1, 2])],
    )
    def test_finds_flows_and_their_participants(
        self, typed: str, found: list[int], flows: Any, manager: Client
    ) -> None:
        people = [ParticipantFactory(flow=flow) for flow in flows]
        assert rows(manager, "flow", course=typed) == {flows[index].pk for index in found}
        assert rows(manager, "participant", course=typed) == {people[index].pk for index in found}

    def test_a_flow_with_two_columns_in_the_course_is_shown_once(self, manager: Client) -> None:
        mapping = ColumnMappingFactory(grade_column__course__course_id="BIO-1")
        ColumnMappingFactory(flow=mapping.flow, source_code="S", grade_column__course=mapping.grade_column.course)
        shown = manager.get("/admin/exports/flow/", {"course": "BIO-1"}).context["cl"].result_list
        assert [flow.pk for flow in shown] == [mapping.flow_id]


def days_before(number: float) -> Any:
    return NOW - number * DAY


@pytest.mark.usefixtures("noon")
class TestDays:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"ended": "today"}, [0, -0.3]),
            ({"ended": "yesterday"}, [1]),
            ({"ended": "week"}, [0, 1, 6.4]),
            ({"ended_from": "2026-11-28"}, [0, -0.3, 1, -5]),
            ({"ended_to": "2026-11-28"}, [1, 6.4, 6.6, 300]),
            ({"ended_from": "2026-11-22", "ended_to": "2026-11-23"}, [6.4, 6.6]),
            ({"ended_from": "2026-11-23", "ended_to": "2026-11-22"}, [6.4, 6.6]),
            ({"ended_from": "", "ended_to": ""}, [0, -0.3, 1, -5, 6.4, 6.6, 300]),
            ({"ended": "", "q": ""}, [0, -0.3, 1, -5, 6.4, 6.6, 300]),
        ],
    )
    def test_of_flows_are_those_on_which_the_assessment_ends(
        self, query: dict[str, str], found: list[float], manager: Client
    ) -> None:
        flows = {days: FlowFactory(assessment_ends_at=days_before(days)).pk for days in (0, -0.3, 1, -5, 6.4, 6.6, 300)}
        FlowFactory(assessment_ends_at=None) if any(query.values()) else None
        assert rows(manager, "flow", **query) == {flows[days] for days in found}

    @pytest.mark.parametrize(
        ("model", "parameter", "make"),
        [
            ("exportattempt", "started", lambda when: ExportAttemptFactory(started_at=when)),
            ("retryrun", "requested", lambda when: RetryRunFactory(requested_at=when)),
            ("correction", "requested", lambda when: CorrectionFactory(requested_at=when)),
        ],
    )
    def test_of_what_people_did_are_those_of_the_request(
        self, model: str, parameter: str, make: Callable[[Any], Any], manager: Client
    ) -> None:
        today, yesterday, long_ago = (make(when) for when in (NOW - HOUR, NOW - DAY, NOW - 30 * DAY))
        assert rows(manager, model, **{parameter: "today"}) == {today.pk}
        assert rows(manager, model, **{parameter: "yesterday"}) == {yesterday.pk}
        assert rows(manager, model, **{parameter: "week"}) == {today.pk, yesterday.pk}
        assert rows(manager, model, **{f"{parameter}_to": "2026-11-01"}) == {long_ago.pk}

    def test_the_form_shows_the_days_and_keeps_the_other_filters(self, manager: Client) -> None:
        query = {"ended_from": "2026-11-01", "state__exact": "FAILED", "q": "bio", "course": "B"}
        page = text_of(manager.get("/admin/exports/flow/", query))
        form = page.split('for="filter-ended_from"')[0].rsplit("<form", 1)[1]
        assert 'name="state__exact" value="FAILED"' in form
        assert 'name="q" value="bio"' in form
        assert 'name="course" value="B"' in form
        assert "ended" not in form
        assert 'name="ended_from" type="date" min="2000-01-01" max="2100-12-31" value="2026-11-01"' in page
        assert 'href="?course=B&amp;ended=today&amp;q=bio&amp;state__exact=FAILED"' in page


@pytest.mark.parametrize(
    "query",
    [
        {"ended": "tomorrow"},
        {"ended_from": "x"},
        {"ended_to": "9999-12-31"},
        {"ended_from": "0001-01-01"},
        {"ended_from": "2026-02-30"},
    ],
)
def test_a_day_that_cannot_be_is_said(query: dict[str, str], manager: Client) -> None:
    answer = manager.get("/admin/exports/flow/", query, follow=True)
    assert answer.redirect_chain == [("/admin/exports/flow/?e=1", 302)]
    assert "a filter with a value that cannot be read" in text_of(answer)


@pytest.mark.parametrize("query", ["assessment_ends_at__gte=2026-01-01", "ended__regex=(a+)%2B", "requested_by=1"])
def test_any_other_lookup_is_refused(query: str, manager: Client) -> None:
    assert manager.get(f"/admin/exports/flow/?{query}").status_code == 400


@pytest.mark.django_db
class TestPerson:
    def test_attempts_are_of_who_started_them_or_requested_the_correction(self) -> None:
        me, colleague = UserFactory(manager=True, username="me-too"), UserFactory(manager=True, username="colleague")
        mine = ExportAttemptFactory(trigger=ExportAttempt.Trigger.RETRY, requested_by=me, requested_at=NOW)
        theirs = ExportAttemptFactory(
            trigger=ExportAttempt.Trigger.CORRECTION, requested_by=colleague, requested_at=NOW
        )
        CorrectionFactory(attempt=theirs, requested_by=me, decided_by=colleague, decided_at=NOW, state="APPROVED")
        ExportAttemptFactory()
        client = Client()
        client.force_login(me)
        assert rows(client, "exportattempt", by="me") == {mine.pk, theirs.pk}
        assert rows(client, "exportattempt", by="Colleague") == {theirs.pk}
        assert rows(client, "exportattempt", by="me", trigger__exact="RETRY") == {mine.pk}

    def test_retries_are_of_who_requested_them(self) -> None:
        me = UserFactory(manager=True)
        mine = RetryRunFactory(requested_by=me)
        RetryRunFactory()
        client = Client()
        client.force_login(me)
        assert rows(client, "retryrun", by="me") == {mine.pk}
        assert rows(client, "retryrun", by=me.username) == {mine.pk}

    def test_corrections_are_of_who_requested_or_decided_them(self) -> None:
        me, colleague = UserFactory(manager=True), UserFactory(manager=True)
        asked = CorrectionFactory(requested_by=me)
        decided = CorrectionFactory(requested_by=colleague, decided_by=me, decided_at=NOW, state="DECLINED")
        CorrectionFactory(requested_by=colleague)
        client = Client()
        client.force_login(me)
        assert rows(client, "correction", by="me") == {asked.pk, decided.pk}

    def test_a_name_that_no_one_has_is_said(self, manager: Client) -> None:
        answer = manager.get("/admin/exports/exportattempt/", {"by": "nobody"}, follow=True)
        assert "a filter with a value that cannot be read" in text_of(answer)

    def test_user_names_are_suggested(self, manager: Client) -> None:
        UserFactory(manager=True, username="colleague", first_name="Hanne", last_name="Jensen")
        UserFactory(username="xavier", is_active=False)
        page = text_of(manager.get("/admin/exports/exportattempt/"))
        assert '<option value="colleague">Hanne Jensen</option>' in page
        assert "xavier" not in page


def test_corrections_wait_for_those_alone_who_may_approve_them(manager: Client) -> None:
    correction = CorrectionFactory()
    assert rows(manager, "correction", waiting="for_me") == {correction.pk}
    watcher = UserFactory(is_staff=True)
    watcher.user_permissions.add(Permission.objects.get(codename="view_correction"))
    client = Client()
    client.force_login(watcher)
    assert rows(client, "correction", waiting="for_me") == set()


def test_what_needs_attention_comes_first_in_the_list_of_flows(manager: Client) -> None:
    failed, late = ParticipantFactory(failed=True).flow, FlowFactory()
    calm = [ParticipantFactory(exported=True).flow, FlowFactory(running=True)]
    shown = manager.get("/admin/exports/flow/").context["cl"].result_list
    assert [flow.pk for flow in shown] == [flow.pk for flow in (late, failed, *reversed(calm))]
    assert manager.get("/admin/exports/flow/", {"o": "1"}).status_code == 200


def test_deliveries_of_one_attempt_show_what_failed_before_what_is_being_sent(manager: Client) -> None:
    attempt = ExportAttemptFactory()
    delivered, sending, failed = (
        DeliveryFactory(attempt=attempt, **traits) for traits in ({}, {"sending": True}, {"failed": True})
    )
    shown = manager.get("/admin/exports/delivery/", {"attempt__exact": attempt.pk}).context["cl"].result_list
    assert [delivery.pk for delivery in shown] == [failed.pk, sending.pk, delivered.pk]


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("flow", {"course": "c", "ended": "week", "q": "a b"}),
        ("participant", {"course": "c", "q": "a b"}),
        ("exportattempt", {"by": "me", "started": "today"}),
        ("retryrun", {"by": "me", "requested": "today"}),
        ("correction", {"by": "me", "requested": "today", "waiting": "for_me"}),
    ],
)
def test_filters_cost_the_same_statements_whatever_they_find(
    model: str, query: dict[str, str], manager: Client
) -> None:
    address = f"/admin/exports/{model}/"
    manager.get(address, query)
    few = statements(lambda: manager.get(address, query))
    UserFactory.create_batch(5, manager=True)
    for number in range(10):
        flow = ColumnMappingFactory(grade_column__course__course_id=f"c{number}").flow
        CorrectionFactory(participant__flow=flow)
        ExportAttemptFactory(flow=flow)
        RetryRunFactory()
    assert statements(lambda: manager.get(address, query)) <= few + 4  # of one page's rows, however many
    assert few + 4 <= 25
