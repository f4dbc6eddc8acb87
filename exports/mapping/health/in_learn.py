"""Pre-flight: whether Learn would take the grades of a flow, by what it shows of course, columns and enrolments.

Reads, and writes nothing to Learn. What Learn cannot show is a finding of its own, never "missing"; what it cannot say
now (it is away, its quota is used up) is raised, and nothing follows from it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from common.numbers import plain_number
from courses import wire
from courses.gradebook import Column, Course, CourseUnknown, NotEnrolled, Schema, Symbol, column_named
from courses.learn_http.answers import plain
from courses.models import GradeColumn
from courses.reading_back import FEW, PROBLEMS, Reader
from courses.sentences import reason_of
from exports.delivering.judging import column_facts
from exports.grades.facts import Column as ColumnFacts
from exports.grades.translating import Marks, NotTranslatable, is_number
from exports.mapping.health.findings import Code, Finding, about_people, finding
from exports.mapping.health.problems import Severity
from exports.models import ColumnMapping

TAKING_GRADES = ("Manual", "Attempts")  # kinds of columns
MAX_ASKED = 10  # people who are asked for one by one, where the list of all does not say whether they are in it

Users = Mapping[str, Sequence[int]]  # primary keys of the participants who lead to each Learn user


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What may be sent to a column: words and symbols by name, and whether also numbers of points."""

    symbols: frozenset[str]
    has_numbers: bool

    def __or__(self, other: "Sent") -> "Sent":
        return Sent(symbols=self.symbols | other.symbols, has_numbers=self.has_numbers or other.has_numbers)


def look(reader: Reader, mappings: Sequence[ColumnMapping], expected: Mapping[str, Users]) -> list[Finding]:
    """What is wrong in Learn with these mappings of one flow, and with the people expected, by course id.

    Raises NoCallsLeft, and the LearnErrors that say nothing about the gradebook.
    """
    if not mappings:
        return [finding(Code.NO_COLUMN)]
    by_course: dict[str, dict[GradeColumn, Sent]] = defaultdict(dict)
    for mapping in mappings:
        columns, sent = by_course[mapping.grade_column.course.course_id], sent_by(column_facts(mapping))
        known = columns.get(mapping.grade_column)
        columns[mapping.grade_column] = known | sent if known else sent
    return [
        found
        for course_id, columns in by_course.items()
        for found in look_at_course(reader, course_id, columns, expected.get(course_id, {}))
    ]


def look_at_course(
    reader: Reader, course_id: str, columns: Mapping[GradeColumn, Sent], expected: Users
) -> Iterator[Finding]:
    try:
        course = reader.course(course_id)
    except CourseUnknown:
        yield finding(Code.COURSE_UNKNOWN, course=course_id)
        return
    except PROBLEMS as error:
        yield finding(Code.NOT_READ, course=course_id, part="COURSE", reason=reason_of(error))
        return
    yield from course_findings(reader, course_id, course)
    try:
        there = reader.columns(course_id)
    except PROBLEMS as error:
        yield finding(Code.NOT_READ, course=course_id, part="COLUMNS", reason=reason_of(error))
    else:
        for column, sent in columns.items():
            yield from column_findings(reader, column, sent, there)
    yield from people_findings(reader, course_id, expected)


def course_findings(reader: Reader, course_id: str, course: Course) -> Iterator[Finding]:
    if course.parent_id:
        yield finding(Code.COURSE_MERGED, course=course_id, parent=parent_name(reader, course_id, course.parent_id))
    if course.is_completed:
        yield finding(Code.COURSE_COMPLETED, course=course_id)
    if course.availability == "Disabled":
        yield finding(Code.COURSE_DISABLED, course=course_id)
    elif course.availability == "No":
        yield finding(Code.COURSE_NOT_AVAILABLE, course=course_id)


def parent_name(reader: Reader, course_id: str, own_id: str) -> str:
    """The batch uid of the course that it is merged into; where Learn does not show it, its name or Learn's own id."""
    try:
        parent = reader.parent(course_id)
    except PROBLEMS:
        return own_id
    return (parent and plain(parent.course_id or parent.name)) or own_id


