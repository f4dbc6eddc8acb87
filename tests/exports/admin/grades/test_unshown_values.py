"""The page of a translation points out values that nothing can show, and lines that are there twice or half."""

import pytest
from django.urls import reverse

from exports.models import Translation
from tests.exports.admin.mapping.test_translations import form, url
from tests.factories import GradeSchemaFactory, TranslationFactory
from tests.signed_in import messages_of, text_of


@pytest.fixture
def schemas():
    return [
        GradeSchemaFactory(title="Letters", symbols="A=90:B=0:U"),
        GradeSchemaFactory(title="Verdict", symbols="Pass : Not passed"),
    ]


@pytest.mark.parametrize(("kind", "marks"), [("MARK", "TABLE"), ("ALTERNATIVE_GRADE", "NUMERIC")])
def test_the_page_says_so_once_it_is_saved(administrator, schemas, kind, marks):
    answer = administrator.post(url("add"), form((kind, "13", "Z"), ("MARK", "12", "A"), marks=marks))
    assert answer.status_code == 302
    assert Translation.objects.get().grades.count() == 2
    assert any("No grade schema has 'Z'." in message for message in messages_of(answer))


def test_lines_for_marks_that_the_translation_does_not_use_are_left_out(administrator, schemas):
    answer = administrator.post(url("add"), form(("MARK", "13", "Z"), marks="NUMERIC"))
    assert not [message for message in messages_of(answer) if "No grade schema" in message]


@pytest.mark.parametrize(("given", "says"), [("13", True), ("12", False), ("14", False)])
def test_trying_a_grade_says_so_too(administrator, schemas, given, says):
    translation = TranslationFactory(name="T", table={"13": "Z", "12": "A"})
    page = administrator.get(
        reverse("admin:exports_translation_preview", args=[translation.pk]), {"grade": given, "kind": "MARK"}
    )
    assert ("No grade schema has" in text_of(page)) is says


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([("MARK", "1", "A"), ("MARK", "1", "B")], "There is more than one line for mark 1."),
        ([("MARK", "1", "A"), ("MARK", " 1 ", "A")], "There is more than one line for mark 1."),
        (
            [("ALTERNATIVE_GRADE", "U", "A"), ("ALTERNATIVE_GRADE", "U", "A"), ("MARK", "U", "B")],
            "There is more than one line for alternative grade U.",
        ),
        ([("MARK", "", "A")], "Enter the grade as WISEflow sends it, or remove this line."),
        ([("MARK", "   ", "A")], "Enter the grade as WISEflow sends it, or remove this line."),
        ([("MARK", "1", "")], "Enter what Learn is to show, or remove this line."),
        ([("MARK", "1", " ")], "Enter what Learn is to show, or remove this line."),
        ([("ALTERNATIVE_GRADE", "", "")], "Enter what Learn is to show, or remove this line."),
        ([("MARK", "1", "A"), ("MARK", "2", "")], "Enter what Learn is to show, or remove this line."),
        ([("MARK", x, "A") for x in "112233"], "There is more than one line for mark 1, mark 2, mark 3."),
    ],
)
def test_lines_that_are_there_twice_or_half_are_named(administrator, lines, says):
    assert says in text_of(administrator.post(url("add"), form(*lines)))
    assert not Translation.objects.exists()
