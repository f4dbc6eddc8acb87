"""The shape of a caller's body (R13): where it holds what, and how its user ids become Learn users."""

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import regex
from django.db import models

from exports.grades.translating import VALUE_LENGTH
from exports.reading.expressions import EXPRESSION_LENGTH as EXPRESSION_LENGTH
from exports.reading.expressions import BadSyntax, Expression

# The documented shape. The first three are looked for in the body, the others in each entry.
DOCUMENTED = {
    "flow_id": "flowId",
    "source_code": "sourceCode",
    "participants": "participants",
    "user_id": "userId",
    "learn_user_id": "learnUserId",
    "mark": "mark",
    "alternative_grade": "adminGrade",
    "entry_source_code": "sourceCode",
    "added_by": "addedBy",
}
REQUIRED = {
    "participants": "Say where the list of participants is: without it nothing can be read.",
    "user_id": "Say where the user id is: without it no entry names a person.",
}
SECONDS_A_MATCH = 0.05  # a pattern may take that long over one user id
SECONDS_FOR_ALL = 2  # and that long over all that are slow


class BadExpression(ValueError):
    """An expression that cannot be compiled. The sentence says why."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class BadRule(ValueError):
    """A rule for Learn users that makes no sense. The sentence says why."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Compiled expressions by their names in DOCUMENTED."""

    expressions: Mapping[str, Expression]

    @classmethod
    def compile(cls, texts: Mapping[str, str]) -> Self:
        """Raises BadExpression."""
        expressions = {}
        for name in DOCUMENTED:
            try:
                expressions[name] = Expression.compile(texts.get(name, ""))
            except BadSyntax as bad:
                raise BadExpression(name, str(bad)) from None
            if name in REQUIRED and not expressions[name].text:
                raise BadExpression(name, REQUIRED[name])
        return cls(expressions)

    def finders(self) -> dict[str, Callable[[Any], Any]]:
        """What finds each of them in the values of one body. No entry is dropped because nothing is found in it."""
        return {
            name: expression.finder(keeps_nulls=name == "participants") for name, expression in self.expressions.items()
        }


DOCUMENTED_PROFILE = Profile.compile(DOCUMENTED)


class Rule(models.TextChoices):
    """How a user id becomes a Learn user."""

    AS_IS = "AS_IS", "The user id as it is"
    PREFIX = "PREFIX", "A prefix before the user id"
    SUFFIX = "SUFFIX", "A suffix behind the user id"
    PATTERN = "PATTERN", "A part of the user id, by a pattern"


@dataclass(frozen=True, slots=True)
class LearnUserRule:
    """`learn_user_of` gives the Learn user of a user id, None where there is none: the pattern does not fit."""

    learn_user_of: Callable[[str], str | None]

    @classmethod
    def compile(cls, rule: Rule, text: str) -> Self:
        """Raises BadRule."""
        if rule is Rule.AS_IS:
            if text:
                raise BadRule("The user id is taken as it is: leave this empty, or choose what it is for.")
            return cls(lambda user_id: user_id)
        if not text:
            raise BadRule(f"Give the {rule.lower()}.")
        if rule is Rule.PATTERN:
            return cls(group_of(compiled(text)))
        return cls(lambda user_id: no_longer(text + user_id if rule is Rule.PREFIX else user_id + text))


def no_longer(learn_user_id: str) -> str | None:
    """The Learn user, unless Learn takes none so long."""
    return learn_user_id if len(learn_user_id) <= VALUE_LENGTH else None


PROPERTY = re.compile(r"\\[pP]\{\w+\}")  # such as \p{Lu}
COUNT = re.compile(r"\{(\d{0,3})(?:,(\d{0,3}))?\}")  # such as {6} or {2,4}
MOST_COPIES = 1_000  # that counts inside counts may ask for: each takes memory before anything is matched
MOST_NESTED = 3  # repeats inside one another: each doubles the memory that the pattern takes
READS_OTHERWISE = re.compile(r"\(\?(?:#|[\w-]*[xV])")  # comments and flags that give brackets another meaning
TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\([?*]?|\)|(?:[*+?]|\{[\d,]*\})[?+]?|.", re.DOTALL)


def compiled(pattern: str) -> regex.Pattern[str]:
    """Raises BadRule for a pattern that is none, would take too much memory, or has not exactly one group."""
    unfolded = PROPERTY.sub("", pattern)
    counts = [max(int(each or 1) for each in found) for found in COUNT.findall(unfolded)]
    if math.prod(counts) > MOST_COPIES:
        raise BadRule("The counts in curly brackets are too large together.")
    if "{" in COUNT.sub("", unfolded):
        raise BadRule("Curly brackets are for counts alone, such as {6} or {2,4}; a count has three digits at most.")
    if READS_OTHERWISE.search(pattern):
        raise BadRule("Comments, and the flags x, V0 and V1, are not taken.")
    if nested_repeats(unfolded) > MOST_NESTED:
        raise BadRule(f"Repeats may stand {MOST_NESTED} deep inside one another; this pattern has more.")
    try:
        found = regex.compile(pattern)
    except regex.error as error:
        raise BadRule(f"This is no pattern: {error}.") from None
    except (ValueError, KeyError, RecursionError):
        raise BadRule("This is no pattern that can be used.") from None
    if found.groups != 1:
        raise BadRule(f"A pattern has one group, in round brackets, for the Learn user; this one has {found.groups}.")
    return found


def nested_repeats(pattern: str) -> int:
    """How many repeats, such as + or {2}, stand inside one another at most."""
    around = [0]  # of each group that is open, the most repeats inside one another so far
    last = 0  # the same of what a repeat would be for
    for part in TOKEN.findall(pattern):
        if part[0] == "(":
            around.append(0)
            last = 0
        elif part == ")":
            last = around.pop() if len(around) > 1 else last
        elif part[0] in "*+?{":
            last += 1
        else:
            last = 0
        around[-1] = max(around[-1], last)
    return max(around)


def group_of(pattern: regex.Pattern[str]) -> Callable[[str], str | None]:
    """What the group matches, where the pattern fits a whole user id in time."""
    seconds_left: float = SECONDS_FOR_ALL

    def learn_user_of(user_id: str) -> str | None:
        nonlocal seconds_left
        if seconds_left <= 0:
            return None
        began = time.monotonic()
        try:
            match = pattern.fullmatch(user_id, timeout=SECONDS_A_MATCH)
        except TimeoutError:
            match = None
        seconds_left -= time.monotonic() - began
        return match[1] or None if match else None

    return learn_user_of
