"""Inviting a colleague: one page, one link, and no role that the inviter does not have."""

import re
import socket

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse

from exports.roles import ADMINISTRATORS, MANAGERS
from tests.factories import UserFactory
from tests.pages import rows_of, words_of
from tests.signed_in import signed_in

pytestmark = pytest.mark.django_db

INVITE = "/admin/auth/user/invite/"
GIVEN = {"first_name": "Ada", "last_name": "Berg", "email": "ada@example.edu", "role": MANAGERS}


@pytest.fixture
def admin(client):
    client.force_login(UserFactory(is_superuser=True))
    return client


def link_in(response):
    found = re.search(r"http://testserver(/welcome/[^<\s]+)", response.content.decode())
    assert found
    return found[1]


def test_the_invited_person_chooses_a_password_and_is_in(admin):
    link = link_in(admin.post(INVITE, GIVEN))

    colleague = Client()
    form = colleague.get(link, follow=True)
    password = {"new_password1": "a pass phrase of some length", "new_password2": "a pass phrase of some length"}
    arrived = colleague.post(form.request["PATH_INFO"], password, follow=True)

    assert arrived.request["PATH_INFO"] == reverse("admin:index")
    user = User.objects.get(username="ada@example.edu")
    assert (user.is_staff, user.is_superuser, user.get_full_name()) == (True, False, "Ada Berg")
    assert [group.name for group in user.groups.all()] == [MANAGERS]
    assert "is not valid" in Client().get(link, follow=True).content.decode()  # it works once


def test_until_then_the_account_has_no_password(admin):
    admin.post(INVITE, GIVEN)

    assert not User.objects.get(username="ada@example.edu").has_usable_password()


@pytest.mark.parametrize("email", ["ada@example.edu", "ADA@example.edu", "not an address", ""])
def test_what_cannot_be_invited_is_said_at_its_field(admin, email):
    UserFactory(username="someone", email="ada@example.edu")

    response = admin.post(INVITE, GIVEN | {"email": email})

    assert response.status_code == 200
    assert "/welcome/" not in response.content.decode()
    assert User.objects.filter(first_name="Ada").count() == 0


def inviting_manager():
    inviter = UserFactory(username="inviter", manager=True)
    inviter.user_permissions.add(*Permission.objects.filter(codename__in=["add_user", "view_user", "change_user"]))
    client = Client()
    client.force_login(inviter)
    return client


def test_who_is_no_superuser_never_sees_a_link_and_it_is_mailed_always():
    """Whoever sees it could be the second person of their own requests."""
    client = inviting_manager()
    assert "username" not in client.get(INVITE).context["form"].fields
    first = client.post(INVITE, GIVEN)
    ada = User.objects.get(first_name="Ada")
    again = f"/admin/auth/user/{ada.pk}/new-invitation/"
    assert "checkbox" not in client.get(again).content.decode().partition("<form")[2]
    second = client.post(again)

    for answer in (first, second):
        assert "The link was sent to ada@example.edu." in words_of(answer)
        assert "/welcome/" not in answer.content.decode()
    assert [message.to for message in mail.outbox] == [["ada@example.edu"]] * 2


def test_who_is_no_superuser_invites_no_one_without_an_address_or_a_mail_server(settings):
    client = inviting_manager()
    client.post(INVITE, GIVEN | {"email": "", "username": "sock"})
    assert not User.objects.filter(first_name="Ada").exists()
    nameless = UserFactory(username="nameless", password=None)
    assert client.post(f"/admin/auth/user/{nameless.pk}/new-invitation/").status_code == 403

    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert client.post(INVITE, GIVEN).status_code == 403


def test_no_one_gives_a_role_that_they_do_not_have():
    client = inviting_manager()

    refused = client.post(INVITE, GIVEN | {"role": ADMINISTRATORS})

    assert "/welcome/" not in refused.content.decode()
    assert not User.objects.filter(first_name="Ada").exists()
    client.post(INVITE, GIVEN)
    assert User.objects.filter(first_name="Ada").exists()


@pytest.mark.parametrize("traits", [{"manager": True}, {"administrator": True}])
def test_it_needs_the_permission_to_add_people(client, traits):
    client.force_login(UserFactory(**traits))

    assert client.get(INVITE).status_code == 403
    assert client.post(INVITE, GIVEN).status_code == 403
    assert not User.objects.filter(first_name="Ada").exists()


def test_it_is_a_button_of_the_list_of_users(admin):
    assert INVITE in admin.get("/admin/auth/user/").content.decode()


def test_a_colleague_without_email_gets_a_name_to_sign_in_with(admin):
    response = admin.post(INVITE, GIVEN | {"email": "", "username": "ada.berg"})

    assert link_in(response)
    assert "Your colleague signs in with the name ada.berg." in words_of(response)
    assert User.objects.get(username="ada.berg").email == ""


@pytest.mark.parametrize("username", ["someone", "SOMEONE", "with a space", ""])
def test_a_name_that_cannot_be_given_is_refused(admin, username):
    UserFactory(username="someone")

    admin.post(INVITE, GIVEN | {"email": "", "username": username})

    assert not User.objects.filter(first_name="Ada").exists()


