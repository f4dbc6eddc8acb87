"""The buttons above the pages of the admin: who has them, and where they lead."""

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from common.admin.base import BaseAdmin
from common.admin.cells import address
from tests.factories import GradeColumnFactory, TranslationFactory
from tests.signed_in import signed_in, text_of

pytestmark = pytest.mark.django_db

BUTTONS = [
    pytest.param(button.action_name, id=button.action_name)
    for page in admin.site._registry.values()
    if isinstance(page, BaseAdmin)
    for button in page._get_base_actions_detail()
]


def test_every_page_has_the_same_base() -> None:
    assert all(isinstance(page, BaseAdmin) for page in admin.site._registry.values())


ONLY_LOOK = {"exports_participant_why"}  # nothing is ever posted to these
# Who has asked needs no permission to withdraw it.
ASKERS_DECLINE = {f"exports_{request}_decline" for request in ("correction", "decision", "exemption")}


@pytest.mark.parametrize("button", BUTTONS)
@pytest.mark.parametrize("row", ["4711", "nonsense", "0", "-1", "99999999999999999999"])
def test_a_button_of_a_row_that_is_not_there_is_not_found(button: str, row: str) -> None:
    browser = signed_in(is_superuser=True)
    ask = browser.get if button in ONLY_LOOK else browser.post
    assert ask(reverse(f"admin:{button}", args=[row])).status_code == 404


@pytest.mark.parametrize("button", BUTTONS)
def test_a_button_is_refused_to_staff_in_no_group(button: str) -> None:
    for method in ("get", "post"):
        answer = getattr(signed_in(), method)(reverse(f"admin:{button}", args=[4711]))
        assert answer.status_code in (403, 404, 405)
        assert answer.status_code != 404 or button in ASKERS_DECLINE


@pytest.mark.parametrize("button", BUTTONS)
def test_a_button_asks_who_is_not_signed_in_to_sign_in(button: str, client: Any) -> None:
    answer = client.get(reverse(f"admin:{button}", args=[4711]))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_a_button_that_would_do_nothing_is_not_shown() -> None:
    column, created = GradeColumnFactory(), GradeColumnFactory(in_learn=True)
    browser = signed_in(is_superuser=True)
    pages = [text_of(browser.get(address(row))) for row in (column, created)]
    assert ["Provision in Learn" in page for page in pages] == [True, False]
    assert ["Create again in Learn" in page for page in pages] == [False, True]
    assert ["Delete in Learn" in page for page in pages] == [False, True]


def test_an_address_that_a_form_of_the_page_posts_to_has_no_link_above_it() -> None:
    translation = TranslationFactory()
    page = text_of(signed_in(is_superuser=True).get(address(translation)))
    assert f'href="{reverse("admin:exports_translation_preview", args=[translation.pk])}"' not in page
    assert f'action="{reverse("admin:exports_translation_preview", args=[translation.pk])}"' in page
    assert "/try/" not in text_of(signed_in(is_superuser=True).get(reverse("admin:exports_requestprofile_changelist")))
