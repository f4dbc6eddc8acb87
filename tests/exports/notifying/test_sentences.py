"""Every kind of event and every reason has its sentence, which no detail of another version breaks."""

import pytest
from django.utils import timezone

from exports.models import Event
from exports.notifying.sentences import REASONS, link_of, reason_sentence, sentences_of
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db

ENDED = "2026-06-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        (
            "EXPORT_FAILED",
            {"delivered": 1200, "not_delivered": 2, "causes": {"NOT_MAPPED": 2, "A_LATER_CAUSE": 1}},
            "Delivered: 1,200. Not delivered: 2. Causes: No Learn column chosen (2), A_LATER_CAUSE (1).",
        ),
        ("RETRY_FINISHED", {"delivered": 2, "not_delivered": 0, "causes": {}}, "Delivered: 2. Not delivered: 0."),
        ("CORRECTION_REQUESTED", {"correction": 1}, "1 correction is waiting."),
        ("DECISION_REQUESTED", {"decision": 1}, "1 replacement of a grade in Learn is waiting."),
        (
            "DIFFERENCE_FOUND",
            {"different": 1200, "not_shown": 1},
            "Different in Learn: 1,200. Not shown in Learn: 1.",
        ),
        (
            "NOT_ARRIVED",
            {"ended_at": ENDED, "expected": 0, "missing": 0, "is_empty": True},
            "The assessment period ended on 1 June 2026, 12:00, and WISEflow has sent no grade.",
        ),
        (
            "NOT_ARRIVED",
            {"ended_at": ENDED, "expected": 1200, "missing": 3, "is_empty": False},
            "The assessment period ended on 1 June 2026, 12:00, and 3 of 1,200 grades are missing.",
        ),
        (
            "NOT_ARRIVED",
            {"ended_at": ENDED, "expected": 1200, "missing": 3, "is_empty": False, "graded": 2},
            "The assessment period ended on 1 June 2026, 12:00, and 3 of 1,200 grades are missing. "
            "2 grades are entered in WISEflow and were not exported.",
        ),
        (
            "NOT_ARRIVED",
            {"ended_at": ENDED, "expected": 3, "missing": 3, "is_empty": True, "graded": 0},
            "The assessment period ended on 1 June 2026, 12:00, and WISEflow has sent no grade. "
            "WISEflow holds no grade of those who are missing.",
        ),
        (
            "QUOTA_SHORT",
            {"grades": 9000, "calls": 18, "calls_left": 3, "lifts_at": ""},
            "Grades waiting: 9,000. Calls to Learn that they need: 18. Calls left today: 3.",
        ),
        (
            "QUOTA_SHORT",
            {"grades": 0, "calls": 0, "calls_left": 0, "lifts_at": ENDED},
            "Learn accepts no more calls before 1 June 2026, 12:00. Until then no grade can be delivered.",
        ),
        (
            "MAPPING_FAULTS",
            {"ends_at": ENDED, "errors": 1, "kinds": {"NOT_MAPPED": 1}},
            "The assessment period ends on 1 June 2026, 12:00, and the mapping has 1 error: No grade column (1).",
        ),
        ("TEST", {}, "Nothing has happened."),
    ],
)
def test_an_event_in_words(kind, data, sentence):
    assert sentences_of([EventFactory(kind=kind, data=data)]) == sentence


@pytest.mark.parametrize(
    ("kind", "earlier", "later", "sentence"),
    [
        (
            "NOT_ARRIVED",
            {"ended_at": ENDED, "expected": 3, "missing": 3, "is_empty": True},
            {"ended_at": ENDED, "expected": 3, "missing": 2, "is_empty": False},
            "The assessment period ended on 1 June 2026, 12:00, and 2 of 3 grades are missing.",
        ),
        (
            "QUOTA_SHORT",
            {"grades": 9000, "calls": 18, "calls_left": 3, "lifts_at": ""},
            {"grades": 9000, "calls": 18, "calls_left": 0, "lifts_at": ENDED},
            "Learn accepts no more calls before 1 June 2026, 12:00. Until then no grade can be delivered.",
        ),
    ],
)
def test_of_what_is_watched_the_latest_is_said(kind, earlier, later, sentence):
    assert sentences_of([EventFactory(kind=kind, data=data) for data in (earlier, later)]) == sentence


def test_every_reason_is_a_sentence():
    for code in REASONS:
        assert reason_sentence({"code": code, "seconds": 10, "status": 500}).endswith(".")
    assert reason_sentence({}) == ""


@pytest.mark.parametrize("reason", [{"code": "A_LATER_ONE"}, {"code": "STATUS"}])
def test_a_reason_of_another_version_shows_its_code(reason):
    assert reason_sentence(reason) == reason["code"]


def test_a_link_leads_to_a_page_and_is_left_out_where_the_site_does_not_know_its_address(settings):
    settings.SITE_URL = "https://grades.example.edu"
    event = EventFactory(kind=Event.Kind.NOT_ARRIVED, at=timezone.now())
    assert link_of(event) == f"https://grades.example.edu/admin/exports/flow/{event.flow_id}/change/"

    settings.SITE_URL = ""
    assert link_of(event) == ""
