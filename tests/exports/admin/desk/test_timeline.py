"""A flow's page: its people, problems first, and one line of time over all that happened, and who did it."""

import pytest
from django.http import HttpRequest
from django.utils import timezone

from exports import holding
from exports.admin.desk.timeline import timeline
from exports.models import ColumnMapping
from tests.factories import (
    ApiClientFactory,
    CorrectionFactory,
    ExportAttemptFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow():
    return FlowFactory(mapped=True)


def lines(flow, **traits):
    request = HttpRequest()
    request.user = UserFactory(**(traits or {"manager": True}))
    return timeline(flow, {}, request)


def page(client, flow, **traits):
    client.force_login(UserFactory(**(traits or {"manager": True})))
    return client.get(f"/admin/exports/flow/{flow.pk}/change/").content.decode()


def test_it_says_what_happened_and_who_did_it(flow):
    ExportAttemptFactory(flow=flow, api_client=ApiClientFactory(name="WISEflow"), number_of_success=7)
    manager = UserFactory(first_name="Ada", last_name="Berg", manager=True)
    ExportAttemptFactory(flow=flow, trigger="RETRY", requested_by=manager, requested_at=timezone.now())
    person = ParticipantFactory(flow=flow, exported=True)
    CorrectionFactory(participant=person, requested_by=manager, reason="Added up wrongly")
    holding.hold_flow(flow.pk, reason="An appeal", by=manager)

    said = {(line.what.partition(",")[0], line.who) for line in lines(flow)}

    assert ("Export from WISEflow", "WISEflow") in said
    assert ("Retry", "Ada Berg") in said
    assert ("Exam held", "Ada Berg") in said
    assert any(line.detail == "Added up wrongly" and line.who == "Ada Berg" for line in lines(flow))


def test_the_newest_is_first_and_changes_of_the_mapping_are_among_them(flow, client):
    ExportAttemptFactory(flow=flow)
    ColumnMapping.objects.create(flow=flow, source_code="S1", grade_column=GradeColumnFactory(name="Final"))

    found = lines(flow)

    assert [line.at for line in found] == sorted((line.at for line in found), reverse=True)
    assert any("S1" in line.what for line in found)


def test_who_may_not_see_corrections_is_shown_none(flow, client):
    CorrectionFactory(participant=ParticipantFactory(flow=flow, exported=True), reason="Secret")

    assert not any(line.detail == "Secret" for line in lines(flow, is_staff=True))


def test_the_page_lists_problems_first(flow, client):
    for name, traits in (
        ("a-fine", {"exported": True, "on_sis_roster": True}),
        ("b-missing", {"missing": True}),
        ("c-failed", {"failed": True}),
    ):
        ParticipantFactory(flow=flow, user_id=name, **traits)

    shown = page(client, flow)
    shown = shown[shown.index('id="people"') :]

    assert shown.index("c-failed") < shown.index("b-missing") < shown.index("a-fine")
    assert "On the roster; WISEflow has sent no grade" in shown


@pytest.mark.parametrize("traits", [{"manager": True}, {"administrator": True}])
def test_the_page_costs_the_same_statements_however_much_happened(flow, client, traits, django_assert_max_num_queries):
    def happen(times):
        for _ in range(times):
            person = ParticipantFactory(flow=flow, exported=True)
            ParticipantFactory(flow=flow, failed=True)
            ExportAttemptFactory(flow=flow)
            CorrectionFactory(participant=person)

    client.force_login(UserFactory(**traits))
    happen(1)
    addresses = (f"/admin/exports/flow/{flow.pk}/change/", f"/admin/exports/flow/{flow.pk}/timeline/")
    for address in addresses:
        client.get(address)
    spent = []
    for address in addresses:
        with django_assert_max_num_queries(30) as few:
            assert client.get(address).status_code == 200
        spent.append(len(few))
    happen(12)
    for address, few in zip(addresses, spent, strict=True):
        with django_assert_max_num_queries(few):
            client.get(address)


@pytest.mark.parametrize(("traits", "status"), [({"manager": True}, 200), ({"is_staff": True}, 403)])
def test_the_timeline_has_an_address_of_its_own_for_who_may_see_the_flow(flow, client, traits, status):
    ExportAttemptFactory(flow=flow)
    client.force_login(UserFactory(**traits))

    assert client.get(f"/admin/exports/flow/{flow.pk}/timeline/").status_code == status
    assert client.get("/admin/exports/flow/999999/timeline/").status_code in (403, 404)
