"""What a browser would post from a page: the fields of its form as they are shown, hidden ones included."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

Fields = dict[str, Any]


def open_form(client: Client, url: str) -> Fields:
    """The form of a change page of the admin."""
    answer = client.get(url)
    assert answer.status_code == 200
    return form_in(answer)


def form_in(answer: Any) -> Fields:
    form = Form()
    form.feed(answer.content.decode())
    return form.fields


class Form(HTMLParser):
    """The fields of the page's form that changes a row (`id` ends with `_form`)."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: Fields = {}
        self.is_inside = False
        self.select, self.is_multiple, self.area = "", False, ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        name = given.get("name") or ""
        if tag == "form":
            self.is_inside = (given.get("id") or "").endswith("_form") and given.get("method") == "post"
        elif tag == "option" and self.select and "selected" in given:
            self.choose(given.get("value") or "")
        elif self.is_inside and name and tag != "button" and "disabled" not in given and "__prefix__" not in name:
            self.start_field(tag, name, given)

    def start_field(self, tag: str, name: str, given: dict[str, str | None]) -> None:
        kind = given.get("type")
        if tag == "select":
            self.select, self.is_multiple = name, "multiple" in given
            self.fields[name] = [] if self.is_multiple else ""
        elif tag == "textarea":
            self.area, self.fields[name] = name, ""
        elif kind not in ("submit", "button", "file") and (kind not in ("checkbox", "radio") or "checked" in given):
            self.fields[name] = given.get("value") or ""

    def choose(self, value: str) -> None:
        if self.is_multiple:
            self.fields[self.select].append(value)
        else:
            self.fields[self.select] = value

    def handle_data(self, data: str) -> None:
        if self.area:
            self.fields[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area:
            self.fields[self.area] = self.fields[self.area].removeprefix("\r\n").removeprefix("\n")
            self.area = ""
        elif tag == "select":
            self.select = ""
        elif tag == "form":
            self.is_inside = False
