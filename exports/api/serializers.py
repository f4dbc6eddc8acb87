"""What goes out. What comes in is read by `exports.reading.body`."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exports.grades.causes import Cause
from exports.models import ExportAttempt, ExportState, Flow, GradeInLearn, Participant, Proof


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class UserIdField(serializers.Field[Any, Any, Any, Any]):
    """A user id in the type in which WISEflow last wrote it."""

    def get_attribute(self, instance: Any) -> Any:
        return instance

    def to_representation(self, value: Participant) -> int | str:
        return int(value.user_id) if value.user_id_is_number else value.user_id


@extend_schema_field({"description": "As it came in the request: any JSON value, where it is no user id."})
class GivenUserIdField(UserIdField):
    """What an entry has in the place of a user id."""


class ErrorSerializer(serializers.Serializer[Any]):
    userId = GivenUserIdField()
    errorInfo = serializers.CharField(help_text="What happened, and what to do.")


class ReceiptSerializer(serializers.Serializer[Any]):
    """The result for every entry: numberOfSuccess + numberOfErrors is the number of entries."""

    numberOfSuccess = serializers.IntegerField()
    numberOfErrors = serializers.IntegerField()
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]  # the stubs know DRF's own `errors` alone


class EntrySerializer(serializers.Serializer[Any]):
    userId = UserIdField()
    mark = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=333)
    adminGrade = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=333)
    sourceCode = serializers.CharField(required=False, max_length=255)
    learnUserId = serializers.CharField(required=False, max_length=333)
    addedBy = serializers.CharField(required=False, max_length=255, help_text="SIS or MANUAL, in any case.")


class ExportSerializer(serializers.Serializer[Any]):
    """The documented request body. A client with a request profile sends the shape that its profile describes."""

    flowId = serializers.CharField(required=False, max_length=255)
    sourceCode = serializers.CharField(required=False, max_length=255)
    participants = EntrySerializer(many=True)


class AttemptSerializer(serializers.ModelSerializer[ExportAttempt]):
    numberOfSuccess = serializers.IntegerField(source="number_of_success")
    numberOfErrors = serializers.IntegerField(source="number_of_errors")
    startedAt = serializers.DateTimeField(source="started_at")
    finishedAt = serializers.DateTimeField(source="finished_at", allow_null=True, help_text="Null: not finished yet.")

    class Meta:
        model = ExportAttempt
        fields = ["id", "trigger", "state", "numberOfSuccess", "numberOfErrors", "startedAt", "finishedAt"]
        read_only_fields = ["trigger", "state"]


class CountsSerializer(serializers.Serializer[Any]):
    NOT_EXPORTED = serializers.IntegerField()
    QUEUED = serializers.IntegerField()
    EXPORTED = serializers.IntegerField()
    FAILED = serializers.IntegerField()


class FlowSerializer(serializers.ModelSerializer[Any]):
    flowId = serializers.CharField(source="flow_id")
    state = serializers.ChoiceField(choices=ExportState.choices)
    counts = CountsSerializer()
    expected = serializers.IntegerField(
        source="expected_count", help_text="How many participants are on the roster by a SIS source."
    )
    missing = serializers.IntegerField(
        source="missing_count", help_text="How many of the expected WISEflow has sent no grade of."
    )
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Flow
        fields = ["flowId", "title", "state", "counts", "expected", "missing", "attempts"]
        read_only_fields = ["title"]


class PlaceSerializer(serializers.ModelSerializer[GradeInLearn]):
    """One place in Learn where a grade of the person is, or may be."""

    sourceCode = serializers.CharField(source="source_code", help_text="The SIS source of the grade; empty for none.")
    courseId = serializers.CharField(source="course_id")
    columnName = serializers.CharField(source="column_name")
    learnUserId = serializers.CharField(source="learn_user_id")
    certainty = serializers.ChoiceField(
        choices=GradeInLearn.Certainty.choices,
        help_text="DOUBTFUL: Learn has not confirmed it; another grade may be there.",
    )
    exportedAt = serializers.DateTimeField(source="since")
    proof = serializers.ChoiceField(
        source="verdict",
        choices=[*Proof.Verdict.choices, ("", "Not read back")],
        help_text="What was found when Learn's gradebook was read back; empty: it has not been read since.",
    )
    shown = serializers.CharField(help_text="What Learn showed then; empty: nothing, or it could not be read.")

    class Meta:
        model = GradeInLearn
        fields = [
            *("sourceCode", "courseId", "columnName", "learnUserId", "value", "certainty", "exportedAt"),
            *("proof", "shown"),
        ]


class ParticipantSerializer(serializers.ModelSerializer[Participant]):
    userId = UserIdField()
    value = serializers.CharField(
        source="value_in_learn",
        help_text="The value that Learn has confirmed; empty if there is none, or if places have different values.",
    )
    exportedAt = serializers.DateTimeField(source="exported_at", allow_null=True)
    cause = serializers.ChoiceField(choices=Cause.choices, allow_blank=True)
    errorInfo = serializers.CharField(source="error_info")
    places = PlaceSerializer(source="in_learn", many=True)

    class Meta:
        model = Participant
        fields = ["userId", "state", "value", "exportedAt", "cause", "errorInfo", "places"]
        read_only_fields = ["state"]