def test_an_address_and_a_name_at_once_are_refused(admin):
    assert "not both" in words_of(admin.post(INVITE, GIVEN | {"username": "ada"}))
    assert not User.objects.filter(first_name="Ada").exists()


class TestByEmail:
    def test_the_link_is_mailed_and_shown(self, admin):
        response = admin.post(INVITE, GIVEN | {"is_mailed": "on"})

        (message,) = mail.outbox
        assert message.to == ["ada@example.edu"]
        assert f"http://testserver{link_in(response)}" in message.body
        assert "Hello Ada Berg," in message.body
        assert "The link was sent to ada@example.edu." in words_of(response)

    def test_it_is_not_mailed_unless_that_is_chosen(self, admin):
        admin.post(INVITE, GIVEN)

        assert mail.outbox == []

    def test_a_site_without_a_mail_server_does_not_offer_it(self, admin, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

        assert "Send the invitation by e-mail" not in admin.get(INVITE).content.decode()
        response = admin.post(INVITE, GIVEN | {"is_mailed": "on"})
        assert link_in(response)
        assert "was sent" not in words_of(response)

    def test_a_mail_server_that_fails_leaves_the_link_to_be_passed_on(self, admin, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        with socket.create_server(("127.0.0.1", 0)) as server:
            settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()

        response = admin.post(INVITE, GIVEN | {"is_mailed": "on"})

        assert "The e-mail was not sent: The mail server could not be reached." in words_of(response)
        assert link_in(response)

    def test_a_name_over_two_lines_makes_no_header(self, admin):
        User.objects.update(first_name="Eve\nBcc: all@example.edu")

        admin.post(INVITE, GIVEN | {"is_mailed": "on"})

        assert mail.outbox[0].subject == "Eve Bcc: all@example.edu invites you to GradeBridge"


class TestANewLink:
    @pytest.fixture
    def first_link(self, admin):
        return link_in(admin.post(INVITE, GIVEN))

    @pytest.fixture
    def ada(self, first_link):
        return User.objects.get(username="ada@example.edu")

    @pytest.fixture
    def again(self, ada):
        return f"/admin/auth/user/{ada.pk}/new-invitation/"

    def test_it_works_and_the_old_one_no_longer_does(self, admin, first_link, again, ada):
        assert again in admin.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
        assert "stop working" in words_of(admin.get(again))

        link = link_in(admin.post(again))

        assert "is not valid" in words_of(Client().get(first_link, follow=True))
        assert "Choose a password" in words_of(Client().get(link, follow=True))

    def test_asking_changes_nothing(self, admin, first_link, again):
        admin.get(again)

        assert "Choose a password" in words_of(Client().get(first_link, follow=True))

    def test_it_can_be_mailed(self, admin, again):
        admin.post(again, {"is_mailed": "on"})

        assert mail.outbox[0].to == ["ada@example.edu"]

    @pytest.mark.parametrize("change", ["a password", "not active"])
    def test_who_needs_none_gets_none(self, admin, again, ada, change):
        if change == "a password":
            ada.set_password("a pass phrase of some length")
        else:
            ada.is_active = False
        ada.save()
        password = ada.password

        assert again not in admin.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
        response = admin.post(again, follow=True)

        assert "needs no invitation" in words_of(response)
        ada.refresh_from_db()
        assert ada.password == password

    def test_no_one_takes_over_an_account_that_may_do_more(self, admin, again, ada):
        """Whoever has the link can choose the password."""
        client = inviting_manager()
        assert client.get(again).status_code == 200

        ada.groups.set(Group.objects.filter(name=ADMINISTRATORS))

        assert (client.get(again).status_code, client.post(again).status_code) == (403, 403)

    @pytest.mark.parametrize("traits", [{"manager": True}, {"administrator": True}, {}])
    def test_it_needs_the_permission_to_add_people(self, again, traits):
        assert signed_in(**traits).post(again).status_code == 403


@pytest.mark.parametrize("path", ["invite", "new-invitation"])
def test_no_browser_keeps_the_page_with_a_link(admin, path):
    response = admin.post(INVITE, GIVEN)
    if path == "new-invitation":
        response = admin.post(f"/admin/auth/user/{User.objects.get(first_name='Ada').pk}/new-invitation/")

    assert "no-store" in response.headers["Cache-Control"]
    assert 'data-copies="shown-once"' in response.content.decode()


def test_the_list_of_users_shows_role_and_account(admin, django_assert_max_num_queries):
    admin.post(INVITE, GIVEN)
    UserFactory(username="left", is_active=False)
    UserFactory(username="boss", administrator=True)

    with django_assert_max_num_queries(8):
        page = admin.get("/admin/auth/user/?o=1")
    found = {row["Username"]: (row["Role"], row["Account"]) for row in rows_of(page) if row.get("Username")}

    assert found["ada@example.edu"] == ("Managers", "Invited")
    assert found["boss"] == ("Administrators", "Active")
    assert found["left"][1] == "Inactive"
    UserFactory.create_batch(10, manager=True)
    with django_assert_max_num_queries(8):
        admin.get("/admin/auth/user/")
