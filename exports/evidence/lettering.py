"""Text in the PDF: which font has which character, how wide a text is, and where it is broken into lines."""

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD, FALLBACK = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold", "DroidSansFallbackFull"
SIZE = 6.5  # points
NO_GLYPH = "\N{WHITE SQUARE}"  # for a character that no font has


@cache
def glyphs(font: str) -> dict[str, float]:
    """The characters that the font has, and how wide they are at one point. The font is read once a process."""
    loaded = TTFont(font, str(FONTS / f"{font}.ttf"))
    pdfmetrics.registerFont(loaded)
    widths = loaded.face.charWidths
    return {chr(code): widths.get(code, loaded.face.defaultWidth) / 1000 for code in loaded.face.charToGlyph}


class Widths(dict[str, float]):
    """Of every character, in the font that has it."""

    def __missing__(self, character: str) -> float:
        return self[NO_GLYPH]


@cache
def widths_of(font: str) -> Widths:
    return Widths(glyphs(FALLBACK) | glyphs(font))


def width_of(text: str, font: str = REGULAR, size: float = SIZE) -> float:
    return sum(map(widths_of(font).__getitem__, text)) * size


def runs(text: str, font: str = REGULAR) -> list[tuple[str, str]]:
    """The text in pieces, each with the font that has its characters."""
    main, other = glyphs(font), glyphs(FALLBACK)
    if main.keys() >= set(text):
        return [(font, text)]
    known = "".join(char if char in main or char in other else NO_GLYPH for char in text)
    return [(font if is_main else FALLBACK, "".join(chars)) for is_main, chars in groupby(known, main.__contains__)]


@lru_cache(maxsize=20_000)
def lines(text: str, width: float, font: str = REGULAR, size: float = SIZE) -> tuple[str, ...]:
    """The text in lines of at most this width, broken between words; a word only where it is longer than a line."""
    if width_of(text, font, size) <= width:
        return (text,)
    found, line = [], ""
    for word in pieces_of(text, width, font, size):
        longer = f"{line} {word}" if line else word
        if line and width_of(longer, font, size) > width:
            found.append(line)
            line = word
        else:
            line = longer
    return (*found, line)


def pieces_of(text: str, width: float, font: str, size: float) -> Iterator[str]:
    """The words, the long ones in pieces that fit."""
    for word in text.split():
        if width_of(word, font, size) <= width:
            yield word
            continue
        piece = ""
        for char in word:
            if piece and width_of(piece, font, size) + width_of(char, font, size) > width:
                yield piece
                piece = ""
            piece += char
        yield piece
