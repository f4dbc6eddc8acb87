"""*Why?* on the page of a participant: what the grade needs in Learn, looked up while the page is made."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import BaseAdmin
from exports.admin.mapping.learn_checks import PERMISSION, may_adopt
from exports.mapping.health.why import Outcome, why
from exports.mapping.health.why_saying import say_answers

# How each outcome looks: tone and icon
LOOKS = {
    Outcome.FOUND: ("success", "check"),
    Outcome.WRONG: ("danger", "error"),
    Outcome.NOT_READ: ("warning", "help"),
    Outcome.NOT_ASKED: ("plain", "remove"),
}


class ExplainsWhy(BaseAdmin):
    """The participants' admin."""

    def has_check_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm(PERMISSION)

    @action(  # type: ignore[untyped-decorator]
        description=_("Why?"), url_path="why", permissions=["check", "view_or_change"], icon="help"
    )
    def why(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reads in Learn, and changes nothing there or here."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        participant = self.row_or_404(request, object_id)
        looked = why(participant)
        places = []
        for place in looked.places:
            answers = say_answers(place.answers, participant)
            looks = [(answer, *LOOKS[answer.outcome]) for answer in answers]
            not_asked = [str(answer.step.label) for answer in answers if not answer.sentence]
            places.append((place.source_code, looks, place.first_wrong, not_asked))
        return self.page(
            request,
            "admin/exports/why.html",
            title=gettext("Why?"),
            original=participant,
            places=places,
            calls=looked.calls,
            here=request.path,
            may_adopt=may_adopt(request),
        )
