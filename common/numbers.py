"""Numbers as people write them."""

from decimal import Decimal


def plain_number(number: float | Decimal) -> str:
    """100 for 100.0, every digit of 0.0001, never 1E-4."""
    digits = f"{Decimal(str(number)):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
