"""Assets over HTTP (F4): recognized by content, served so that nothing in them runs."""

import io
from hashlib import md5
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.http.conftest import Call, Connection, People
from tests.http.files import SVG, png, wav
from tests.pairs import value


def send(call: Call, content: bytes, name: str = "ann", file: str = "sprite.png", **fields: str) -> TestResponse:
    data: dict[str, Any] = {"asset": (io.BytesIO(content), file), **fields}
    return call(name, "POST", "/api/assets/", data=data)


def test_an_upload_as_existing_clients_send_it(call: Call, people: People) -> None:
    for path in ("/api/assets/", "/api/assets"):
        data = {"asset": (io.BytesIO(png()), "sprite.png"), "type": "costume", "format": "png"}
        answer = call("ann", "POST", path, data=data)
        assert answer.status_code == 200
        assert answer.json is not None
        assert answer.json["assetId"] == md5(png(), usedforsecurity=False).hexdigest()
        assert answer.json["md5ext"] == answer.json["assetId"] + ".png"


def test_the_same_content_is_one_asset_whoever_sends_it(call: Call, people: People, connection: Connection) -> None:
    first, second = send(call, png(), "ann"), send(call, png(), "bob", type="backdrop")
    assert first.json is not None
    assert second.json == first.json | {"created": False}
    assert value(connection, "select count(*) from lockstep.assets") == 1


@pytest.mark.parametrize(
    ("content", "use", "format", "media_type"),
    [
        (png(), "costume", "png", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "backdrop", "jpg", "image/jpeg"),
        (b"GIF89a" + bytes(8), "costume", "gif", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "costume", "webp", "image/webp"),
        (b"BM" + bytes(30), "costume", "bmp", "image/bmp"),
        (SVG, "costume", "svg", "image/svg+xml"),
        (wav(), "sound", "wav", "audio/wav"),
        (b"ID3\x03" + bytes(12), "sound", "mp3", "audio/mpeg"),
        (b"OggS" + bytes(12), "sound", "ogg", "audio/ogg"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_is_recognized_by_its_content_and_served_as_what_it_is(
    call: Call, people: People, content: bytes, use: str, format: str, media_type: str
) -> None:
    made = send(call, content, type=use).json
    assert made is not None
    assert made["format"] == format
    for name in (made["assetId"], made["md5ext"]):
        answer = call("bob", "GET", f"/api/assets/{name}")
        assert (answer.status_code, answer.data, answer.content_type) == (200, content, media_type)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "script" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"", {}),
        (b"plain text", {}),
        (b"<html><script>alert(1)</script></html>", {}),
        (b"%PDF-1.7", {}),
        (png(), {"format": "jpg"}),
        (png(), {"type": "sound"}),
        (wav(), {"type": "costume"}),
        (SVG.replace(b"<path", b"<script>alert(1)</script><path"), {}),
        (SVG.replace(b"<path", b"<path onclick='alert(1)'"), {}),
    ],
)
def test_what_is_none_or_not_what_is_said_is_refused(
    call: Call, people: People, connection: Connection, content: bytes, fields: dict[str, str]
) -> None:
    answer = send(call, content, **fields)
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["code"] == "content_refused"
    assert value(connection, "select count(*) from lockstep.blobs") == 0


@pytest.mark.parametrize("format", ["JPEG", ".jpg", "jpeg"])
def test_a_format_may_be_spelled_in_another_way(call: Call, people: People, format: str) -> None:
    made = send(call, b"\xff\xd8\xff\xe0\x00\x10JFIF", format=format).json
    assert made is not None
    assert call("ann", "GET", f"/api/assets/{made['assetId']}.jpeg").status_code == 200


def test_an_asset_that_is_not_there_or_not_of_this_format_is_not_found(call: Call, people: People) -> None:
    made = send(call, png()).json
    assert made is not None
    for name in (f"{made['assetId']}.svg", "0" * 32, "0" * 32 + ".png", "nothing"):
        answer = call("ann", "GET", f"/api/assets/{name}")
        assert answer.status_code == 404
        assert answer.json is not None
        assert answer.json["code"] == "asset_not_found"
    assert call(None, "GET", f"/api/assets/{made['assetId']}").status_code == 401


def test_what_the_client_has_already_is_not_sent_again(call: Call, people: People) -> None:
    made = send(call, png()).json
    assert made is not None
    path = f"/api/assets/{made['md5ext']}"
    etag = call("ann", "GET", path).headers["ETag"]
    again = call("ann", "GET", path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert "immutable" in again.headers["Cache-Control"]


def test_another_content_with_the_same_id_is_refused(call: Call, people: People, connection: Connection) -> None:
    connection.execute("insert into lockstep.blobs (sha256, content) values (sha256('another'), 'another')")
    connection.execute(
        "insert into lockstep.assets (id, sha256, type, format) values (%s, sha256('another'), 'costume', 'png')",
        [md5(png(), usedforsecurity=False).hexdigest()],
    )
    answer = send(call, png())
    assert answer.status_code == 409
    assert answer.json is not None
    assert answer.json["code"] == "asset_id_taken"


def test_an_asset_beyond_its_limit_is_refused(call: Call, people: People, connection: Connection) -> None:
    connection.execute("select lockstep.change_setting('asset_limit', '1000')")
    assert send(call, png() + bytes(2_000)).status_code == 413
    assert send(call, png() + bytes(200_000)).status_code == 413
    assert value(connection, "select count(*) from lockstep.blobs") == 0
