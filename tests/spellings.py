"""Texts that look alike: what is cut, and what is refused, wherever a text comes from."""

import pytest

BLANKS = [" ", "  ", "\t", "\n", "\r\n", "\u0085", "\u00a0", "\u2003", "\u2028", "\u202f", "\u3000", "\u00a0 \u3000"]
CONTROLS = ["\u0000", "\u0001", "\u0007", "\u001b", "\u007f", "\u009f"]
INVISIBLE = ["\u00ad", "\u061c", "\u200b", "\u200d", "\u200e", "\u202e", "\u2060", "\ufeff", "\U000e0041"]


def code(character: str) -> str:
    return f"U+{ord(character):04X}"


blanks = pytest.mark.parametrize("blank", BLANKS, ids=lambda blank: " ".join(map(code, blank)))
unseen = pytest.mark.parametrize("unseen", [*CONTROLS, *INVISIBLE], ids=code)
