"""Details as data: what was said of a failure before is kept as a text, is still read, and comes back as it was."""

from datetime import UTC, datetime
from typing import Any

import pytest

from exports.grades.causes import Cause
from exports.grades.sentences import error_info
from exports.models import Delivery, ExportAttempt, Participant
from tests.migrating import migrate

pytestmark = pytest.mark.migrates

BEFORE = ("exports", "0012_deliveries_without_checks")  # the last one that keeps texts
NOW = datetime(2026, 5, 3, 9, 0, tzinfo=UTC)
TIMES = dict.fromkeys(("started_at", "finished_at", "ends_by", "lease_ends_at"), NOW)
RETRY = "Retry in GradeBridge."

TEXTS = {
    "none": "",
    "plain": "Learn could not be reached",
    "a full stop": "Learn could not be reached.",
    "quotes": "a \"quoted\" 'text'",
    "backslashes": "back\\slash \\u0041 \\",
    "lines": "one\ntwo\tthree",
    "line separator": "line\u2028separator",
    "letters": "æøå é e\u0301 🎓",
    "braces": "{detail} {0} {}",
    "percent": "100 % of %(text)s and %s",
    "like an object": '{"text": "no", "code": "REJECTED"}',
    "an empty object": "{}",
    "like a list": "[1, 2]",
    "like a text": '"quoted"',
    "like a number": "007",
    "null": "null",
    "true": "true",
    "a blank": " ",
    "longest": "x" * 5000,
}


@pytest.fixture
def old(transactional_db: None) -> Any:
    """The models of the previous release, with a participant, a delivery and an attempt for every text."""
    try:
        old = migrate(BEFORE)
        fill(lambda name: old.get_model("exports", name))
        yield old
    finally:
        migrate()


def fill(model: Any) -> None:
    flow = model("Flow").objects.create(flow_id="77")
    for name, text in TEXTS.items():
        attempt = model("ExportAttempt").objects.create(
            flow=flow,
            state="EXPORTED",
            **TIMES,
            unreadable_entries=[
                {"entry": 1, "cause": "NO_USER_ID", "detail": text},
                {"entry": 2, "cause": "NO_USER_ID", "detail": "userId of entry 2 is missing"},
            ],
        )
        why = {"cause": "LEARN_UNAVAILABLE", "detail": text}
        person = model("Participant").objects.create(flow=flow, user_id=name, state="FAILED", mark="B", **why)
        model("Delivery").objects.create(
            attempt=attempt, participant=person, state="FAILED", mark="B", value="B", settled_at=NOW, **why
        )
    model("ExportAttempt").objects.create(flow=flow, state="EXPORTED", **TIMES)


def said(text: str) -> str:
    return f"Learn not available: {text.rstrip('. ')}. {RETRY}" if text.strip() else f"Learn not available. {RETRY}"


def test_every_text_is_kept_and_read_as_it_was(old):
    migrate()
    for name, text in TEXTS.items():
        person, delivery = Participant.objects.get(user_id=name), Delivery.objects.get(participant__user_id=name)
        assert person.detail == delivery.detail == ({"text": text} if text else {}), name
        assert person.error_info == delivery.error_info == said(text), name


def test_the_entries_that_name_no_person_are_kept_as_well(old):
    migrate()
    for name, text in TEXTS.items():
        first, second = Delivery.objects.get(participant__user_id=name).attempt.unreadable_entries
        assert first == {"entry": 1, "cause": "NO_USER_ID", "detail": {"text": text} if text else {}}
        assert second["detail"] == {"text": "userId of entry 2 is missing"}
        assert error_info(Cause(second["cause"]), second["detail"]) == (
            "No usable user id: userId of entry 2 is missing. Correct the export in WISEflow."
        )
    assert ExportAttempt.objects.filter(unreadable_entries=[]).count() == 1


def test_what_was_never_refused_has_no_detail(old):
    old.get_model("exports", "Participant").objects.update(state="NOT_EXPORTED", cause="", detail="")
    migrate()
    assert list(Participant.objects.values_list("detail", flat=True)) == [{}] * len(TEXTS)
    assert {person.error_info for person in Participant.objects.all()} == {""}


def test_the_way_back_gives_every_text_back_and_of_the_rest_the_parameters(old):
    migrate()
    Participant.objects.filter(user_id="plain").update(detail={"code": "REJECTED", "message": "No"})

    model = migrate(BEFORE).get_model

    details = dict(model("exports", "Participant").objects.values_list("user_id", "detail"))
    assert "REJECTED" in details.pop("plain")
    assert details == {name: text for name, text in TEXTS.items() if name != "plain"}
    for name, text in TEXTS.items():
        delivery = model("exports", "Delivery").objects.get(participant__user_id=name)
        assert delivery.detail == text
        assert delivery.attempt.unreadable_entries[0]["detail"] == text
