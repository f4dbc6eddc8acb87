"""Finding and replacing a student's ids in texts: reasons, details, logs of what people did, tracebacks.

An id is found as a word of its own, whatever its case: `S-1` is not in `S-10` nor in `XS-1`. A longer word that has it
at its beginning or end, such as `S-1-2` or `S-1@example.edu`, is left alone if it is itself the id of another student.
An id of fewer than four characters is a word of ordinary texts (a number, a grade): it is only found where JSON names a
person.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from django.db.models import JSONField, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from common.database.quoted_rows import without_rows
from exports.models import Participant
from exports.privacy.tables import text_fields

MIN_LENGTH = 4
MASK = "***"
WORD = re.compile(r"[\w.@+-]")
NAMING = frozenset({"user_id", "learn_user_id", "others"})  # of JSON: what leads to a person
PLACES = "places"  # of JSON: [[course id, column name, Learn user], ...]
GRADES = frozenset({"value", "shown", "mark", "alternative_grade", "given"})  # of the person who is named beside them


class Ids:
    """The ids of one student, each with what replaces it."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self.aliases = dict(aliases)
        telling = sorted((each for each in aliases if len(each) >= MIN_LENGTH), key=len, reverse=True)
        self.forms = {form: aliases[each] for each in telling for form in forms_of(each)}
        self.by_folded = {form.casefold(): alias for form, alias in self.forms.items()}
        self.pattern = re.compile("|".join(map(bounded, self.forms)) or r"(?!)", re.IGNORECASE)
        self.is_anothers = cache(is_anothers)

    def condition(self, model: type[Model]) -> tuple[Q, dict[str, Cast]]:
        """What the database is asked for: rows that may hold one, with the casts that the condition needs."""
        found, casts = Q(), dict[str, Cast]()
        for field in text_fields(model):
            is_json = isinstance(field, JSONField)
            name = field.name
            if is_json:
                name = f"{field.name}_as_text"
                casts[name] = Cast(field.name, TextField())
            for each in self.aliases:
                if len(each) >= MIN_LENGTH:
                    for form in forms_of(each):
                        found |= Q(**{f"{name}__icontains": form})
                elif is_json:
                    found |= Q(**{f"{name}__contains": json.dumps(each)})
                    found |= Q(**{f"{name}__contains": json.dumps(each, ensure_ascii=False)})
        return found, casts

    def rows(self, model: type[Model]) -> Iterator[tuple[Any, dict[str, Any], dict[str, Any]]]:
        """Rows in whose texts one of them is: primary key, those columns as they are, and as they are to be."""
        fields = [field.name for field in text_fields(model)]
        condition, casts = self.condition(model)
        if not condition:
            return
        found: QuerySet[Any] = model._base_manager.alias(**casts).filter(condition).order_by("pk")
        for pk, *values in found.values_list("pk", *fields).iterator(chunk_size=500):
            old = {name: value for name, value in zip(fields, values, strict=True) if value is not None}
            new = {name: self.replaced(value) for name, value in old.items()}
            if changed := [name for name in old if new[name] != old[name]]:
                yield pk, {name: old[name] for name in changed}, {name: new[name] for name in changed}

    def replaced(self, value: Any, *, names: bool = False) -> Any:
        """`value`, text or JSON, with the pseudonyms. `names`: it is where JSON names a person."""
        if isinstance(value, str):
            if names and value in self.aliases:
                return self.aliases[value]
            changed = self.pattern.sub(self.replacement, value)
            return changed if changed == value else without_rows(changed)  # a traceback quotes grades beside an id
        if isinstance(value, list):
            return [self.replaced(each, names=names) for each in value]
        if isinstance(value, dict):
            return self.replaced_in(value)
        return value

    def replaced_in(self, found: dict[str, Any]) -> dict[str, Any]:
        changed = {self.replaced(key): self.replaced(each, names=key in NAMING) for key, each in found.items()}
        if isinstance(places := found.get(PLACES), list):
            changed[PLACES] = [self.replaced_place(each) for each in places]
        names = any(changed.get(key) != found.get(key) for key in ("user_id", "learn_user_id"))
        return {key: MASK if names and each and key in GRADES else each for key, each in changed.items()}

    def replaced_place(self, place: Any) -> Any:
        if not isinstance(place, list) or not place:
            return self.replaced(place)
        return [*map(self.replaced, place[:-1]), self.replaced(place[-1], names=True)]

    def replacement(self, match: re.Match[str]) -> str:
        text, found = match.string, match[0]
        start, end = match.span()
        while start and WORD.match(text[start - 1]):
            start -= 1
        while end < len(text) and WORD.match(text[end]):
            end += 1
        word = text[start:end].strip(".-+@")
        if word not in self.forms and self.is_anothers(word):
            return found
        return self.by_folded.get(found.casefold(), MASK)


def forms_of(text: str) -> dict[str, None]:
    """As it is written in texts, in JSON and in addresses."""
    forms = (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], quote(text, safe=""))
    return dict.fromkeys(forms)


def bounded(form: str) -> str:
    """A pattern for it as a word of its own. Beside a character that is part of no word, nothing must end."""
    before = r"(?<!\w)" if re.match(r"\w", form) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", form) else ""
    return f"{before}{re.escape(form)}{after}"


def is_anothers(word: str) -> bool:
    """Whether a word is the id of a student as it is written."""
    return Participant.objects.filter(Q(user_id=word) | Q(learn_user_id=word)).exists()
