"""The world of the demo: six courses of one term, up to forty students each, of sixty in all. One has no columns yet.

One trap on purpose: s1024 sits in the middle of those who take HIS210-2026 and is not enrolled there. An export for
s1011 to s1050 shows one rejection.
"""

import time
from typing import Any

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
                    "columns": {
                        "Written exam": {"points": 100.0, "schema": None},
                        "Practical": {"points": 100.0, "schema": None},
                    },
                },
                "HIS210-2026": {
                    "experience": "ULTRA",
                    "users": history,
                    "columns": {
                        "Essay": {"points": 100.0, "schema": "A-F"},
                        "Oral": {"points": 100.0, "schema": "A-F"},
                    },
                },
                "MED330-2026": {
                    "experience": "ORIGINAL",
                    "users": _students(1021, 1060),
                    "columns": {"OSCE": {"points": 100.0, "schema": "Pass-Fail"}},
                },
                "LAW400-2026": {
                    "experience": "ULTRA",
                    "users": _students(1001, 1020) + _students(1041, 1060),
                    "columns": {
                        "Case exam": {"points": 100.0, "schema": "A-F"},
                        "Moot court": {"points": 100.0, "schema": "A-F"},
                    },
                },
                "STA110-2026": {
                    "experience": "ULTRA",
                    "users": _students(1001, 1012),
                    "columns": {"Written exam": {"points": 100.0, "schema": "A-F"}},
                },
                "ART120-2026": {"experience": "ORIGINAL", "users": _students(1011, 1050)},
            },
        }
    )


EXAM = "4711"  # the flow that WISEflow's API knows, as well as what WISEflow exports
EXAM_COURSE = "STA110-2026"


def sample_exams() -> dict[str, Any]:
    """What the pretend WISEflow's API holds: one exam of twelve students, of whom not all have been exported.

    Students 1 to 9 were exported; of 10 and 11 the grades wait, though they are given; 12 is deactivated.
    """
    ended = int(time.time()) - 3 * 86_400
    people = [
        {
            "participantId": 500 + number,
            "userId": number,
            "activated": number != 12,
            "firstName": FIRST_NAMES[number % len(FIRST_NAMES)],
            "lastName": LAST_NAMES[number % len(LAST_NAMES)],
            "externalIds": {"Learn id": f"s{1000 + number}"},
            "grade": "" if number == 12 else "ABCD"[number % 4],
            "date": ended,
            "exportState": 2 if number <= 9 else 0,
        }
        for number in range(1, 13)
    ]
    flow = {
        "title": "Statistics: written exam",
        "state": "CONCLUDED",
        "participation": {"start": ended - 14_400, "end": ended},
        "marking": {"start": ended, "end": ended + 86_400},
        "sources": [
            {"sourceId": 11, "code": "UNI||STA110||2026", "participants": [one["participantId"] for one in people]}
        ],
        "participants": people,
    }
    return {"flows": {EXAM: flow}, "userDataTypes": ["Learn id", "Student number"]}


FIRST_NAMES = ("Ada", "Benjamin", "Chloé", "Dagný", "Emil", "Fatima", "Grzegorz")  # 7 and 9: 63 different names
LAST_NAMES = ("Andersen", "Brown", "Çelik", "Dąbrowski", "Eriksen", "Fournier", "García", "Holm", "Ibrahim")


def _students(first: int, last: int) -> list[str]:
    return [f"s{number}" for number in range(first, last + 1)]
