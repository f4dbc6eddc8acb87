"""Whoever makes a second person shows first that it is them, and no session keeps a password."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.common.signing_in.signing import PASSWORD
from tests.factories import UserFactory
from tests.pages import words_of

pytestmark = pytest.mark.django_db

NEW = "another pass phrase 12"
GIVEN = {"username": "sock", "password1": NEW, "password2": NEW, "usable_password": "true", "_continue": "1"}


@pytest.fixture
def root():
    """Signed in an hour ago."""
    client = Client()
    client.force_login(UserFactory(username="root", is_superuser=True))
    session = client.session
    session["proved_at"] = 0
    session.save()
    return client


@pytest.fixture
def anna():
    return UserFactory(username="anna", manager=True)


def is_asked(answer):
    return answer.status_code == 303 and answer["Location"].startswith("/admin/sign-in-again/")


def test_each_page_that_makes_a_second_person_asks_first(root, anna):
    password = anna.password
    invited = UserFactory(username="berta", password=None)
    groups = {"name": "Managers"}
    for page, given in {
        f"/admin/auth/user/{anna.pk}/password/": {"password1": NEW, "password2": NEW, "usable_password": "true"},
        "/admin/auth/user/invite/": {"first_name": "A", "last_name": "B", "username": "ab", "role": "Managers"},
        f"/admin/auth/user/{invited.pk}/new-invitation/": {},
        "/admin/auth/user/add/": GIVEN,
        f"/admin/auth/user/{anna.pk}/change/": {"username": "anna", "is_superuser": "on"},
        "/admin/auth/group/add/": groups | {"name": "More"},
        f"/admin/auth/group/{Group.objects.get(name='Managers').pk}/change/": groups,
    }.items():
        assert is_asked(root.post(page, given)), page
    anna.refresh_from_db()
    assert (anna.password, anna.is_superuser) == (password, False)
    assert User.objects.count() == 3
    assert not Group.objects.filter(name="More").exists()


def test_reading_asks_no_one(root, anna):
    assert root.get(f"/admin/auth/user/{anna.pk}/change/").status_code == 200


@pytest.mark.parametrize("page", ["/admin/auth/user/add/", "/admin/auth/user/{}/password/"])
def test_a_password_is_typed_again_and_in_no_session(root, anna, page):
    page = page.format(anna.pk)
    asked = root.post(page, GIVEN)
    assert NEW not in str(dict(root.session))
    assert "What you have entered is kept." not in words_of(root.get(asked["Location"]))

    assert root.post(asked["Location"], {"password": PASSWORD})["Location"] == page
    assert root.get(page).status_code == 200
    assert root.post(page, GIVEN).status_code == 302


def test_who_may_not_change_accounts_is_refused_and_not_asked(anna):
    client = Client()
    client.force_login(anna)
    session = client.session
    session["proved_at"] = 0
    session.save()
    for page in ("user/add/", f"user/{anna.pk}/change/", "group/add/", "user/invite/"):
        assert client.post(f"/admin/auth/{page}").status_code == 403, page
