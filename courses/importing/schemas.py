"""Grade schemas: their titles, their symbols as far as they are known, and data for Learn."""

from collections.abc import Iterator, Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.spreadsheets import cells
from common.spreadsheets.plans import ConsistencyRule, Line, Plan, Problem, chunks
from common.spreadsheets.sheets import Column, Sheet
from courses.models import GradeSchema, Provisioned
from courses.models.provisioned import NOT_SENT


class SchemaSheet(Sheet):
    what = _("grade schemas")
    models = (GradeSchema,)
    columns = (
        Column("title", cells.text(GradeSchema, "title"), _("The schema's name in Learn."), required=True),
        Column(
            "symbols",
            cells.text(GradeSchema, "symbols"),
            _("SYMBOL=lower bound, separated by colons, such as P=80:F=0. Empty: the symbols are known to Learn only."),
        ),
        Column(
            "optional_data",
            cells.text(GradeSchema, "optional_data"),
            _("key=value, separated by colons, such as sisSchemaID=PF. Empty: none."),
        ),
    )
    rules = (ConsistencyRule(about=("title",), columns=("symbols", "optional_data")),)

    def find_problems(self, lines: Sequence[Line]) -> Iterator[Problem]:
        """What the model's own checks say."""
        for line in lines:
            try:
                GradeSchema(**line.values).full_clean(validate_unique=False, validate_constraints=False)
            except ValidationError as error:
                for column, messages in error.message_dict.items():
                    yield Problem(line.row, column if column in self.names else "symbols", " ".join(messages))

    def notes(self, plan: Plan) -> list[str]:
        """What the file changes here alone."""
        rows = {change.line.values["title"]: change.line.row for change in plan.changed}
        in_learn = [
            title
            for some in chunks(rows)
            for title in GradeSchema.objects.filter(title__in=some, status=Provisioned.Status.PROVISIONED)
            .order_by("title")
            .values_list("title", flat=True)
        ]
        text = gettext("Row %(row)s, grade schema %(schema)s: %(sentence)s")
        return [text % {"row": rows[title], "schema": title, "sentence": NOT_SENT} for title in in_learn]
