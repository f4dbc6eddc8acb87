"""The shape of a caller's body (R13): JMESPath expressions that say where it holds what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.db import models

EXPRESSION_LENGTH = 500  # characters

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
REQUIRED = ("participants", "user_id")


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

    expressions: Mapping[str, Any]

    @classmethod
    def compile(cls, texts: Mapping[str, str]) -> Self:
        """Raises BadExpression."""
        raise NotImplementedError


class Rule(models.TextChoices):
    """How a user id becomes a Learn user."""

    AS_IS = "AS_IS", "The user id as it is"
    PREFIX = "PREFIX", "A prefix before the user id"
    SUFFIX = "SUFFIX", "A suffix behind the user id"
    PATTERN = "PATTERN", "A part of the user id, by a pattern"


@dataclass(frozen=True, slots=True)
class LearnUserRule:
    """`learn_user_of` gives the Learn user of a user id, None where the pattern does not fit."""

    learn_user_of: Callable[[str], str | None]

    @classmethod
    def compile(cls, rule: Rule, text: str) -> Self:
        """Raises BadRule."""
        raise NotImplementedError
