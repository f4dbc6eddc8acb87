"""Before what cannot be undone people show who they are, and lose nothing that they have typed."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from courses.models import GradeColumn
from exports.models import ApiClient, Flow
from tests.common.signing_in.signing import PASSWORD, named
from tests.factories import ApiClientFactory, FlowFactory, GradeColumnFactory, UserFactory
from tests.forms import open_form
from tests.pages import words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    """Signed in six minutes ago, and active since then."""
    client = Client()
    client.force_login(UserFactory(username="root", is_superuser=True))
    session = client.session
    session["proved_at"] -= 6 * 60
    session.save()
    return client


def confirm(client, asked, password=PASSWORD):
    return client.post(asked["Location"], {"password": password})


def pages():
    client, flow, column = ApiClientFactory(), FlowFactory(), GradeColumnFactory(in_learn=True)
    return [
        f"/admin/exports/apiclient/{client.pk}/new-key/",
        "/admin/exports/apiclient/add/",
        "/admin/exports/webhook/add/",
        f"/admin/exports/flow/{flow.pk}/unlock-mapping/",
        f"/admin/courses/gradecolumn/{column.pk}/delete-in-learn/",
        "/admin/second-factor/",
    ]


def test_each_page_asks_first_and_is_shown_after_the_password(admin):
    for page in pages():
        asked = admin.get(page)
        assert (asked.status_code, asked["Location"].partition("?")[0]) == (303, "/admin/sign-in-again/"), page
    for page in pages()[:1]:
        confirmed = confirm(admin, admin.get(page))
        assert confirmed["Location"] == page
        assert admin.get(page).status_code == 200


def test_who_has_just_signed_in_is_not_asked():
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    assert client.get(pages()[0]).status_code == 200


def test_what_was_sent_is_kept_and_sent_after_the_password(admin):
    asked = admin.post(
        "/admin/exports/apiclient/add/", {"name": "WISEflow", "allowed_networks": "192.0.2.0/24\n2001:db8::/32"}
    )
    assert not ApiClient.objects.exists()
    assert "What you have entered is kept." in words_of(admin.get(asked["Location"]))

    page = admin.get(confirm(admin, asked)["Location"])
    form = page.context["hidden"]
    assert page.context["form_url"] == "/admin/exports/apiclient/add/"
    admin.post(page.context["form_url"], dict(form))

    assert ApiClient.objects.get().allowed_networks == ["192.0.2.0/24", "2001:db8::/32"]
    assert "carried" not in admin.session


def test_beginning_to_allow_overwriting_asks_and_other_changes_do_not(admin):
    flow = FlowFactory(title="Biology")
    page = f"/admin/exports/flow/{flow.pk}/change/"
    form = open_form(admin, page)
    assert admin.post(page, form | {"title": "Biology 2"}).status_code == 302
    form = open_form(admin, page)

    asked = admin.post(page, form | {"allow_overwrite": "on"})
    assert asked["Location"].startswith("/admin/sign-in-again/")
    assert not Flow.objects.get().allow_overwrite

    carried = admin.get(confirm(admin, asked)["Location"]).context
    admin.post(carried["form_url"], dict(carried["hidden"]))
    assert Flow.objects.get().allow_overwrite

    session = admin.session
    session["proved_at"] = 0
    session.save()
    assert admin.post(page, open_form(admin, page)).status_code == 302  # it is allowed already


def test_a_wrong_password_does_nothing_and_ten_lock(admin, caplog):
    client = ApiClientFactory()
    asked = admin.post(f"/admin/exports/apiclient/{client.pk}/new-key/")
    wrong = confirm(admin, asked, "wrong")
    assert "This is not your password." in words_of(wrong)
    assert admin.get("/admin/carry-on/")["Location"].startswith("/admin/sign-in-again/")
    answers = [confirm(admin, asked, "wrong").status_code for _number in range(9)]
    assert answers[-1] == 429
    assert len(named(caplog, "sign_in_failed")) == 9
    assert ApiClient.objects.get().key_hash == client.key_hash


def test_another_persons_password_is_not_enough(admin):
    UserFactory(username="berta", password="another pass phrase 12")
    asked = admin.get(pages()[0])
    answer = admin.post(asked["Location"], {"username": "berta", "password": "another pass phrase 12"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "onward", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_it_leads_to_no_other_site(admin, onward):
    answer = admin.post(f"/admin/sign-in-again/?next={onward}", {"password": PASSWORD})
    assert answer["Location"] == "/admin/"


def test_the_answer_is_good_for_five_minutes(admin):
    page = pages()[0]
    confirm(admin, admin.get(page))
    with time_machine.travel(timezone.now() + timedelta(minutes=4)):
        assert admin.get(page).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert admin.get(page).status_code == 303


def test_who_may_not_open_the_page_is_refused_and_not_asked():
    client = Client()
    client.force_login(UserFactory(manager=True))
    session = client.session
    session["proved_at"] = 0
    session.save()
    column = GradeColumn.objects.get(pk=GradeColumnFactory(in_learn=True).pk)
    assert client.get(f"/admin/courses/gradecolumn/{column.pk}/delete-in-learn/").status_code == 403
    assert client.get("/admin/exports/apiclient/add/").status_code == 403
