"""A request profile that went bad past its form holds up no one else."""

import pytest
from django.core.exceptions import ValidationError

from exports import retrying
from exports.mapping import health
from exports.models import Flow, Participant, RequestProfile
from exports.reading.body import BodyError
from exports.receiving import read_from
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.factories import ApiClientFactory, FlowFactory, ParticipantFactory, RequestProfileFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bad_client():
    profile = RequestProfileFactory()
    RequestProfile.objects.filter(pk=profile.pk).update(learn_user_rule="PATTERN", learn_user_text="(")
    return ApiClientFactory(name="bad", profile=profile)


def test_a_retry_of_others_goes_on(learn, flow, bad_client):
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    ParticipantFactory(flow=flow, user_id="u2", failed=True, api_client=bad_client)

    found = retrying.retry(Participant.objects.all(), by=None)

    assert (found.queued, found.refused) == (1, 1)
    assert Participant.objects.get(user_id="u2").cause == "LEARN_USER_UNKNOWN"


@pytest.fixture
def old_client():
    """Its profile was saved when there were more functions."""
    profile = RequestProfileFactory()
    RequestProfile.objects.filter(pk=profile.pk).update(mark="sort_by(grades, &date)[-1].mark")
    profile.refresh_from_db()
    return ApiClientFactory(name="old", profile=profile)


NO_FUNCTION = "Mark: There is no function sort_by(). Use one of contains, ends_with, items, "


def test_a_retry_needs_no_expression_of_its_profile(learn, flow, old_client):
    ParticipantFactory(flow=flow, user_id="u1", failed=True)
    ParticipantFactory(flow=flow, user_id="u2", failed=True, api_client=old_client)

    found = retrying.retry(Participant.objects.all(), by=None)

    assert (found.queued, found.refused) == (2, 0)


def test_an_export_by_a_function_that_is_gone_is_refused_with_its_name(learn, flow, client, old_client):
    answer = WiseFlow(client, "key-old").post({"participants": [{"userId": "u1", "mark": "A"}]})

    assert answer.status_code == 400
    assert f"The request profile '{old_client.profile}' cannot be used. {NO_FUNCTION}" in answer.json()["detail"]


def test_a_rehearsal_by_a_function_that_is_gone_is_refused_with_its_name(flow, old_client):
    with pytest.raises(BodyError, match=r"There is no function sort_by\(\)"):
        read_from(old_client, b'{"flowId": "77", "participants": []}')


def test_the_form_of_a_profile_names_a_function_that_is_gone(old_client):
    with pytest.raises(ValidationError) as refused:
        old_client.profile.full_clean()

    assert refused.value.message_dict["mark"][0].startswith("There is no function sort_by(). Use one of ")


def test_its_own_export_is_refused_as_a_whole_with_the_reason(learn, flow, client, bad_client):
    answer = WiseFlow(client, "key-bad").post({"participants": [{"userId": "u1", "mark": "A"}]})

    assert answer.status_code == 400
    assert "cannot be used" in answer.json()["detail"]
    assert learn.world.value(COURSE, COLUMN, "u1") is None


def test_mapping_health_goes_on_and_still_finds_who_shares_a_place(learn, flow, bad_client):
    ParticipantFactory(flow=flow, user_id="u1", learn_user_id="same", failed=True)
    ParticipantFactory(flow=flow, user_id="u2", learn_user_id="same", failed=True)
    ParticipantFactory(flow=flow, user_id="u3", failed=True, api_client=bad_client)

    problems = health.check(Flow.objects.all()).problems

    assert "SAME_LEARN_USER" in [problem.kind for problem in problems]


def test_a_retry_and_mapping_health_compile_only_the_rules_of_their_own_callers(learn, flow, bad_client, monkeypatch):
    good = ApiClientFactory(profile=RequestProfileFactory(learn_user_rule="PATTERN", learn_user_text="(u.)"))
    for user_id in ("u1", "u2"):
        ParticipantFactory(flow=flow, user_id=user_id, failed=True, api_client=good)
    ParticipantFactory(flow=FlowFactory(), user_id="u1", exported=True, api_client=bad_client)
    compiled = []
    rule_of = RequestProfile.rule
    monkeypatch.setattr(RequestProfile, "rule", lambda profile: compiled.append(profile.pk) or rule_of(profile))

    assert retrying.retry(Participant.objects.filter(flow=flow), by=None).queued == 2
    health.check(Flow.objects.filter(pk=flow.pk))

    assert set(compiled) == {good.profile.pk}