def column_findings(reader: Reader, column: GradeColumn, sent: Sent, there: Sequence[Column]) -> Iterator[Finding]:
    found = list(presence_findings(column, there))
    yield from found
    if any(each.severity is Severity.ERROR for each in found):
        return
    try:
        schemas = reader.schemas(column.course.course_id)
    except PROBLEMS as error:
        yield finding(Code.NOT_READ, course=column.course.course_id, part="SCHEMAS", reason=reason_of(error))
        return
    yield from fit_findings(column, sent, column_named(there, column.name), schemas)


def presence_findings(column: GradeColumn, there: Sequence[Column]) -> Iterator[Finding]:
    """Whether it is there once, and takes grades."""
    about, named = about_column(column), [each for each in there if each.name == column.name]
    if not named:
        yield finding(Code.COLUMN_UNKNOWN, **about, similar=similar_name(column.name, there))
        return
    if len(named) > 1:
        yield finding(Code.COLUMN_TWICE, **about, number=len(named))
        return
    shown = named[0]
    if shown.is_calculated:
        yield finding(Code.COLUMN_CALCULATED, **about)
        return
    if shown.grading not in TAKING_GRADES:
        yield finding(Code.COLUMN_KIND_UNKNOWN, **about, kind=plain(shown.grading))
    if shown.is_anonymous:
        yield finding(Code.COLUMN_ANONYMOUS, **about)


def fit_findings(column: GradeColumn, sent: Sent, shown: Column, schemas: Collection[Schema]) -> Iterator[Finding]:
    """Whether it shows what may be sent, and by the points and the schema that are known here."""
    about, schema = about_column(column), schema_of(shown, schemas)
    if schema is None:
        yield finding(Code.SCHEMA_NOT_NAMED, **about)
        return
    if schema.scale not in WITHOUT_POINTS and (shown.points or 0) != Decimal(str(column.points)):
        severity = Severity.ERROR if sent.has_numbers else Severity.WARNING
        points = {"here": plain_number(column.points), "there": plain_number(shown.points or 0)}
        yield finding(Code.POINTS_DIFFER, severity=severity, **about, **points)
    for code, severity_or_none, params in scale_findings(column, sent, schema):
        yield finding(code, severity=severity_or_none, **about, **params)


def about_column(column: GradeColumn) -> dict[str, Any]:
    return {"course": column.course.course_id, "column": column.pk, "name": column.name}


WITHOUT_POINTS = ("Text", "Complete")  # scales
NUMBERS = ("Score", "Percent")


def schema_of(column: Column, schemas: Collection[Schema]) -> Schema | None:
    """None: Learn does not name it, or does not show it."""
    return next((schema for schema in schemas if schema.id == column.schema_id), None)


def similar_name(name: str, there: Collection[Column]) -> str:
    """A column that differs in capitals or blanks alone."""
    folded = "".join(name.split()).casefold()
    found = next((each.name for each in there if "".join(each.name.split()).casefold() == folded), "")
    return "".join(filter(str.isprintable, found))  # its blanks stay: they may be all that differs


def scale_findings(
    column: GradeColumn, sent: Sent, schema: Schema
) -> Iterator[tuple[Code, Severity | None, dict[str, object]]]:
    """Code, another severity than usual, and parameters."""
    here, title = column.grade_schema, plain(schema.title)
    differs: tuple[Code, Severity | None, dict[str, object]]
    differs = Code.SCHEMA_DIFFERS, None, {"here": here.title if here else "", "there": title or schema.scale}
    if schema.scale in NUMBERS:
        if sent.symbols:
            yield Code.NUMBERS_ONLY, None, {"symbols": sorted(sent.symbols)}
        elif here:
            yield differs
        return
    is_same = here is not None and here.title == schema.title
    if schema.scale != "Tabular":
        if not is_same:
            yield differs if schema.scale == "Text" else (differs[0], Severity.ERROR, differs[2])
        return
    if missing := sorted(sent.symbols - {symbol.text for symbol in schema.symbols}):
        yield Code.SYMBOLS_MISSING, None, {"symbols": missing, "schema": title}
    if here is None or not is_same:
        yield differs
    elif not missing and here.symbols and not has_same_symbols(here.symbols, schema.symbols):
        yield (
            Code.SYMBOLS_DIFFER,
            None,
            {"schema": title, "here": here.symbols, "there": symbols_text(schema.symbols)},
        )


