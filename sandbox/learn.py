"""The pretend Learn itself: what it holds and who may call, and the Flask application that answers its services."""

import json
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException

from sandbox import control, pages, paging, public_api
from sandbox.access import Quota, Tokens
from sandbox.answers import Answer, NoAnswer, error
from sandbox.call_log import CallLog, CallRecord
from sandbox.faults import Refuse
from sandbox.gradebook import Refused
from sandbox.privileges import PAGES, Privileges
from sandbox.public_api import Question, Read
from sandbox.services import SERVICES, TOKEN, Act, Service
from sandbox.switches import Faults
from sandbox.wiseflow_api import Wiseflow, mount
from sandbox.world import World

RELEASE = {"learn": {"major": 4000, "minor": 0, "patch": 0, "build": "sandbox"}}


class Learn:
    """One site of Learn. All of it may be read and changed while calls are served."""

    def __init__(
        self, world: World, *, key: str, secret: str, latency_ms: int, daily_calls: int, token_seconds: int
    ) -> None:
        self.world = world
        self.faults = Faults()
        self.calls = CallLog()
        self.tokens = Tokens(key=key, secret=secret, seconds=token_seconds)
        self.quota = Quota(daily_calls)
        self.privileges = Privileges()
        self.page_ceilings = dict(PAGES)  # service -> the largest `limit` that it takes
        self.latency_ms = latency_ms
        self.stopping = threading.Event()
        self.wiseflow = Wiseflow()

    def answer(self, service: Service, request: Request) -> Response:
        """Answers one call and records it."""
        call = ServiceCall(self, service, request)
        if self.latency_ms:
            self.stopping.wait(self.latency_ms / 1000)
        response = call.answer()
        self.calls.add(call.record(response))
        if service is not TOKEN:
            response.headers.setdefault("X-Rate-Limit-Limit", str(self.quota.limit))
            response.headers.setdefault("X-Rate-Limit-Remaining", str(self.quota.remaining))
        return response


class ServiceCall:
    """One call to a service, on its way to an answer."""

    def __init__(self, learn: Learn, service: Service, request: Request) -> None:
        self._learn, self._service, self._request = learn, service, request
        self._began_at, self._began = datetime.now(UTC), time.perf_counter()
        self._fault: str | None = None
        self._items: int | None = None
        self._ok = self._errors = 0

    def answer(self) -> Response:
        """Who calls is looked at first, then the quota: a fault hits none but calls that would have been served."""
        if self._service is not TOKEN:
            bearer = self._request.authorization
            if bearer is None or bearer.type != "bearer" or not self._learn.tokens.accepts(bearer.token):
                return error(401, "Bearer token is invalid").response()
            if not self._learn.quota.take():
                return error(429, "API limit exceeded").response(**{"Retry-After": str(self._learn.quota.seconds_left)})
        fault = self._learn.faults.due(self._service)
        if fault is None:
            return self.carry_out().response()
        self._fault = fault.kind.name
        return fault.answer(self)

    def carry_out(self, refuse: Refuse | None = None) -> Answer:
        if self._service.act is not None:
            return self._carry_out_items(self._service.act, refuse)
        if self._service.read is not None:
            return self._read(self._service.read)
        if self._service is TOKEN:
            return self._hand_out_token()
        return Answer(200, RELEASE)

    def address(self, **changed: str) -> str:
        """The relative address of this call, with the parameters `changed`."""
        return paging.address(self._request.path, {**self.query, **changed})

    @property
    def query(self) -> dict[str, str]:
        return self._request.args.to_dict()

    def wait(self, seconds: float) -> bool:
        return self._learn.stopping.wait(seconds)

    def revoke_token(self) -> None:
        self._learn.tokens.revoke()

    def record(self, response: Response) -> CallRecord:
        return CallRecord(
            time=self._began_at.isoformat(timespec="milliseconds"),
            service=self._service.name,
            items=self._items,
            status=None if isinstance(response, NoAnswer) else response.status_code,
            ok=self._ok,
            errors=self._errors,
            fault=self._fault,
            milliseconds=round((time.perf_counter() - self._began) * 1000, 2),
        )

    def _hand_out_token(self) -> Answer:
        credentials = self._request.authorization
        if (
            credentials is None
            or credentials.type != "basic"
            or not self._learn.tokens.knows(credentials.username, credentials.password)
        ):
            return Answer(401, {"error": "invalid_client", "error_description": "Invalid client credentials"})
        if self._request.form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type", "error_description": "Unsupported grant type"})
        token, seconds = self._learn.tokens.live()
        return Answer(200, {"access_token": token, "token_type": "bearer", "expires_in": seconds})

    def _read(self, read: Read) -> Answer:
        learn = self._learn
        question = Question(
            world=learn.world,
            privileges=learn.privileges,
            pages=learn.page_ceilings,
            path=self._request.path,
            query=self.query,
            **(self._request.view_args or {}),
        )
        answer = public_api.answer(read, question)
        if self._service.has_pages and answer.status == 200:
            self._items = len(answer.payload["results"])
        return answer

    def _carry_out_items(self, act: Act, refuse: Refuse | None) -> Answer:
        try:
            items = json.loads(self._request.get_data())
        except (ValueError, RecursionError):
            return error(400, "The request body is not JSON")
        if not isinstance(items, list):
            return error(400, "The request body is not a JSON array")
        self._items = len(items)
        results = [self._result(act, place, item, refuse) for place, item in enumerate(items)]
        self._errors = sum(result["status"] != "OK" for result in results)
        self._ok = len(results) - self._errors
        return Answer(412 if self._errors else 200, results)

    def _result(self, act: Act, place: int, item: Any, refuse: Refuse | None) -> dict[str, Any]:
        """One item's result. That of a grade value names no user: neither does Learn's."""
        service = self._service
        if not isinstance(item, dict):
            return {"status": "ERROR", "message": "The item is not a JSON object", "courseId": None, "name": None}
        status, message = "OK", service.done
        if refuse is not None and refuse(place, item):
            status, message = "ERROR", service.not_done
        else:
            try:
                act(self._learn.world, item)
            except Refused as refusal:
                status, message = "ERROR", str(refusal)
        course_id = item.get("courseId") if service.in_course else ""
        return {"status": status, "message": message, "courseId": course_id, "name": item.get(service.named_by)}


def create_app(learn: Learn) -> Flask:
    """The services of `learn`, and the control addresses under /sandbox/."""
    app = Flask(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True  # a mistake of the sandbox itself is shown by the server, not answered
    app.extensions["learn"] = learn
    app.register_blueprint(control.addresses)
    app.register_blueprint(pages.addresses)
    mount(app, learn.wiseflow)
    app.register_error_handler(HTTPException, _not_served)
    for service in SERVICES.values():
        view = partial(_serve, learn, service)
        app.add_url_rule(service.path, service.name, view, methods=[service.method], strict_slashes=False)
    return app


def _serve(learn: Learn, service: Service, **_: str) -> Response:
    return learn.answer(service, request)


def _not_served(problem: HTTPException) -> Response:
    return error(problem.code or 500, problem.description or problem.name).response()
