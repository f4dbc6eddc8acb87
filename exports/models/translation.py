"""How marks and alternative grades become the values that Learn is to show; one translation serves many flows."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from courses.models import NAME_LENGTH, Spelled
from exports.grades.translating import Marks, Rounding, Translator


class Translation(Spelled):
    """A translation of grades. A flow whose mapping has none sends them as they were given."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    marks = models.CharField(_("marks"), max_length=10, choices=Marks, default=Marks.AS_WRITTEN)
    divisor = models.DecimalField(
        _("divisor"),
        max_digits=15,  # SQLite keeps no more
        decimal_places=8,
        default=Decimal(1),
        validators=[MinValueValidator(Decimal("0.00000001"))],
        help_text=_("For marks that are numbers. With 100 the mark 8999 becomes 89.99."),
    )
    decimals = models.PositiveSmallIntegerField(
        _("decimals"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(10)],
        help_text=_("Digits after the point. Leave empty to keep as many as the number has."),
    )
    rounding = models.CharField(_("rounding"), max_length=9, choices=Rounding, default=Rounding.NONE)

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        verbose_name = _("translation")
        verbose_name_plural = _("translations")
        constraints = [
            models.CheckConstraint(name="translation_divisor_positive", condition=models.Q(divisor__gt=0)),
            models.CheckConstraint(
                name="translation_rounds_to_decimals",
                condition=models.Q(rounding=Rounding.NONE) | models.Q(decimals__isnull=False),
                violation_error_message=_("Enter the number of decimals to round to."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def translator(self) -> Translator:
        """As it is now. Its grades are read; prefetch `grades` for many."""
        tables: dict[str, dict[str, str]] = {kind: {} for kind in TranslatedGrade.Kind.values}
        for grade in self.grades.all():
            tables[grade.kind][grade.given] = grade.value
        return Translator(
            marks=Marks(self.marks),
            marks_table=tables[TranslatedGrade.Kind.MARK],
            alternatives=tables[TranslatedGrade.Kind.ALTERNATIVE_GRADE],
            divisor=self.divisor,
            decimals=self.decimals,
            rounding=Rounding(self.rounding),
        )


class TranslatedGrade(Spelled):
    """One line of a translation's tables."""

    class Kind(models.TextChoices):
        MARK = "MARK", _("Mark")
        ALTERNATIVE_GRADE = "ALTERNATIVE_GRADE", _("Alternative grade")

    translation = models.ForeignKey(
        Translation, on_delete=models.CASCADE, related_name="grades", verbose_name=_("translation")
    )
    kind = models.CharField(_("kind"), max_length=17, choices=Kind, default=Kind.MARK)
    given = models.CharField(
        _("grade in WISEflow"), max_length=NAME_LENGTH, help_text=_("Exactly as WISEflow sends it.")
    )
    value = models.CharField(_("value in Learn"), max_length=NAME_LENGTH)

    history = HistoricalRecords()

    class Meta:
        ordering = ["translation", "kind", "pk"]
        verbose_name = _("translated grade")
        verbose_name_plural = _("translated grades")
        constraints = [
            models.UniqueConstraint(name="translated_grade_once", fields=["translation", "kind", "given"]),
            models.CheckConstraint(name="translated_grade_has_value", condition=~models.Q(value="")),
        ]

    def __str__(self) -> str:
        return f"{self.given} → {self.value}"
