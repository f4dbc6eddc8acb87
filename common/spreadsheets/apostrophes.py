"""An apostrophe in front says that a text is meant as it is. Exports write it, imports take it off again.

It goes in front of what a spreadsheet would take for a formula, wherever a spreadsheet may cut a line of CSV in two,
and in front of what looks as if a spreadsheet had left it there in place of an id.
"""

import re

from common.spreadsheets.leftovers import is_left_over

# The wide ones count as the others where Excel is Japanese.
FORMULA = (
    r"[=+\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]"
)
CUT = r"[;|\t\r\n]"  # not a comma: CSV has a text with a comma in quotes
NUMBER = r"-[0-9]+(?:[.,][0-9]+)?"  # -3 is no formula

STARTS_A_FORMULA = re.compile(rf"{FORMULA}|[\t\r\n]")
PLAIN_NUMBER = re.compile(NUMBER)
AFTER_A_CUT = re.compile(rf"(?<={CUT})(?='*{FORMULA})(?!{NUMBER}(?:{CUT}|\Z))")
APOSTROPHE_AFTER_A_CUT = re.compile(rf"(?<={CUT})'(?='*{FORMULA})")


def add(text: str) -> str:
    is_plain = not needs_one(text) or PLAIN_NUMBER.fullmatch(text)
    return ("" if is_plain else "'") + AFTER_A_CUT.sub("'", text)


def take_off(text: str) -> str:
    return APOSTROPHE_AFTER_A_CUT.sub("", text[1:] if has_one(text) else text)


def has_one(text: str) -> bool:
    return text.startswith("'") and needs_one(text)


def needs_one(text: str) -> bool:
    """Behind apostrophes too, so that each of these texts becomes another one."""
    bare = text.lstrip("'")
    return bool(STARTS_A_FORMULA.match(bare)) or is_left_over(bare.strip())
