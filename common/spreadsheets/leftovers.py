"""What spreadsheets and programs leave in a file where an id should be: `1.2E+09`, `#N/A`, `####`, `="0012"`.

By pattern, since every language of a spreadsheet has its own names for errors.
"""

import re

from django.utils.translation import gettext as _

from common.spreadsheets.files import quoted

# A long number, by the exponent that programs write to it. `12E4` can be an id, and so can `5E-2`.
SHORTENED = re.compile(r"-?([0-9]+[.,][0-9]+E[+-]?[0-9]{1,3}|[0-9]+E\+[0-9]{1,3}|[1-9]E-[0-9]{2,3})", re.IGNORECASE)
# Such as #N/A, #DIV/0!, #WERT!, #¿NOMBRE?, #スピル!: letters, none of them lower case. LibreOffice numbers some.
ERROR = re.compile(r"#([^\W\d]|[¿¡/])+(/0)?[!?]?|Err:5[0-9]{2}")
TOO_NARROW = re.compile("#+")


def is_left_over(text: str) -> bool:
    return bool(SHORTENED.fullmatch(text) or TOO_NARROW.fullmatch(text) or is_error(text))


def is_error(text: str) -> bool:
    return bool(ERROR.fullmatch(text)) and (text == text.upper() or text.startswith("Err:"))


def refuse(text: str) -> None:
    """Raises ValueError, with what is wrong, for a text that is no id."""
    shown = {"value": quoted(text)}
    if text.startswith("="):
        raise ValueError(_("This is a formula (%(value)s). Write its value, and format the column as Text.") % shown)
    if SHORTENED.fullmatch(text):
        raise ValueError(
            _("%(value)s is a number that a spreadsheet has shortened. Format the column as Text.") % shown
        )
    if TOO_NARROW.fullmatch(text):
        raise ValueError(
            _("%(value)s is what a column shows that is too narrow. Make it wider and save the file again.") % shown
        )
    if is_error(text):
        raise ValueError(_("This is a formula that could not be calculated (%(value)s).") % shown)
