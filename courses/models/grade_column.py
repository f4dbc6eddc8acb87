"""Grade columns and gradable items: where a grade lands in a course, with all that creates one in Learn."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from courses import wire
from courses.grades_journey import items
from courses.grades_journey.items import InvalidItem
from courses.models.course import NAME_LENGTH, Course
from courses.models.grade_schema import GradeSchema
from courses.models.provisioned import OF_PROVISIONING, Provisioned, mark_as_in_learn
from courses.sentences import Reason, reason_of, sentence

ORIGINAL_ONLY = ("color", "tracked", "sequence_num")  # fields that Learn knows in Original courses alone
UNLIMITED = -1  # attempts
SUB_FOLDER = "@>@"  # between a content area and its sub-folder


class GradeColumnQuerySet(models.QuerySet["GradeColumn"]):
    def symbols_in(self, course_id: str, name: str) -> frozenset[str]:
        """Of the column's schema, as far as it is known here: they tell a symbol that is a number from a score."""
        known = self.filter(course__course_id=course_id, name=name).select_related("grade_schema").first()
        return known.grade_schema.symbol_names if known and known.grade_schema else frozenset()

    def found_in_learn(self, places: Collection[tuple[str, str]]) -> None:
        """Learn took a grade in these places (course id, column name), so the columns are there, whoever made them."""
        not_known = self.filter(
            status__in=[
                self.model.Status.NOT_PROVISIONED,
                self.model.Status.FAILED,
                self.model.Status.UNCONFIRMED,
            ],
            name__in={name for _course_id, name in places},
        ).order_by()
        found = not_known.values_list("pk", "course__course_id", "name")
        if pks := [pk for pk, *place in found if tuple(place) in places]:
            mark_as_in_learn(self.filter(pk__in=pks))


