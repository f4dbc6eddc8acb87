"""What a page says, read as a person reads it: its tables as rows, and its words without markup."""

import re
from html.parser import HTMLParser
from itertools import zip_longest
from typing import Any

HIDDEN = {"script", "style", "template"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
BREAKS = {
    "br",
    "dd",
    "div",
    "dt",
    "h1",
    "h2",
    "h3",
    "legend",
    "li",
    "option",
    "p",
    "summary",
    "td",
    "th",
    "title",
    "tr",
}
ICON = "material-symbols-outlined"  # its text is the name of a picture


def rows_of(page: Any) -> list[dict[str, str]]:
    """The rows of all tables of `page`, an answer or its text: the text of each cell by its column's header."""
    reader = PageReader()
    reader.feed(html_of(page))
    return reader.rows


def words_of(page: Any) -> str:
    """The text of `page`, with one space for all white space."""
    reader = PageReader()
    reader.feed(html_of(page))
    return folded(reader.words)


def html_of(page: Any) -> str:
    return page if isinstance(page, str) else page.content.decode()


def folded(words: list[str]) -> str:
    return " ".join("".join(words).split())


class PageReader(HTMLParser):
    """Gathers the words of a page, and the cells of its tables."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.rows: list[dict[str, str]] = []
        self.headers: list[str] = []
        self.cells: list[tuple[str | None, str]] = []  # of the row that is read: `data-label`, text
        self.label: str | None = None
        self.begins = 0  # where in `words` the cell that is read begins
        self.is_in_head = False
        self.hidden: list[str] = []  # the elements around that nobody reads

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if self.hidden or tag in HIDDEN or ICON in (given.get("class") or ""):
            if tag not in VOID:
                self.hidden.append(tag)
            return
        if tag in BREAKS:
            self.words.append(" ")
        match tag:
            case "table":
                self.headers = []
            case "thead" | "tbody":
                self.is_in_head = tag == "thead"
            case "tr":
                self.cells = []
            case "td" | "th":
                self.label, self.begins = given.get("data-label"), len(self.words)

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            if tag == self.hidden[-1]:
                self.hidden.pop()
            return
        match tag:
            case "td" | "th":
                self.cells.append((self.label, folded(self.words[self.begins :])))
            case "tr" if self.is_in_head:
                self.headers = [text for _label, text in self.cells]
            case "tr":
                columns = zip_longest(self.headers[: len(self.cells)], self.cells, fillvalue="")
                self.rows.append({header or label or "": text for header, (label, text) in columns})
            case "thead":
                self.is_in_head = False
        if tag in BREAKS:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(re.sub(r"\s+", " ", data))
