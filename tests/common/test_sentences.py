"""Long lists in sentences: the first few by name, the others by number."""

from common.sentences import MAX_NAMED, shortlist


def test_as_many_as_may_be_named_are_named():
    assert shortlist(["ada", "ben"]) == "ada, ben"
    assert shortlist(["ada"] * MAX_NAMED) == ", ".join(["ada"] * MAX_NAMED)


def test_the_others_are_counted():
    assert shortlist(["ada", "ben", "cem", "dee"], most=3) == "ada, ben, cem and 1 more"


def test_items_that_hold_commas_are_kept_apart():
    assert shortlist(["ada, ben", "cem"], "; ") == "ada, ben; cem"
