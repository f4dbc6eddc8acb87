"""Requests that a broken, a careless or a hostile caller might send to the export addresses."""

import gzip
import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

COURSE = "FUZ101"
COLUMN = "Exam"
FLOWS = ("4711", "4712")
PEOPLE = tuple(f"s{number}" for number in range(1, 10))

odd_texts = st.one_of(
    st.sampled_from(["", " ", "\0", "s1\0", "\ud800", "s1\n", "=1+1", "🎓", "x" * 400, "NaN", "../..", "%2F", "null"]),
    st.text(max_size=20),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([10**400, -0.0, 1e308, 2**63]),
    odd_texts,
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(odd_texts, inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(["userId", "mark", "adminGrade", "sourceCode", "learnUserId", "addedBy", "extra"])
usual_entries = st.fixed_dictionaries(
    {"userId": st.sampled_from(PEOPLE)},
    optional={"mark": st.sampled_from(["A", "B", "75.0", ""]), "adminGrade": st.sampled_from(["U", ""])},
)
odd_entries = st.one_of(st.dictionaries(fields, anything, max_size=5), anything)
participants = st.one_of(
    st.lists(usual_entries, max_size=6, unique_by=lambda entry: entry["userId"]),
    st.lists(usual_entries | odd_entries, max_size=6),
    anything,
)
objects = st.one_of(
    st.fixed_dictionaries({"participants": participants}),
    st.fixed_dictionaries({"participants": participants, "flowId": st.sampled_from(FLOWS)}),
    st.fixed_dictionaries(
        {}, optional={"participants": participants, "flowId": st.sampled_from(FLOWS) | scalars, "sourceCode": scalars}
    ),
)


def written(value: Any) -> bytes:
    """As JSON, with what Python writes beyond it: NaN, half characters."""
    return json.dumps(value).encode()


@st.composite
def damaged(draw: Any, contents: Any) -> bytes:
    """With a piece taken out, doubled or replaced."""
    content: bytes = draw(contents)
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(len(content), start + 12)))
    piece = draw(st.one_of(st.just(b""), st.just(content[start:end] * 2), st.binary(max_size=6)))
    return content[:start] + piece + content[end:]


whole = st.one_of(objects.map(written), objects.map(written), anything.map(written))
bodies = st.one_of(
    *[whole] * 6,
    damaged(whole),
    st.binary(max_size=200),
    st.integers(1, 3000).map(lambda depth: b'{"participants":' + b"[" * depth + b"]" * depth + b"}"),
    st.integers(1, 300).map(lambda count: b'{"participants":[' + b",".join([b"0"] * count) + b"]}"),
)


@st.composite
def packed(draw: Any) -> tuple[bytes, dict[str, str]]:
    content = gzip.compress(draw(whole))
    broken = draw(st.sampled_from([content, content, content[:-4], content[5:], content + b"more"]))
    return broken, {"Content-Encoding": "gzip"}


contents = st.one_of(
    bodies.map(lambda body: (body, {})),
    bodies.map(lambda body: (body, {})),
    packed(),
    bodies.map(lambda body: (body, {"Content-Encoding": "gzip"})),
    st.sampled_from(["br", "deflate", "identity", ", gzip", "x" * 200]).map(
        lambda name: (b'{"participants":[]}', {"Content-Encoding": name})
    ),
)
kinds = st.sampled_from(
    ["application/json"] * 12
    + ["application/json; charset=latin-1", "APPLICATION/JSON", "text/xml", "", "multipart/form-data", "a/b; c"]
)
keys = st.sampled_from(["good"] * 20 + ["wrong", "none", "broken"])
flow_ids = st.one_of(
    st.sampled_from(FLOWS),
    st.sampled_from(FLOWS),
    st.just(None),
    odd_texts.filter(lambda text: text and text.isprintable()),
)
queries = st.sampled_from([""] * 12 + ["rehearsal=true", "rehearsal=0", "rehearsal=x", "rehersal=1", "%00", "a=%FF"])


@st.composite
def requests(draw: Any) -> dict[str, Any]:
    """Method, path, headers and body. `key`: good, wrong, none or broken."""
    content, headers = draw(contents)
    flow_id = draw(flow_ids)
    named = f"/flows/{quote(flow_id, safe='')}" if flow_id is not None else ""
    query = draw(queries)
    return {
        "method": draw(st.sampled_from(["POST", "POST", "POST", "PATCH"])),
        "path": f"/api/wiseflow{named}/export{draw(st.sampled_from(['', '/']))}{'?' if query else ''}{query}",
        "headers": {"Content-Type": draw(kinds), **headers},
        "content": content,
        "key": draw(keys),
    }


def people_in(content: bytes) -> int | None:
    """How many people the entries name, each once; None: where that is not plain to see."""
    try:
        users = [entry["userId"] for entry in json.loads(content)["participants"]]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return len(users) if all(user in PEOPLE for user in users) and len(set(users)) == len(users) else None
