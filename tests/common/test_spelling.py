"""One rule for how a text is spelled."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.spelling import MULTILINE, clean, is_blank
from tests.spellings import blanks, code, unseen

ANY_TEXT = st.text(st.characters() | st.sampled_from(" \t\u00a0\u200b\u3000\ud800"), max_size=20)


@blanks
@pytest.mark.parametrize("text", ["75", "75,", "s77", "UNIwise||001||2026", "Written exam", "åse", "学生", "🎓"])
def test_blanks_at_both_ends_are_cut(text: str, blank: str) -> None:
    assert clean(blank + text) == clean(text + blank) == clean(blank + text + blank) == text


@blanks
def test_nothing_but_blanks_is_nothing(blank: str) -> None:
    assert clean(blank) == ""


@pytest.mark.parametrize("text", ["", "a  b", "1\u00a0000", "a\u3000b", "e\u0301", "\u2009x\u2009y", "№ 7", "\ue000"])
def test_what_stands_inside_stays(text: str) -> None:
    assert clean(text) == text.strip()


@unseen
@pytest.mark.parametrize("text", ["{}75", "75{}", "7{}5", " {} ", "å{}"])
def test_what_nobody_sees_is_refused_by_name(text: str, unseen: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^It contains the (control|invisible) character {code(unseen)}\.$".replace("+", r"\+")
    ):
        clean(text.format(unseen))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\u0085b", "It contains the control character U+0085."),
        ("a\tb", "It contains the control character U+0009."),
        ("a\nb", "It contains the control character U+000A."),
        ("a\u2028b", "It contains the line break U+2028."),
        ("a\u2029b", "It contains the line break U+2029."),
        ("\ud800", "It contains the lone surrogate U+D800."),
        ("a\udfffb", "It contains the lone surrogate U+DFFF."),
        ("\U000e0001", "It contains the invisible character U+E0001."),
        ("\u200b\u0007", "It contains the invisible character U+200B."),
    ],
)
def test_the_first_character_that_is_refused_is_named(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        clean(text)
    assert str(caught.value) == reason


def test_a_text_of_several_lines_holds_line_breaks_and_tabs_and_nothing_else_unseen() -> None:
    assert clean("\n1.\tRead\r\n2.\tWrite\n", MULTILINE) == "1.\tRead\r\n2.\tWrite"
    with pytest.raises(ValueError, match="U\\+200B"):
        clean("Read\n\u200bWrite", MULTILINE)


@given(ANY_TEXT)
@example("\u00a0\ufeff75")
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    try:
        cleaned = clean(text)
    except ValueError:
        return
    assert clean(cleaned) == cleaned
    assert cleaned in text
    cleaned.encode()  # every database can store it


@given(ANY_TEXT)
def test_a_text_that_is_accepted_is_blank_where_nothing_is_left_of_it(text: str) -> None:
    try:
        cleaned = clean(text)
    except ValueError:
        return
    assert is_blank(text) == (cleaned == "")


@unseen
def test_what_nobody_sees_is_blank(unseen: str) -> None:
    assert is_blank(unseen)
    assert is_blank(f" {unseen}\u00a0\u200b")
    assert not is_blank(f"{unseen}0")


def test_half_of_a_character_is_not_blank() -> None:
    assert not is_blank("\ud800")
