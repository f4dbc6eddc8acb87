"""The variables of signing in: what makes no sense ends the start with one line that names the variable."""

import pytest

from gradebridge import environment
from tests.gradebridge.test_environment import start

PROVIDER = {
    "OIDC_ISSUER": "https://login.example.edu/realms/staff",
    "OIDC_CLIENT_ID": "gradebridge",
    "OIDC_CLIENT_SECRET": "secret",
    "OIDC_ROLES": "it=Administrators",
    "LOCAL_SIGN_IN": "",
}


def test_the_site_starts_without_asking_the_provider():
    assert start(**PROVIDER).returncode == 0


@pytest.mark.parametrize("name", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ROLES"])
def test_what_a_provider_needs_must_be_set(name):
    ended = start(**PROVIDER | {name: ""})
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith(f"{name} is missing, and OIDC_ISSUER is set.")


@pytest.mark.parametrize(
    "value",
    [
        "login.example.edu",
        "http://login.example.edu",
        "https://user:password@login.example.edu",
        "https://login.example.edu?tenant=1",
        "https://login.example.edu/#x",
        "ftp://login.example.edu",
        "https://login.example.edu:port",
        "https://login example.edu",
    ],
)
def test_an_issuer_is_an_https_address_and_is_never_repeated(value):
    with pytest.raises(ValueError) as refused:
        environment.issuer(value)
    assert "password@" not in str(refused.value)


def test_an_issuer_is_kept_as_it_is_written():
    assert environment.issuer("https://login.example.edu/") == "https://login.example.edu/"
    assert environment.issuer("http://localhost:9400") == "http://localhost:9400"


def test_roles_are_pairs():
    given = "exam-office=Managers, it = Administrators,CN=staff=Managers"
    pairs = [("exam-office", "Managers"), ("it", "Administrators"), ("CN=staff", "Managers")]
    assert environment.roles(given) == pairs
    assert environment.roles("") == []


@pytest.mark.parametrize("value", ["it", "it=", "=Managers", "it=Managers,guests", "="])
def test_half_a_pair_is_refused(value):
    with pytest.raises(ValueError):
        environment.roles(value)


@pytest.mark.parametrize(
    ("value", "has_provider", "is_on"),
    [("", False, True), ("", True, False), ("true", True, True), ("true", False, True), ("false", True, False)],
)
def test_passwords_are_on_where_there_is_no_provider(value, has_provider, is_on):
    assert environment.local_sign_in(has_provider=has_provider)(value) is is_on


def test_a_site_into_which_no_one_could_get_does_not_start():
    with pytest.raises(ValueError, match="no one could sign in"):
        environment.local_sign_in(has_provider=False)("false")


@pytest.mark.parametrize("value", ["", "yes", "Required", "OPTIONAL"])
def test_the_second_factor_is_one_of_three(value):
    read = environment.one_of("off", "optional", "required")
    if value.lower() in ("optional", "required"):
        assert read(value) == value.lower()
    else:
        with pytest.raises(ValueError, match="none of off, optional, required"):
            read(value)
