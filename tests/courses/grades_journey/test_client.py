"""GradesJourney as its callers see it: one outcome per item, whatever Learn and the network do."""

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from courses.grades_journey import (
    Call,
    CredentialsRefused,
    GradesJourney,
    Item,
    ItemRejected,
    LearnError,
    NotInstalled,
    PermissionMissing,
    QuotaUsedUp,
    RequestRefused,
    SchemaItem,
    Unavailable,
    Unconfirmed,
)
from courses.sentences import reason_of
from tests.courses.grades_journey.conftest import Send
from tests.courses.grades_journey.pretend import NOT_REPEATABLE, REPEATABLE, PretendLearn, grade, grades, items_of
from tests.courses.learn_http.pretend import answer, page, result


def test_values_are_stored_and_confirmed_in_one_call(learn: PretendLearn, send: Send):
    assert send(*grades(3, value="æ A+ 🎓")) == [None] * 3
    assert learn.stored == {("c1", f"u{number}", "Exam"): "æ A+ 🎓" for number in (1, 2, 3)}
    assert len(learn.batches) == 1


def test_nothing_to_send_is_no_call(learn: PretendLearn, send: Send):
    assert send() == []
    assert learn.token_requests == []


def test_the_rejected_get_learns_reason_and_the_rest_is_confirmed(learn: PretendLearn, send: Send):
    learn.refused = {"u2"}
    first, second, third = send(*grades(3))
    assert (first, third) == (None, None)
    assert isinstance(second, ItemRejected)
    assert reason_of(second) == {"code": "REJECTED", "message": "No enrolment of u2"}
    assert learn.batches == [["u1", "u2", "u3"], ["u2"]]


def test_an_answer_that_names_others_is_asked_again_in_parts(learn: PretendLearn, send: Send):
    learn.script.append(lambda items: answer([result({"courseId": "c9", "name": "Exam"}) for _ in items]))
    assert send(*grades(2)) == [None, None]
    assert learn.batches == [["u1", "u2"], ["u1"], ["u2"]]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (page(200), Unconfirmed),
        (page(500), Unconfirmed),
        (page(502), Unconfirmed),
        (page(504), Unconfirmed),
        (Response('[{"status": "OK", "cour', 200, content_type="application/json"), Unconfirmed),
        (answer({"status": "OK"}), Unconfirmed),
        (Response("", 204), Unconfirmed),
        (page(503), Unavailable),
        (answer({"message": "no"}, 403), PermissionMissing),
        (answer({"message": "no"}, 404), NotInstalled),
        (answer({"message": "no"}, 429), QuotaUsedUp),
        (answer({"message": "no"}, 400), RequestRefused),
        (page(413), RequestRefused),
    ],
)
def test_a_call_without_results_is_one_call_and_every_items_outcome(
    learn: PretendLearn, send: Send, response: Response, error: type[LearnError]
):
    learn.script.append(response)
    assert [type(outcome) for outcome in send(*grades(2))] == [error, error]
    assert len(learn.batches) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(learn: PretendLearn, send: Send, status: int):
    learn.script.append(Response("", status, {"Location": f"{learn.url}/elsewhere"}))
    [outcome] = send(grade())
    assert isinstance(outcome, RequestRefused)
    assert reason_of(outcome) == {"code": "REDIRECTED", "address": f"{learn.url}/elsewhere"}
    assert len(learn.batches) == 1  # the server fails the test for a request to any other place


def test_a_token_refused_in_mid_run_is_renewed_once_and_the_call_repeated(learn: PretendLearn, send: Send):
    learn.script.append(answer({"status": 401, "message": "Bearer token is invalid"}, 401))
    assert send(grade()) == [None]
    assert learn.bearers == ["Bearer token-1", "Bearer token-2"]


def test_a_token_refused_twice_is_a_refusal_of_the_credentials(learn: PretendLearn, send: Send):
    learn.script.extend([answer({}, 401), answer({}, 401)])
    [outcome] = send(grade())
    assert type(outcome) is CredentialsRefused
    assert len(learn.batches) == 2


def test_no_token_is_everybodys_outcome_and_nothing_is_sent(learn: PretendLearn, send: Send):
    learn.token_script.append(answer({"error": "invalid_client"}, 401))
    assert [type(outcome) for outcome in send(*grades(2))] == [CredentialsRefused] * 2
    assert learn.batches == []


