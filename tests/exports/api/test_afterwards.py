"""What is done after an answer harms neither the answer nor what else is done."""

from django.http import HttpResponse

from exports.api.afterwards import run_afterwards
from tests.common.signing_in.signing import named


def test_a_step_that_fails_is_logged_and_the_others_and_the_end_of_the_answer_follow(caplog, monkeypatch):
    response, done = HttpResponse(), []
    monkeypatch.setattr(response, "close", lambda: done.append("closed"))
    run_afterwards(response, lambda: done.append("first"))
    run_afterwards(response, lambda: 1 / 0)

    response.close()

    assert done == ["first", "closed"]
    assert named(caplog, "step_after_answer_failed")
