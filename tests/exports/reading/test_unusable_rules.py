"""A request profile whose rule for Learn users went bad past its form holds up nobody else."""

import pytest

from exports import retrying
from exports.models import Participant, RequestProfile
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.factories import ApiClientFactory, ParticipantFactory, RequestProfileFactory

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


def test_its_own_export_is_refused_as_a_whole_with_the_reason(learn, flow, client, bad_client):
    answer = WiseFlow(client, "key-bad").post({"participants": [{"userId": "u1", "mark": "A"}]})

    assert answer.status_code == 400
    assert "is not usable" in answer.json()["detail"]
    assert learn.world.value(COURSE, COLUMN, "u1") is None
