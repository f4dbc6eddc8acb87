"""A token of the provider is believed only if the provider has signed it, for this site and for this sign-in."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from common.signing_in import provider_backend
from common.signing_in.provider_backend import ProviderBackend
from common.signing_in.refusals import Refused

ISSUER, CLIENT, SECRET, NONCE = "https://login.example.edu", "gradebridge", "secret of the client " * 3, "n-1"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def published(key, name="k1"):
    return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": name, "use": "sig"}


@pytest.fixture
def backend(settings, monkeypatch):
    settings.OIDC_ISSUER, settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = ISSUER, CLIENT, SECRET
    monkeypatch.setattr(provider_backend, "described", lambda: {"jwks_uri": "keys"})
    monkeypatch.setattr(provider_backend, "ask", lambda *_: {"keys": [published(KEY), published(STRANGE_KEY, "k2")]})
    return ProviderBackend()


def claims(**changes):
    now = int(time.time())
    given = {"iss": ISSUER, "aud": CLIENT, "sub": "s1", "nonce": NONCE, "iat": now, "exp": now + 60} | changes
    return {name: value for name, value in given.items() if value is not None}


def token(*, key=KEY, algorithm="RS256", name="k1", **changes):
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": name})


def test_a_good_token_is_believed(backend):
    assert backend.verify_token(token(), nonce=NONCE)["sub"] == "s1"
    assert backend.verify_token(token(aud=[CLIENT, "another"], azp=CLIENT), nonce=NONCE)


@pytest.mark.parametrize(
    "made",
    [
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "https://login.example.edu/"},
        {"iss": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"key": STRANGE_KEY},
        {"name": "k3"},
        {"key": SECRET, "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
        {"algorithm": "RS512"},
    ],
)
def test_any_other_is_not(backend, made):
    with pytest.raises(Refused):
        backend.verify_token(token(**made), nonce=NONCE)


@pytest.mark.parametrize("text", [None, "", "a.b.c", 7, "é", b"\xff", {}, "a" * 100_000])
def test_what_is_no_token_is_not(backend, text):
    with pytest.raises(Refused):
        backend.verify_token(text, nonce=NONCE)


@pytest.mark.parametrize(
    "keys", [{}, {"keys": None}, {"keys": []}, {"keys": ["k1"]}, {"keys": [{"kty": "RSA", "kid": "k1"}]}]
)
def test_odd_keys_of_the_provider_sign_no_one_in(backend, monkeypatch, keys):
    monkeypatch.setattr(provider_backend, "ask", lambda *_: keys)
    with pytest.raises(Refused):
        backend.verify_token(token(), nonce=NONCE)


def test_no_request_without_the_nonce_of_the_page_is_looked_at(backend, rf):
    asked = rf.get("/admin/login/?code=x&state=y")
    assert backend.authenticate(asked, username="root", password="x") is None
    assert backend.authenticate(None, nonce=NONCE) is None
