"""What the demo shows: flows in every state over the sample world of the sandbox Learn."""

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.utils import timezone
from requests import RequestException

from courses.models import Course, EnrolmentMetadata, GradeColumn, GradeSchema, mark_as_in_learn
from exports import correcting, holding, retrying
from exports.grades.translating import Marks
from exports.models import (
    ApiClient,
    ColumnMapping,
    Flow,
    GradeInLearn,
    Participant,
    Subscription,
    TranslatedGrade,
    Translation,
)
from exports.models.api_client import hash_key
from exports.models.event import SUBSCRIBABLE
from exports.proving.runs import prove
from exports.retrying import Scope
from exports.roles import ADMINISTRATORS, INTEGRATORS, MANAGERS
from sandbox import wiseflow
from sandbox.sample import EXAM, EXAM_COURSE, FIRST_NAMES, LAST_NAMES, LETTERS

PASSWORD = "gradebridge-demo"  # noqa: S105  the demo's own, printed at its start
KEY = "demo-key-of-wiseflow"
UNTOUCHED_FLOW = "2026-LAW-RESIT"
PROVEN = ("2026-BIO-2", EXAM)  # flows whose grades are read back; in the second a teacher has changed some
MISSING = range(1051, 1054)  # on the roster of the essay, and WISEflow sends no grade
SEVEN_POINT = {"12": "A", "10": "B", "7": "C", "4": "D", "02": "E", "00": "FX", "-3": "F"}  # the Danish scale


def prepare() -> None:
    """Fill an empty, migrated database: people, the API client, courses, columns, flows and a roster."""
    people = get_user_model().objects
    for name, group in (("manager", MANAGERS), ("administrator", ADMINISTRATORS), ("integrator", INTEGRATORS)):
        person = people.create_user(
            name, f"{name}@example.edu", PASSWORD, is_staff=True, is_superuser=name == "administrator"
        )
        person.groups.add(Group.objects.get(name=group))
        if name == "manager":
            kinds = [kind for kind, _label in SUBSCRIBABLE]
            Subscription.objects.create(user=person, is_active=True, kinds=kinds)
    ApiClient.objects.create(name="WISEflow", key_hash=hash_key(KEY))

    letters = GradeSchema.objects.create(title="A-F", symbols=LETTERS)
    verdict = GradeSchema.objects.create(title="Pass-Fail", symbols="P=50:F=0")
    biology = add_column("BIO101-2026", "Introductory biology", "Written exam", None)
    history = add_column("HIS210-2026", "Modern European history", "Essay", letters)
    medicine = add_column("MED330-2026", "Clinical skills", "OSCE", verdict, Course.Experience.ORIGINAL)
    law = add_column("LAW400-2026", "Contract law", "Case exam", letters)
    statistics = add_column(EXAM_COURSE, "Statistics", "Written exam", letters)

    further = [
        (flow_id, title, GradeColumn.objects.create(course=column.course, name=name, grade_schema=schema))
        for flow_id, title, column, name, schema in (
            ("2026-BIO-2", "Biology: practical", biology, "Practical", None),
            ("2026-HIS-2", "History: oral", history, "Oral", letters),
            ("2026-LAW-2", "Contract law: moot court", law, "Moot court", letters),
        )
    ]

    for rows in (GradeSchema.objects.all(), GradeColumn.objects.all()):
        mark_as_in_learn(rows)
    add_what_learn_lacks()

    add_flow("2026-BIO-1", "Biology: written exam", biology)
    with_roster = add_flow(
        "2026-HIS-1",
        "History: home essay",
        history,
        translation=add_translation("7-point scale to letters", SEVEN_POINT, {"U": "U", "BF": "BF"}),
        roster_imported_at=timezone.now(),
    )
    add_flow("2026-MED-1", "Clinical skills: OSCE, not yet synchronised", medicine, synchronised_at=None)
    add_flow("2026-LAW-1", "Contract law: case exam", law)
    add_flow(
        "2026-LAW-ORAL",
        "Contract law: oral, instant export",
        law,
        instant_export=True,
        assessment_ends_at=timezone.now() + timedelta(days=2),
    )
    add_flow("2026-MED-2", "Clinical skills: resit", medicine)
    add_flow(UNTOUCHED_FLOW, "Contract law: resit, waiting for its export", law)
    add_flow(EXAM, "", statistics, synchronised_at=None, assessment_ends_at=None)  # WISEflow's API knows the rest
    for flow_id, title, column in further:
        add_flow(flow_id, title, column)
    Participant.objects.bulk_create(
        Participant(
            flow=with_roster,
            user_id=f"s{number}",
            first_name=FIRST_NAMES[number % len(FIRST_NAMES)],
            last_name=LAST_NAMES[number % len(LAST_NAMES)],
            on_roster=True,
            added_by=Participant.AddedBy.MANUAL if number == 1013 else Participant.AddedBy.SIS,
        )
        for number in (*range(1011, 1049), *MISSING)
    )
    Flow.objects.refresh([with_roster.pk])


