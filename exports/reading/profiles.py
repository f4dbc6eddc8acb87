"""The shape of a caller's body (R13): where it holds what, and how its user ids become Learn users."""

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import regex
from django.db import models
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

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
    "participants": _("Enter an expression for the list of participants."),
    "user_id": _("Enter an expression for the user id."),
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
                raise BadExpression(name, str(REQUIRED[name]))
        return cls(expressions)

    def finders(self) -> dict[str, Callable[[Any], Any]]:
        """What finds each of them in the values of one body. No entry is dropped because nothing is found in it."""
        return {
            name: expression.finder(keeps_nulls=name == "participants") for name, expression in self.expressions.items()
        }


DOCUMENTED_PROFILE = Profile.compile(DOCUMENTED)


class Rule(models.TextChoices):
    """How a user id becomes a Learn user."""

    AS_IS = "AS_IS", _("The user id, unchanged")
    PREFIX = "PREFIX", _("A prefix before the user id")
    SUFFIX = "SUFFIX", _("A suffix after the user id")
    PATTERN = "PATTERN", _("A part of the user id, found by a pattern")


NO_TEXT = {
    Rule.PREFIX: _("Enter the prefix."),
    Rule.SUFFIX: _("Enter the suffix."),
    Rule.PATTERN: _("Enter the pattern."),
}


@dataclass(frozen=True, slots=True)
class LearnUserRule:
    """`learn_user_of` gives the Learn user of a user id, None where there is none: the pattern does not fit."""

    learn_user_of: Callable[[str], str | None]

    @classmethod
    def compile(cls, rule: Rule, text: str) -> Self:
        """Raises BadRule."""
        if rule is Rule.AS_IS:
            if text:
                raise BadRule(
                    gettext("The user id is used unchanged. Leave this empty, or choose a prefix, suffix or pattern.")
                )
            return cls(lambda user_id: user_id)
        if not text:
            raise BadRule(str(NO_TEXT[rule]))
        if rule is Rule.PATTERN:
            return cls(group_of(compiled(text)))
        return cls(lambda user_id: no_longer(text + user_id if rule is Rule.PREFIX else user_id + text))


def no_longer(learn_user_id: str) -> str | None:
    """The Learn user, unless it is too long for Learn."""
    return learn_user_id if len(learn_user_id) <= VALUE_LENGTH else None


PROPERTY = re.compile(r"\\[pP]\{\w+\}")  # such as \p{Lu}
COUNT = re.compile(r"\{(\d{0,3})(?:,(\d{0,3}))?\}")  # such as {6} or {2,4}
MAX_COPIES = 1_000  # that counts inside counts may ask for: each takes memory before anything is matched
MAX_NESTED = 3  # repeats inside one another: each doubles the memory that the pattern takes
READS_OTHERWISE = re.compile(r"\(\?(?:#|[\w-]*[xV])")  # comments and flags that give brackets another meaning
TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\([?*]?|\)|(?:[*+?]|\{[\d,]*\})[?+]?|.", re.DOTALL)


def compiled(pattern: str) -> regex.Pattern[str]:
    """Raises BadRule for a pattern that is none, would take too much memory, or has not exactly one group."""
    unfolded = PROPERTY.sub("", pattern)
    counts = [max(int(each or 1) for each in found) for found in COUNT.findall(unfolded)]
    if math.prod(counts) > MAX_COPIES:
        raise BadRule(gettext("The counts in curly brackets are too large together."))
    if "{" in COUNT.sub("", unfolded):
        raise BadRule(
            gettext("Use curly brackets only for counts of up to three digits, such as %(one)s or %(two)s.")
            % {"one": "{6}", "two": "{2,4}"}
        )
    if READS_OTHERWISE.search(pattern):
        raise BadRule(gettext("Comments and the flags x, V0 and V1 are not supported."))
    if nested_repeats(unfolded) > MAX_NESTED:
        raise BadRule(
            gettext("Only %(allowed)s repeats inside one another are allowed; this pattern has more.")
            % {"allowed": MAX_NESTED}
        )
    try:
        found = regex.compile(pattern)
    except regex.error as error:
        raise BadRule(gettext("This is not a valid pattern: %(problem)s.") % {"problem": error}) from None
    except (ValueError, KeyError, RecursionError):
        raise BadRule(gettext("This is not a valid pattern.")) from None
    if found.groups != 1:
        raise BadRule(
            ngettext(
                "The pattern has %(count)s group. It must have exactly one group, in round brackets: the Learn user.",
                "The pattern has %(count)s groups. It must have exactly one group, in round brackets: the Learn user.",
                found.groups,
            )
            % {"count": found.groups}
        )
    return found


def nested_repeats(pattern: str) -> int:
    """How many repeats, such as + or {2}, are inside one another, at the deepest point."""
    around = [0]  # of each open group, the repeats inside one another so far
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
