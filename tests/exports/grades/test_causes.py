"""Every cause tells a manager what happened and what to do, in a narrow column."""

import pytest

from exports.grades.causes import Cause

# The longest detail that an ordinary day brings.
DETAILS = {
    Cause.NO_USER_ID: "userId of entry 49999 is true or false, not a text or number",
    Cause.ENTRY_NOT_USABLE: "learnUserId is an object, not a text or number",
    Cause.SOURCE_NOT_MAPPED: "UNIwise||001||2021",
    Cause.ASSESSMENT_NOT_ENDED: "30 September 2026 23:59",
    Cause.ALTERNATIVE_GRADE_TOO_EARLY: "30 September 2026 23:59",
    Cause.ALREADY_EXPORTED: "Not passed on 30 September 2026",
    Cause.ALTERNATIVE_GRADE_LOCKED: "No show on 30 September 2026",
    Cause.VALUE_NOT_USABLE: "The value has 400 characters; Learn takes 333",
    Cause.REJECTED_BY_LEARN: "User u1001 is not enrolled in course BIO101-2026",
    Cause.LEARN_UNAVAILABLE: "Learn is being maintained or overloaded (503)",
    Cause.CREDENTIALS_REFUSED: "Learn does not accept the application's key and secret",
    Cause.PERMISSION_MISSING: "Learn does not allow the application to set grades",
    Cause.NOT_INSTALLED: "Learn does not know Grades Journey at this address",
    Cause.QUOTA_USED_UP: "Learn's quota of calls is used up until 30 September 14:30",
    Cause.REQUEST_REFUSED: "Learn refused the request: The request body is not JSON",
    Cause.SAME_LEARN_USER: "u1001",
    Cause.REPLACED: "B",
    Cause.UNCONFIRMED: "The call to Learn was interrupted; it may have stored the grade",
}
ACTIONS = (
    "retry",
    "export again",
    "correct the export",
    "change it in",
    "correct it in",
    "ask for a correction",
    "export again in a minute",
)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_shortly_what_happened_and_what_to_do(cause):
    info = cause.error_info(DETAILS.get(cause, ""))

    assert len(info) <= 200
    assert info[0].isupper()
    assert info.endswith(".")
    assert ".." not in info
    assert "{" not in info
    assert any(action in info.lower() for action in ACTIONS), info
    assert DETAILS.get(cause, "") in info


@pytest.mark.parametrize("cause", Cause)
def test_no_cause_needs_more_than_a_few_words_for_its_name(cause):
    assert 0 < len(cause.label) <= 40
    assert len(cause.value) <= 40  # the column that keeps it


def test_a_detail_that_ends_in_a_full_stop_gets_no_second_one():
    assert Cause.REJECTED_BY_LEARN.sentence("No such user.") == "Learn rejected it: No such user."


def test_a_detail_with_braces_is_left_as_it_is():
    assert Cause.REJECTED_BY_LEARN.sentence("{detail} {0}") == "Learn rejected it: {detail} {0}."


def test_only_what_wiseflow_sent_cannot_be_repaired_by_a_retry():
    assert {cause for cause in Cause if cause.needs_new_export} == {
        Cause.NO_USER_ID,
        Cause.ENTRY_NOT_USABLE,
        Cause.CONTRADICTORY_ENTRIES,
    }
