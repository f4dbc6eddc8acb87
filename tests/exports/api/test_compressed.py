"""Bodies that come compressed: gzip is unpacked within the bound, and nothing else is."""

import gzip
import http.client
import json
import tracemalloc
import zlib

import pytest

from exports.models import ExportAttempt, Flow
from tests.exports.api.site import site

PATHS = [
    "/api/wiseflow/flows/77/export",
    "/api/wiseflow/flows/77/export/?rehearsal=true",
    "/api/wiseflow/export",
    "/api/wiseflow/export?rehearsal=1",
]
BODY = json.dumps({"flowId": "77", "participants": [{"userId": 1, "mark": "B"}]}).encode()
PACKED = gzip.compress(BODY, mtime=0)
MEGABYTE = b" " * 1_000_000


def send(wiseflow, content, encoding, path=PATHS[0], method="POST"):
    headers = {**wiseflow.headers, "Content-Encoding": encoding}
    return wiseflow.client.generic(method, path, content, headers=headers, CONTENT_TYPE="application/json")


def bomb(megabytes):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(MEGABYTE) for _ in range(megabytes)) + packer.flush()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", PACKED),
        ("GZIP", PACKED),
        (" x-gzip ", PACKED),
        ("identity", BODY),
        ("Identity", BODY),
        ("", BODY),
        pytest.param("gzip", gzip.compress(BODY[:20], mtime=0) + gzip.compress(BODY[20:], mtime=0), id="two members"),
        pytest.param("gzip", PACKED + b"\0" * 100, id="padded with zeros"),
        pytest.param("gzip", gzip.compress(b"\xef\xbb\xbf" + BODY, mtime=0), id="with a byte order mark"),
        pytest.param("gzip", gzip.compress(BODY, compresslevel=0, mtime=0), id="not made smaller"),
    ],
)
def test_a_body_is_read_as_its_encoding_says(wiseflow, path, method, encoding, content):
    response = send(wiseflow, content, encoding, path, method)

    assert response.status_code == 200
    assert [error["userId"] for error in response.json()["errors"]] == [1]  # the flow is not mapped
    assert ExportAttempt.objects.exists() is ("rehearsal" not in path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "encoding",
    [
        "deflate",
        "br",
        "zstd",
        "compress",
        "gzip, gzip",
        "gzip,identity",
        "identity, gzip",
        "*",
        "gzip;q=1",
        "utf-8",
        "é",
    ],
)
def test_any_other_encoding_is_a_415_that_names_it(wiseflow, path, encoding):
    response = send(wiseflow, PACKED, encoding, path)

    assert response.status_code == 415
    assert response["Accept-Encoding"] == "gzip"
    assert response.json()["detail"] == (
        f"The Content-Encoding '{encoding}' is not supported. Send the request body uncompressed, or use gzip."
    )
    assert not Flow.objects.exists()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(PACKED[:-1], "not complete", id="a byte short"),
        pytest.param(PACKED[:-8], "not complete", id="without its check sum"),
        pytest.param(PACKED[:15], "not complete", id="the beginning alone"),
        pytest.param(PACKED[:5], "not complete", id="half a header"),
        pytest.param(BODY, "not valid gzip", id="not packed at all"),
        pytest.param(zlib.compress(BODY), "not valid gzip", id="zlib"),
        pytest.param(PACKED[:-6] + b"xx" + PACKED[-4:], "not valid gzip", id="another check sum"),
        pytest.param(PACKED[:-4] + b"\1\0\0\0", "not valid gzip", id="another length"),
        pytest.param(PACKED[:10] + b"\xff" * 20 + PACKED[30:], "not valid gzip", id="senseless within"),
        pytest.param(PACKED + b"{}", "not valid gzip", id="something behind it"),
        pytest.param(b"", "The request body is empty", id="empty"),
        pytest.param(gzip.compress(b"", mtime=0), "The request body is empty", id="nothing packed"),
        pytest.param(gzip.compress(PACKED, mtime=0), "not UTF-8", id="packed twice"),
    ],
)
def test_broken_gzip_is_a_400_with_a_sentence(wiseflow, path, content, says):
    response = send(wiseflow, content, "gzip", path)

    assert response.status_code == 400
    assert says in response.json()["detail"]
    assert not Flow.objects.exists()


def test_the_bound_is_of_the_unpacked_body(wiseflow, settings):
    settings.EXPORT_MAX_BYTES = len(BODY)

    assert send(wiseflow, PACKED, "gzip").status_code == 200
    refused = send(wiseflow, gzip.compress(BODY + b" ", mtime=0), "gzip")
    assert refused.status_code == 413
    assert f"larger than {len(BODY)} bytes (EXPORT_MAX_BYTES)" in refused.json()["detail"]


def test_a_body_that_is_too_large_packed_is_not_unpacked(wiseflow, settings):
    settings.EXPORT_MAX_BYTES = 1000

    assert send(wiseflow, gzip.compress(b"", mtime=0) * 200, "gzip").status_code == 413


def test_a_bomb_is_refused_without_being_unpacked(wiseflow):
    content = bomb(500)
    tracemalloc.start()
    response = send(wiseflow, content, "gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert response.status_code == 413
    assert peak < 60_000_000
    assert not Flow.objects.exists()


def test_a_compressed_body_in_chunks_is_read_over_a_real_connection(transactional_db, wiseflow):
    headers = {**wiseflow.headers, "Content-Type": "application/json", "Content-Encoding": "gzip"}

    with site() as address:
        connection = http.client.HTTPConnection(*address, timeout=10)
        connection.request("POST", PATHS[2], iter([PACKED[:7], PACKED[7:]]), headers, encode_chunked=True)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()

    assert (answer.status, content["numberOfErrors"]) == (200, 1)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "x"])
def test_the_token_address_takes_no_compressed_form(wiseflow, encoding):
    answer = wiseflow.client.post("/oauth2/token/", {"grant_type": "x"}, headers={"Content-Encoding": encoding})

    assert answer.status_code == 415
    assert answer.json()["error"] == "invalid_request"
    assert f"'{encoding}'" in answer.json()["error_description"]


@pytest.mark.parametrize("encoding", ["", "identity", " IDENTITY "])
def test_the_token_address_takes_a_form_as_it_is(wiseflow, encoding):
    answer = wiseflow.client.post(
        "/oauth2/token/",
        "grant_type=x",
        content_type="application/x-www-form-urlencoded",
        headers={"Content-Encoding": encoding},
    )

    assert answer.json()["error"] == "unsupported_grant_type"
