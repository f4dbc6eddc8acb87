"""Evidence as CSV, and as an Excel workbook. Every cell is text that no spreadsheet takes for a formula."""

from collections.abc import Iterator
from typing import IO

from common.spreadsheets.writing import Table, write_csv, write_workbook
from exports.evidence.columns import ALL_NAMES, Part, names_of, written
from exports.evidence.contents import Contents
from exports.evidence.head import Head

HEAD = "evidence"  # the name of the head among the parts, and of its sheet
PART, ITEM, TEXT = "part", "item", "text"


def to_csv(file: IO[bytes], head: Head, contents: Contents) -> None:
    """One table: the first column says which part a row is of, and the cells of the other parts' columns are empty."""
    write_csv(file, [PART, ITEM, TEXT, *ALL_NAMES], csv_rows(head, contents))


def csv_rows(head: Head, contents: Contents) -> Iterator[list[str]]:
    for item in head.items():
        yield [HEAD, item.name, item.value, *("" for _name in ALL_NAMES)]
    for part in Part:
        names = names_of(part)
        for cells in contents.rows(part):
            named = dict(zip(names, written(part, cells), strict=True))
            yield [part, "", "", *(named.get(name, "") for name in ALL_NAMES)]


def to_xlsx(file: IO[bytes], head: Head, contents: Contents) -> None:
    """A sheet for the head, and one for each part."""
    items = ((item.name, item.value) for item in head.items())
    write_workbook(file, [Table(HEAD, (ITEM, TEXT), items), *(sheet_of(part, contents) for part in Part)])


def sheet_of(part: Part, contents: Contents) -> Table:
    return Table(part, names_of(part), (written(part, cells) for cells in contents.rows(part)))