def test_a_quota_that_lifts_in_time_is_waited_for(learn: PretendLearn, send: Send):
    learn.script.append(answer({}, 429, Retry_After="1"))
    started = time.monotonic()
    assert send(grade()) == [None]
    assert time.monotonic() - started > 0.9
    assert len(learn.batches) == 2


def test_a_quota_that_lifts_too_late_is_not_waited_for(learn: PretendLearn, send: Send):
    learn.script.append(answer({}, 429, Retry_After="3600"))
    [outcome] = send(grade())
    assert isinstance(outcome, QuotaUsedUp)
    assert abs(outcome.lifts_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert len(learn.batches) == 1


def test_no_time_left_sends_nothing(learn: PretendLearn, send: Send, observed: list[Call]):
    assert [type(outcome) for outcome in send(grade(), seconds=-1)] == [Unavailable]
    assert learn.token_requests == []


def test_no_time_left_sends_nothing_with_the_token_at_hand(learn: PretendLearn, send: Send, observed: list[Call]):
    assert send(grade("u1")) == [None]
    assert [type(outcome) for outcome in send(grade("u2"), seconds=-1)] == [Unavailable]
    assert learn.batches == [["u1"]]
    assert len(observed) == 1


def test_time_that_ends_while_the_token_is_fetched_sends_no_grade(learn: PretendLearn, send: Send):
    released = threading.Event()
    learn.token_script.append(lambda: released.wait(10) and answer({"access_token": "late"}))
    assert [type(outcome) for outcome in send(grade(), seconds=0.2)] == [Unavailable]
    assert learn.batches == []
    released.set()


def test_no_call_goes_beyond_the_time_given(learn: PretendLearn, send: Send, observed: list[Call]):
    send(grade())
    released = threading.Event()
    learn.script.append(lambda items: released.wait(10) and learn.respond(items))
    started = time.monotonic()
    assert [type(outcome) for outcome in send(grade(), seconds=0.2)] == [Unconfirmed]
    assert time.monotonic() - started < 2
    assert (observed[-1].status, observed[-1].error) == (None, "Unconfirmed")
    released.set()


def test_many_threads_share_one_token_and_each_gets_its_own_outcomes(learn: PretendLearn, journey: GradesJourney):
    learn.refused = {"u7"}
    gate = threading.Barrier(32)

    def send(number: int) -> list[LearnError | None]:
        gate.wait()
        return journey.send([grade(f"u{number}")], until=time.monotonic() + 20)

    with ThreadPoolExecutor(32) as threads:
        outcomes = list(threads.map(send, range(32)))
    assert [number for number, [outcome] in enumerate(outcomes) if outcome] == [7]
    assert len(learn.stored) == 31
    assert len(learn.token_requests) == 1


def test_each_call_is_observed(learn: PretendLearn, send: Send, observed: list[Call]):
    learn.refused = {"u2"}
    before = datetime.now(UTC)
    limits = {"X_Rate_Limit_Limit": "10000", "X_Rate_Limit_Remaining": "9876"}
    learn.script.append(lambda items: answer(learn.take(items), 412, **limits))
    send(*grades(3))
    first, second = observed
    assert (first.service, first.items, first.status, first.ok, first.errors) == ("gradeValueAPI", 3, 412, 2, 1)
    assert (first.error, first.rate_limit, first.rate_remaining) == ("", 10000, 9876)
    assert before <= first.started_at <= datetime.now(UTC)
    assert 0 < first.seconds < 5
    assert (second.items, second.status, second.ok, second.errors) == (1, 200, 0, 1)
    assert (second.rate_limit, second.rate_remaining) == (None, None)


def test_a_call_without_results_is_observed_with_its_error(learn: PretendLearn, send: Send, observed: list[Call]):
    learn.script.extend([page(503), answer([])])
    send(grade())
    send(grade())
    assert [(call.status, call.ok, call.errors, call.error) for call in observed] == [
        (503, 0, 0, "Unavailable"),
        (200, 0, 0, "Unconfirmed"),
    ]


def test_neither_secret_nor_token_nor_grade_is_logged(
    learn: PretendLearn, send: Send, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    learn.script.append(answer({"message": "no"}, 401))
    send(grade(value="Distinction"))
    assert not [word for word in ("secret", "token-", "Distinction") if word in caplog.text]


def test_no_outcome_repeats_secret_or_token(learn: PretendLearn, send: Send):
    learn.token_script.append(answer({"access_token": "a-long-token-of-learn"}))
    learn.script.append(lambda items: answer([result(items[0], "ERROR", f"{learn.bearers[-1]} is odd")]))
    [outcome] = send(grade())
    assert reason_of(outcome) == {"code": "REJECTED", "message": "Bearer [token] is odd"}


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
def test_items_of_every_service_are_sent_to_it_and_confirmed_in_one_call(
    learn: PretendLearn, send: Send, observed: list[Call], kind: type[Item]
):
    assert send(*items_of(kind, 3)) == [None] * 3
    assert learn.services == [kind.service]
    assert [(call.service, call.items, call.ok, call.error) for call in observed] == [(kind.service, 3, 3, "")]


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
def test_results_in_any_order_tell_who_was_rejected(learn: PretendLearn, send: Send, kind: type[Item]):
    learn.refused = {"n2"}
    learn.script.append(lambda items: answer(learn.take(items)[::-1], 412))
    first, second, third = send(*items_of(kind, 3))
    assert (first, third) == (None, None)
    assert isinstance(second, ItemRejected)
    assert len(learn.batches) == 1


def test_items_of_several_services_are_no_call(learn: PretendLearn, send: Send):
    with pytest.raises(ValueError, match="of one service"):
        send(grade(), *items_of(SchemaItem, 1))
    assert learn.token_requests == []


UNMATCHED = {
    "shorter": lambda results: results[:-1],
    "longer": lambda results: [*results, results[0]],
    "foreign names": lambda results: [{**result, "name": "n9"} for result in results],
    "names that are no text": lambda results: [{**result, "courseId": {}, "name": ["n1"]} for result in results],
    "no status": lambda results: [{**result, "status": None} for result in results],
}


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
@pytest.mark.parametrize("change", UNMATCHED.values(), ids=list(UNMATCHED))
def test_what_could_be_made_twice_is_never_sent_again_to_learn_who_failed(
    learn: PretendLearn, send: Send, observed: list[Call], kind: type[Item], change: Callable[..., object]
):
    learn.script.append(lambda items: answer(change(learn.take(items))))
    outcomes = send(*items_of(kind, 2))
    assert [type(outcome) for outcome in outcomes] == [Unconfirmed] * 2
    assert reason_of(outcomes[0]) == {"code": "RESULTS_NOT_MATCHED", "effect": kind.effect}
    assert [call.error for call in observed] == ["Unconfirmed"]
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
def test_of_items_with_the_same_names_a_failure_leaves_all_unconfirmed(
    learn: PretendLearn, send: Send, observed: list[Call], kind: type[Item]
):
    learn.script.append(lambda items: answer([result(items[0]), result(items[1], "ERROR")]))
    assert [type(outcome) for outcome in send(*(items_of(kind, 1) * 2))] == [Unconfirmed] * 2
    assert [call.error for call in observed] == ["Unconfirmed"]
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", [*REPEATABLE, *NOT_REPEATABLE])
@pytest.mark.parametrize(
    "response", [page(200), page(500), page(502), page(503), answer({}, 403), answer({}, 404), answer({}, 400)]
)
def test_an_answer_without_results_is_one_call_of_any_service(
    learn: PretendLearn, send: Send, kind: type[Item], response: Response
):
    learn.script.append(response)
    assert None not in send(*items_of(kind, 2))
    assert len(learn.batches) == 1


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
@pytest.mark.parametrize("response", [answer({}, 401), answer({}, 429, Retry_After="1")], ids=["401", "429"])
def test_what_learn_turned_away_unread_may_be_repeated(
    learn: PretendLearn, send: Send, kind: type[Item], response: Response
):
    learn.script.append(response)
    assert send(*items_of(kind, 2)) == [None, None]
    assert len(learn.batches) == 2


def test_what_is_sent_is_the_documented_json(learn: PretendLearn, send: Send):
    bodies: list[object] = []
    learn.script.append(lambda items: bodies.append(items) or learn.respond(items))
    send(grade())
    assert json.loads(json.dumps(bodies)) == [[{"courseId": "c1", "userId": "u1", "name": "Exam", "value": "B"}]]
