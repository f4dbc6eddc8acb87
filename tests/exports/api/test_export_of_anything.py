"""Whatever comes, the answer adds up and no success is claimed that Learn has not."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.models import Flow
from tests.conftest import COLUMN, COURSE
from tests.factories import ColumnMappingFactory, FlowFactory

# Whatever comes, the answer adds up and no success is claimed that Learn has not

USER_IDS = st.sampled_from(["u1", "u2", "u3", 1, "1", -2, 10**300, 2.5, None, False, "", "\0", "\ud800", ["u1"], {}])
GRADES = st.sampled_from(["A", "B", 0, "75.0", "", None, True, [], {"a": "\udfff"}, "x" * 334, "\0", "ü😀"])
ITEMS = st.fixed_dictionaries({}, optional={"userId": USER_IDS, "mark": GRADES, "adminGrade": GRADES})


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(exports=st.lists(st.lists(ITEMS | st.sampled_from([None, 1, "", []]), max_size=6), min_size=1, max_size=3))
def test_every_answer_adds_up_and_every_success_stands_in_learn(learn, flow, wiseflow, exports):
    flow = FlowFactory()
    ColumnMappingFactory(flow=flow, grade_column=Flow.objects.get(flow_id="77").column_mappings.get().grade_column)

    for items in exports:
        answer = wiseflow.export(*items, path=f"/api/wiseflow/flows/{flow.flow_id}/export")

        assert answer["numberOfSuccess"] + answer["numberOfErrors"] == len(items)
        assert answer["numberOfErrors"] == len(answer["errors"])
        expected = iter(item.get("userId") if isinstance(item, dict) else None for item in items)
        for error in answer["errors"]:
            assert json.dumps(error["userId"]) in map(json.dumps, expected)  # in the order of the body
            assert error["errorInfo"]
        attempt = flow.attempts.first()
        assert (attempt.number_of_success, attempt.number_of_errors) == (
            answer["numberOfSuccess"],
            answer["numberOfErrors"],
        )
        assert attempt.finished_at is not None
    values = learn.world.values(COURSE, COLUMN)
    for participant in flow.participants.all():
        assert participant.state in ("EXPORTED", "FAILED")
        if participant.exported_at:
            assert values[participant.user_id] == participant.value_in_learn
