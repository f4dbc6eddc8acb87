"""`?rehearsal=true` on the export addresses: the verdicts of an export, and no export."""

from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request

from exports.api.serializers import ErrorSerializer, GivenUserIdField, ReceiptSerializer
from exports.grades.causes import Cause
from exports.rehearsing import Outcome, Rehearsal

PARAMETER = "rehearsal"
MEANS = {"true": True, "1": True, "false": False, "0": False}

REHEARSAL = OpenApiParameter(
    PARAMETER,
    enum=list(MEANS),
    description="`true` or `1`: only say what an export would do. Nothing is stored and nothing is sent to Learn.",
)


def is_rehearsal(request: Request) -> bool:
    """Whether only a rehearsal is requested. Raises ParseError where that is not certain: a rehearsal never sends."""
    for name in request.query_params:
        if name != PARAMETER and get_close_matches(name.lower(), [PARAMETER], cutoff=0.75):
            raise exceptions.ParseError(
                _("'%(name)s' is not a parameter. Did you mean '%(parameter)s'? Nothing was stored.")
                % {"name": name, "parameter": PARAMETER}
            )
    given = set(request.query_params.getlist(PARAMETER))
    if not given:
        return False
    if len(given) > 1 or not given <= MEANS.keys():
        raise exceptions.ParseError(
            _("Send '%(parameter)s' once, as true or false. Nothing was stored.") % {"parameter": PARAMETER}
        )
    return MEANS[given.pop()]


class RehearsedEntrySerializer(serializers.Serializer[Any]):
    userId = GivenUserIdField()
    verdict = serializers.ChoiceField(choices=Outcome.choices)
    value = serializers.CharField(help_text="What would be sent, or what is in Learn already; empty if refused.")
    courseId = serializers.CharField(help_text="Empty if nothing would be sent.")
    columnName = serializers.CharField(help_text="Empty if nothing would be sent.")
    learnUserId = serializers.CharField(help_text="Empty if nothing would be sent.")
    cause = serializers.ChoiceField(choices=Cause.choices, allow_blank=True)
    errorInfo = serializers.CharField(help_text="Why it would be refused, and what to do.")


class RehearsalSerializer(serializers.Serializer[Any]):
    """What an export would do with each entry, in their order. The counts assume that Learn accepts all grades."""

    rehearsal = serializers.BooleanField(help_text="Always true.")
    flowId = serializers.CharField()
    numberOfSuccess = serializers.IntegerField()
    numberOfErrors = serializers.IntegerField()
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]  # the stubs know DRF's own `errors` alone
    participants = RehearsedEntrySerializer(many=True)


ANSWERS = PolymorphicProxySerializer(
    component_name="ReceiptOrRehearsal",
    serializers=[ReceiptSerializer, RehearsalSerializer],
    resource_type_field_name=None,
)


def answer_of(rehearsal: Rehearsal) -> dict[str, Any]:
    """As RehearsalSerializer describes it, in a fraction of the time that it would take for a large body."""
    return {
        "rehearsal": True,
        "flowId": rehearsal.flow.flow_id,
        "numberOfSuccess": rehearsal.receipt.number_of_success,
        "numberOfErrors": rehearsal.receipt.number_of_errors,
        "errors": rehearsal.receipt.errors,
        "participants": [
            {
                "userId": line.user_id,
                "verdict": line.outcome.value,
                "value": line.value,
                "courseId": line.course_id,
                "columnName": line.column_name,
                "learnUserId": line.learn_user_id,
                "cause": line.cause.value if line.cause else "",
                "errorInfo": line.error_info,
            }
            for line in rehearsal.lines
        ],
    }