def add_what_learn_lacks() -> None:
    """A course whose columns are planned here and not in Learn yet, for whoever wants to provision them."""
    honours = GradeSchema.objects.create(title="Honours", symbols="Distinction=70:Merit=60:Pass=40:Fail=0")
    course = Course.objects.create(
        course_id="ART120-2026", title="History of art", experience=Course.Experience.ORIGINAL
    )
    columns: dict[str, dict[str, Any]] = {
        "Portfolio": {"item_type": GradeColumn.ItemType.ASSIGNMENT, "instructions": "Hand in three pieces."},
        "Viva": {},
        "Final grade": {
            "item_type": GradeColumn.ItemType.WEIGHTED_COLUMN,
            "mapping": "Portfolio=60, Viva=40",
            "grade_schema": honours,
            "is_external_grade": True,
        },
    }
    for name, fields in columns.items():
        GradeColumn.objects.create(course=course, name=name, **fields)
    for number in range(1011, 1016):
        EnrolmentMetadata.objects.create(course=course, user_id=f"s{number}", optional_data="EnrollType=Audit")


def add_column(
    course_id: str, title: str, name: str, schema: GradeSchema | None, experience: str = Course.Experience.ULTRA
) -> GradeColumn:
    course = Course.objects.create(course_id=course_id, title=title, experience=experience)
    return GradeColumn.objects.create(course=course, name=name, grade_schema=schema)


def add_translation(name: str, marks: dict[str, str], alternative_grades: dict[str, str]) -> Translation:
    """One whose marks go by the table."""
    translation = Translation.objects.create(name=name, marks=Marks.TABLE)
    for kind, table in (
        (TranslatedGrade.Kind.MARK, marks),
        (TranslatedGrade.Kind.ALTERNATIVE_GRADE, alternative_grades),
    ):
        for given, value in table.items():
            translation.grades.create(kind=kind, given=given, value=value)
    return translation


def add_flow(
    flow_id: str, title: str, column: GradeColumn, translation: Translation | None = None, **fields: Any
) -> Flow:
    yesterday = timezone.now() - timedelta(days=1)
    known = {"synchronised_at": yesterday, "assessment_ends_at": yesterday, **fields}
    flow = Flow.objects.create(flow_id=flow_id, title=title, **known)
    ColumnMapping.objects.create(flow=flow, grade_column=column, translation=translation)
    return flow


