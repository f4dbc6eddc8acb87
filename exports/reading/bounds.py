"""How deep and how large a body may be, found from its bytes before it is parsed: parsing takes the memory.

The bounds are our own, so that they are the same on every Python, whatever its recursion limit is.
"""

import re
from itertools import accumulate

MAX_DEPTH = 100  # lists and objects inside one another
MAX_VALUES = 1_000_000  # each takes up to 400 bytes once it is parsed
VALUES_A_PARTICIPANT = 20  # where more participants are allowed than MAX_VALUES is meant for

TEXT = re.compile('"[^"]*"?')
NO_OUTLINE = bytes(set(range(256)) - set(b'[]{},"'))
BRACKETS = bytes.maketrans(b"{}", b"[]")
STEPS = {"[": 1, "]": -1}


def outline(content: bytes) -> str:
    """The brackets and commas of a body, without those in its texts."""
    without_escapes = content.replace(rb"\\", b"").replace(rb"\"", b"")
    return TEXT.sub("", without_escapes.translate(BRACKETS, NO_OUTLINE).decode("ascii"))


def values_in(outlined: str) -> int:
    """At most so many values are in the body, those in empty lists and objects included."""
    return outlined.count("[") + outlined.count(",") + 1


def is_too_deep(outlined: str) -> bool:
    if outlined.count("[") <= MAX_DEPTH:
        return False
    return max(accumulate(map(STEPS.__getitem__, outlined.replace(",", "")))) > MAX_DEPTH


def max_values(most_participants: int | None) -> int:
    return max(MAX_VALUES, VALUES_A_PARTICIPANT * (most_participants or 0))
