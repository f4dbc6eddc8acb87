"""From an empty site to the first grade in Learn: a checklist that ticks itself, until a grade has arrived there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from common.admin.base import site_page
from common.signing_in.ways import is_provider_offered
from courses.grades_journey import GradeValue, PermissionMissing
from courses.models import Course, GradeColumn, GradeSchema, ServiceCall
from courses.sentences import ADVICE
from exports.admin.desk.rights import may_see_grades, rights_of
from exports.models import ApiClient, ColumnMapping, Flow, GradeInLearn

ANSWERED = ServiceCall.objects.filter(error="", status=200)
LATEST_OF_GRADES = ServiceCall.objects.filter(service=GradeValue.service).order_by("-pk")
# Each is answered by the first row that is found.
QUESTIONS: Mapping[str, Any] = {
    "is_connected": Exists(ANSWERED),
    "has_permissions": Exists(ANSWERED.filter(service=GradeValue.service)),
    "latest_error": Coalesce(LATEST_OF_GRADES.values("error")[:1], Value("")),
    "has_course": Exists(Course.objects.all()),
    "has_schema": Exists(GradeSchema.objects.all()),
    "has_column_in_learn": Exists(GradeColumn.objects.filter(status=GradeColumn.Status.PROVISIONED)),
    "has_mapped_flow": Exists(ColumnMapping.objects.filter(flow__synchronised_at__isnull=False)),
    "has_roster": Exists(Flow.objects.filter(roster_imported_at__isnull=False)),
    "has_client": Exists(ApiClient.objects.filter(is_active=True)),
    "has_colleague": Exists(
        User.objects.filter(Q(groups__isnull=False) | Q(is_superuser=True), is_active=True).exclude(pk=OuterRef("pk"))
    ),
    "has_grade": Exists(GradeInLearn.objects.all()),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """`url`: where it is done, empty for who may not; `is_optional`: grades can be sent without it."""

    title: str
    what: str
    url: str
    is_done: bool
    is_optional: bool = False


def steps(request: HttpRequest) -> list[Step]:
    """In the order in which they are done. All that they ask the database is one statement."""
    assert request.user.pk  # the admin lets no one else in
    found: Mapping[str, Any] = User.objects.filter(pk=request.user.pk).values(**QUESTIONS).get()

    def link(name: str, permission: str) -> str:
        return reverse(name) if request.user.has_perm(permission) else ""

    return [
        Step(
            title=_("Connect to Learn"),
            what=_("Test the connection: address, key and secret."),
            url=link("connection", "courses.provision"),
            is_done=found["is_connected"],
        ),
        Step(
            title=_("Give the application its permissions in Learn"),
            what=permissions_needed(found["latest_error"]),
            url=link("connection", "courses.provision"),
            is_done=found["has_permissions"],
        ),
        Step(
            title=_("Enter a course"),
            what=_("The course id is the one in Learn's data integration."),
            url=link("admin:courses_course_add", "courses.add_course"),
            is_done=found["has_course"],
        ),
        Step(
            title=_("Enter a grade schema"),
            what=_("Only where Learn shows symbols, such as A to F. Columns with points need none."),
            url=link("admin:courses_gradeschema_add", "courses.add_gradeschema"),
            is_done=found["has_schema"],
            is_optional=True,
        ),
        Step(
            title=_("Create a column in Learn"),
            what=_("Enter the column, then choose Provision in Learn. Mark it as in Learn if Learn has it already."),
            url=link("admin:courses_gradecolumn_changelist", "courses.view_gradecolumn"),
            is_done=found["has_column_in_learn"],
        ),
        Step(
            title=_("Map a flow"),
            what=_("Enter the flow's id as in WISEflow, choose the column, and mark it as synchronised."),
            url=link("admin:exports_flow_changelist", "exports.view_flow"),
            is_done=found["has_mapped_flow"],
        ),
        Step(
            title=_("Import a roster"),
            what=_("Then GradeBridge knows who is missing, and sends no grade of anyone who was added by hand."),
            url=link("admin:exports_flow_changelist", "exports.change_flow"),
            is_done=found["has_roster"],
            is_optional=True,
        ),
        Step(
            title=_("Create an API client"),
            what=_(
                "WISEflow calls GradeBridge with its key. Give the address and the key to whoever configures WISEflow."
            ),
            url=link("admin:exports_apiclient_add", "exports.add_apiclient"),
            is_done=found["has_client"],
        ),
        Step(
            title=_("Invite a colleague"),
            what=_("Managers see and retry; administrators also configure. A correction needs two people."),
            url="" if is_provider_offered() else link("admin:auth_user_invite", "auth.add_user"),
            is_done=found["has_colleague"],
            is_optional=True,
        ),
        Step(
            title=_("Rehearse, then export"),
            what=_(
                "Rehearse with what WISEflow would send: nothing is stored or sent. Then export the flow in WISEflow."
            ),
            url=link("rehearse", "exports.view_flow"),
            is_done=found["has_grade"],
        ),
    ]


def permissions_needed(latest_error: str) -> str:
    """`latest_error`: of the latest call that sends grades, or tests whether it could."""
    if latest_error == PermissionMissing.__name__:
        refused = _("Learn knows the application, but refuses it grade values.")
        return f"{refused} {ADVICE['PERMISSION']}"
    return _("It needs the entitlements of Grades Journey. The test of the connection says which call Learn refuses.")


def are_needed(found: Sequence[Step]) -> bool:
    """Until a grade is in Learn. That proves every other step, also one whose traces have been purged since."""
    return not found[-1].is_done


def guided_start(request: HttpRequest) -> HttpResponse:
    """The checklist at an address of its own, also once it is no longer on the dashboard."""
    if not may_see_grades(request):
        raise PermissionDenied
    found = steps(request)
    context: dict[str, Any] = {
        "steps": found,
        "are_needed": are_needed(found),
        "may_configure": rights_of(request).may_configure,
    }
    return site_page(request, "admin/exports/desk/guided_start_page.html", title=_("Guided start"), **context)
