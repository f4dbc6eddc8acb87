"""How an id, a name or a grade is spelled: one rule for what comes from bodies, files and forms."""

from typing import Any
from unicodedata import category

from django.utils.translation import gettext_lazy as _

MULTILINE = "\t\r\n\u2028\u2029"  # what a text of several lines may hold: allow it there

# By Unicode category. Two ids that differ by one of these look alike to everyone who compares them.
REFUSED = {
    "Cc": "control character",
    "Cf": "invisible character",
    "Cs": "lone surrogate",  # half of a character: JSON can write it, no database can store it
    "Zl": "line break",
    "Zp": "line break",
}
SENTENCES: dict[str, Any] = {
    "control character": _("It contains the control character %(character)s."),
    "invisible character": _("It contains the invisible character %(character)s."),
    "lone surrogate": _("It contains the lone surrogate %(character)s."),
    "line break": _("It contains the line break %(character)s."),
}


class BadCharacter(ValueError):
    """A character that no one sees: its `kind`, a value of REFUSED, and its code point as `U+200B`."""

    def __init__(self, kind: str, character: str) -> None:
        super().__init__(kind, character)
        self.kind, self.code_point = kind, f"U+{ord(character):04X}"

    def __str__(self) -> str:
        return str(SENTENCES[self.kind] % {"character": self.code_point})


def clean(text: str, allowed: str = "") -> str:
    """`text` without blanks at its ends, those of Unicode such as U+00A0 included.

    Raises BadCharacter for a character that no one sees and that is not `allowed`.
    """
    text = text.strip()
    if not text.isprintable():  # printable text, nearly all there is, holds none of them
        for character in dict.fromkeys(text):  # each once, in order: a body may hold a text of megabytes
            if (kind := REFUSED.get(category(character))) and character not in allowed:
                raise BadCharacter(kind, character)
    return text


def is_blank(text: str) -> bool:
    """Whether nothing in it can be seen: there are only blanks, control and invisible characters."""
    return all(character.isspace() or category(character) in ("Cc", "Cf") for character in set(text))
