"""What is exported and imported again changes nothing; what is imported comes out again as it went in."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.spreadsheets import writing
from common.spreadsheets.files import read_rows
from common.spreadsheets.sheets import import_lines
from courses.importing import metadata, schemas
from courses.models import Course
from exports.grades.translating import Marks, Rounding
from exports.importing import mappings, rosters, translations
from exports.models import Flow

pytestmark = pytest.mark.django_db

WRITERS = {"file.csv": writing.to_csv, "file.xlsx": writing.to_xlsx}
ZONE = ZoneInfo("Europe/Copenhagen")

# What people and systems put into a cell: a formula's first character, quotes, separators, digits that Excel eats.
TEXT = st.one_of(
    st.sampled_from(
        [
            "=1+1",
            "+1",
            "-3",
            "@SUM(A1)",
            "'=1",
            "''-x",
            "'quoted'",
            '"',
            "a,b;c",
            "00123",
            "1e5",
            "1.5E+10",
            "1E+09",
            "#N/A",
            "#WERT!",
            "####",
            "a;=1",
            "_x0041_",
            "Ærø",
            "🎓",
            "12:30",
            "-",
        ]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zs", "Zl", "Zp"]),
        min_size=1,
        max_size=20,
    ),
    st.text("=+-@'\" ,;a0", min_size=1, max_size=8),
).map(str.strip)
GIVEN = TEXT.filter(bool)
MOMENTS = st.none() | st.datetimes(
    datetime.fromisoformat("2001-01-01"),
    datetime.fromisoformat("2099-01-01"),
    timezones=st.just(ZONE),
    allow_imaginary=False,
)
PAST = MOMENTS.filter(lambda moment: moment is None or moment.year < 2026)  # one far ahead is refused
FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def check_round_trip(sheet_of, rows):
    """Import `rows`, export, compare, import the export."""
    for name, write in WRITERS.items():
        with transaction.atomic():
            sheet = sheet_of()
            imported = write(sheet.names, rows)
            import_lines(sheet, sheet.read(name, imported), by=None)

            exported = write(sheet.names, sheet.rows())

            assert cells_in(exported, name, sheet) == cells_in(imported, name, sheet)
            plan = sheet.plan(sheet.read(name, exported))
            assert not plan.added
            assert not plan.changed
            transaction.set_rollback(True)


def cells_in(content, name, sheet):
    """The rows of a file in no order, an empty cell as nothing."""
    found = read_rows(name, content, known=sheet.names, required=sheet.required)
    return sorted(tuple(str(cell or "") for cell in row.cells.values()) for row in found)


@FEW
@given(
    st.lists(
        st.tuples(GIVEN, GIVEN, TEXT, TEXT, PAST, MOMENTS, st.booleans(), st.floats(0.0001, 1_000_000), GIVEN),
        min_size=1,
        max_size=5,
        unique_by=(lambda row: row[0], lambda row: row[1]),
    )
)
def test_mappings(rows):
    check_round_trip(
        mappings.MappingSheet,
        [
            (flow, title, source, course, "ORIGINAL", column, "TEST", points, title, since, until, instant, "")
            for flow, course, title, source, since, until, instant, points, column in rows
        ],
    )


@FEW
@given(
    st.lists(
        st.tuples(GIVEN, TEXT, TEXT, st.sampled_from(["SIS", "MANUAL", ""]), TEXT, TEXT),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[0],
    )
)
def test_rosters(rows):
    check_round_trip(lambda: rosters.RosterSheet(Flow.objects.lock("77")), rows)


@FEW
@given(
    st.dictionaries(
        GIVEN,
        st.tuples(TEXT, TEXT, st.dictionaries(GIVEN, st.sampled_from(["SIS", "MANUAL", ""]), min_size=1, max_size=4)),
        min_size=1,
        max_size=5,
    )
)
def test_rosters_with_several_sources(people):
    """One Learn user and one name a person, a line a source."""
    rows = [
        (user_id, learn_user_id, source_code, added_by, "", last_name)
        for user_id, (learn_user_id, last_name, sources) in people.items()
        for source_code, added_by in sources.items()
    ]
    check_round_trip(lambda: rosters.RosterSheet(Flow.objects.lock("77")), rows)


GRADES = st.lists(
    st.tuples(st.sampled_from(["MARK", "ALTERNATIVE_GRADE"]), GIVEN, GIVEN),
    max_size=5,
    unique_by=lambda grade: grade[:2],
)


@FEW
@given(
    st.dictionaries(
        GIVEN,
        st.tuples(
            st.sampled_from(Marks),
            st.decimals("0.00000001", "1000000", places=8),
            st.integers(0, 10),
            st.sampled_from(Rounding),
            GRADES,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_translations(wanted):
    rows = [
        (name, marks.value, divisor, decimals, rounding.value, *grade)
        for name, (marks, divisor, decimals, rounding, grades) in wanted.items()
        for grade in grades or [("", "", "")]
    ]
    check_round_trip(translations.TranslationSheet, rows)


@FEW
@given(
    st.dictionaries(
        GIVEN,
        st.sampled_from(["", "P=50:F=0", "A=90:B=80:C=0", "12=92:10=80:-3=0", "+=50:-=0"]),
        min_size=1,
        max_size=5,
    )
)
def test_schemas(wanted):
    check_round_trip(schemas.SchemaSheet, list(wanted.items()))


@FEW
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["BIO101", "=1+1"]), GIVEN),
        st.sampled_from(["a=1", "EnrollType=Audit:Room=B12", "-k=-1", "æ=ø"]),
        min_size=1,
        max_size=5,
    )
)
def test_metadata(wanted):
    for course_id in ("BIO101", "=1+1"):
        Course.objects.get_or_create(course_id=course_id)
    check_round_trip(metadata.MetadataSheet, [(*key, data) for key, data in wanted.items()])
