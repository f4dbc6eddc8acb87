"""Finding people, one or several at once: `s1012 s1013`, or as a spreadsheet or an e-mail lists them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from common.admin.base import BaseAdmin
from common.database.bulk import among
from exports.models import GradeInLearn, Participant

SEPARATORS = re.compile(r"[\s,;]+")
MAX_WORDS_OF_TITLE = 20  # more than these are ids: no name or title is that long
MAX_DIGITS = 18  # of a number that any database has


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The keys of the participants who have one of the ids, and those of their ids that were typed, case folded."""

    people: set[int]
    ids: set[str]


class FindsSeveral(BaseAdmin):
    """The admin of a list that is searched by several ids at once: each is found. A name, or a title, finds the rows
    that have all of its words.
    """

    def with_any(self, rows: Any, text: str, found: Found) -> QuerySet[Any]:
        """The rows that have one of the ids in `text`, of whose participants these are found."""
        if len(words_of(text)) < 2:  # which the search of the fields finds, with an index
            return rows.none()  # type: ignore[no-any-return]
        return rows.filter(among("participant_id", found.people))  # type: ignore[no-any-return]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        several = self.with_any(queryset, search_term, found_for(request, search_term))
        if not (name := as_name(search_term)):  # hundreds of words in every field: no database is asked that
            return several, False
        found, may_have_duplicates = super().get_search_results(request, queryset, name)
        return found | several, may_have_duplicates


def found_for(request: HttpRequest, text: str) -> Found:
    """Looked for once a request."""
    known: dict[str, Found] = vars(request).setdefault("people_found", {})
    if text not in known:
        known[text] = find_people(text)
    return known[text]


def words_of(text: str) -> list[str]:
    """The ids that were typed or pasted, each once: separated by spaces, lines, commas or semicolons."""
    return list(dict.fromkeys(filter(None, SEPARATORS.split(text))))


def as_name(text: str) -> str:
    """What to look for in names and titles; empty for a list of ids."""
    words = words_of(text)
    return " ".join(words) if len(words) <= MAX_WORDS_OF_TITLE else ""


def spellings(words: Collection[str]) -> set[str]:
    """Ids are in small or in capital letters, however they were typed."""
    return {spelled for word in words for spelled in (word, word.lower(), word.upper())}


def find_people(text: str) -> Found:
    """The participants with exactly one of these WISEflow or Learn user ids, or with a grade in Learn for such a Learn
    user. An id may have spaces of its own, where it is the only one. Two statements, each of which reads a table once:
    their keys then find all else by an index.
    """
    sought = spellings([*words_of(text), text.strip()])
    is_one = Q(among("user_id", sought)) | Q(among("learn_user_id", sought))
    people: set[int] = set()
    ids: set[str] = set()
    for key, *theirs in Participant.objects.filter(is_one).order_by().values_list("pk", "user_id", "learn_user_id"):
        people.add(key)
        ids.update(each.casefold() for each in theirs)
    in_learn = GradeInLearn.objects.filter(among("learn_user_id", sought)).order_by()
    for key, learn_user in in_learn.values_list("participant_id", "learn_user_id"):
        people.add(key)
        ids.add(learn_user.casefold())
    return Found(people=people, ids=ids)


def numbers_in(text: str) -> list[int]:
    """The words that are numbers, as of attempts."""
    return [int(word) for word in words_of(text) if word.isdecimal() and len(word) <= MAX_DIGITS]


def not_found(text: str, found: Found) -> list[str]:
    """Of several ids those that no participant has, as they were typed. What finds no one may be a name or a title."""
    missing = [word for word in words_of(text) if word.casefold() not in found.ids]
    return missing if found.people else []
