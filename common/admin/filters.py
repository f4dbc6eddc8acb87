"""Filters that Django does not have ready, for the lists of every app. Each has an address that can be shared."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.moments import year_refusal

TODAY, YESTERDAY, WEEK = "today", "yesterday", "week"
DAYS_OF_WEEK = 7
ME = "me"  # whoever opens the address
MAX_PEOPLE = 100  # whose user names are suggested


class LinkedRowFilter(admin.FieldListFilter):
    """The rows of one flow, attempt or participant, chosen by a link on its page. Offers no list: it would be
    endless.
    """

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.parameter = f"{field_path}__exact"
        super().__init__(field, request, params, model, model_admin, field_path)

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter]

    def has_output(self) -> bool:
        return bool(self.used_parameters)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        rows = cast(type[Model], self.field.related_model)._default_manager
        chosen = rows.filter(pk__in=self.used_parameters[self.parameter])
        yield {
            "selected": False,
            "query_string": changelist.get_query_string(remove=[self.parameter]),
            "display": _("All"),
        }
        yield {"selected": True, "query_string": changelist.get_query_string(), "display": chosen.first() or "?"}


def kept(changelist: ChangeList, without: Collection[str | None]) -> list[tuple[str, Any]]:
    """What else the list is filtered and searched by, for the form of one filter."""
    params = {name: value for name, value in changelist.params.items() if name not in without}
    if changelist.query:
        params["q"] = changelist.query
    return [(name, each) for name, given in params.items() for each in (given if isinstance(given, list) else [given])]


class Typed(admin.SimpleListFilter):
    """By what is typed into a field, beside the choices that there are."""

    template = "admin/typed_filter.html"
    label: ClassVar[Any]  # of the field: a lazily translated text

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def suggestions(self) -> Sequence[tuple[str, str]]:
        """Values that the field suggests, with what they mean."""
        return ()

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield from super().choices(changelist)
        chosen = self.value() or ""
        yield {
            "form": True,
            "kept": kept(changelist, self.expected_parameters()),
            "typed": "" if chosen in dict(self.lookup_choices) else chosen,
            "suggestions": self.suggestions(),
        }


class ByPerson(Typed):
    """What one person did: whoever looks (`?by=me`), or a user name."""

    title = gettext_lazy("person")
    parameter_name = "by"
    label = gettext_lazy("User name:")
    paths: ClassVar[tuple[str, ...]] = ("requested_by",)  # from a row to its people

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.me = request.user.pk
        super().__init__(request, *args)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(ME, _("Mine"))]

    def suggestions(self) -> Sequence[tuple[str, str]]:
        staff = get_user_model()._default_manager.filter(is_staff=True, is_active=True).order_by("username")
        return [(user.get_username(), user.get_full_name()) for user in staff[:MAX_PEOPLE]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Raises IncorrectLookupParameters where no one has the user name."""
        if not (name := (self.value() or "").strip()):
            return queryset
        people = [self.me] if name == ME else people_named(name)
        if not people:
            raise IncorrectLookupParameters(name)
        return queryset.filter(reduce(or_, (Q(**{f"{path}__in": people}) for path in self.paths)))


def people_named(name: str) -> list[Any]:
    return list(get_user_model()._default_manager.filter(username__iexact=name).values_list("pk", flat=True))


class Days(admin.SimpleListFilter):
    """The rows of some days of the site's zone: `?started=today`, or between two days, of which one may be left out:
    `?started_from=2026-11-01&started_to=2026-11-30`.
    """

    template = "admin/days_filter.html"
    field: ClassVar[str]  # a moment

    def __init__(self, request: HttpRequest, params: dict[str, Any], *args: Any) -> None:
        typed = {name: params.pop(name)[-1] for name in self.bounds() if name in params}
        super().__init__(request, params, *args)
        self.used_parameters.update(typed)

    @classmethod
    def bounds(cls) -> tuple[str, str]:
        return f"{cls.parameter_name}_from", f"{cls.parameter_name}_to"

    @classmethod
    def parameters(cls) -> list[str]:
        return [str(cls.parameter_name), *cls.bounds()]

    def expected_parameters(self) -> list[str | None]:
        return [*self.parameters()]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(TODAY, _("Today")), (YESTERDAY, _("Yesterday")), (WEEK, _("In the last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Raises IncorrectLookupParameters where what is given is no day."""
        now = timezone.now()
        for first, last in (self.chosen(timezone.localdate(now)), self.typed()):
            if first:
                queryset = queryset.filter(**{f"{self.field}__gte": start_of(first)})
            if last:
                queryset = queryset.filter(**{f"{self.field}__lt": start_of(last + timedelta(days=1))})
        if self.value() == WEEK:  # not what is still to come today
            queryset = queryset.filter(**{f"{self.field}__lte": now})
        return queryset

    def chosen(self, today: date) -> tuple[date | None, date | None]:
        match self.value():
            case None | "":
                return None, None
            case "today":
                return today, today
            case "yesterday":
                return (day := today - timedelta(days=1)), day
            case "week":
                return today - timedelta(days=DAYS_OF_WEEK - 1), today
        raise IncorrectLookupParameters(self.value())

    def typed(self) -> tuple[date | None, date | None]:
        """The first and the last day, in whichever order they were typed."""
        first, last = (day_of(self.used_parameters.get(name, "")) for name in self.bounds())
        return (last, first) if first and last and last < first else (first, last)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        is_typed = any(self.used_parameters.get(name) for name in self.bounds())
        for lookup, choice in zip((None, *dict(self.lookup_choices)), super().choices(changelist), strict=True):
            query = changelist.get_query_string({str(self.parameter_name): lookup}, remove=self.parameters())
            yield choice | {"query_string": query, "selected": choice["selected"] and not is_typed}
        first, last = self.typed()
        yield {
            "form": True,
            "kept": kept(changelist, self.expected_parameters()),
            "bounds": zip(self.bounds(), (_("From"), _("To")), (first, last), strict=True),
        }


def day_of(text: str) -> date | None:
    """A day as a form sends it, `2026-11-29`. Raises IncorrectLookupParameters."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise IncorrectLookupParameters(error) from error
    if reason := year_refusal(day):
        raise IncorrectLookupParameters(reason)
    return day


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
