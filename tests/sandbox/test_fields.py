import pytest

from sandbox import fields
from sandbox.gradebook import Refused

HUGE = 10**400  # no float is that large


@pytest.mark.parametrize(
    ("read", "left_out", "taken", "refused", "wanted"),
    [
        (fields.optional_text, "", ["", "x" * 333], [None, 5, True, [], "x" * 334], ""),
        (fields.flag, False, [True, False], [None, "", "true", 1, 0], "must be true or false"),
        (fields.whole_number, None, [0, -3, 12], [None, "", "1", True, 1.0], "must be a whole number"),
        (fields.attempts, -1, [-1, 1, 99], [None, 0, -2, 1.0, "1", True], "must be"),
        (
            fields.points,
            100.0,
            [1, 0.5, 1e9],
            [None, 0, -1, "100", True, float("nan"), float("inf"), HUGE],
            "must be a number above 0",
        ),
        (
            fields.day,
            None,
            ["2026-05-31", "2028-02-29"],
            [
                None,
                "",
                20260531,
                "20260531",
                "2026-W22-7",
                "31-05-2026",
                "2026-02-30",
                "2026-05-31T00:00",
                " 2026-05-31",
            ],
            "must be a date such as 2026-05-31",
        ),
        (
            fields.color,
            "",
            ["", "red", "#FF0000", "ff0000", "#abc"],
            [None, 0xFF0000, "#ff00", "dark red", "#gggggg", "x" * 11],
            "",
        ),
        (fields.optional_data, "", ["", "k=v", "k=" + "x" * 1998], [None, {"k": "v"}, "k", "k=" + "x" * 1999], ""),
    ],
)
def test_an_optional_field_has_its_default_and_takes_its_type_alone(read, left_out, taken, refused, wanted):
    assert read({}, "field") == left_out
    assert [read({"field": value}, "field") for value in taken] == taken
    for value in refused:
        with pytest.raises(Refused, match=f"^field.*{wanted}"):
            read({"field": value}, "field")
