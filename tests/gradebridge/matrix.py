"""Who gets what from every address: the world that the addresses lead to, and the callers."""

from collections.abc import Iterator
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests import factories
from tests.factories import UserFactory

CALLERS = ("anonymous", "no group", "manager", "administrator", "integrator", "superuser", "API client")
TRAITS: dict[str, dict[str, bool]] = {
    "no group": {},
    "manager": {"manager": True},
    "administrator": {"administrator": True},
    "integrator": {"integrator": True},
    "superuser": {"is_superuser": True},
}


def caller(name: str) -> Client:
    if name == "anonymous":
        return Client(raise_request_exception=False)
    if name == "API client":
        key = f"key-{factories.ApiClientFactory(name='wiseflow').name}"
        return Client(raise_request_exception=False, headers={"X-Api-Key": key})
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory(**TRAITS[name]))
    return client


def patterns(found: Any = None, prefix: str = "", namespace: str = "") -> Iterator[tuple[str, str]]:
    """Every address that is routed, with its name; one without a name is called by its route."""
    for each in get_resolver().url_patterns if found is None else found:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, route, namespace + (f"{each.namespace}:" if each.namespace else ""))
        elif isinstance(each, URLPattern):
            yield (namespace + each.name if each.name else route or "/"), route


def rows() -> dict[str, Any]:
    """A row of every model that has pages, by `app_model`."""
    flow = factories.FlowFactory(flow_id="77", mapped=True)
    person = factories.ParticipantFactory(flow=flow, user_id="u1", exported=True)
    attempt = factories.ExportAttemptFactory(flow=flow, running=True)
    mapping = flow.column_mappings.get()
    asker = UserFactory(manager=True)
    return {
        "exports_flow": flow,
        "exports_participant": person,
        "exports_exportattempt": attempt,
        "exports_delivery": factories.DeliveryFactory(attempt=attempt, participant=person),
        "exports_gradeinlearn": person.grades.get(),
        "exports_correction": factories.CorrectionFactory(participant=person, requested_by=asker),
        "exports_decision": factories.DecisionFactory(participant=person, requested_by=asker),
        "exports_exemption": factories.ExemptionFactory(flow=flow, requested_by=asker),
        "exports_retryrun": factories.RetryRunFactory(),
        "exports_hold": factories.HoldFactory(),
        "exports_refusedrequest": factories.RefusedRequestFactory(),
        "exports_apiclient": factories.ApiClientFactory(name="other"),
        "exports_requestprofile": factories.RequestProfileFactory(),
        "exports_translation": factories.TranslationFactory(),
        "courses_gradecolumn": mapping.grade_column,
        "courses_course": mapping.grade_column.course,
        "courses_gradeschema": factories.GradeSchemaFactory(),
        "auth_user": UserFactory(),
    }
