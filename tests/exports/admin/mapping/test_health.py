"""The page Mapping health."""

import pytest
from django.test import Client
from django.urls import reverse

from exports.admin.mapping import health as health_page
from exports.mapping import health
from tests.exports.tables import everything
from tests.factories import (
    ColumnMappingFactory,
    FlowFactory,
    GradeColumnFactory,
    GradeSchemaFactory,
    ParticipantFactory,
    TranslationFactory,
)
from tests.pages import words_of
from tests.signed_in import signed_in, text_of


def page(client, query=""):
    response = client.get(reverse("mapping-health") + query)
    assert response.status_code == 200
    return text_of(response)


def test_every_problem_leads_to_where_it_is_repaired(manager):
    translation, schema = TranslationFactory(name="Letters", table={"A": "Pass"}), GradeSchemaFactory(symbols="P:F")
    flow = ColumnMappingFactory(translation=translation, grade_column=GradeColumnFactory(grade_schema=schema)).flow
    unmapped = FlowFactory(title="Anatomy")

    seen = page(manager)

    for row in (translation, flow, unmapped):
        url = reverse(f"admin:exports_{row._meta.model_name}_change", args=[row.pk])
        assert f'href="{url}"' in seen
        assert manager.get(url).status_code == 200
    assert "for A, &#x27;Pass&#x27; is not a symbol" in seen
    assert ">Translation Letters</a>" in seen


def test_with_only_errors_notes_are_left_out(manager):
    FlowFactory(title="Trusted", translated=True, assessment_ends_at=None)
    FlowFactory(title="Unmapped", assessment_ends_at=None)

    assert "Trusted" in page(manager)
    errors = page(manager, "?only=errors")
    assert "Unmapped" in errors
    assert "Trusted" not in errors
    assert "assessment period" not in errors


def test_healthy_and_finished_flows_are_counted_and_not_listed(manager):
    FlowFactory(title="Biology", translated=True)
    ParticipantFactory(flow=FlowFactory(title="Anatomy"), exported=True)

    seen = page(manager)

    assert "No flow has a problem. Nothing to do." in seen
    assert "Biology" not in seen
    assert "Anatomy" not in seen
    assert "Without problems 1" in words_of(seen)
    assert "Finished, not shown 1" in words_of(seen)


def test_many_flows_are_divided_into_pages(manager, monkeypatch):
    monkeypatch.setattr(health_page, "FLOWS_CHECKED", 2)
    for title in ("First", "Second", "Third"):
        FlowFactory(title=title)

    assert "Page 1 of 2" in page(manager)
    assert "First" not in page(manager)
    last = page(manager, "?p=2&only=errors")
    assert "First" in last
    assert 'href="?p=1&only=errors"' in last
    assert page(manager, "?p=x")
    assert page(manager, "?p=99")


def test_a_page_says_what_it_checks_and_counts_that(manager, monkeypatch):
    monkeypatch.setattr(health_page, "FLOWS_CHECKED", 2)
    ParticipantFactory(flow=FlowFactory(title="Done"), exported=True)
    FlowFactory(title="Unmapped")
    FlowFactory.create_batch(2, translated=True)

    first, second = page(manager), page(manager, "?p=2")

    assert "checks flows 1 to 2 of 3, newest first" in first
    assert "No flow on this page has a problem." in first
    assert "Page 1 of 2" in first
    assert "Without problems 2" in words_of(first)
    assert "Unmapped" in second
    assert "With errors 1" in words_of(second)
    for seen in (first, second):
        assert "Finished, not shown 1" in words_of(seen)


def test_it_looks_at_the_flows_of_the_page_alone(manager, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(health_page, "FLOWS_CHECKED", 2)
    looked_at = []
    look = health.find_facts
    monkeypatch.setattr(health, "find_facts", lambda pks, site: looked_at.extend(pks) or look(pks, site))
    FlowFactory.create_batch(5, translated=True)

    with django_assert_max_num_queries(26):
        page(manager)

    assert len(looked_at) == 2


def test_what_people_have_named_is_shown_as_text(manager):
    FlowFactory(title="<script>alert(1)</script>")

    assert "<script>alert(1)" not in page(manager)


def test_looking_changes_nothing(manager):
    FlowFactory()
    before = everything()
    page(manager)
    assert everything() == before


@pytest.mark.django_db
def test_it_needs_the_permission_to_see_flows():
    url = reverse("mapping-health")
    assert signed_in().get(url).status_code == 403
    assert Client().get(url).url.startswith(reverse("admin:login"))
    assert f'href="{url}"' in text_of(signed_in(manager=True).get(reverse("admin:index")))
    assert f'href="{url}"' not in text_of(signed_in().get(reverse("admin:index")))
