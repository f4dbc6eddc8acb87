"""*Adopt from Learn* for a grade column: what Learn has is shown first, and taken once that is confirmed."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.admin.cells import address
from common.numbers import plain_number
from courses.learn_http.errors import LearnError
from courses.models import GradeColumn
from courses.sentences import reason_of
from exports.mapping.adopting import Effect, NotAdoptable, Offer, adopt, effect_of, offer_of
from exports.mapping.health.saying import refusal_sentence

NEEDED = ("courses.change_gradecolumn", "courses.add_gradeschema", "courses.change_gradeschema")


class AdoptsFromLearn(BaseAdmin):
    """The grade columns' admin."""

    def has_adopt_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perms(NEEDED)

    @action(  # type: ignore[untyped-decorator]
        description=_("Adopt from Learn"), url_path="adopt", permissions=["adopt"], icon="cloud_download"
    )
    def adopt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET looks in Learn and shows what would change; POST does what was shown."""
        column: GradeColumn = self.row_or_404(request, object_id)
        if request.method == "POST":
            return self.take(request, column)
        try:
            offer = offer_of(column)
            return self.show(request, column, offer=offer, effect=effect_of(offer, column))
        except LearnError as error:
            return self.show(request, column, problem=refusal_sentence(reason_of(error)))
        except NotAdoptable as refusal:
            return self.show(request, column, problem=refusal_sentence(refusal.reason))

    def take(self, request: HttpRequest, column: GradeColumn) -> HttpResponse:
        assert isinstance(request.user, User)
        try:
            effect = adopt(Offer.read(request.POST.get("offer", ""), column), by=request.user)
        except NotAdoptable as refusal:
            return self.show(request, column, problem=refusal_sentence(refusal.reason))
        messages.success(request, gettext("Points and grade schema are now as in Learn."))
        if effect.consequence:
            messages.warning(request, effect.consequence)
        return HttpResponseRedirect(address(column))

    def show(
        self,
        request: HttpRequest,
        column: GradeColumn,
        *,
        offer: Offer | None = None,
        effect: Effect | None = None,
        problem: str = "",
    ) -> HttpResponse:
        context: dict[str, Any] = {
            "column": column,
            "effect": effect,
            "rows": rows_of(column, effect) if effect else [],
        }
        return self.confirm_page(
            request,
            "admin/exports/adopt.html",
            title=gettext("Adopt from Learn"),
            back_url=address(column),
            again={"offer": offer.token()} if offer else {},
            problem=problem,
            **context,
        )


def rows_of(column: GradeColumn, effect: Effect) -> list[tuple[str, str, str, bool]]:
    """What it is called, here, in Learn, and whether it changes."""
    offer, schema = effect.offer, column.grade_schema
    none = gettext("none: a number is shown")
    here, there = schema.title if schema else none, offer.schema_title or none
    rows = [
        (gettext("Points"), plain_number(column.points), plain_number(offer.points), offer.changes_points),
        (gettext("Grade schema"), here, there, effect.changes_schema),
    ]
    if offer.schema_title:
        known = effect.schema.symbols if effect.schema else ""
        unknown = gettext("not known")
        changes = effect.creates_schema or effect.fills_symbols
        rows.append((gettext("Symbols of this schema"), known or unknown, offer.schema_symbols or unknown, changes))
    status = GradeColumn.Status(column.status).label
    rows.append((gettext("Status"), str(status), str(GradeColumn.Status.PROVISIONED.label), effect.marks_in_learn))
    return rows
