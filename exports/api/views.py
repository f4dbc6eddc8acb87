"""The export endpoint. A view authorises, reads, calls one function and answers."""

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, generics, pagination
from rest_framework.request import Request
from rest_framework.response import Response

from common.addresses import caller_address
from exports.api.answers import EXPORTING, HEADERS, HEADERS_OF_EXPORTS, READING
from exports.api.authentication import FlowNotAllowed, client_of
from exports.api.callers import CalledByClients
from exports.api.errors import TooLarge
from exports.api.parsers import ENCODING, json_bytes
from exports.api.refusals import record_afterwards
from exports.api.rehearsals import ANSWERS, REHEARSAL, answer_of, is_rehearsal
from exports.api.serializers import (
    ExportSerializer,
    FlowSerializer,
    ParticipantSerializer,
)
from exports.models import ExportState, Flow, Participant
from exports.models.participant import ParticipantQuerySet
from exports.reading.body import ID_LENGTH, BodyError, TooManyParticipants, resolve_flow_id, text_of
from exports.receiving import Receipt, read_from, receive, refuse_unknown
from exports.rehearsing import rehearse

ATTEMPTS_SHOWN = 100  # of a flow's attempts, the newest

EXPORT_DESCRIBED = extend_schema(
    request=ExportSerializer,
    responses={200: ANSWERS, **EXPORTING},
    parameters=[REHEARSAL, ENCODING, *HEADERS_OF_EXPORTS],
)


class ExportView(CalledByClients):
    """WISEflow exports grades here, by POST or PATCH (R12)."""

    named_flow = ""  # by a body that is refused

    @EXPORT_DESCRIBED
    def post(self, request: Request, flow_id: str = "") -> Response:
        """Export a flow's grades. The answer says of every entry whether its grade was delivered, and if not, why."""
        only_rehearses = is_rehearsal(request)
        try:
            body = read_from(client_of(request), json_bytes(request))
            flow_id = resolve_flow_id(flow_id, body.flow_id)
        except TooManyParticipants as error:
            self.named_flow = error.flow_id
            raise TooLarge(_("%(problem)s Nothing was stored.") % {"problem": error}) from None
        except BodyError as error:
            self.named_flow = error.flow_id
            raise exceptions.ParseError(str(error)) from None
        client = client_of(request)
        if not client.may_use(flow_id):  # the body names it
            self.named_flow = flow_id
            raise FlowNotAllowed
        if only_rehearses:
            return Response(answer_of(rehearse(flow_id, body, client)))
        if settings.UNKNOWN_FLOWS == "refuse" and not Flow.objects.filter(flow_id=flow_id).exists():
            response = Response(said(refuse_unknown(body)))
            reason = _("The flow is not known, so nothing was stored (UNKNOWN_FLOWS).")
            record_afterwards(response, request._request, reason=reason, client=client, flow_id=flow_id)
            return response
        return Response(said(receive(flow_id, body, client, address=caller_address(request))))

    @EXPORT_DESCRIBED
    def patch(self, request: Request, flow_id: str = "") -> Response:
        """The same as POST."""
        return self.post(request, flow_id)


def said(receipt: Receipt) -> dict[str, Any]:
    """As ReceiptSerializer describes it."""
    return {
        "numberOfSuccess": receipt.number_of_success,
        "numberOfErrors": receipt.number_of_errors,
        "errors": receipt.errors,
    }


class FlowExportView(ExportView):
    """The same address shows the state of the flow's export."""

    @extend_schema(responses={200: FlowSerializer, **READING}, parameters=HEADERS)
    def get(self, request: Request, flow_id: str) -> Response:
        """State, counts and attempts of a flow, the newest attempt first."""
        flow = find_flow(flow_id)
        return Response(
            FlowSerializer(
                {
                    "flow_id": flow.flow_id,
                    "title": flow.title,
                    "state": flow.state,
                    "counts": flow.counts,
                    "expected_count": flow.expected_count,
                    "missing_count": flow.missing_count,
                    "attempts": flow.attempts.order_by("-pk")[:ATTEMPTS_SHOWN],
                }
            ).data
        )


def find_flow(flow_id: str) -> Flow:
    """The flow, or 404; also for an id that no database can store, so that none can hold it."""
    try:
        return get_object_or_404(Flow, flow_id=text_of(flow_id, ID_LENGTH))
    except ValueError:
        raise exceptions.NotFound from None


class ParticipantPages(pagination.PageNumberPagination):
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class ParticipantsView(CalledByClients, generics.ListAPIView[Participant]):
    """The state of each participant's grade."""

    serializer_class = ParticipantSerializer
    pagination_class = ParticipantPages

    @extend_schema(
        responses={200: ParticipantSerializer(many=True), **READING},
        parameters=[OpenApiParameter("state", enum=ExportState.values), *HEADERS],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The flow's participants; with `state`, only those in that state."""
        return self.list(request, *args, **kwargs)

    def get_queryset(self) -> ParticipantQuerySet:
        flow = find_flow(self.kwargs["flow_id"])
        participants = Participant.objects.filter(flow=flow).with_grades().order_by("pk")
        state = self.request.query_params.get("state", "")
        if not state:
            return participants
        if state not in ExportState.values:
            raise exceptions.ParseError(
                _("'%(state)s' is not a state. Use one of %(states)s.")
                % {"state": state, "states": ", ".join(ExportState.values)}
            )
        return participants.filter(state=state)
