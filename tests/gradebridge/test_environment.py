"""A value that is missing or makes no sense ends the start with one line that names the variable."""

import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from gradebridge import environment
from gradebridge.environment import read

ROOT = Path(__file__).resolve().parents[2]


def start(**changes):
    """`manage.py check` in a process of its own; None takes a variable away."""
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "gradebridge.settings", **changes}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_site_starts_with_what_the_tests_set():
    assert start().returncode == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", " "),
        ("ALLOWED_HOSTS", ""),
        ("CSRF_TRUSTED_ORIGINS", "grades.example.edu"),
        ("LEARN_URL", "http://learn.example.edu"),
        ("LEARN_TIMEOUT", "soon"),
        ("UNKNOWN_FLOWS", "perhaps"),
        ("DATABASE_URL", "mysql://localhost/gradebridge"),
        ("EMAIL_URL", "smtp://user:password@mail.example.edu"),
        ("DEFAULT_FROM_EMAIL", "GradeBridge"),
        ("WEBHOOK_NETWORKS", "everywhere"),
    ],
)
def test_a_start_without_a_usable_value_ends_with_one_line_and_no_traceback(name, value):
    ended = start(**{name: value})

    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"{name} is ")


WISEFLOW = {
    "WISEFLOW_URL": "https://europe-api.wiseflow.net/v1",
    "WISEFLOW_API_KEY": "key",
    "WISEFLOW_EXTERNAL_ID": "Learn id",
}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"WISEFLOW_URL": "http://europe-api.wiseflow.net/v1"}, "WISEFLOW_URL"),
        ({"WISEFLOW_API_KEY": ""}, "WISEFLOW_CLIENT_ID"),
        ({"WISEFLOW_API_KEY": "", "WISEFLOW_CLIENT_ID": "id"}, "WISEFLOW_CLIENT_SECRET"),
        ({"WISEFLOW_CLIENT_ID": "id"}, "WISEFLOW_API_KEY"),
        ({"WISEFLOW_EXTERNAL_ID": " "}, "WISEFLOW_EXTERNAL_ID"),
    ],
)
def test_a_start_with_half_of_what_wiseflow_needs_names_what_is_missing(changes, name):
    ended = start(**{**WISEFLOW, **changes})

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"{name} is ")


def test_the_site_starts_with_wiseflows_api():
    assert start(**WISEFLOW).returncode == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("https://europe-api.wiseflow.net/v1/", "https://europe-api.wiseflow.net/v1"),
        ("http://127.0.0.1:8001/wiseflow/v1", "http://127.0.0.1:8001/wiseflow/v1"),
    ],
)
def test_wiseflows_address_keeps_its_version(value, expected):
    assert environment.wiseflow_url(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "api.wiseflow.net/v1",
        "http://10.0.0.1/v1",
        "https://user:hush@wiseflow.net/v1",
        "https://w.net/v1?hush",
        "https://",
    ],
)
def test_wiseflows_address_is_refused_without_repeating_what_it_may_hold(value):
    with pytest.raises(ValueError, match=r"it is not|must be|unencrypted") as caught:
        environment.wiseflow_url(value)
    assert "hush" not in str(caught.value)


@pytest.fixture
def variable(monkeypatch):
    """Sets the variable that the tests read."""

    def set_to(value):
        monkeypatch.setenv("GRADEBRIDGE_TEST", value)

    monkeypatch.delenv("GRADEBRIDGE_TEST", raising=False)
    return set_to


@pytest.mark.parametrize("value", [None, "", "  \t"])
def test_a_missing_value_is_called_missing(variable, value):
    if value is not None:
        variable(value)

    with pytest.raises(SystemExit) as ended:
        read("GRADEBRIDGE_TEST", environment.text)

    assert str(ended.value).startswith("GRADEBRIDGE_TEST is missing. ")
    assert "\n" not in str(ended.value)


def test_a_missing_value_with_a_default_is_the_default():
    assert read("GRADEBRIDGE_TEST_UNSET", environment.whole(least=1, most=9), default="7") == 7


@pytest.mark.parametrize("value", ["$ecret", "$$", "${x}", "a#b", '"quoted"', "a=b", "\\$x"])
def test_a_value_of_any_characters_is_taken_as_it_is(variable, value):
    variable(f" {value} ")

    assert read("GRADEBRIDGE_TEST", environment.text) == value


CASTS = {
    "boolean": environment.boolean,
    "whole": environment.whole(least=1, most=32),
    "seconds": environment.seconds(least=1, most=3600),
    "learn_url": environment.learn_url,
    "database": environment.database,
    "networks": environment.networks,
    "time_zone": environment.time_zone,
    "items": environment.items,
    "hosts": environment.hosts(is_debug=False),
    "origins": environment.origins,
}


