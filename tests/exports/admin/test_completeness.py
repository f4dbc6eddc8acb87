"""Who is expected and who is missing, where people see it: lists, the flow's page, a participant's page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exports.models import Flow, Participant
from tests.exports.admin.test_lists import rows
from tests.factories import ColumnMappingFactory, DeliveryFactory, ExportAttemptFactory, FlowFactory, ParticipantFactory
from tests.signed_in import signed_in, text_of

FLOWS, PARTICIPANTS = "/admin/exports/flow/", "/admin/exports/participant/"
EXPORTED: dict[str, Any] = {"on_sis_roster": True, "exported": True}
MISSING: dict[str, Any] = {"missing": True}
SENTENCE = "On the roster; WISEflow has sent no grade.</strong> Have it assessed and exported in WISEflow."


def flow_of(*people: dict[str, Any], **fields: Any) -> Flow:
    flow = FlowFactory(mapped=True, with_roster=True, **fields)
    for traits in people:
        ParticipantFactory(flow=flow, **traits)
    return flow


def page_of(row: Flow | Participant) -> str:
    return reverse(f"admin:exports_{row._meta.model_name}_change", args=[row.pk])


# The state of a flow


@pytest.mark.parametrize(
    ("people", "pills"),
    [
        pytest.param([EXPORTED, EXPORTED], [("success", "Exported")], id="complete"),
        pytest.param([EXPORTED, MISSING], [("warning", "Incomplete, 1 missing")], id="incomplete"),
        pytest.param(
            [EXPORTED, {"failed": True}, MISSING], [("danger", "Failed"), ("warning", "1 missing")], id="failed"
        ),
        pytest.param([{"queued": True}, MISSING], [("info", "In progress"), ("warning", "1 missing")], id="queued"),
        pytest.param([MISSING], [("plain", "Not exported")], id="nothing has come"),
    ],
)
def test_an_incomplete_flow_is_never_shown_as_exported(
    people: list[dict[str, Any]], pills: list[tuple[str, str]], manager: Client
) -> None:
    flow = flow_of(*people)
    for url in (FLOWS, page_of(flow)):
        page = text_of(manager.get(url))
        for tone, label in pills:
            assert any(
                f'<span class="gb-pill gb-{tone}">' in part[-200:] for part in page.split(f"</span>{label}</span>")[:-1]
            )
    in_list = text_of(manager.get(FLOWS))
    assert ("</span>Exported</span>" in in_list) == (pills[0][1] == "Exported")


def test_the_list_says_how_many_are_missing_of_how_many_and_leads_to_them(manager: Client) -> None:
    flow = flow_of(EXPORTED, EXPORTED, MISSING)
    FlowFactory()  # without a roster

    page = text_of(manager.get(FLOWS))

    assert page.count("missing=yes&quot;") == 0
    assert f'href="{PARTICIPANTS}?flow__exact={flow.pk}&amp;missing=yes">1 of 3</a>' in page
    assert page.count(" of 3</a>") == 1
    assert "Assessment ends" in page


def test_flows_are_sorted_by_how_many_are_missing(manager: Client) -> None:
    one, three, none = flow_of(EXPORTED, MISSING), flow_of(EXPORTED, *[MISSING] * 3), flow_of(EXPORTED)
    response = manager.get(FLOWS)
    column = response.context["cl"].list_display.index("missing")
    shown = manager.get(FLOWS, {"o": f"-{column}"}).context["cl"].result_list
    assert list(shown) == [three, one, none]


# Filters and tabs


def test_incomplete_and_late_flows_are_found(manager: Client) -> None:
    now = timezone.now()
    running, over = now + timedelta(hours=1), now - timedelta(days=3)
    incomplete, late = flow_of(EXPORTED, MISSING, assessment_ends_at=running), flow_of(MISSING, assessment_ends_at=over)
    both = flow_of(EXPORTED, MISSING, assessment_ends_at=over)
    flow_of(EXPORTED, assessment_ends_at=over)

    assert rows(manager, "flow", missing="yes") == {incomplete.pk, both.pk}
    assert rows(manager, "flow", late="yes") == {late.pk, both.pk}
    assert rows(manager, "flow", missing="yes", late="yes") == {both.pk}


def test_missing_expected_and_former_participants_are_found(manager: Client) -> None:
    missing, exported = ParticipantFactory(missing=True), ParticipantFactory(on_sis_roster=True, exported=True)
    left = ParticipantFactory(exported=True, left_roster_at=timezone.now())

    assert rows(manager, "participant", missing="yes") == {missing.pk}
    assert rows(manager, "participant", roster="expected") == {missing.pk, exported.pk}
    assert rows(manager, "participant", roster="left") == {left.pk}


@pytest.mark.parametrize(
    ("url", "tab", "link"),
    [
        (FLOWS, "Incomplete", "?q=77&amp;missing=yes"),
        (FLOWS, "Expected, not arrived", "?q=77&amp;late=yes"),
        (PARTICIPANTS, "Missing", "?q=77&amp;flow__exact={flow}&amp;missing=yes"),
    ],
)
def test_the_tabs_keep_the_search_and_the_flow(url: str, tab: str, link: str, manager: Client) -> None:
    flow = flow_of(MISSING, flow_id="77")
    query = {"q": "77", "flow__exact": str(flow.pk)} if url == PARTICIPANTS else {"q": "77"}
    page = text_of(manager.get(url, query))
    address = link.format(flow=flow.pk)
    assert f'href="{url}{address}"' in page
    assert tab in page
    assert tab in text_of(manager.get(f"{url}{address.replace('&amp;', '&')}"))


# The flow's page


def test_the_flows_figures_lead_to_exactly_those_people(manager: Client) -> None:
    flow = flow_of(EXPORTED, MISSING, MISSING, {"added_by_hand": True}, {"failed": True})
    flow_of(MISSING)  # another one

    page = text_of(manager.get(page_of(flow)))

    for query, number in (("roster=expected", 3), ("missing=yes", 2)):
        figure = page.partition(f'href="{PARTICIPANTS}?flow__exact={flow.pk}&amp;{query}"')[2]
        assert f"<b>{number}</b>" in figure.partition("</a>")[0]
        name, value = query.split("=")
        assert len(rows(manager, "participant", flow__exact=str(flow.pk), **{name: value})) == number
    assert "WISEflow has sent no grade of 2 participants on the roster." in page


def test_a_flow_without_a_roster_has_no_such_figures(manager: Client) -> None:
    person = ParticipantFactory(exported=True)
    page = text_of(manager.get(page_of(person.flow)))
    assert "roster=expected" not in page
    assert "WISEflow has sent no grade" not in page


@pytest.mark.parametrize(
    ("people", "days", "says"),
    [
        ([MISSING], 2, "and WISEflow has sent no grade."),
        ([EXPORTED, MISSING], 2, "and WISEflow has not sent all grades."),
        ([EXPORTED], 2, ""),
        ([MISSING], 0, ""),
    ],
)
def test_a_late_flow_says_so(people: list[dict[str, Any]], days: int, says: str, manager: Client) -> None:
    flow = flow_of(*people, assessment_ends_at=timezone.now() - timedelta(days=days))
    page = text_of(manager.get(page_of(flow)))
    assert ("Expected, not arrived: the assessment period ended on" in page) == bool(says)
    assert says in page


# People


def test_a_missing_person_says_what_is_missing_and_what_to_do(manager: Client) -> None:
    person = ParticipantFactory(missing=True)
    ParticipantFactory(added_by_hand=True)
    ParticipantFactory()
    assert text_of(manager.get(PARTICIPANTS)).count(SENTENCE) == 1
    assert SENTENCE in text_of(manager.get(page_of(person)))


def test_names_are_shown_beside_ids(manager: Client) -> None:
    delivery = DeliveryFactory(participant__first_name="Ada", participant__last_name="Lovelace", failed=True)
    person, attempt = delivery.participant, delivery.attempt
    for url in (
        PARTICIPANTS,
        page_of(person),
        f"/admin/exports/delivery/?attempt__exact={attempt.pk}",
        reverse("admin:exports_delivery_change", args=[delivery.pk]),
        reverse("admin:exports_exportattempt_change", args=[attempt.pk]),
    ):
        assert "Ada Lovelace" in text_of(manager.get(url)), url


@pytest.mark.parametrize("term", ["ada", "LOVELACE", "Ada Lovelace", "lovelace ada", "Love"])
def test_a_participant_is_found_by_name(term: str, manager: Client) -> None:
    ada = ParticipantFactory(first_name="Ada", last_name="Lovelace")
    ParticipantFactory(first_name="Alan", last_name="Turing")
    assert rows(manager, "participant", q=term) == {ada.pk}


def test_a_name_cannot_bring_markup_into_a_page(manager: Client) -> None:
    person = ParticipantFactory(first_name="<script>1</script>", missing=True)
    for url in (PARTICIPANTS, page_of(person)):
        assert "<script>1" not in text_of(manager.get(url))


def test_who_was_taken_off_is_marked(manager: Client) -> None:
    person = ParticipantFactory(
        flow=FlowFactory(with_roster=True), exported=True, left_roster_at=timezone.now() - timedelta(days=1)
    )
    assert "Not on the roster any more</span>" in text_of(manager.get(PARTICIPANTS))
    assert "Not any more: a new roster took them off on" in text_of(manager.get(page_of(person)))


@pytest.mark.parametrize(
    ("flow", "person", "says"),
    [
        ({}, {}, "This flow has no roster"),
        ({"with_roster": True}, {}, "No"),
        ({"with_roster": True}, EXPORTED, "Yes, added by the student system"),
        ({"with_roster": True}, {"added_by_hand": True}, "Yes, added by hand"),
    ],
)
def test_the_page_says_whether_someone_is_on_the_roster(
    flow: dict[str, Any], person: dict[str, Any], says: str, manager: Client
) -> None:
    page = text_of(manager.get(page_of(ParticipantFactory(flow=FlowFactory(**flow), **person))))
    assert says in page.partition("On the roster")[2][:600]


def test_the_page_says_where_a_grade_would_go(manager: Client) -> None:
    mapping = ColumnMappingFactory(grade_column__name="Essay", grade_column__course__course_id="HIS210")
    person = ParticipantFactory(flow=mapping.flow, user_id="u1", missing=True)
    unmapped = ParticipantFactory(flow=FlowFactory(), missing=True)
    exported = ParticipantFactory(flow=mapping.flow, exported=True)

    assert "A grade would be sent for Learn user u1 in column Essay of course HIS210." in text_of(
        manager.get(page_of(person))
    )
    for other in (unmapped, exported):
        assert "A grade would be sent" not in text_of(manager.get(page_of(other)))


def test_people_are_sorted_by_their_ids_those_of_the_newest_flow_first(manager: Client) -> None:
    older, newer = FlowFactory(), FlowFactory()
    for flow, user_id in ((newer, "u3"), (newer, "u2"), (older, "u1")):
        ParticipantFactory(flow=flow, user_id=user_id, missing=True)
    shown = manager.get(PARTICIPANTS, {"missing": "yes"}).context["cl"].result_list
    assert [person.user_id for person in shown] == ["u2", "u3", "u1"]
    shown = manager.get(PARTICIPANTS, {"o": "-1"}).context["cl"].result_list
    assert [person.user_id for person in shown] == ["u3", "u2", "u1"]


# Who may, and what it costs


@pytest.mark.parametrize("url", [f"{FLOWS}?missing=yes", f"{FLOWS}?late=yes", f"{PARTICIPANTS}?missing=yes"])
def test_managers_and_administrators_see_them_and_others_do_not(
    url: str, manager: Client, administrator: Client
) -> None:
    flow_of(EXPORTED, MISSING)
    assert [client.get(url).status_code for client in (manager, administrator, signed_in())] == [200, 200, 403]


def statements(visit: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert visit().status_code == 200
    return len(queries)


@pytest.mark.parametrize(
    "url", [f"{FLOWS}?missing=yes", f"{FLOWS}?late=yes", f"{PARTICIPANTS}?missing=yes", f"{PARTICIPANTS}?q=ada"]
)
def test_a_list_costs_the_same_few_statements_however_long_it_is(url: str, manager: Client) -> None:
    def more(number: int) -> None:
        for _ in range(number):
            flow = flow_of(EXPORTED, {"first_name": "Ada", **MISSING})
            ExportAttemptFactory(flow=flow)

    more(2)
    manager.get(url)  # Django remembers content types from the first page on
    few = statements(lambda: manager.get(url))
    more(20)
    assert statements(lambda: manager.get(url)) == few <= 25


def test_a_participants_page_costs_few_statements(manager: Client) -> None:
    person = ParticipantFactory(missing=True)
    manager.get(page_of(person))
    assert statements(lambda: manager.get(page_of(person))) <= 25


def test_a_flows_page_costs_the_same_few_statements_however_many_are_missing(manager: Client) -> None:
    flow = flow_of(EXPORTED, MISSING)
    manager.get(page_of(flow))
    few = statements(lambda: manager.get(page_of(flow)))
    ParticipantFactory.create_batch(30, flow=flow, missing=True)
    assert statements(lambda: manager.get(page_of(flow))) == few <= 25
