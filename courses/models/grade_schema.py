"""Learn's grade schemas, as GradeBridge knows or creates them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from simple_history.models import HistoricalRecords

from courses import wire
from courses.grades_journey.errors import InvalidItem
from courses.grades_journey.items import SchemaItem
from courses.models.course import NAME_LENGTH
from courses.models.provisioned import OF_PROVISIONING, Provisioned


class GradeSchema(Provisioned):
    """A grading schema in Learn: the symbols a column may show."""

    title = models.CharField(max_length=NAME_LENGTH, unique=True, help_text="The schema's name as it stands in Learn.")
    symbols = models.CharField(
        max_length=2000,
        blank=True,
        help_text=(
            "SYMBOL=lower bound in per cent, joined by colons, such as P=80:F=0. A symbol may go without a bound. "
            "Empty: the symbols are known to Learn only, so GradeBridge cannot create the schema."
        ),
    )
    optional_data = models.CharField(
        max_length=2000, blank=True, help_text="Keys and values for Learn, joined by colons, such as sisSchemaID=PF."
    )

    history = HistoricalRecords(excluded_fields=OF_PROVISIONING)

    class Meta(Provisioned.Meta):
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Whether Learn's format can carry it."""
        if problems := self.problems():
            raise ValidationError(problems)

    def problems(self) -> dict[str, str]:
        """By field: why Learn would not take it. Symbols that only Learn knows are none."""
        found: dict[str, str] = {}
        for field, read in (("symbols", wire.read_symbols), ("optional_data", wire.read_options)):
            try:
                read(getattr(self, field))
            except wire.WireError as error:
                found[field] = str(error)
        return found

    def item(self) -> SchemaItem:
        """What creates it in Learn. Raises InvalidItem or WireError."""
        if not self.symbols:
            raise InvalidItem("symbols", "Its symbols are not entered, so GradeBridge cannot create it.")
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
