"""How an id, a name or a grade is spelled: one rule for what comes from bodies, files and forms. Knows no Django."""

from unicodedata import category

MULTILINE = "\t\r\n\u2028\u2029"  # what a text of several lines may hold: allow it there

# By Unicode category. Two ids that differ by one of these look alike to everybody who compares them.
REFUSED = {
    "Cc": "control character",
    "Cf": "invisible character",
    "Cs": "lone surrogate",  # half of a character: JSON can write it, no database can store it
    "Zl": "line break",
    "Zp": "line break",
}


def clean(text: str, allowed: str = "") -> str:
    """`text` without blanks at its ends, those of Unicode such as U+00A0 included.

    Raises ValueError, with the rest of a sentence, for a character that nobody sees and that is not `allowed`.
    """
    text = text.strip()
    if not text.isprintable():  # printable text, nearly all there is, holds none of them
        for character in dict.fromkeys(text):  # each once, in order: a body may hold a text of megabytes
            if (kind := REFUSED.get(category(character))) and character not in allowed:
                raise ValueError(f"holds the {kind} U+{ord(character):04X}")
    return text


def is_blank(text: str) -> bool:
    """Whether nothing in it can be seen: there are only blanks, control and invisible characters."""
    return all(character.isspace() or category(character) in ("Cc", "Cf") for character in set(text))
