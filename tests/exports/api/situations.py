"""Answers of the API in every situation that it knows, to be recorded and compared."""

import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("recorded_answers")
EXPORT = "/api/wiseflow/flows/{flow_id}/export/"
EXPORT_BY_BODY = "/api/wiseflow/export/"
PARTICIPANTS = "/api/wiseflow/flows/{flow_id}/participants/"
TOKEN = "/oauth2/token/"
KEPT_HEADERS = ("Content-Type", "Cache-Control", "WWW-Authenticate", "Allow", "Retry-After", "Accept-Encoding")

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
PORT = re.compile(r"127\.0\.0\.1:\d+")


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A request: to `address` as the description writes it, by the client of this name."""

    address: str
    method: str = "get"
    status: int = 200
    flow_id: str = "77"
    caller: str | None = "WISEflow"
    query: str = ""
    body: Any = None  # to be sent as JSON, or bytes
    headers: dict[str, str] = field(default_factory=dict)
    database_is_away: bool = False

    @property
    def path(self) -> str:
        return self.address.format(flow_id=self.flow_id) + (f"?{self.query}" if self.query else "")

    @property
    def content(self) -> bytes | None:
        return self.body if self.body is None or isinstance(self.body, bytes) else json.dumps(self.body).encode()

    @property
    def all_headers(self) -> dict[str, str]:
        key = {"X-Api-Key": f"key-{self.caller}"} if self.caller and self.address != TOKEN else {}
        kind = {"Content-Type": "application/json"} if self.body is not None else {}
        return {**kind, **key, **self.headers}


def grades(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"participants": list(entries), **more}


GRADE = {"userId": "u1", "mark": "A"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BASIC = {"Authorization": "Basic " + b64encode(b"WISEflow:key-WISEflow").decode()}

SITUATIONS = {
    "export_of_all_kinds": Situation(
        address=EXPORT,
        method="post",
        body=grades(GRADE, {"userId": 21, "mark": "B"}, {"mark": "C"}, {"userId": ["u4"], "mark": "D"}, 7),
    ),
    "export_named_in_the_body": Situation(
        address=EXPORT_BY_BODY, method="patch", body=grades({"userId": "u1", "mark": "A"}, flowId="77")
    ),
    "export_of_no_one": Situation(address=EXPORT, method="patch", body=grades()),
    "rehearsal": Situation(
        address=EXPORT, method="post", query="rehearsal=true", body=grades({"userId": "u2", "mark": "B"}, {}, GRADE)
    ),
    "states": Situation(address=EXPORT),
    "participants": Situation(address=PARTICIPANTS),
    "failed_participants": Situation(address=PARTICIPANTS, query="state=FAILED&page_size=1"),
    "body_not_readable": Situation(address=EXPORT, method="post", status=400, body=b"{"),
    "no_flow": Situation(address=EXPORT_BY_BODY, method="post", status=400, body=grades(GRADE)),
    "unknown_state": Situation(address=PARTICIPANTS, status=400, query="state=LOST"),
    "unknown_host": Situation(address=EXPORT, status=400, headers={"Host": "elsewhere.example"}),
    "no_key": Situation(address=EXPORT, status=401, caller=None),
    "unknown_key": Situation(address=PARTICIPANTS, status=401, caller="nobody"),
    "reader_exports": Situation(address=EXPORT, method="post", status=403, caller="reader", body=grades(GRADE)),
    "caller_from_elsewhere": Situation(address=EXPORT, status=403, caller="elsewhere"),
    "unknown_flow": Situation(address=EXPORT, status=404, flow_id="none"),
    "unknown_page": Situation(address=PARTICIPANTS, status=404, query="page=99"),
    "too_large": Situation(address=EXPORT, method="post", status=413, body=b" " * 8_000_001),
    "too_many": Situation(address=EXPORT, method="post", status=413, body=grades(*[0] * 50_001)),
    "not_json": Situation(
        address=EXPORT, method="post", status=415, body=b"<a/>", headers={"Content-Type": "text/xml"}
    ),
    "unknown_encoding": Situation(
        address=EXPORT, method="post", status=415, body=b"{}", headers={"Content-Encoding": "br"}
    ),
    "database_away": Situation(address=EXPORT, method="post", status=503, body=grades(GRADE), database_is_away=True),
    "token": Situation(address=TOKEN, method="post", body=b"grant_type=client_credentials", headers={**FORM, **BASIC}),
    "token_for_a_wrong_key": Situation(
        address=TOKEN,
        method="post",
        status=401,
        body=b"grant_type=client_credentials&client_id=WISEflow&client_secret=wrong",
        headers=FORM,
    ),
    "token_of_another_kind": Situation(
        address=TOKEN, method="post", status=400, body=b"grant_type=password", headers={**FORM, **BASIC}
    ),
    "token_by_a_packed_form": Situation(
        address=TOKEN, method="post", status=415, body=b"x", headers={**FORM, "Content-Encoding": "gzip"}
    ),
}


def recorded(name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return answer


def as_recorded(situation: Situation, status: int, headers: Any, content: bytes) -> dict[str, Any]:
    """Without what is another at each run: moments, keys of rows, the port, a token."""
    text = PORT.sub("127.0.0.1:8000", MOMENT.sub("2026-06-01T09:30:00+02:00", content.decode()))
    body = json.loads(text) if text else None
    for attempt in body.get("attempts", []) if isinstance(body, dict) else []:
        attempt["id"] = 1
    if isinstance(body, dict) and "access_token" in body:
        body["access_token"] = "a-token"
    return {
        "request": f"{situation.method.upper()} {situation.path}",
        "status": status,
        "headers": {name: headers[name] for name in KEPT_HEADERS if name in headers},
        "body": body,
    }
