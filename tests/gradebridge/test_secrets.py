"""Keys that can be guessed, hosts that are anyone's and secrets in files: refused, or read, at the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradebridge import environment
from gradebridge.environment import read
from tests.gradebridge.test_environment import start

KEY = "Tv3hCqyW8dE1rXz0aKmLp9sGuBnJ7fQiOo2YtRw5Vb6cDxSe4Mn7"


@pytest.fixture
def name(monkeypatch):
    """A variable that is not set."""
    monkeypatch.delenv("GRADEBRIDGE_TEST", raising=False)
    monkeypatch.delenv("GRADEBRIDGE_TEST_FILE", raising=False)
    return "GRADEBRIDGE_TEST"


@pytest.fixture
def in_a_file(tmp_path, monkeypatch, name):
    """Has the variable come from a file of this content."""

    def write(content: bytes):
        path = tmp_path / "secret"
        path.write_bytes(content)
        monkeypatch.setenv(f"{name}_FILE", str(path))

    return write


@pytest.mark.parametrize(
    "key", ["a", "x" * 49, "x" * 60, "abcd" * 20, "django-insecure-" + KEY, *environment.PUBLISHED_KEYS]
)
def test_a_key_that_can_be_guessed_is_refused_without_repeating_it(key):
    with pytest.raises(ValueError) as refusal:
        environment.secret_key(is_debug=False)(key)

    assert environment.MAKES_A_KEY in str(refusal.value)
    assert key == "a" or key not in str(refusal.value)
    assert environment.secret_key(is_debug=True)(key) == key


def test_the_command_that_the_refusal_names_makes_a_key_that_is_accepted():
    python, _option, program = environment.MAKES_A_KEY.split(" ", 2)
    assert python == "python3"
    made = subprocess.run(
        [sys.executable, "-c", program.strip('"')], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert environment.secret_key(is_debug=False)(made) == made


@pytest.mark.parametrize("host", ["*", "grades.example.edu,*", "."])
def test_a_host_that_is_any_name_is_refused_but_for_debugging(host):
    with pytest.raises(ValueError, match="any name"):
        environment.hosts(is_debug=False)(host)
    assert environment.hosts(is_debug=True)(host)


@pytest.mark.parametrize(
    ("hosts", "is_debug", "is_insecure", "expected"),
    [
        (["localhost", "127.0.0.1", "[::1]", "grades.localhost"], False, False, False),
        (["localhost", "grades"], False, False, True),
        (["grades.example.edu"], False, False, True),
        (["10.0.0.5"], False, False, True),
        (["grades"], False, True, False),
        (["grades.example.edu"], True, False, False),
    ],
)
def test_a_site_is_behind_tls_unless_it_says_otherwise_or_is_this_machine_alone(hosts, is_debug, is_insecure, expected):
    assert environment.is_behind_tls(hosts, is_debug=is_debug, is_insecure=is_insecure) is expected


@pytest.mark.parametrize(
    "content", [b"pass phrase", b"pass phrase\n", b"pass phrase\r\n", b"\xef\xbb\xbfpass phrase\n"]
)
def test_a_value_comes_from_a_file_without_its_line_break(in_a_file, name, content):
    in_a_file(content)

    assert read(name, environment.text) == "pass phrase"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"x" * 70_000, "more than one line"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
@pytest.mark.parametrize("default", [None, "something"])
def test_a_file_without_one_value_is_refused_without_repeating_it(in_a_file, name, content, reason, default):
    in_a_file(content)

    with pytest.raises(SystemExit, match=reason) as ended:
        read(name, environment.text, default=default)

    assert str(ended.value).startswith(f"{name}_FILE is not usable: ")
    assert "\n" not in str(ended.value)
    assert "two" not in str(ended.value)


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/", "a\0b"])
def test_a_file_that_cannot_be_read_is_refused(monkeypatch, name, path):
    monkeypatch.setattr(os, "environ", {**os.environ, f"{name}_FILE": path})

    with pytest.raises(SystemExit, match=f"{name}_FILE is not usable: "):
        read(name, environment.text)


def test_a_value_and_a_file_are_one_too_many(in_a_file, name, monkeypatch):
    in_a_file(b"sesame")
    monkeypatch.setenv(name, "open")

    with pytest.raises(SystemExit, match=f"{name} is not usable: {name}_FILE is set too") as ended:
        read(name, environment.text)
    assert "sesame" not in str(ended.value)


def test_an_empty_variable_leaves_the_word_to_the_file(in_a_file, name, monkeypatch):
    in_a_file(b"sesame")
    monkeypatch.setenv(name, "")

    assert read(name, environment.text) == "sesame"


def test_a_senseless_value_in_a_file_is_refused_as_anywhere(in_a_file, name):
    in_a_file(b"soon")

    with pytest.raises(SystemExit, match="It is in the file that GRADEBRIDGE_TEST_FILE names"):
        read(name, environment.seconds(least=1, most=9))


def test_the_site_starts_with_all_its_secrets_in_files(tmp_path: Path):
    secrets_of_site = {
        "SECRET_KEY": KEY,
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "LEARN_KEY": "key",
        "LEARN_SECRET": "a secret",
        "EMAIL_URL": "smtp+tls://me:p@mail.example.edu",
        "WISEFLOW_CLIENT_ID": "id",
        "WISEFLOW_CLIENT_SECRET": "another secret",
    }
    files = {}
    for variable, value in secrets_of_site.items():
        (tmp_path / variable).write_text(value + "\n")
        files |= {variable: None, f"{variable}_FILE": str(tmp_path / variable)}

    started = start(**files, WISEFLOW_URL="https://europe-api.wiseflow.net/v1", WISEFLOW_EXTERNAL_ID="Learn id")

    assert (started.returncode, started.stderr) == (0, "")


def test_a_site_of_this_machine_alone_needs_no_further_variable():
    started = start(INSECURE_HTTP=None, ALLOWED_HOSTS="localhost,127.0.0.1", SECRET_KEY=KEY)

    assert started.returncode == 0


@pytest.mark.parametrize(("name", "value"), [("SECRET_KEY", "a"), ("ALLOWED_HOSTS", "*"), ("INSECURE_HTTP", "maybe")])
def test_a_weak_value_ends_the_start_with_one_line(name, value):
    ended = start(**{name: value})

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"{name} is not usable: ")


def test_a_weak_value_will_do_for_debugging():
    assert start(DEBUG="true", SECRET_KEY="a", ALLOWED_HOSTS="*").returncode == 0
