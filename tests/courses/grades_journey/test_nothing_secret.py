"""Reasons are stored and read by people: neither key, secret nor token is in any, whatever Learn repeats of them."""

import time

import pytest
from werkzeug import Response

from courses.grades_journey import GradesJourney, LearnError
from courses.sentences import reason_of
from sandbox.faults import KINDS, Reach
from sandbox.server import SandboxLearn
from sandbox.world import World
from tests.courses.grades_journey.pretend import PretendLearn, grade, grades
from tests.courses.learn_http.pretend import answer, result
from tests.sentences import said

KEY, SECRET, TOKEN = "0b6f-the-key-of-ours", "s3cret-of-ours-only", "a-l0ng-token-of-learns"
REPEATED = f"{KEY} {SECRET} Bearer {TOKEN}"


def outcome_of(learn: PretendLearn) -> LearnError:
    journey = GradesJourney(url=learn.url, key=KEY, secret=SECRET, timeout=5)
    [outcome] = journey.send([grade()], until=time.monotonic() + 5)
    assert outcome is not None
    return outcome


def shown(error: LearnError) -> str:
    return f"{error!r} {error} {reason_of(error)} {said(error)}"


@pytest.mark.parametrize(
    "response",
    [
        *(answer({"message": REPEATED, "error": REPEATED}, status) for status in (200, 400, 401, 403, 404, 409, 429)),
        *(answer({"message": REPEATED, "access_token": REPEATED}, status) for status in (200, 500, 503)),
        answer({"error": "invalid_client", "error_description": REPEATED}, 400),
        Response(REPEATED, 302, {"Location": f"https://{KEY}:{SECRET}@else.invalid/?token={TOKEN}#{KEY}"}),
        Response(REPEATED, 200),
    ],
)
def test_what_the_token_service_repeats_is_in_no_reason(learn: PretendLearn, response: Response):
    learn.token_script.append(response)
    text = shown(outcome_of(learn))
    assert not [word for word in (KEY, SECRET, TOKEN) if word in text]


@pytest.mark.parametrize(
    "response",
    [
        *(answer({"message": f"Bearer {TOKEN}"}, status) for status in (200, 400, 403, 404, 409, 500, 503)),
        answer([result(grade().body(), "ERROR", f"Bearer {TOKEN} is odd")]),
        answer([result(grade().body(), f"BAD {TOKEN}", "No")]),
        answer([result({"courseId": "c1", "name": f"Exam {TOKEN}"})]),
        Response("", 302, {"Location": f"https://me:{TOKEN}@else.invalid/?token={TOKEN}"}),
        Response("", 302, {"Location": f"https://else.invalid/{TOKEN}/login"}),
        Response("", 302, {"Location": f"/{TOKEN}"}),
    ],
)
def test_what_a_service_repeats_of_the_token_is_in_no_reason(learn: PretendLearn, response: Response):
    learn.token_script.append(answer({"access_token": TOKEN}))
    learn.script.append(response)
    assert TOKEN not in shown(outcome_of(learn))


@pytest.mark.parametrize("fault", KINDS)
def test_no_fault_of_the_sandbox_brings_a_secret_into_a_reason(fault: str):
    world = World({"courses": {"c1": {"users": ["u1", "u2"], "columns": {"Exam": {}}}}})
    with SandboxLearn(world, key=KEY, secret=SECRET) as sandbox:
        service = {"service": "token"} if KINDS[fault].reach is Reach.TOKEN else {}
        sandbox.faults.add(fault, times=None, **service)
        journey = GradesJourney(url=sandbox.url, key=KEY, secret=SECRET, timeout=0.5)
        outcomes = journey.send(grades(2), until=time.monotonic() + 2)
        words = {KEY, SECRET, *tokens_of(journey)}
    for outcome in filter(None, outcomes):
        assert not [word for word in words if word in shown(outcome)]


def tokens_of(journey: GradesJourney) -> list[str]:
    token = journey._site._tokens._token
    return [token.value] if token else []
