from decimal import Decimal

import pytest

from common.numbers import plain_number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (100.0, "100"),
        (0.0, "0"),
        (0.0001, "0.0001"),
        (66.5, "66.5"),
        (-3.0, "-3"),
        (1e16, "10000000000000000"),
        (1e-7, "0.0000001"),
        (Decimal("100"), "100"),
        (Decimal("100.00"), "100"),
        (Decimal("0.10"), "0.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("0.00"), "0"),
    ],
)
def test_a_number_has_all_its_digits_and_no_zeros_behind_them(number, text):
    assert plain_number(number) == text
