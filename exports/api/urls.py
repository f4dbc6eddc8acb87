"""The API's addresses, each with and without a trailing slash. A flow id may hold one too, as %2F: WSGI decodes it."""

from django.urls import re_path

from exports.api import schema  # noqa: F401  registers itself
from exports.api.oauth2 import token
from exports.api.views import ExportView, FlowExportView, ParticipantsView

urlpatterns = [
    re_path(r"^api/wiseflow/export/?$", ExportView.as_view(), name="export"),
    re_path(r"^api/wiseflow/flows/(?P<flow_id>[\s\S]+)/export/?$", FlowExportView.as_view(), name="flow-export"),
    re_path(
        r"^api/wiseflow/flows/(?P<flow_id>[\s\S]+)/participants/?$", ParticipantsView.as_view(), name="participants"
    ),
    re_path(r"^oauth2/token/?$", token, name="token"),
]
