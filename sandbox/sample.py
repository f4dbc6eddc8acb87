"""The world of the demo: five courses of one term, forty students each, of sixty in all. One has no columns yet.

One trap on purpose: s1024 sits in the middle of those who take HIS210-2026 and is not enrolled there. An export for
s1011 to s1050 shows one rejection.
"""

from sandbox.world import World

NOT_ENROLLED = ("HIS210-2026", "s1024")
LETTERS = "A=90:B=80:C=70:D=60:E=50:FX=40:F=0:U:BF"  # U: did not show up; BF: handed in blank


def sample_world() -> World:
    history = [user for user in _students(1011, 1050) if user != NOT_ENROLLED[1]]
    return World(
        {
            "schemas": {"A-F": {"symbols": LETTERS}, "Pass-Fail": {"symbols": "P=50:F=0"}},
            "courses": {
                "BIO101-2026": {
                    "experience": "ULTRA",
                    "users": _students(1001, 1040),
                    "columns": {"Written exam": {"points": 100.0, "schema": None}},
                },
                "HIS210-2026": {
                    "experience": "ULTRA",
                    "users": history,
                    "columns": {"Essay": {"points": 100.0, "schema": "A-F"}},
                },
                "MED330-2026": {
                    "experience": "ORIGINAL",
                    "users": _students(1021, 1060),
                    "columns": {"OSCE": {"points": 100.0, "schema": "Pass-Fail"}},
                },
                "LAW400-2026": {
                    "experience": "ULTRA",
                    "users": _students(1001, 1020) + _students(1041, 1060),
                    "columns": {"Case exam": {"points": 100.0, "schema": "A-F"}},
                },
                "ART120-2026": {"experience": "ORIGINAL", "users": _students(1011, 1050)},
            },
        }
    )


def _students(first: int, last: int) -> list[str]:
    return [f"s{number}" for number in range(first, last + 1)]