@pytest.mark.parametrize(
    ("cast", "value"),
    [
        ("boolean", "maybe"),
        ("boolean", "2"),
        ("whole", "0"),
        ("whole", "33"),
        ("whole", "4.0"),
        ("whole", "-1"),
        ("whole", "four"),
        ("whole", ""),
        ("whole", "٤"),
        ("whole", "9" * 5000),
        ("seconds", "0.5"),
        ("seconds", "3601"),
        ("seconds", "nan"),
        ("seconds", "inf"),
        ("seconds", "1m"),
        ("seconds", ""),
        ("learn_url", "learn.example.edu"),
        ("learn_url", "ftp://learn.example.edu"),
        ("learn_url", "https://"),
        ("learn_url", "https://learn example.edu"),
        ("learn_url", "https://learn.example.edu/learn/api"),
        ("learn_url", "https://learn.example.edu?x=1"),
        ("learn_url", "https://learn.example.edu#x"),
        ("learn_url", "https://learn.example.edu:port"),
        ("learn_url", "https://learn.example.edu:99999"),
        ("learn_url", "https://[::1"),
        ("learn_url", "http://learn.example.edu"),
        ("learn_url", "http://127.0.0.1.example.edu"),
        ("learn_url", "http://localhost.example.edu"),
        ("learn_url", "http://10.0.0.1"),
        ("database", ""),
        ("database", "gradebridge.sqlite3"),
        ("database", "mysql://localhost/gradebridge"),
        ("database", "postgres://user@localhost"),
        ("database", "postgres://user@localhost:port/gradebridge"),
        ("database", "postgres://[::1/gradebridge"),
        ("database", "sqlite://"),
        ("database", "sqlite:///"),
        ("database", "sqlite://:memory:"),
        ("networks", "everywhere"),
        ("networks", "10.0.0.1/24"),
        ("networks", "10.0.0.0/24, x"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", ""),
        ("time_zone", "../etc/passwd"),
        ("time_zone", "Europe"),
        ("hosts", ""),
        ("hosts", " , "),
        ("hosts", "https://grades.example.edu"),
        ("hosts", "grades.example.edu/"),
        ("hosts", "grades.example.edu:8000"),
        ("hosts", "grades.example.edu grades"),
        ("hosts", "grades.example.edu, two words"),
        ("hosts", "::1"),
        ("hosts", "grades.example.edu,*"),
        ("hosts", "."),
        ("origins", "grades.example.edu"),
        ("origins", "//grades.example.edu"),
        ("origins", "ftp://grades.example.edu"),
        ("origins", "https://"),
        ("origins", "https://grades.example.edu/"),
        ("origins", "https://grades.example.edu https://grades"),
        ("origins", "https://grades.example.edu, grades"),
    ],
)
def test_a_senseless_value_is_called_not_usable_in_one_line(variable, cast, value):
    variable(value)

    with pytest.raises(SystemExit) as ended:
        read("GRADEBRIDGE_TEST", CASTS[cast], default="")

    assert str(ended.value).startswith("GRADEBRIDGE_TEST is not usable: ")
    assert str(ended.value).endswith(". Set it in the environment or in .env.")
    assert "\n" not in str(ended.value)


@pytest.mark.parametrize(
    ("cast", "value"),
    [
        ("learn_url", "https://key:sesame@learn.example.edu"),
        ("database", "x://me:sesame@h/n"),
    ],
)
def test_a_password_is_not_repeated_in_the_line(variable, cast, value):
    variable(value)

    with pytest.raises(SystemExit) as ended:
        read("GRADEBRIDGE_TEST", CASTS[cast])

    assert "sesame" not in str(ended.value)


@pytest.mark.parametrize(
    ("cast", "value", "read_as"),
    [
        ("boolean", "TRUE", True),
        ("boolean", "on", True),
        ("boolean", "", False),
        ("boolean", "No", False),
        ("whole", "32", 32),
        ("seconds", "1.5", 1.5),
        ("items", " a, b,,c ", ["a", "b", "c"]),
        ("items", "", []),
        ("networks", "10.0.0.0/8, 192.0.2.7", [ip_network("10.0.0.0/8"), ip_network("192.0.2.7")]),
        ("networks", "", []),
        ("hosts", "grades.example.edu, .example.edu,192.0.2.7", ["grades.example.edu", ".example.edu", "192.0.2.7"]),
        ("hosts", "localhost,[::1]", ["localhost", "[::1]"]),
        ("origins", "", []),
        (
            "origins",
            "https://grades.example.edu, https://*.example.edu",
            ["https://grades.example.edu", "https://*.example.edu"],
        ),
        ("origins", "http://[::1]:8000", ["http://[::1]:8000"]),
        ("time_zone", "Europe/Copenhagen", "Europe/Copenhagen"),
        ("learn_url", "https://learn.example.edu/", "https://learn.example.edu"),
        ("learn_url", "https://learn.example.edu:8443", "https://learn.example.edu:8443"),
        ("learn_url", "http://localhost:8001", "http://localhost:8001"),
        ("learn_url", "http://127.0.0.1:8001/", "http://127.0.0.1:8001"),
        ("learn_url", "http://[::1]:8001", "http://[::1]:8001"),
    ],
)
def test_a_value_that_makes_sense_is_read(variable, cast, value, read_as):
    variable(value)

    assert read("GRADEBRIDGE_TEST", CASTS[cast], default="") == read_as


@pytest.mark.parametrize(
    ("value", "engine", "name"),
    [
        ("sqlite:////var/lib/gradebridge.sqlite3", "django.db.backends.sqlite3", "/var/lib/gradebridge.sqlite3"),
        ("sqlite:///gradebridge.sqlite3", "django.db.backends.sqlite3", "gradebridge.sqlite3"),
        ("postgres://me:p%40ss%23@db.example.edu:5433/grades", "common.database.postgresql", "grades"),
        ("postgresql://me@db.example.edu/grades", "common.database.postgresql", "grades"),
    ],
)
def test_a_database_is_read(value, engine, name):
    config = environment.database(value)

    assert (config["ENGINE"], config["NAME"]) == (engine, name)


def test_a_database_is_read_with_all_that_its_address_says():
    config = environment.database(
        "postgres://me:p%40ss%23@db.example.edu:5433/grades?sslmode=require&connect_timeout=3"
    )

    assert (config["USER"], config["PASSWORD"]) == ("me", "p@ss#")
    assert (config["HOST"], config["PORT"]) == ("db.example.edu", 5433)
    assert (config["OPTIONS"]["sslmode"], config["OPTIONS"]["connect_timeout"]) == ("require", 3)
    assert "pool" in config["OPTIONS"]


class TestMail:
    @pytest.mark.parametrize(
        ("url", "server"),
        [
            ("smtp+tls://me%40x:p%3A1@mail.example.edu", ("mail.example.edu", 587, "me@x", "p:1", True, False)),
            ("smtp+ssl://me:p@mail.example.edu:4465", ("mail.example.edu", 4465, "me", "p", False, True)),
            ("smtp://mail.example.edu", ("mail.example.edu", 25, "", "", False, False)),
            ("smtp://me:p@127.0.0.1:2525", ("127.0.0.1", 2525, "me", "p", False, False)),
        ],
    )
    def test_a_server(self, url, server):
        found = environment.mail(url)

        assert found.pop("EMAIL_BACKEND") == "django.core.mail.backends.smtp.EmailBackend"
        assert tuple(found.values()) == server

    @pytest.mark.parametrize(("url", "backend"), [("", "dummy"), ("consolemail://", "console")])
    def test_none_and_a_printed_one(self, url, backend):
        assert environment.mail(url) == {"EMAIL_BACKEND": f"django.core.mail.backends.{backend}.EmailBackend"}

    @pytest.mark.parametrize(
        "url",
        [
            *("mail.example.edu", "smtps://mail.example.edu", "smtp://", "smtp+tls://mail.example.edu:port"),
            *("smtp://mail.example.edu/inbox", "smtp://me:secret@mail.example.edu", "smtp://mail example.edu"),
        ],
    )
    def test_what_is_no_server_is_refused_without_its_password(self, url):
        with pytest.raises(ValueError) as refusal:
            environment.mail(url)
        assert "secret" not in str(refusal.value)

    @pytest.mark.parametrize("sender", ["a@example.edu", "GradeBridge <a@example.edu>"])
    def test_a_sender(self, sender):
        assert environment.sender(sender) == sender

    @pytest.mark.parametrize("sender", ["", "GradeBridge", "@example.edu", "a@", "a@example.edu\nBcc: b@example.edu"])
    def test_what_is_no_sender_is_refused(self, sender):
        with pytest.raises(ValueError):
            environment.sender(sender)

    def test_a_site_with_a_mail_server_needs_a_sender(self):
        ended = start(EMAIL_URL="smtp://mail.example.edu", DEFAULT_FROM_EMAIL=None)

        assert ended.stderr.startswith("DEFAULT_FROM_EMAIL is missing")


@pytest.mark.parametrize(
    ("origins", "hosts", "is_behind_tls", "url"),
    [
        (
            ["https://*.example.edu", "https://grades.example.edu:8443"],
            ["a.edu"],
            True,
            "https://grades.example.edu:8443",
        ),
        ([], [".example.edu", "grades.example.edu"], True, "https://grades.example.edu"),
        ([], ["localhost"], False, "http://localhost"),
        ([], ["*", ".example.edu"], False, ""),
    ],
)
def test_the_address_of_the_site_is_the_first_that_is_one_name(origins, hosts, is_behind_tls, url):
    assert environment.site_url(origins, hosts, is_behind_tls=is_behind_tls) == url


@pytest.mark.parametrize("value", ["refuse", "REFUSE", "Refuse"])
def test_one_of_some_words_is_read_whatever_its_case(value):
    assert environment.one_of("store", "refuse")(value) == "refuse"


@pytest.mark.parametrize("value", ["", "no", "refuse it"])
def test_any_other_word_is_refused(value):
    with pytest.raises(ValueError, match="store, refuse"):
        environment.one_of("store", "refuse")(value)
