"""What the stateful tests export: flows, people, grades, bodies and faults."""

from hypothesis import strategies as st

COURSE = "ANY101-2026"
FLOWS = {"10": "Exam 10", "20": "Exam 20", "30": "Exam 10"}  # the last leads to the places of the first
PEOPLE = ("u1", "u2", "u3")
FAULTS = (
    *("bearer_expired", "forbidden", "maintenance", "server_error", "html_200", "quota_long", "token_down"),
    *("random_rejects", "shorter", "shuffled", "no_status", "truncated_json", "cut_off", "reset_before", "reset_after"),
)

GRADES = (
    *({"mark": mark} for mark in ("A", "B")),
    *({"adminGrade": "U"}, {"mark": "A", "adminGrade": "FE"}),
    {"mark": ""},  # not assessed
)

Body = list[dict[str, str]]
flow_ids = st.sampled_from(list(FLOWS))
entries = st.builds(lambda user, grade: {"userId": user, **grade}, st.sampled_from(PEOPLE), st.sampled_from(GRADES))
usual_bodies = st.lists(entries, min_size=1, max_size=3, unique_by=lambda entry: entry["userId"])
bodies = st.one_of(usual_bodies, usual_bodies, st.lists(entries, min_size=2, max_size=6))  # equal or contradictory ones


def given_by(entry: dict[str, str]) -> str:
    return entry.get("adminGrade") or entry.get("mark", "")
