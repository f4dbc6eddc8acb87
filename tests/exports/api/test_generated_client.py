"""A client that a program generates from the API's description works unchanged: over HTTP, with typed answers."""

import pytest

from tests.conftest import let_no_one_look
from tests.exports.api import described
from tests.exports.api.site import site
from tests.factories import ApiClientFactory, ExportAttemptFactory, FlowFactory, ParticipantFactory


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return described.generate_client(tmp_path_factory.mktemp("client"))


@pytest.fixture
def address(learn, flow):
    let_no_one_look(learn)
    ApiClientFactory(name="WISEflow")
    with site(threaded=True) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
def client(package, address):
    """With the key in a header, as a generated client takes any credential."""
    return package.AuthenticatedClient(
        base_url=address,
        token="key-WISEflow",
        prefix="Api-Key",
        raise_on_unexpected_status=True,
        headers={"Accept-Language": "en"},
    )


def body(*entries):
    models = described.models()
    return models.Export(participants=[models.Entry(user_id=user_id, mark=mark) for user_id, mark in entries])


def test_it_exports_and_reads_the_receipt(client, learn):
    export = described.operation("wiseflow_flows_export_create")

    receipt = export.sync("77", client=client, body=body(("u1", "A"), (21, "B")))

    assert type(receipt).__name__ == "Receipt"
    assert (receipt.number_of_success, receipt.number_of_errors) == (1, 1)
    assert receipt.errors[0].user_id == 21
    assert "not enrolled" in receipt.errors[0].error_info
    assert learn.world.value("BIO101-2026", "Written exam", "u1") == "A"


def test_it_rehearses_and_reads_a_rehearsal(client, learn):
    export = described.operation("wiseflow_flows_export_create")
    models = described.models()

    rehearsal = export.sync(
        "77", client=client, body=body(("u1", "A")), rehearsal=models.WiseflowFlowsExportCreateRehearsal.TRUE
    )

    assert type(rehearsal).__name__ == "Rehearsal"
    assert [(line.user_id, line.verdict.value, line.value) for line in rehearsal.participants] == [("u1", "SEND", "A")]
    assert learn.world.value("BIO101-2026", "Written exam", "u1") is None


def test_it_reads_states_also_of_an_attempt_that_runs(client, flow):
    ExportAttemptFactory(flow=flow, running=True)

    states = described.operation("wiseflow_flows_export_retrieve").sync("77", client=client)

    assert (states.flow_id, states.title) == ("77", "Written exam in biology")
    assert states.attempts[0].finished_at is None


def test_it_lists_participants_page_by_page_also_those_that_were_never_exported(client, flow):
    ParticipantFactory.create_batch(3, flow=flow, failed=True)
    ParticipantFactory(flow=flow, exported=True)
    participants = described.operation("wiseflow_flows_participants_list")

    first = participants.sync("77", client=client, page_size=3)
    second = participants.sync("77", client=client, page_size=3, page=2)
    failed = participants.sync("77", client=client, state=described.models().WiseflowFlowsParticipantsListState.FAILED)

    assert first.count == 4
    assert [person.exported_at for person in first.results] == [None, None, None]
    assert second.results[0].exported_at is not None
    assert second.results[0].places[0].certainty.value == "CONFIRMED"
    assert [person.cause.value for person in failed.results] == ["LEARN_UNAVAILABLE"] * 3


def test_it_reaches_a_flow_whose_id_has_a_slash_and_more(client):
    FlowFactory(flow_id="4/711 %2F?#é")

    states = described.operation("wiseflow_flows_export_retrieve").sync("4/711 %2F?#é", client=client)

    assert states.flow_id == "4/711 %2F?#é"


def test_it_fetches_a_token_and_calls_with_it(package, address):
    models = described.models()
    form = models.TokenRequest(
        grant_type=models.TokenRequestGrantType.CLIENT_CREDENTIALS, client_id="WISEflow", client_secret="key-WISEflow"
    )
    asking = package.Client(base_url=address, raise_on_unexpected_status=True)
    token = described.operation("oauth2_token_create").sync(client=asking, body=form)
    client = package.AuthenticatedClient(base_url=address, token=token.access_token, raise_on_unexpected_status=True)

    states = described.operation("wiseflow_flows_export_retrieve").sync("77", client=client)

    assert token.expires_in == 3600
    assert states.flow_id == "77"


@pytest.mark.parametrize(
    ("name", "flow_id", "key", "status"),
    [
        ("wiseflow_flows_export_retrieve", "none", "key-WISEflow", 404),
        ("wiseflow_flows_export_retrieve", "77", "wrong", 401),
        ("wiseflow_flows_participants_list", "77", "key-elsewhere", 403),
        ("wiseflow_flows_participants_list", "x" * 9000, "key-WISEflow", 404),
    ],
)
def test_what_is_refused_is_typed_and_says_why(package, address, name, flow_id, key, status):
    ApiClientFactory(name="elsewhere", allowed_networks=["192.0.2.0/24"])
    client = package.AuthenticatedClient(base_url=address, token=key, prefix="Api-Key", raise_on_unexpected_status=True)

    answer = described.operation(name).sync_detailed(flow_id, client=client)

    assert answer.status_code == status
    assert type(answer.parsed).__name__ == "Refusal"
    assert answer.parsed.detail
