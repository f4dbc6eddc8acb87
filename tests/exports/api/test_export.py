"""The export endpoint over the whole way: body, rules, Learn, verdicts."""

from tests.conftest import COLUMN, COURSE


def test_every_delivered_grade_is_a_success_and_stands_in_learn(learn, flow, wiseflow):
    answer = wiseflow.export({"userId": "u1", "mark": "A"}, {"userId": "u2", "mark": "B"})

    assert answer == {"numberOfSuccess": 2, "numberOfErrors": 0, "errors": []}
    assert learn.world.values(COURSE, COLUMN) == {"u1": "A", "u2": "B"}
    flow.refresh_from_db()
    assert flow.state == "EXPORTED"
