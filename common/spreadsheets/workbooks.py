"""An .xlsx workbook -> the rows of its first visible sheet, or of each, as a person sees them.

Its XML is read piece by piece, and only the parts that the rows need: rows come one by one, none is made up where the
sheet leaves some out, and what would fill the memory is refused while it is read.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from xml.parsers import expat

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from common.spreadsheets.formats import Cell, Unreadable, format_of, iso_shown, number_shown, text_shown

NumberedCells = tuple[int, Sequence[Cell]]

MAX_PARTS = 10_000
MAX_BYTES_UNPACKED = 80_000_000  # a small workbook can hold gigabytes of zeros; a roster of 200,000 rows takes 65 MB
MAX_BYTES_OF_TEXTS = 40_000_000  # of these, the texts that cells share, which are kept while the rows are read
MAX_TEXTS = 1_000_000
MAX_CHARACTERS = 32_767  # in a cell; Excel holds no more
MAX_FORMAT = 255  # characters of a number format; Excel allows no more, and each cell is compared with its own
MAX_COLUMNS = 50
MAX_TAGS = 8_000_000  # in one part, their ends too; the sheet of a roster of 200,000 rows has 5 million
MAX_DEPTH = 100  # of tags inside one another; those of a cell are the seventh
MAX_READ = 100_000  # bytes at once
MAX_SILENT = 1_000_000  # bytes without a tag: the parser reads a long one again and again
MAX_MERGED = 1000  # ranges that are named

# What zipfile and the XML parser raise for a workbook that is broken in one way or another.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
)
NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")
RANGE = re.compile("([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})")
ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # how a workbook writes a character that XML cannot hold


# A tag of the XML without its namespace; its attributes, or None where it ends; and there the text that it held.
Event = tuple[str, Mapping[str, str] | None, str]


class WorkbookRefused(Exception):
    """The workbook is not read. Its arguments say in a sentence each why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """What the cells of a sheet refer to: shared texts, and number formats by the cell's style."""

    epoch: datetime
    texts: Sequence[str]
    formats: Sequence[str]

    def format_of(self, style: str) -> str:
        return self.formats[int(style)] if self.formats else "General"


def read_rows(content: bytes) -> Iterator[NumberedCells]:
    """Every row of the first visible sheet's file, by its number there. Raises WorkbookRefused."""
    with opened(content) as package:
        book, sheets = visible_sheets(package)
        yield from sheet_rows(package.events(sheets[0][1]), book)


def read_sheets(content: bytes) -> Iterator[tuple[str, NumberedCells]]:
    """Every row of every visible sheet, with the sheet's title. Raises WorkbookRefused."""
    with opened(content) as package:
        book, sheets = visible_sheets(package)
        for title, name in sheets:
            yield from ((title, row) for row in sheet_rows(package.events(name), book))


