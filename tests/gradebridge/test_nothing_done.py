"""Who is no longer allowed, or no longer signed in, when they confirm reads that nothing was done."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from exports.models import ExportAttempt
from tests.factories import ParticipantFactory
from tests.signed_in import signed_in, text_of

LISTS = ["exports_flow", "exports_participant", "exports_exportattempt", "courses_gradecolumn"]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("action", ["retry_failed", "provision", "delete_selected", "no_such_action"])
def test_a_permission_that_was_taken_away_is_told(name, action):
    person = ParticipantFactory(failed=True)
    manager = signed_in(manager=True)
    user = User.objects.get(pk=manager.session["_auth_user_id"])
    user.groups.clear()
    user.user_permissions.set(permissions_to_look())
    form = {"action": action, "post": "yes", "_selected_action": str(person.pk), "select_across": "0"}

    page = manager.post(reverse(f"admin:{name}_changelist"), form, follow=True)

    assert "Nothing was done: you are not allowed to do that." in text_of(page)
    assert "No action selected" not in text_of(page)
    assert not ExportAttempt.objects.exists()


def permissions_to_look():
    return Permission.objects.filter(codename__startswith="view_")


@pytest.mark.parametrize("name", LISTS)
def test_a_session_that_has_ended_is_told_after_the_log_in(client, name):
    person, user = ParticipantFactory(failed=True), User.objects.create_superuser("anna", password="a phrase")
    client.force_login(user)
    client.logout()
    form = {"action": "retry_failed", "post": "yes", "_selected_action": str(person.pk)}

    sent_away = client.post(reverse(f"admin:{name}_changelist"), form)
    client.get(sent_away["Location"])
    page = client.post(sent_away["Location"], {"username": "anna", "password": "a phrase"}, follow=True)

    assert "Nothing was done: you were signed out." in text_of(page)
    assert not ExportAttempt.objects.exists()


def test_who_only_opens_a_page_or_signs_in_reads_nothing_of_it(client):
    User.objects.create_superuser("anna", password="a phrase")
    sent_away = client.get(reverse("admin:exports_flow_changelist"))
    page = client.post(sent_away["Location"], {"username": "anna", "password": "a phrase"}, follow=True)
    assert "Nothing was done" not in text_of(page)
