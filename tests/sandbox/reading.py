"""A caller of the public gradebook API, and a site with everything that reading can meet."""

from typing import Any

import requests

from tests.sandbox.conftest import Caller

PUBLIC = "/learn/api/public"
READ_STATE: dict[str, Any] = {
    "schemas": {"Letters": {"symbols": "A=90:B=80:F=0:U"}, "Verdict": {"symbols": "Pass:Fail"}},
    "people": {"s1": {"name": "Ada Berg"}, "guest": {"hasExternalId": False}},
    "courses": {
        "BIO": {
            "courseId": "BIO101",
            "name": "Biology",
            "users": ["s1", "s2", "s3", "guest", "t1"],
            "memberships": {"s3": {"available": "Disabled"}, "t1": {"role": "Instructor"}},
            "columns": {
                "Exam": {"points": 100},
                "Exam retake": {"points": 50},
                "Essay": {"points": 20, "schema": "Letters"},
                "Oral": {"schema": "Verdict"},
                "Notes": {"points": None},
                "Blind": {"anonymous": True, "dueDate": "2026-05-31"},
                "Total": {"itemType": "TOTAL_COLUMN", "mapping": "Exam, Essay", "values": {"s1": "90"}},
                "Lab": {"points": 20, "shownAs": "percent"},
                "Twice": {"copies": [{"points": 30}]},
            },
        },
        "BIO-A": {"parent": "BIO", "users": ["s7"], "columns": {"Own": {}}},
        "OLD": {"closedComplete": True, "available": "No", "users": ["s1"], "columns": {"Exam": {}}},
    },
}


class Reader:
    """Reads as an application does: course by batch uid first, everything else by internal ids."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def get(self, path: str, **query: Any) -> requests.Response:
        """`path` is relative to the public API, or a whole relative address."""
        base = self.caller.learn.url + ("" if path.startswith("/learn/") else PUBLIC)
        return self.caller.session.get(base + path, params=query, timeout=30, allow_redirects=False)

    def course(self, name: str = "externalId:BIO", **query: Any) -> dict[str, Any]:
        answer = self.get(f"/v3/courses/{name}", **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def column_id(self, name: str = "Exam", course: str = "externalId:BIO") -> str:
        found = {row["name"]: row["id"] for row in self.rows(f"/v2/courses/{course}/gradebook/columns")}
        return str(found[name])

    def column(self, name: str = "Exam", course: str = "externalId:BIO", version: str = "v2") -> str:
        """The path of a column."""
        return f"/{version}/courses/{course}/gradebook/columns/{self.column_id(name, course)}"

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Of all pages."""
        answer = self.get(path, **query)
        found = []
        while True:
            assert answer.status_code == 200, answer.text
            found += answer.json()["results"]
            following = answer.json().get("paging", {}).get("nextPage")
            if following is None:
                return found
            answer = self.get(following)

    def grade(self, user: str = "externalId:s1", column: str = "Exam", **query: Any) -> dict[str, Any]:
        answer = self.get(f"{self.column(column)}/users/{user}", **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