@contextmanager
def opened(content: bytes) -> Iterator["Package"]:
    """Raises WorkbookRefused, also for what turns out to be broken while it is read."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise WorkbookRefused(
            _("The workbook has a password or the old .xls format. Save it as .xlsx without a password.")
        )
    try:
        if content.count(b"PK\x01\x02") > MAX_PARTS:
            raise WorkbookRefused(_("The workbook has more than %(max)s parts.") % {"max": intcomma(MAX_PARTS)})
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield Package(archive)
    except BROKEN as error:
        raise WorkbookRefused(_("The file is not a readable .xlsx workbook. Save it again as .xlsx.")) from error


class Package:
    """The parts of a workbook by name. Names have no case, and some programs write \\ for /."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_BYTES_UNPACKED:
            raise WorkbookRefused(
                _("The workbook unpacks to more than %(max)s MB.") % {"max": MAX_BYTES_UNPACKED // 1_000_000}
            )
        if any(member.flag_bits & 1 for member in members):
            raise WorkbookRefused(_("The workbook has a password. Save it without one."))
        if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
            raise ValueError("packed in a way that no workbook is")
        self.archive = archive
        self.members = {member.filename.replace("\\", "/").lower(): member for member in members}

    def member(self, name: str) -> zipfile.ZipInfo:
        return self.members[name.lstrip("/").lower()]

    def events(self, name: str) -> Iterator[Event]:
        """The tags of this part. Raises WorkbookRefused for more of them than a workbook needs."""
        member = self.member(name)
        tags = 0
        with self.archive.open(member) as content:  # to count bytes takes no time, compared with reading XML
            while part := content.read(MAX_READ):
                tags += part.count(b"<")
                if tags > MAX_TAGS:
                    raise WorkbookRefused(_("The workbook has too many cells. Divide it."))
        return events(self.archive, member)

    def starts(self, name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The tags of this part, once each, and their attributes."""
        return ((tag, attributes) for tag, attributes, _text in self.events(name) if attributes is not None)


def events(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[Event]:
    """Raises WorkbookRefused for entities, and for longer texts than a workbook can have."""
    found: list[Event] = []
    pieces: list[str] = []
    depth = characters = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, characters
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError("too many tags inside one another")
        found.append((tag.rpartition(":")[2], attributes, ""))
        pieces.clear()
        characters = 0

    def end(tag: str) -> None:
        nonlocal depth, characters
        depth -= 1
        found.append((tag.rpartition(":")[2], None, "".join(pieces)))
        pieces.clear()
        characters = 0

    def text(piece: str) -> None:
        nonlocal characters
        characters += len(piece)
        if characters > MAX_CHARACTERS:
            raise WorkbookRefused(
                _("The workbook has a text of more than %(max)s characters. Shorten it.")
                % {"max": intcomma(MAX_CHARACTERS)}
            )
        pieces.append(piece)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse_entities
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    with archive.open(member) as content:
        silent = 0
        while part := content.read(MAX_READ):
            parser.Parse(part)
            silent = 0 if found else silent + len(part)
            if silent > MAX_SILENT:
                raise ValueError("a tag or comment that is too long")
            yield from found
            found.clear()
    parser.Parse(b"", True)
    yield from found


def refuse_entities(*_declaration: object) -> NoReturn:
    """Without their declaration there are no entities: none that grow a hundredfold, none that read another file."""
    raise WorkbookRefused(
        _("The workbook declares XML entities, which no spreadsheet program does. Save it again as .xlsx.")
    )


def visible_sheets(package: Package) -> tuple[Book, list[tuple[str, str]]]:
    """What cells refer to, and of each sheet its title and its part, at least one. Raises WorkbookRefused."""
    workbook = next(
        (
            attributes["PartName"]
            for tag, attributes in package.starts("[Content_Types].xml")
            if tag == "Override" and re.search(r"(spreadsheetml|ms-excel).*main\+xml$", attributes["ContentType"])
        ),
        "xl/workbook.xml",
    )
    folder, name = posixpath.split(workbook)
    kinds: dict[str, str] = {}
    targets: dict[str, str] = {}
    for tag, attributes in package.starts(posixpath.join(folder, "_rels", f"{name}.rels")):
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, attributes["Target"]))
            kinds[attributes["Type"].rpartition("/")[2]] = targets[attributes["Id"]] = target
    epoch = WINDOWS_EPOCH
    sheets: list[tuple[str, str]] = []
    for tag, attributes in package.starts(workbook):
        if tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            epoch = MAC_EPOCH
        if tag == "sheet" and attributes.get("state", "visible") == "visible":
            relation = next(value for key, value in attributes.items() if key.rpartition(":")[2] == "id")
            sheets.append((attributes.get("name", ""), targets.get(relation, "")))
    if not sheets:
        raise WorkbookRefused(_("The workbook has no visible sheet."))
    book = Book(
        epoch=epoch,
        texts=read_texts(package, kinds["sharedStrings"]) if "sharedStrings" in kinds else (),
        formats=read_formats(package, kinds["styles"]) if "styles" in kinds else (),
    )
    return book, sheets


def read_texts(package: Package, name: str) -> list[str]:
    """The texts that cells share."""
    if package.member(name).file_size > MAX_BYTES_OF_TEXTS:
        raise WorkbookRefused(
            _("The workbook has more than %(max)s MB of texts. Divide it.") % {"max": MAX_BYTES_OF_TEXTS // 1_000_000}
        )
    texts: list[str] = []
    found = package.events(name)
    for tag, attributes, _text in found:
        if tag == "si" and attributes is not None:
            texts.append(content_of(found, until="si")["text"])
            if len(texts) > MAX_TEXTS:
                raise WorkbookRefused(
                    _("The workbook has more than %(max)s different texts. Divide it.") % {"max": intcomma(MAX_TEXTS)}
                )
    return texts


def content_of(found: Iterator[Event], *, until: str) -> dict[str, str]:
    """The value `v` and the formula `f`, as far as there are any, and the `text` up to the end of a tag."""
    content: dict[str, str] = {}
    pieces: list[str] = []
    is_phonetic = False  # how to pronounce the text
    for tag, attributes, text in found:
        if tag == "rPh":
            is_phonetic = attributes is not None
        elif attributes is not None:
            continue
        elif tag == until:
            break
        elif tag in ("v", "f"):
            content[tag] = text
        elif tag == "t" and not is_phonetic:
            pieces.append(text)
    content["text"] = unescape("".join(pieces))
    return content


def unescape(text: str) -> str:
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def read_formats(package: Package, name: str) -> list[str]:
    """The number format of each style that cells name by its place."""
    declared: dict[int, str] = {}
    formats: list[str] = []
    inside = ""
    for tag, attributes in package.starts(name):
        if tag in ("numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"):
            inside = tag
        elif tag == "numFmt" and inside == "numFmts":
            if len(attributes["formatCode"]) > MAX_FORMAT:
                raise ValueError("a number format that is too long")
            declared[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif tag == "xf" and inside == "cellXfs":
            formats.append(format_of(int(attributes.get("numFmtId", 0)), declared))
    return formats


def sheet_rows(found: Iterator[Event], book: Book) -> Iterator[NumberedCells]:
    number = place = 0
    row: list[Cell] = []
    merged: list[str] = []
    for tag, attributes, _text in found:
        if attributes is None:
            if tag == "row":
                yield number, row
        elif tag == "row":
            number = int(float(attributes["r"])) if "r" in attributes else number + 1
            place = 0
            row = []
        elif tag == "c":
            place = column_of(attributes["r"]) if "r" in attributes else place + 1
            put(row, place, value_of(attributes, content_of(found, until="c"), book), number)
        elif tag == "mergeCell" and len(merged) < MAX_MERGED:
            merged += below_the_header(attributes["ref"])
    if merged:
        raise WorkbookRefused(*merged)


def column_of(reference: str) -> int:
    return column_index_from_string(reference.rstrip("0123456789"))


def put(row: list[Cell], place: int, value: Cell, number: int) -> None:
    if value in (None, ""):
        return
    if place > MAX_COLUMNS:
        raise WorkbookRefused(
            _("Row %(row)s: Cell %(cell)s is beyond the %(max)s columns that are read.")
            % {"row": number, "cell": f"{get_column_letter(place)}{number}", "max": MAX_COLUMNS}
        )
    row += [None] * (place - len(row))
    row[place - 1] = value


def value_of(attributes: Mapping[str, str], content: Mapping[str, str], book: Book) -> Cell:
    """What a cell shows. Raises ValueError for a kind of cell that does not exist."""
    kind, value = attributes.get("t", "n"), content.get("v", "")
    number_format = book.format_of(attributes.get("s", "0"))
    if kind == "inlineStr":
        return text_shown(content["text"], number_format)
    if not value:
        is_without_value = "f" in content and not (kind == "str" and "v" in content)
        return Unreadable(_("This is a formula without a value. Paste its value.")) if is_without_value else None
    match kind:
        case "n" if NUMBER.fullmatch(value):
            number = float(value) if re.search("[.eE]", value) else int(value)
            return number_shown(number, number_format, book.epoch)
        case "s":
            return text_shown(book.texts[int(value)], number_format)
        case "str":
            return text_shown(unescape(value), number_format)
        case "b":
            return value in ("1", "true")
        case "e":
            shown = {"value": repr(value[:40])}
            return Unreadable(_("This is a formula that could not be calculated (%(value)s).") % shown)
        case "d":
            return iso_shown(value, number_format)
    raise ValueError(f"a cell of the kind {kind}")


def below_the_header(reference: str) -> Iterator[str]:
    """What is wrong with merged cells, unless the header alone has them."""
    if found := RANGE.fullmatch(reference):
        first, row, last, last_row = found.groups()
        if int(last_row) > 1:
            cells = f"{first}{row}:{last}{last_row}"
            yield _(
                "Row %(row)s: Cells %(cells)s are merged, so it is unclear what their value is for. Unmerge them."
            ) % {
                "row": row,
                "cells": cells,
            }
