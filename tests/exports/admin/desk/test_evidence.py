"""The page that makes evidence, the page to print, and the register."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exports.evidence.showing import SHOWN
from exports.models import Evidence, Flow
from tests.factories import FlowFactory, ParticipantFactory, UserFactory
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in

pytestmark = pytest.mark.django_db

PEOPLE = [{"manager": True}, {"administrator": True}, {"is_superuser": True}]
REGISTER = "admin:exports_evidence_changelist"


def page_of(flow: Flow, page: str = "evidence") -> str:
    return reverse(f"admin:exports_flow_{page}", args=[flow.pk])


def download(client: Client, flow: Flow, file_format: str = "CSV") -> tuple[Any, bytes]:
    """The answer, and the file in it: once it is read to its end, the answer is closed."""
    response = client.post(page_of(flow), {"format": file_format})
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    return response, content


@pytest.mark.parametrize("people", PEOPLE)
@pytest.mark.parametrize(("file_format", "begins"), [("PDF", b"%PDF"), ("CSV", b"\xef\xbb\xbfpart,"), ("XLSX", b"PK")])
def test_a_file_is_downloaded_and_entered_in_the_register(exam, people, file_format, begins):
    response, content = download(signed_in(**people), exam, file_format)

    evidence = Evidence.objects.get()
    assert content.startswith(begins)
    assert (
        f"evidence-77-{evidence.made_at:%Y-%m-%d}-{evidence.reference}.{file_format.lower()}"
        in (response["Content-Disposition"])
    )


def test_the_page_lists_what_was_made_and_by_whom(exam):
    client = Client()
    client.force_login(UserFactory(username="anna", manager=True))
    assert "No evidence of this flow has been made." in words_of(client.get(page_of(exam)))

    download(client, exam, "PDF")

    evidence = Evidence.objects.get()
    (row,) = rows_of(client.get(page_of(exam)))
    assert (row["Made by"], row["Format"], row["Rows"]) == ("anna", "PDF", "6")
    assert (row["Reference"], row["Checksum of the file"]) == (evidence.reference, evidence.sha256)


def test_opening_a_page_makes_nothing(exam):
    client = signed_in(manager=True)

    for page in ("evidence", "print_evidence"):
        assert client.get(page_of(exam, page)).status_code == 200

    assert not Evidence.objects.exists()


def test_an_unknown_format_makes_nothing(exam):
    client = signed_in(manager=True)

    assert client.post(page_of(exam), {"format": "DOC"}).status_code == 400
    assert client.post(page_of(exam, "print_evidence")).status_code == 405
    assert not Evidence.objects.exists()


def test_a_second_click_makes_a_second_file_that_is_known_too(exam):
    client = signed_in(manager=True)

    for _ in range(2):
        download(client, exam)

    assert Evidence.objects.count() == 2


def test_the_page_to_print_has_everyone_and_says_that_it_is_in_no_register(exam):
    page = signed_in(manager=True).get(page_of(exam, "print_evidence"))

    assert "This page is not in the register of evidence" in words_of(page)
    assert "Made by person" in words_of(page)
    people = [row for row in rows_of(page) if "Expected" in row]
    assert [row["User id"] for row in people] == ["ada", "ben", "cleo", "dora", "eva"]
    assert [row["State"] for row in people] == ["Exported", "Failed", "Missing", "Failed", "Failed"]
    assert people[2]["Name"] == "Łukasz Sørensen"
    assert "C of wang in flow 78" in words_of(page)


def test_too_many_people_for_a_page_are_sent_to_the_pdf(exam, monkeypatch):
    monkeypatch.setattr("exports.admin.desk.evidence.MAX_PRINTED", 4)
    client = signed_in(manager=True)

    assert "There is no page to print for more than 4 students" in words_of(client.get(page_of(exam)))
    page = client.get(page_of(exam, "print_evidence"))
    assert "This flow has 5 students" in words_of(page)
    assert rows_of(page) == []


@pytest.mark.parametrize("page", ["evidence", "print_evidence"])
def test_whoever_is_in_neither_group_gets_nothing(exam, page):
    client = signed_in()

    assert client.get(page_of(exam, page)).status_code == 403
    assert client.post(page_of(exam), {"format": "CSV"}).status_code == 403
    assert client.get(reverse(REGISTER)).status_code == 403
    assert not Evidence.objects.exists()


def test_whoever_may_not_see_people_gets_no_evidence_of_them(exam):
    user = UserFactory(manager=True)
    group = user.groups.get()
    group.permissions.remove(*group.permissions.filter(codename="view_participant"))
    client = Client()
    client.force_login(user)

    assert client.post(page_of(exam), {"format": "CSV"}).status_code == 403
    assert page_of(exam) not in client.get(page_of(exam, "change")).content.decode()


def test_evidence_of_no_flow_is_not_found(db):
    assert signed_in(manager=True).get(reverse("admin:exports_flow_evidence", args=[99])).status_code == 404


def test_a_flow_leads_to_its_evidence_and_not_to_the_page_to_print_alone(exam):
    page = signed_in(manager=True).get(page_of(exam, "change")).content.decode()

    assert page_of(exam) in page
    assert page_of(exam, "print_evidence") not in page


def test_the_register_is_in_the_side_bar_of_administrators(exam):
    address = reverse(REGISTER)

    assert address in signed_in(administrator=True).get(reverse("admin:index")).content.decode()
    assert address not in signed_in(manager=True).get(reverse("admin:index")).content.decode()


def test_no_one_changes_the_register(exam):
    client = signed_in(is_superuser=True)
    download(client, exam)
    evidence = Evidence.objects.get()
    one = reverse("admin:exports_evidence_change", args=[evidence.pk])

    assert evidence.sha256 in client.get(one).content.decode()
    assert client.post(one, {"sha256": "x"}).status_code == 403
    assert client.post(reverse("admin:exports_evidence_delete", args=[evidence.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:exports_evidence_add")).status_code == 403


def test_a_flow_with_evidence_is_not_deleted():
    flow, client = FlowFactory(), signed_in(is_superuser=True)
    download(client, flow)

    assert client.post(page_of(flow, "delete"), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("number", [1, 30])
def test_the_number_of_statements_does_not_grow(number, django_assert_max_num_queries):
    flow, client = FlowFactory(), signed_in(administrator=True)
    for _ in range(number):
        ParticipantFactory(flow=flow, exported=True)
        download(client, flow)

    for address in (page_of(flow), page_of(flow, "print_evidence"), reverse(REGISTER)):
        with django_assert_max_num_queries(14):
            assert client.get(address).status_code == 200


def test_the_widths_fit_the_paper():
    assert {sum(column.width for column in columns) for columns in SHOWN.values()} == {786}
