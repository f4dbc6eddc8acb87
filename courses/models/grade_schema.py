"""Learn's grade schemas, as GradeBridge knows or creates them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from courses import wire
from courses.grades_journey.items import InvalidItem, SchemaItem
from courses.models.course import NAME_LENGTH
from courses.models.provisioned import OF_PROVISIONING, Provisioned
from courses.sentences import Reason, reason_of, sentence


class GradeSchema(Provisioned):
    """A grading schema in Learn: the symbols a column may show."""

    title = models.CharField(
        _("title"), max_length=NAME_LENGTH, unique=True, help_text=_("The schema's name, exactly as in Learn.")
    )
    symbols = models.CharField(
        _("symbols"),
        max_length=2000,
        blank=True,
        help_text=_(
            "Each symbol with its lower bound in percent, separated by colons, such as P=80:F=0. The bound is "
            "optional. Leave empty if only Learn knows the symbols; GradeBridge then cannot create the schema."
        ),
    )
    optional_data = models.CharField(
        _("keys and values"),
        max_length=2000,
        blank=True,
        help_text=_("Keys and values for Learn, separated by colons, such as sisSchemaID=PF."),
    )

    history = HistoricalRecords(excluded_fields=OF_PROVISIONING)

    class Meta(Provisioned.Meta):
        ordering = ["title"]
        verbose_name = _("grade schema")
        verbose_name_plural = _("grade schemas")

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Whether Learn's format can carry it."""
        if problems := self.problems():
            raise ValidationError({field: sentence(reason) for field, reason in problems.items()})

    def problems(self) -> dict[str, Reason]:
        """By field: why Learn would not take it. Symbols that only Learn knows are none."""
        found: dict[str, Reason] = {}
        for field, read in (("symbols", wire.read_symbols), ("optional_data", wire.read_options)):
            try:
                read(getattr(self, field))
            except wire.WireError as error:
                found[field] = reason_of(error)
        return found

    def item(self) -> SchemaItem:
        """What creates it in Learn. Raises InvalidItem or WireError."""
        if not self.symbols:
            raise InvalidItem("SYMBOLS_UNKNOWN", field="symbols")
        return SchemaItem(
            title=self.title,
            symbols=wire.write_symbols(wire.read_symbols(self.symbols)),
            optional_data=wire.write_options(wire.read_options(self.optional_data)),
        )

    @property
    def symbol_names(self) -> frozenset[str]:
        """Empty where they are known to Learn only."""
        return frozenset(name for pair in self.symbols.split(":") if (name := pair.partition("=")[0].strip()))

    @property
    def has_lower_bounds(self) -> bool:
        """Whether Learn turns numbers into the symbols."""
        return not self.symbols or "=" in self.symbols