class GradeColumn(Provisioned):
    """A grade column of a course in Learn, or a gradable item, which has one."""

    class ItemType(models.TextChoices):
        """Grades Journey's `itemType`."""

        ASSIGNMENT = items.ItemType.ASSIGNMENT.value, _("Assignment")
        TEST = items.ItemType.TEST.value, _("Test")
        MANUAL_COLUMN = items.ItemType.MANUAL_COLUMN.value, _("Manual column")
        WEIGHTED_COLUMN = items.ItemType.WEIGHTED_COLUMN.value, _("Weighted column")
        SURVEY = items.ItemType.SURVEY.value, _("Survey (Original)")
        DISCUSSION_BOARD = items.ItemType.DISCUSSION_BOARD.value, _("Discussion board (Original)")
        WIKI = items.ItemType.WIKI.value, _("Wiki (Original)")
        BLOG = items.ItemType.BLOG.value, _("Blog (Original)")
        JOURNAL = items.ItemType.JOURNAL.value, _("Journal (Original)")
        SELF_AND_PEER_TEST = items.ItemType.SELF_AND_PEER_TEST.value, _("Self and peer test (Original)")
        TOTAL_COLUMN = items.ItemType.TOTAL_COLUMN.value, _("Total column (Original)")

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="grade_columns", verbose_name=_("course"))
    name = models.CharField(_("name"), max_length=NAME_LENGTH, help_text=_("The column's name, exactly as in Learn."))
    item_type = models.CharField(
        _("item type"),
        max_length=20,
        choices=ItemType,
        default=ItemType.MANUAL_COLUMN,
        help_text=_("A column alone, or an item that students see in the course and that has a column."),
    )
    points = models.FloatField(
        _("points possible"),
        default=100.0,
        validators=[MinValueValidator(0.0001), MaxValueValidator(1_000_000)],
    )
    grade_schema = models.ForeignKey(
        GradeSchema,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="grade_columns",
        verbose_name=_("grade schema"),
        help_text=_("How Learn shows the grade. Leave empty to show a number."),
    )
    mapping = models.CharField(
        _("columns it counts"),
        max_length=NAME_LENGTH,
        blank=True,
        help_text=_(
            "For a weighted column: names and weights that add up to 100, such as Assignment 1=30, Test 1=70. "
            "For a total column: names only. Leave empty to choose the columns in Learn."
        ),
    )
    is_external_grade = models.BooleanField(
        _("external grade"),
        default=False,
        help_text=_(
            "Learn passes this column on as the course's grade. One column per course, in Original courses only."
        ),
    )

    # For students
    instructions = models.TextField(
        _("instructions"), max_length=2000, blank=True, help_text=_("The text that students read with the item.")
    )
    content_area_name = models.CharField(
        _("content area"),
        max_length=255,
        blank=True,
        help_text=_("The folder of the course that holds the item. In Ultra parent@>@child means a sub-folder."),
    )
    available = models.BooleanField(_("visible to students"), default=False)
    start_date = models.DateField(_("shown from"), null=True, blank=True)
    end_date = models.DateField(_("shown until"), null=True, blank=True)
    due_date = models.DateField(_("due"), null=True, blank=True)
    attempts = models.IntegerField(
        _("attempts allowed"),
        null=True,
        blank=True,
        help_text=_("For a test or assignment. Leave empty, or enter -1, for no limit."),
    )
    anonymous = models.BooleanField(
        _("anonymous marking"),
        default=False,
        help_text=_("For assignments and tests. In Ultra courses it needs a due date."),
    )
    group = models.BooleanField(_("handed in by groups"), default=False, help_text=_("For assignments."))

    # Original courses only
    color = models.CharField(
        _("colour"),
        max_length=10,
        blank=True,
        help_text=_("The colour of the link to the item: a name such as red, or #FF0000."),
    )
    tracked = models.BooleanField(
        _("count views"), default=False, help_text=_("Learn records who opens the item. Not for columns.")
    )
    sequence_num = models.IntegerField(
        _("place in the content area"), null=True, blank=True, help_text=_("Learn sorts the items by this number.")
    )

    # For Learn and the student system
    extract = models.BooleanField(
        _("extracted"),
        null=True,
        blank=True,
        help_text=_("Whether Learn's grade extract includes the column. Unknown: Learn's own default."),
    )
    optional_data = models.CharField(
        _("keys and values"),
        max_length=2000,
        blank=True,
        help_text=_("Keys and values for Learn, separated by colons, such as SIS_ID=FG123456."),
    )

    external_set_at = models.DateTimeField(
        _("external grade set"), null=True, blank=True, editable=False
    )  # Learn confirmed the external grade
    external_reason = models.JSONField(
        _("why not set"), default=dict, blank=True, editable=False
    )  # why the last try to set it failed

    history = HistoricalRecords(excluded_fields=[*OF_PROVISIONING, "external_set_at", "external_reason"])
    objects = GradeColumnQuerySet.as_manager()

    class Meta(Provisioned.Meta):
        ordering = ["course__course_id", "name"]
        verbose_name = _("grade column")
        verbose_name_plural = _("grade columns")
        constraints = [
            *Provisioned.Meta.constraints,
            models.UniqueConstraint(name="grade_column_once_a_course", fields=["course", "name"]),
            models.CheckConstraint(name="grade_column_points_positive", condition=Q(points__gt=0)),
            models.UniqueConstraint(
                name="grade_column_one_external_a_course",
                fields=["course"],
                condition=Q(is_external_grade=True),
                violation_error_message=_("Another column of this course is its external grade."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.course} · {self.name}"

    @property
    def external_message(self) -> str:
        """Why the last try to make it the external grade failed."""
        return sentence(self.external_reason)

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.is_external_grade:
            self.external_set_at, self.external_reason = None, {}
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def forget(self) -> None:
        super().forget()
        self.external_set_at, self.external_reason = None, {}

    @property
    def wire_type(self) -> items.ItemType:
        return items.ItemType(self.item_type)

    @property
    def takes_grades(self) -> bool:
        """Whether GradeBridge may send grades to it, as far as it knows: not while it is being deleted, or after."""
        return self.status not in (self.Status.DELETING, self.Status.DELETED)

    def clean(self) -> None:
        """Whether Learn would take it in its course."""
        if getattr(self, "course", None) is None or self.item_type not in self.ItemType.values:
            return  # the form has said so
        problems = self.problems()
        if len(self.course.course_id) > items.COURSE_ID_OF_ITEM:
            problems.pop("course", None)  # grades go there, and a column can be deleted; provisioning refuses it
        if problems:
            raise ValidationError({field: sentence(reason) for field, reason in problems.items()})

    def problems(self, others: Collection[str] | None = None) -> dict[str, Reason]:
        """By field: why Learn would not take it. `others`: names of the course's other columns; None: looked up."""
        found = dict(self.refused_in_course())
        try:
            wire.read_options(self.optional_data)
        except wire.WireError as error:
            found["optional_data"] = reason_of(error)
        if others is None:
            siblings = GradeColumn.objects.filter(course=self.course).exclude(pk=self.pk)
            others = set(siblings.values_list("name", flat=True)) if self.mapping else set()
        try:
            if unknown := [name for name in self.counted_columns() if name not in others]:
                found["mapping"] = {"code": "COLUMN_UNKNOWN", "name": unknown[0]}
        except wire.WireError as error:
            found["mapping"] = reason_of(error)
        if found:
            return found
        try:
            self.item()
        except InvalidItem as error:
            found["course" if error.field == "course_id" else error.field] = reason_of(error)
        return found

    def refused_in_course(self) -> Iterator[tuple[str, Reason]]:
        """Field and reason of what the course's experience does not allow."""
        kind = self.wire_type
        if self.course.is_ultra:
            if not kind.is_in_ultra:
                yield "item_type", {"code": "ORIGINAL_ONLY_TYPE"}
            for field in ORIGINAL_ONLY:
                value = getattr(self, field)
                if value not in ("", None) and value is not False:
                    label = self._meta.get_field(field).verbose_name  # type: ignore[union-attr]
                    yield field, {"code": "ORIGINAL_ONLY_FIELD", "label": str(label)}
            if self.is_external_grade:
                yield "is_external_grade", {"code": "EXTERNAL_IN_ULTRA"}
            if self.anonymous and not self.due_date:
                yield "due_date", {"code": "DUE_DATE_MISSING"}
        elif self.tracked and kind.is_column:
            yield "tracked", {"code": "VIEWS_OF_COLUMN"}
        folders = [folder.strip() for folder in self.content_area_name.split(SUB_FOLDER)]
        if len(folders) > 1 and not self.course.is_ultra:
            yield "content_area_name", {"code": "SUB_FOLDER_IN_ORIGINAL"}
        elif len(folders) > 2 or (len(folders) == 2 and not all(folders)):
            yield "content_area_name", {"code": "SUB_FOLDER_WRITTEN", "example": f"parent{SUB_FOLDER}child"}

    def counted_columns(self) -> list[str]:
        """The names in `mapping`. Raises WireError."""
        match self.wire_type:
            case items.ItemType.WEIGHTED_COLUMN if self.mapping:
                return list(wire.read_weights(self.mapping))
            case items.ItemType.TOTAL_COLUMN if self.mapping:
                return wire.read_names(self.mapping)
            case _:
                return []

    def item(self) -> items.GradableItem:
        """What creates it in Learn; what is at its default is left to Learn. Raises InvalidItem or WireError."""
        return items.GradableItem(
            course_id=self.course.course_id,
            name=self.name,
            item_type=self.wire_type,
            instructions=self.instructions,
            anonymous=self.anonymous or None,
            group=self.group or None,
            content_area_name=self.content_area_name,
            available=self.available or None,
            color=self.color,
            attempts=None if self.attempts == UNLIMITED else self.attempts,
            tracked=self.tracked or None,
            start_date=self.start_date,
            end_date=self.end_date,
            due_date=self.due_date,
            points=self.points,
            grade_schema=self.grade_schema.title if self.grade_schema else "",
            sequence_num=self.sequence_num,
            extract=self.extract,
            mapping=self.wire_mapping(),
            optional_data=wire.write_options(wire.read_options(self.optional_data)),
        )

    def wire_mapping(self) -> str:
        match self.wire_type:
            case items.ItemType.WEIGHTED_COLUMN if self.mapping:
                return wire.write_weights(wire.read_weights(self.mapping))
            case items.ItemType.TOTAL_COLUMN if self.mapping:
                return wire.write_names(wire.read_names(self.mapping))
            case _:
                return self.mapping

    def external_item(self) -> items.ExternalGradeColumn:
        return items.ExternalGradeColumn(course_id=self.course.course_id, name=self.name)

    def deletion_item(self) -> items.ColumnToDelete:
        return items.ColumnToDelete(course_id=self.course.course_id, name=self.name)
