"""Import and export of files: upload, see what it would do, confirm; and the way back as a download."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import slugify
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.admin.base import BaseAdmin
from common.spreadsheets import writing
from common.spreadsheets.files import MAX_BYTES, ImportRefused
from common.spreadsheets.plans import Change, Plan, Problem, Values
from common.spreadsheets.sheets import PlanChanged, Sheet, fingerprint, import_lines

MAX_SHOWN = 100  # rows of each kind, on the page of a preview
PREVIEW_LIFETIME = 60 * 60  # seconds
MAX_POSTED = 2_300_000  # characters of a packed file; Django takes 2.5 MB in the fields of a form
TOO_LARGE = _(
    "The file is too large for a preview. Divide it, or ask an administrator of the server to use the import command."
)

TEMPLATE = "admin/import.html"
Shown = dict[str, Any]  # what the page shows beside the form

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
WRITERS = {"csv": writing.to_csv, "xlsx": writing.to_xlsx}


def may(request: HttpRequest, sheet: Sheet, *verbs: str) -> bool:
    """Whether this person may `view`, or `add` and `change`, all that the file is about."""
    return all(
        request.user.has_perm(f"{model._meta.app_label}.{get_permission_codename(verb, model._meta)}")
        for model in sheet.models
        for verb in verbs
    )


def download(request: HttpRequest, sheet: Sheet, ending: str, *, name: str = "") -> HttpResponse:
    """What is there now, as a file that the import reads."""
    if not may(request, sheet, "view"):
        raise PermissionDenied
    with override(None):  # the file's name is the same in every language
        name = name or slugify(sheet.what)
    return attachment(name, ending, sheet.names, sheet.rows())


def attachment(name: str, ending: str, columns: Sequence[str], rows: Iterable[Any]) -> HttpResponse:
    content = WRITERS[ending](columns, rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}
    return HttpResponse(content, content_type=CONTENT_TYPES[ending], headers=headers)


def import_page(request: HttpRequest, sheet: Sheet, *, of: BaseAdmin, title: str, back_url: str) -> HttpResponse:
    """Three steps at one address: the form, the preview of a file, and what was done once it is confirmed.

    The preview's form contains the file, packed and signed, so nothing of it stays here between the steps.
    """
    if not may(request, sheet, "add", "change"):
        raise PermissionDenied
    context: dict[str, Any] = {
        "title": title,
        "sheet": sheet,
        "back_url": back_url,
    }
    if request.method != "POST":
        return of.page(request, TEMPLATE, **context)
    salt = f"import {request.path} {request.user.pk}"
    try:
        if packed := request.POST.get("packed"):
            shown = confirmed(request, sheet, packed, salt)
        else:
            shown = previewed(request, sheet, salt)
    except ImportRefused as refused:
        context["problems"] = problems_of(refused)
        context["more_problems"] = max(0, len(refused.args) - MAX_SHOWN)
        return of.page(request, TEMPLATE, status=422, **context)
    return of.page(request, TEMPLATE, **context | shown) if shown else HttpResponseRedirect(back_url)


def previewed(request: HttpRequest, sheet: Sheet, salt: str) -> Shown:
    upload = request.FILES.get("file")
    if upload is None or not upload.name:
        raise ImportRefused(gettext("No file was chosen."))
    if (upload.size or 0) > MAX_BYTES:
        raise ImportRefused(gettext("The file is larger than %(max)s MB.") % {"max": MAX_BYTES // 1_000_000})
    content = upload.read()
    lines = sheet.read(upload.name, content)
    return show_plan(sheet, sheet.plan(lines), (upload.name, content), salt)


def confirmed(request: HttpRequest, sheet: Sheet, packed: str, salt: str) -> Shown | None:
    """Exactly what was shown is done; if that is no longer what the file would do, it is shown again."""
    assert request.user.is_authenticated  # the admin lets no one else in
    try:
        name, text, expected = signing.loads(packed, salt=salt, max_age=PREVIEW_LIFETIME)
    except signing.SignatureExpired:
        raise ImportRefused(
            gettext("The preview is older than an hour. Nothing was imported; upload the file again.")
        ) from None
    except signing.BadSignature:
        raise ImportRefused(
            gettext("The preview could not be verified. Nothing was imported; upload the file again.")
        ) from None
    content = base64.b64decode(text)
    lines = sheet.read(name, content)
    try:
        done = import_lines(sheet, lines, by=request.user, expected=expected)
    except PlanChanged as changed:
        return show_plan(sheet, changed.plan, (name, content), salt) | {"has_changed": True}
    messages.success(request, gettext("Imported %(file)s: %(done)s.") % {"file": name, "done": done.sentence()})
    return None


def show_plan(sheet: Sheet, plan: Plan, file: tuple[str, bytes], salt: str) -> Shown:
    name, content = file
    text = base64.b64encode(content).decode()
    packed = signing.dumps([name, text, fingerprint(plan)], salt=salt, compress=True)
    if len(packed) > MAX_POSTED:
        raise ImportRefused(TOO_LARGE)
    return {
        "file_name": name,
        "plan": plan,
        "packed": packed,
        "notes": sheet.notes(plan),
        "changed": [
            (change.line.row, key_shown(change.line.values, sheet), shown_differences(change))
            for change in plan.differing[:MAX_SHOWN]
        ],
        "more_changed": max(0, len(plan.differing) - MAX_SHOWN),
        "added": [
            (line.row, key_shown(line.values, sheet), shown_values(line.values, sheet))
            for line in plan.added[:MAX_SHOWN]
        ],
        "more_added": max(0, len(plan.added) - MAX_SHOWN),
        "taken_off": [
            (key_shown(removal.values, sheet), removal.name, removal.effect.label)
            for removal in plan.taken_off[:MAX_SHOWN]
        ],
        "more_taken_off": max(0, len(plan.taken_off) - MAX_SHOWN),
    }


def problems_of(refused: ImportRefused) -> list[tuple[int | str, str, str]]:
    """Row, column and sentence of each; what is about the file as a whole has the sentence alone."""
    return [
        (problem.row, problem.column, problem.sentence) if isinstance(problem, Problem) else ("", "", str(problem))
        for problem in refused.args[:MAX_SHOWN]
    ]


def key_shown(values: Values, sheet: Sheet) -> str:
    return " · ".join(str(values[column]) for column in sheet.key if values.get(column))


def shown_differences(change: Change) -> list[tuple[str, str, str]]:
    """Column, before and after. What others share with an added line says whose it is: `points of BIO101 · Final`."""
    return [
        (
            whose_column(column, change.whose[column]) if column in change.whose else column,
            writing.text_of(before),
            writing.text_of(after),
        )
        for column, (before, after) in change.differences.items()
    ]


def whose_column(column: str, whose: str) -> str:
    return gettext("%(column)s of %(whose)s") % {"column": column, "whose": whose}


def shown_values(values: Values, sheet: Sheet) -> list[tuple[str, str]]:
    """What the row says beside its key."""
    return [
        (column, writing.text_of(value))
        for column, value in values.items()
        if column in sheet.names and column not in sheet.key
    ]


class ImportExportMixin(BaseAdmin):
    """The admin of a model with a file of its own: `Import`, `Export as CSV` and `Export as Excel` above its list."""

    actions_list = [
        {
            "title": _("Import and export"),
            "icon": "swap_vert",
            "items": ["import_file", "export_csv", "export_xlsx"],
        }
    ]

    def sheet(self) -> Sheet:
        raise NotImplementedError

    def has_import_permission(self, request: HttpRequest) -> bool:
        return may(request, self.sheet(), "add", "change")

    def has_download_permission(self, request: HttpRequest) -> bool:
        return may(request, self.sheet(), "view")

    @action(description=_("Import a file"), url_path="import", permissions=["import"], icon="upload")  # type: ignore[untyped-decorator]
    def import_file(self, request: HttpRequest) -> HttpResponse:
        sheet = self.sheet()
        title = gettext("Import %(what)s") % {"what": sheet.what}
        return import_page(request, sheet, of=self, title=title, back_url=self.list_url())

    @action(description=_("Export as CSV"), url_path="export.csv", permissions=["download"], icon="download")  # type: ignore[untyped-decorator]
    def export_csv(self, request: HttpRequest) -> HttpResponse:
        return download(request, self.sheet(), "csv")

    @action(description=_("Export as Excel"), url_path="export.xlsx", permissions=["download"], icon="download")  # type: ignore[untyped-decorator]
    def export_xlsx(self, request: HttpRequest) -> HttpResponse:
        return download(request, self.sheet(), "xlsx")