def export_all(site: str, learn: str) -> tuple[int, int]:
    """Post every flow but one as WISEflow would, over HTTP. Returns how many grades succeeded and how many did not.

    Before that, a client with another key tries, and is refused.
    """
    with suppress(RequestException):
        wiseflow.export(site, key="key-of-last-year", flow_id=UNTOUCHED_FLOW, participants=[])
    answers = [
        export(site, "2026-BIO-1", {f"s{number}": {"mark": str(40 + number % 55)} for number in range(1001, 1041)}),
        export(site, "2026-HIS-1", {f"s{number}": seven_point(number) for number in range(1011, 1051)}),
        export(site, "2026-MED-1", {f"s{number}": {"mark": "P"} for number in range(1021, 1035)}),
        export(site, "2026-LAW-ORAL", {"s1002": {"mark": "B"}, "s1003": {"adminGrade": "U"}}),
        export(site, "2026-PHY-9", {f"s{number}": {"mark": "C"} for number in range(1001, 1006)}),
    ]
    answers += [
        export(site, "2026-BIO-2", {f"s{number}": {"mark": str(50 + number % 45)} for number in range(1001, 1033)}),
        export(site, "2026-HIS-2", {f"s{number}": {"mark": "ABCD"[number % 4]} for number in range(1011, 1023)}),
        export(site, "2026-LAW-2", {f"s{number}": {"mark": "ABC"[number % 3]} for number in range(1001, 1019)}),
    ]
    # Two flows meet a bad day in Learn: one answer that cannot be believed, one maintenance window.
    switch_on(learn, "html_200")
    answers.append(export(site, "2026-LAW-1", {f"s{number}": letter(number) for number in range(1001, 1013)}))
    switch_on(learn, "maintenance")
    answers.append(export(site, "2026-MED-2", {f"s{number}": {"mark": "F"} for number in range(1041, 1049)}))
    # The mark of one person changes after their export.
    answers.append(export(site, "2026-BIO-1", {"s1005": {"mark": "99"}}))
    return sum(answer["numberOfSuccess"] for answer in answers), sum(answer["numberOfErrors"] for answer in answers)


def export_fetched(site: str, learn: str) -> None:
    """Export the exam that was fetched from WISEflow's API; then a teacher changes one of its grades and clears one."""
    letters = {student: "ABCD"[student % 4] for student in range(1, 10)}
    export(site, EXAM, {str(student): {"mark": mark} for student, mark in letters.items()})
    for student, value in ((3, "B"), (6, None)):
        typed = {"course": EXAM_COURSE, "column": "Written exam", "user": f"s{1000 + student}", "value": value}
        post(f"{learn}/sandbox/grades", {**typed, "by": "Maria Hansen"})


def work() -> None:
    """What people do after the first exports. Nothing of it brings a further grade to Learn."""
    prove(GradeInLearn.objects.filter(participant__flow__flow_id__in=PROVEN))
    manager = User.objects.get(username="manager")
    people = Participant.objects
    exported = people.get(flow__flow_id="2026-BIO-1", user_id="s1012")
    correcting.ask(exported, mark="71", reason="Question 4 was not added to the sum.", by=manager)
    chosen = people.filter(flow__flow_id="2026-LAW-1", user_id__in=["s1003", "s1007"])
    reason = "A complaint about the second question is being decided."
    holding.hold_people(list(chosen.values_list("pk", flat=True)), reason=reason, by=manager)
    essay = Flow.objects.get(flow_id="2026-HIS-1")
    retrying.retry(essay.participants.failed(), by=manager, scope=Scope(flow=essay))


def export(site: str, flow_id: str, grades: dict[str, dict[str, str]]) -> dict[str, Any]:
    participants = [{"userId": user_id, **grade} for user_id, grade in grades.items()]
    return wiseflow.export(site, key=KEY, flow_id=flow_id, participants=participants)


def letter(number: int) -> dict[str, str]:
    """A varied but fixed assessment; one in nine did not show up, one in thirteen is not assessed."""
    if number % 13 == 0:
        return {}
    return {"adminGrade": "U"} if number % 9 == 0 else {"mark": "ABCDE"[number % 5]}


def seven_point(number: int) -> dict[str, str]:
    """The same on the Danish scale."""
    marks = {letter: mark for mark, letter in SEVEN_POINT.items()}
    return {name: marks.get(grade, grade) for name, grade in letter(number).items()}


def switch_on(learn: str, fault: str) -> None:
    """Have the sandbox Learn fail once."""
    post(f"{learn}/sandbox/faults", {"fault": fault, "times": 1, "service": "gradeValueAPI"})


def post(address: str, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    request = Request(address, content, {"Content-Type": "application/json"})  # noqa: S310  loopback
    urlopen(request, timeout=5).close()  # noqa: S310