def has_same_symbols(here: str, there: Collection[Symbol]) -> bool:
    """The same names, and the lower bounds as far as they are entered here. What cannot be read is not compared."""
    try:
        symbols = wire.read_symbols(here)
    except wire.WireError:
        return True
    bounds = {symbol.text: symbol.lower for symbol in there}
    return bounds.keys() == {symbol.name for symbol in symbols} and all(
        symbol.lower_bound is None or bounds[symbol.name] in (None, symbol.lower_bound) for symbol in symbols
    )


def symbols_text(symbols: Collection[Symbol]) -> str:
    """`A=90:B=80:F=0`, as people write it here."""
    return ":".join(
        plain(symbol.text) if symbol.lower is None else f"{plain(symbol.text)}={plain_number(symbol.lower)}"
        for symbol in symbols
    )


def sent_by(column: ColumnFacts) -> Sent:
    """What the mapping's translation may send of what the column is known to show; else the symbols of its schema."""
    scale, translator = column.scale, column.translator
    assert scale is not None  # a grade column has points
    values, has_numbers = set[str](), False
    if translator is None or translator.marks is Marks.AS_WRITTEN:
        values, has_numbers = set(scale.symbols), scale.takes_numbers
    elif translator.marks is Marks.TABLE:
        values = set(translator.marks_table.values())
    else:
        values = {symbol for symbol in scale.symbols if is_number(symbol)} if not scale.takes_numbers else set()
        has_numbers = scale.takes_numbers
    if translator is not None:
        values |= set(translator.alternatives.values())
    shown = {value for value in values if shows(column, value)}
    symbols = {value for value in shown if value in scale.symbols or not is_number(value)}
    return Sent(symbols=frozenset(symbols), has_numbers=has_numbers or shown != symbols)


def shows(column: ColumnFacts, value: str) -> bool:
    assert column.scale is not None
    try:
        column.scale.check(value, is_named=True)
    except NotTranslatable:  # which mapping health says without Learn
        return False
    return True


def people_findings(reader: Reader, course_id: str, expected: Users) -> Iterator[Finding]:
    """Few are asked for one by one; for more, everybody in the course is read once."""
    try:
        states = few(reader, course_id, expected) if len(expected) <= FEW else many(reader, course_id, expected)
    except PROBLEMS as error:
        yield finding(Code.NOT_READ, course=course_id, part="MEMBERS", reason=reason_of(error))
        return
    for code, users in states.items():
        people = [person for user in users for person in expected[user]]
        yield about_people(code, people, course=course_id)


def few(reader: Reader, course_id: str, users: Collection[str]) -> dict[Code, list[str]]:
    found: dict[Code, list[str]] = defaultdict(list)
    for user in sorted(users):
        try:
            is_available = reader.member(course_id, user).is_available
        except NotEnrolled:
            found[Code.NOT_ENROLLED].append(user)
        else:
            if not is_available:
                found[Code.MEMBER_DISABLED].append(user)
    return found


def many(reader: Reader, course_id: str, users: Collection[str]) -> dict[Code, list[str]]:
    members, hides_some = reader.members(course_id)
    absent = [user for user in sorted(users) if user not in members]
    disabled = [user for user in sorted(users) if user in members and not members[user].is_available]
    found = {Code.MEMBER_DISABLED: disabled} if disabled else {}
    if not absent:
        return found
    if not hides_some:
        return found | {Code.NOT_ENROLLED: absent}
    if members and len(absent) <= MAX_ASKED:  # only some have no batch uid: the others can be found by theirs
        asked = few(reader, course_id, absent)
        return {code: asked.get(code, []) + found.get(code, []) for code in [*asked, *found]}
    return found | {Code.USERS_HIDDEN: absent}
