"""The page of a correction's attempt names both people, and leads back to the correction."""

from django.urls import reverse

from tests.factories import CorrectionFactory
from tests.signed_in import signed_in, text_of


def test_it_names_who_asked_and_who_approved_with_a_link(db):
    correction = CorrectionFactory(approved=True, requested_by__username="asker", decided_by__username="approver")
    seen = text_of(
        signed_in(manager=True).get(reverse("admin:exports_exportattempt_change", args=[correction.attempt.pk]))
    )

    assert "Requested by asker, approved by approver" in seen
    assert reverse("admin:exports_correction_change", args=[correction.pk]) in seen
