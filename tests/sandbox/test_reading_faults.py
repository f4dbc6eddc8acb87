"""Each fault that only reading meets, and that the others reach reading too."""

import pytest

from sandbox.faults import KINDS, Reach
from sandbox.services import READING, SERVICES
from tests.sandbox.conftest import item
from tests.sandbox.reading import READ_STATE, Reader

MEMBERS = "/v1/courses/externalId:BIO/users"


@pytest.fixture
def reader(learn, caller) -> Reader:
    learn.world.replace(READ_STATE)
    return Reader(caller)


@pytest.mark.parametrize("service", [service.name for service in READING])
def test_a_fault_of_any_service_reaches_reading(learn, service):
    learn.faults.add("bad_gateway", service=service)
    assert learn.faults.due(SERVICES["gradeValueAPI"]) is None
    assert learn.faults.due(SERVICES[service]).kind.name == "bad_gateway"


@pytest.mark.parametrize("fault", [kind.name for kind in KINDS.values() if kind.reach in (Reach.READS, Reach.PAGES)])
def test_a_fault_of_reading_lets_grades_pass_and_leaves_errors_alone(learn, caller, reader, fault):
    learn.faults.add(fault)
    assert caller.send(item()).status_code == 200
    assert reader.get("/v1/courses/externalId:NONE/users").status_code == 404
    assert learn.calls[-1].fault == fault


def test_a_page_that_names_itself(learn, reader):
    learn.faults.add("endless_paging", service="members", times=None)
    first = reader.get(MEMBERS, limit=2).json()
    again = reader.get(first["paging"]["nextPage"]).json()
    assert again == first
    assert first["paging"]["nextPage"] == f"/learn/api/public{MEMBERS}?limit=2"


def test_pages_without_an_end(learn, reader):
    learn.faults.add("endless_pages", service="members", times=None)
    path, query, seen = MEMBERS, {"limit": 4}, []
    for _ in range(5):
        answer = reader.get(path, **query).json()
        seen.append(len(answer["results"]))
        path, query = answer["paging"]["nextPage"], {}
    assert seen == [4, 2, 0, 0, 0]
    assert path.endswith("offset=20")


def test_a_next_page_at_another_host(learn, reader):
    learn.faults.add("foreign_page")
    assert reader.get(MEMBERS).json()["paging"]["nextPage"].startswith("https://elsewhere.invalid/")


def test_an_answer_without_its_list(learn, reader):
    learn.faults.add("missing_results")
    assert reader.get(MEMBERS, limit=2).json().keys() == {"paging"}


def test_wrong_types_and_a_wrong_shape(learn, reader):
    learn.faults.add("wrong_types")
    learn.faults.add("wrong_shape")
    course = reader.get("/v3/courses/externalId:BIO").json()
    assert (course["externalId"], course["closedComplete"]) == (["BIO"], "no")
    assert isinstance(reader.get("/v3/courses/externalId:BIO").json(), list)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v3/courses/externalId:BIO", lambda answer: answer["name"]),
        ("/v2/courses/externalId:BIO/gradebook/columns", lambda answer: answer["results"][0]["name"]),
        ("/v1/courses/externalId:BIO/gradebook/schemas", lambda answer: answer["results"][0]["title"]),
        (f"{MEMBERS}/externalId:s1", lambda answer: answer["name"]),
    ],
)
def test_a_name_of_ten_megabytes(learn, reader, path, found):
    learn.faults.add("huge_name")
    assert len(found(reader.get(path).json())) == 10_000_000


def test_a_fault_for_pages_does_not_fit_one_grade(learn):
    with pytest.raises(ValueError, match="It is for services that read the gradebook in pages"):
        learn.faults.add("endless_paging", service="grade")
