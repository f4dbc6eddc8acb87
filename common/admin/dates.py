"""Dates that people type on a page: a year of long ago, or of a far future, is a slip of the finger."""

from datetime import date

from django.core.exceptions import ValidationError

from common.moments import year_refusal


def refuse_odd_year(when: date) -> None:
    if reason := year_refusal(when):
        raise ValidationError(reason)
