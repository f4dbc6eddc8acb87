"""deploy/nginx/gradebridge.conf in the real nginx, with TLS, before the real gunicorn. Ports and files are moved."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from exports.models import Delivery
from sandbox.processes import Processes, free_port
from sandbox.server import SandboxLearn
from tests.conftest import COLUMN, COURSE, WiseFlow
from tests.databases import address_of
from tests.factories import ApiClientFactory

HERE = Path(__file__).resolve()
CONFIGURATION = (HERE.parents[2] / "deploy/nginx/gradebridge.conf").read_text()
NAME = "grades.example.edu"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
EXPORT = "/api/wiseflow/flows/77/export"

pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.timeout(300),
]

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/gradebridge.conf;
}}
"""


class Site:
    """The site behind nginx, as callers see it."""

    def __init__(self, folder: Path, *, web_port: int) -> None:
        self.folder, self.port, self.plain_port = folder, free_port(), free_port()
        moved = CONFIGURATION.replace("127.0.0.1:8000", f"127.0.0.1:{web_port}")
        moved = re.sub(r"^ *listen \[::\].*\n", "", moved, flags=re.MULTILINE)  # not every machine has IPv6
        moved = moved.replace("listen 443", f"listen {self.port}").replace("listen 80", f"listen {self.plain_port}")
        for ending in ("pem", "key"):
            moved = re.sub(rf"/etc/ssl/\w+/{NAME}\.{ending}", str(folder / f"site.{ending}"), moved)
        (folder / "gradebridge.conf").write_text(moved)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder))

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "site.pem"))

    def connect(self, *, source: str = "127.0.0.1", name: str = NAME) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(source, 0))
        return self.tls().wrap_socket(plain, server_hostname=name)

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, source: str = "127.0.0.1", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the answer."""
        caller = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60)
        caller.sock = self.connect(source=source)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        caller.request(method, path, body, {"Host": NAME, **given})
        answer = caller.getresponse()
        content = answer.read()
        caller.close()
        return answer.status, answer.headers, content


@pytest.fixture
def processes(learn: SandboxLearn) -> Iterator[Processes]:
    environment = {
        "DATABASE_URL": address_of(connection),
        "ALLOWED_HOSTS": f"{NAME},127.0.0.1",
        "INSECURE_HTTP": "false",
        "CSRF_TRUSTED_ORIGINS": f"https://{NAME}",
        "TRUSTED_PROXIES": "127.0.0.1/32",
        "WEB_CONCURRENCY": "1",
    }
    with Processes(port=free_port(), learn_port=urlsplit(learn.url).port or 0, environment=environment) as processes:
        yield processes


@pytest.fixture
def site(processes: Processes, tmp_path: Path) -> Iterator[Site]:
    assert NGINX
    names = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    files = ("-keyout", tmp_path / "site.key", "-out", tmp_path / "site.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files],
        check=True,
        capture_output=True,
    )
    processes.start_web()
    site = Site(tmp_path, web_port=urlsplit(processes.url).port or 0)
    command = [NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")]
    if os.getuid() == 0:
        command += ["-g", "user root;"]  # pytest's folder is its user's alone
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr
    nginx = subprocess.Popen(command)
    try:
        wait_for(site.port)
        yield site
    finally:
        nginx.terminate()
        nginx.wait(timeout=10)


def wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nginx does not listen")


def body_of(*users: str, filler: str = "") -> bytes:
    participants = [{"userId": user, "mark": "B", "filler": filler} for user in users]
    return json.dumps({"participants": participants}).encode()


def test_callers_meet_what_the_configuration_promises(
    site: Site, learn: SandboxLearn, flow: Any, wiseflow: WiseFlow, processes: Processes
):
    """One site for all, as it takes long to start."""
    key = {"X_Api_Key": wiseflow.headers["X-Api-Key"], "Content_Type": "application/json"}
    exports_over_tls(site, learn, key)
    takes_large_bodies(site, key)
    slow_callers_hold_nobody_up(site, key)
    sees_the_callers_own_address(site)
    refuses_other_names(site)
    leads_to_tls(site)
    limits_passwords_and_keys(site)
    closes_metrics(site)
    compresses_static_files_alone(site)
    is_no_way_for_websockets(site)
    says_when_to_come_back(site, processes, key)


def exports_over_tls(site: Site, learn: SandboxLearn, key: dict[str, str]) -> None:
    status, headers, content = site.ask("POST", EXPORT, body_of("u1", "u2"), **key)

    assert (status, json.loads(content)["numberOfSuccess"]) == (200, 2)
    assert learn.world.values(COURSE, COLUMN) == {"u1": "B", "u2": "B"}
    assert headers["Strict-Transport-Security"]
    assert site.ask("GET", "/admin/login/")[0] == 200


def takes_large_bodies(site: Site, key: dict[str, str]) -> None:
    """What GradeBridge takes, nginx takes; what is too large for GradeBridge is refused by GradeBridge, as JSON."""
    filler = "x" * 1_000
    assert site.ask("POST", EXPORT, body_of(*["u3"] * 7_000, filler=filler), **key)[0] == 200
    status, headers, _ = site.ask("POST", EXPORT, body_of(*["u3"] * 9_000, filler=filler), **key)
    assert (status, headers["Content-Type"]) == (413, "application/json")
    assert site.ask("POST", EXPORT, b" " * 17_000_000, **key)[0] == 413


def slow_callers_hold_nobody_up(site: Site, key: dict[str, str]) -> None:
    """More than there are threads: half of them send a header byte by byte, half of them a body."""
    head = f"POST {EXPORT} HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\n"
    slow = [site.connect(source="127.0.0.9") for _ in range(60)]
    for number, caller in enumerate(slow):
        caller.sendall((head + ("Content-Length: 900000\r\n\r\n{" if number % 2 else "X-Slow: ")).encode())

    began = time.monotonic()
    status, _, _ = site.ask("POST", EXPORT, body_of("u4"), **key)

    assert status == 200
    assert time.monotonic() - began < 5
    for caller in slow:
        caller.close()


def sees_the_callers_own_address(site: Site) -> None:
    """A client that is bound to an address is not reached by saying that one comes from there."""
    client = ApiClientFactory(allowed_networks=["127.0.0.7/32"])
    key = {"Content_Type": "application/json", "X_Api_Key": f"key-{client.name}"}

    assert site.ask("POST", EXPORT, body_of("u1"), source="127.0.0.7", X_Forwarded_For="203.0.113.9", **key)[0] == 200
    for forged in ("127.0.0.7", "127.0.0.7, 127.0.0.1", "127.0.0.7:443, ::1"):
        assert site.ask("POST", EXPORT, body_of("u1"), source="127.0.0.8", X_Forwarded_For=forged, **key)[0] == 403
    forged_otherwise = {"Forwarded": "for=127.0.0.7", "X_Real_IP": "127.0.0.7", **key}
    assert site.ask("POST", EXPORT, body_of("u1"), source="127.0.0.8", **forged_otherwise)[0] == 403


def refuses_other_names(site: Site) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        site.connect(name="elsewhere.example.org")
    with pytest.raises((http.client.HTTPException, ConnectionError, ssl.SSLError)):
        site.ask("GET", "/health/live", Host="elsewhere.example.org")


def leads_to_tls(site: Site) -> None:
    caller = http.client.HTTPConnection("127.0.0.1", site.plain_port, timeout=10)
    caller.request("GET", "/admin/?next=1", headers={"Host": NAME})
    answer = caller.getresponse()
    assert (answer.status, answer.getheader("Location")) == (308, f"https://{NAME}/admin/?next=1")
    caller.close()


def limits_passwords_and_keys(site: Site) -> None:
    form = b"grant_type=client_credentials&client_id=a&client_secret=b"
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    with ThreadPoolExecutor(8) as callers:
        for path in ("/oauth2/token/", "/admin/login/"):
            source = "127.0.0.5" if path == "/oauth2/token/" else "127.0.0.6"
            answers = list(
                callers.map(lambda _: site.ask("POST", path, form, source=source, **kind)[0], range(60))  # noqa: B023
            )
            assert answers.count(429) >= 30, path
            assert set(answers) - {429} <= {400, 401, 403}, path
    assert site.ask("GET", "/admin/login/", source="127.0.0.4")[0] == 200  # others are not held up


def closes_metrics(site: Site) -> None:
    assert site.ask("GET", "/metrics")[0] == 200
    for path in ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/health/../metrics"):
        assert site.ask("GET", path, source="127.0.0.3")[0] in (403, 404), path


def compresses_static_files_alone(site: Site) -> None:
    """A compressed page that holds a secret tells of it by its length."""
    status, headers, _ = site.ask("GET", "/static/gradebridge/admin.css", Accept_Encoding="gzip")
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert not site.ask("GET", "/admin/login/", Accept_Encoding="gzip")[1]["Content-Encoding"]


def is_no_way_for_websockets(site: Site) -> None:
    status, headers, _ = site.ask("GET", "/health/live", Connection="Upgrade", Upgrade="websocket")
    assert (status, headers["Upgrade"]) == (200, None)


def says_when_to_come_back(site: Site, processes: Processes, key: dict[str, str]) -> None:
    """While gunicorn is away a program gets JSON, and nothing is recorded."""
    deliveries = Delivery.objects.count()
    processes.stop()

    status, headers, content = site.ask("POST", EXPORT, body_of("u5"), **key)

    assert (status, headers["Retry-After"], headers["Content-Type"]) == (503, "10", "application/json")
    assert json.loads(content)["detail"]
    assert Delivery.objects.count() == deliveries


def test_bodies_that_gradebridge_takes_are_let_through(settings: Any):
    """The limits of nginx are above those of the settings as they are without a .env."""
    [megabytes] = re.findall(r"client_max_body_size (\d+)m;", CONFIGURATION)
    assert int(megabytes) * 2**20 > settings.EXPORT_MAX_BYTES
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s;", CONFIGURATION)
    assert int(seconds) > settings.EXPORT_DEADLINE + 30
