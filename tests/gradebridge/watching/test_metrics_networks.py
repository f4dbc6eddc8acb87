"""/metrics is for whom METRICS_NETWORKS names, or for anyone."""

from ipaddress import ip_network

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_without_networks_anyone_reads_the_metrics(client, path):
    assert client.get(path, REMOTE_ADDR="203.0.113.9").status_code == 200


@pytest.mark.parametrize(
    ("address", "forwarded", "status"),
    [
        ("192.0.2.7", "", 200),
        ("::ffff:192.0.2.7", "", 200),
        ("203.0.113.9", "", 403),
        ("203.0.113.9", "192.0.2.7", 403),  # from no trusted proxy
        ("10.0.0.1", "192.0.2.7", 200),
        ("10.0.0.1", "192.0.2.7, 203.0.113.9", 403),
        ("", "", 403),
    ],
)
@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_with_networks_only_these_do(client, settings, path, address, forwarded, status):
    settings.METRICS_NETWORKS = [ip_network("192.0.2.0/24")]
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.1")]
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    response = client.get(path, REMOTE_ADDR=address, headers=headers)

    assert response.status_code == status
    assert (b"gradebridge_flows" in response.content) is (status == 200)
