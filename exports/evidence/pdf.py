"""Evidence as a PDF: A4 across, the head first, then a table for each part with its header on every page."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import IO

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language, gettext
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from exports.evidence.columns import Part
from exports.evidence.contents import Contents
from exports.evidence.head import Head, Item
from exports.evidence.lettering import BOLD, REGULAR, SIZE, lines, runs, width_of
from exports.evidence.showing import SHOWN, TITLES, shown_rows

WIDTH, HEIGHT = landscape(A4)
MARGIN = 28.0
BOTTOM = 40.0  # above the line at the foot
LEADING = 8.0  # from line to line
PADDING = 2.5  # of a cell
SMALL, LARGE, TITLE = 7.5, 10.0, 15.0
RULE, SHADE = 0.8, 0.93  # greys
HEAD_COLUMNS = 3

MARK = "GradeBridge evidence"  # with the reference after it, what a file is known by


def to_pdf(file: IO[bytes], head: Head, contents: Contents) -> None:
    page = Page(file, head)
    page.write_head()
    for part in Part:
        page.write_table(part, shown_rows(part, contents))
    page.close()


class Page:
    """The page that is being written, and how far down it has come."""

    def __init__(self, file: IO[bytes], head: Head) -> None:
        self.head = head
        title = gettext("Evidence of flow %(flow)s") % {"flow": f"{head.flow_id} {head.title}".strip()}
        self.title = title
        self.canvas = Canvas(file, pagesize=(WIDTH, HEIGHT), pageCompression=1, lang=get_language(), invariant=1)
        self.canvas.setTitle(title)
        self.canvas.setAuthor(head.made_by)
        self.canvas.setCreator(f"GradeBridge {settings.VERSION}")
        self.canvas.setSubject(f"{MARK} {head.reference}")
        self.canvas.setKeywords(head.checksum)
        self.number = 0
        self.top = 0.0
        self.begin()

    def begin(self) -> None:
        self.number += 1
        self.top = HEIGHT - MARGIN
        foot = gettext("%(title)s · reference %(reference)s · page %(number)s of") % {
            "title": lines(self.title, 420, size=SMALL)[0],
            "reference": self.head.reference,
            "number": self.number,
        }
        x = self.write(MARGIN, MARGIN, foot, size=SMALL)
        self.canvas.saveState()
        self.canvas.translate(x + 3, MARGIN)
        self.canvas.doForm("pages")  # which is only known, and written, at the end
        self.canvas.restoreState()

    def turn(self) -> None:
        self.canvas.showPage()
        self.begin()

    def close(self) -> None:
        self.canvas.showPage()
        self.canvas.beginForm("pages")
        self.write(0, 0, str(self.number), size=SMALL)
        self.canvas.endForm()
        self.canvas.save()

    def write(self, x: float, y: float, text: str, *, font: str = REGULAR, size: float = SIZE) -> float:
        """One line. Returns where it ends."""
        for name, piece in runs(text, font):
            self.canvas.setFont(name, size)
            self.canvas.drawString(x, y, piece)
            x += width_of(piece, name, size)
        return x

    def write_head(self) -> None:
        for line in lines(self.title, WIDTH - 2 * MARGIN, BOLD, TITLE):
            self.top -= TITLE
            self.write(MARGIN, self.top, line, font=BOLD, size=TITLE)
            self.top -= 4
        self.top -= 8
        *items, checksum = self.head.items()
        column = (WIDTH - 2 * MARGIN) / HEAD_COLUMNS
        per_column = -(-len(items) // HEAD_COLUMNS)
        lowest = self.top
        for place in range(HEAD_COLUMNS):
            bottom = self.write_items(items[place * per_column :][:per_column], MARGIN + place * column, column)
            lowest = min(lowest, bottom)
        self.top = lowest
        self.top = self.write_items([checksum], MARGIN, WIDTH - 2 * MARGIN)
        self.top -= SMALL + 8
        zone = gettext("Times are in the time zone %(zone)s.") % {"zone": timezone.get_current_timezone_name()}
        verified = gettext("The command verify_evidence says whether this file is as it was made.")
        self.write(MARGIN, self.top, f"{zone} {verified}", size=SMALL)

    def write_items(self, items: Sequence[Item], x: float, width: float) -> float:
        """Label and value, a line each. Returns how far down they have come."""
        y, indent = self.top, 110.0
        for item in items:
            for number, line in enumerate(lines(item.shown, width - indent - 8, size=SMALL)):
                y -= SMALL + 3
                if number == 0:
                    self.write(x, y, item.label, font=BOLD, size=SMALL)
                self.write(x + indent, y, line, size=SMALL)
        return y

    def write_table(self, part: Part, rows: Iterator[list[str]]) -> None:
        first = next(rows, None)
        self.top -= 14
        if self.top < BOTTOM + 80:
            self.turn()
        self.top -= LARGE
        self.write(MARGIN, self.top, str(TITLES[part]), font=BOLD, size=LARGE)
        self.top -= 6
        if first is None:
            self.top -= SMALL
            self.write(MARGIN, self.top, gettext("None."), size=SMALL)
            return
        widths = [column.width for column in SHOWN[part]]
        header = [str(column.title) for column in SHOWN[part]]
        self.write_row(header, widths, font=BOLD)
        for row in chain([first], rows):
            self.write_body_row(row, widths, header)

    def write_body_row(self, row: Sequence[str], widths: Sequence[int], header: Sequence[str]) -> None:
        """A row that does not fit goes to the next page; one that fits no page goes over as many as it needs."""
        cells = broken(row, widths)
        while height_of(cells) > self.top - BOTTOM:
            room = int((self.top - BOTTOM - 2 * PADDING) // LEADING)
            if height_of(cells) > HEIGHT - MARGIN - BOTTOM - 40 and room > 0:
                self.write_cells([cell[:room] for cell in cells], widths)
                cells = [cell[room:] for cell in cells]
            self.turn()
            self.write_row(header, widths, font=BOLD)
        self.write_cells(cells, widths)

    def write_row(self, row: Sequence[str], widths: Sequence[int], *, font: str) -> None:
        cells = broken(row, widths, font)
        self.canvas.setFillGray(SHADE)
        height = height_of(cells)
        self.canvas.rect(MARGIN, self.top - height, sum(widths), height, stroke=0, fill=1)
        self.canvas.setFillGray(0)
        self.write_cells(cells, widths, font)

    def write_cells(self, cells: Sequence[Sequence[str]], widths: Sequence[int], font: str = REGULAR) -> None:
        x = MARGIN
        for cell, width in zip(cells, widths, strict=True):
            for number, line in enumerate(cell, start=1):
                self.write(x + PADDING, self.top - number * LEADING, line, font=font)
            x += width
        self.top -= height_of(cells)
        self.canvas.setStrokeGray(RULE)
        self.canvas.setLineWidth(0.4)
        self.canvas.line(MARGIN, self.top, x, self.top)


def broken(row: Sequence[str], widths: Sequence[int], font: str = REGULAR) -> list[Sequence[str]]:
    return [lines(text, width - 2 * PADDING, font) for text, width in zip(row, widths, strict=True)]


def height_of(cells: Sequence[Sequence[str]]) -> float:
    return max(map(len, cells)) * LEADING + PADDING + 1
