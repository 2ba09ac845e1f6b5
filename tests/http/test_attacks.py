"""What a request may hold to do harm: each is refused or does none, and no answer tells what it should not.

Attacks on tokens and on signing in stand in test_login.py and test_oidc.py, another student's id in
test_matrix.py.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.http.conftest import Call, Connection, People, add_people, token_of
from tests.http.examples import EXAMPLES, methods, rules
from tests.pairs import rows, value

INJECTIONS = (
    "'; drop table lockstep.users cascade; --",
    "%s %(p_actor_id)s {} $1 \\' || pg_sleep(9) || \"",
    "PLAYER\x00",
    "\ud800",
    "../../etc/passwd\r\nSet-Cookie: admin=1",
)
NUMBERS = (
    *("1e400", "-1e400", "NaN", "-Infinity", "9223372036854775808", "-9223372036854775809", "1e-400", "-0"),
    *("1" * 5000, "0x10", "010", "0.5", '"5"', "true"),
)
# What does fit a field for whole numbers, and one for numbers.
FIT = {"integer": {"-0"}, "number": {"-0", "1e-400", "0.5"}, "boolean": {"true"}, "string": {'"5"'}}

# Names that an object of ours has, or that a function takes, and that no request may choose.
CHOSEN = {
    *("id", "actor_id", "p_actor_id", "requested_by", "advanced_by", "is_active", "is_admin", "password_hash"),
    *("created_at", "current_level", "max_achieved_level", "session_id", "__class__", "__proto__", "constructor"),
}

MEMBERS = {
    *("type", "title", "status", "code", "error_type", "retry", "request_id"),
    *("detail", "hint", "sqlstate", "errors", "checks"),
    # Of a stale write: what happened since.
    *("project_id", "expected_version", "current_version", "modified_by", "modified_by_name", "modified_at"),
    *("changed_fields", "colliding_fields", "mergeable", "changes", "current"),
}
# What no answer tells: a stack, SQL, the driver, a token.
TELLTALE = re.compile(
    r"Traceback|File \"|psycopg|werkzeug|pg_catalog|syntax error|\bselect\b.*\bfrom\b|insert into|\brelation\b|eyJ",
    re.IGNORECASE,
)
# Written by our own functions, which name what they speak of, and repeat what they were given.
OWN_WORDS = {"detail", "hint"}

READ_ME = "/api/v1/me"
ANN = "/api/v1/users/{ann}/progress/PLAYER"


def check(answer: TestResponse, *statuses: int) -> TestResponse:
    """Let an answer pass that has one of these statuses (or any below 500), its id, and tells nothing."""
    assert answer.status_code in statuses if statuses else answer.status_code < 500, (answer.status_code, answer.text)
    assert re.fullmatch(r"[A-Za-z0-9-]{1,64}", answer.headers["X-Request-Id"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert answer.content_type == "application/problem+json"
        problem = answer.json
        assert problem is not None
        assert problem.keys() <= MEMBERS
        assert problem["request_id"] == answer.headers["X-Request-Id"]
        told = json.dumps({name: member for name, member in problem.items() if name not in OWN_WORDS})
        assert not TELLTALE.search(told), told
    return answer


@dataclass(frozen=True)
class Field:
    """Where something can be put into a request, by the served document."""

    endpoint: str
    place: str
    name: str
    types: frozenset[str]


def fields(app: Flask) -> Iterator[Field]:
    """Every parameter, and every field of every body and every form."""
    document: dict[str, Any] = app.api_doc  # type: ignore[attr-defined]
    for endpoint, rule in rules(app).items():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        (method,) = methods(rule)
        described = document["paths"].get(path, {}).get(method.lower(), {})
        for parameter in described.get("parameters", []):
            yield Field(endpoint, parameter["in"], parameter["name"], types(parameter["schema"]))
        for kind, content in described.get("requestBody", {}).get("content", {}).items():
            place = "form" if kind == "multipart/form-data" else "body"
            name = content["schema"]["$ref"].rpartition("/")[2]
            for field, schema in document["components"]["schemas"][name]["properties"].items():
                yield Field(endpoint, place, field, types(schema))


def types(schema: dict[str, Any]) -> frozenset[str]:
    return frozenset(one.get("type", "string") for one in schema.get("anyOf", [schema]))


Send = Callable[[Field, str], TestResponse]


@pytest.fixture
def send(app: Flask, connection: Connection) -> Send:
    """Send the example of a route with one field changed, as an admin; in a body the text is JSON already."""
    places: dict[str, People] = {}

    def send(field: Field, text: str) -> TestResponse:
        endpoint = field.endpoint
        if endpoint not in places:
            made = add_people(connection, f"-{endpoint}")
            group = value(
                connection, "select min(group_id) from lockstep.group_members where user_id = %s", made["ann"]
            )
            places[endpoint] = {"user_id": made["ann"], "group_id": group, "admin": made["admin"]}
        headers = {"Authorization": f"Bearer {token_of(app, connection, places[endpoint]['admin'])}"}
        changed = {field.name: text} if field.place == "path" else {}
        request = EXAMPLES[endpoint].request(rules(app)[endpoint], **{**places[endpoint], **changed})
        if field.place == "body":
            body = json.dumps(request.pop("json") | {field.name: "@"})
            request |= {"data": body.replace('"@"', text), "content_type": "application/json"}
        elif field.place == "form":
            request["data"] = {**request["data"], field.name: text}
        elif field.place == "query":
            request["query_string"] = request["query_string"] | {field.name: text}
        elif field.place == "header":
            headers[field.name] = re.sub(r"[\r\n]", " ", text)
        return app.test_client().open(headers=headers, **request)

    return send


# In every field of every route ------------------------------------------------------------------


def test_sql_and_broken_text_in_a_field_is_a_value_like_any_other(
    app: Flask, connection: Connection, send: Send
) -> None:
    tables = "select relname from pg_class where relnamespace = 'lockstep'::regnamespace order by relname"
    before = rows(connection, tables)
    tried = 0
    for field in fields(app):
        for text in INJECTIONS:
            if field.place == "body":
                check(send(field, json.dumps(text)))
            else:
                check(send(field, text.encode(errors="replace").decode()))
            tried += 1
    assert tried > 300
    assert rows(connection, tables) == before


def test_a_text_is_kept_as_it_was_sent(call: Call, people: People) -> None:
    path = ANN.format(**people)
    check(call("iris", "PUT", f"{path}/level", json={"new_level": 2, "reason": INJECTIONS[0]}), 200)
    history = call("ann", "GET", f"{path}/history").json
    assert history is not None
    assert history["items"][0]["reason"] == INJECTIONS[0]


def test_a_number_that_does_not_fit_its_field_is_refused(app: Flask, send: Send) -> None:
    tried = 0
    for field in fields(app):
        if field.place == "body" and field.types & {"integer", "number", "boolean"}:
            for text in NUMBERS:
                fits = any(text in FIT.get(kind, ()) for kind in field.types)
                check(send(field, text), *(() if fits else (400, 422)))
                tried += 1
    assert tried > 100


def test_a_field_that_is_not_the_callers_to_set_is_refused(app: Flask, send: Send) -> None:
    bodies = {
        field.endpoint: {one.name for one in fields(app) if one.endpoint == field.endpoint} for field in fields(app)
    }
    with_body = {field.endpoint for field in fields(app) if field.place == "body"}
    assert len(with_body) > 10
    for endpoint in with_body:
        for name in CHOSEN - bodies[endpoint]:
            answer = check(send(Field(endpoint, "body", name, frozenset()), '"admin"'), 422)
            assert answer.json is not None
            assert [error["field"] for error in answer.json["errors"]] == [name]


def test_a_query_that_nobody_asked_for_is_refused_where_there_is_a_query(app: Flask, send: Send) -> None:
    with_query = {field.endpoint for field in fields(app) if field.place == "query"}
    assert len(with_query) > 10
    # A provider may add to what it sends back.
    for endpoint in with_query - {"oidc.callback"}:
        check(send(Field(endpoint, "query", "p_actor_id", frozenset()), "1"), 422)


# Bodies -------------------------------------------------------------------------------------------


@pytest.fixture
def post(call: Call, people: People) -> Callable[..., TestResponse]:
    """Post bytes to a route that takes JSON."""

    def post(data: bytes, content_type: str | None = "application/json", **options: Any) -> TestResponse:
        path = f"{ANN.format(**people)}/xp"
        return call("iris", "POST", path, data=data, content_type=content_type, **options)

    return post


Post = Callable[..., TestResponse]


def test_a_megabyte_of_json_is_too_large_for_any_route(app: Flask, send: Send) -> None:
    for endpoint in {field.endpoint for field in fields(app) if field.place == "body"}:
        answer = check(send(Field(endpoint, "body", "x", frozenset()), json.dumps("x" * (1 << 20))), 413)
        assert answer.json is not None
        assert answer.json["code"] == "payload_too_large"


def test_a_body_without_a_length_is_cut_off_too(post: Post) -> None:
    endless = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    check(post(b'"' + b"x" * (1 << 20) + b'"', environ_overrides=endless), 413)


NO_JSON = (
    b"[" * 10_000,
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"xp_gained": 1',
    b'{"xp_gained": 1} {}',
    b'{"xp_gained": 1, "xp_gained": 100000}',
    b'{"xp_gained": 1, "xp_g\\u0061ined": 100000}',
    b'{"xp_gained": NaN}',
    b'{"xp_gained": ' + b"9" * 5000 + b"}",
    b'{"reason": "\xff\xfe"}',
    b'{"reason": "\xed\xa0\x80"}',
    b"\xef\xbb\xbf{}",
    '{"xp_gained": 1}'.encode("utf-16"),
    b'{"reason": "\x00"}',
    b"\x00",
    b"<xml/>",
)
NO_OBJECT = (b"[]", b"null", b"1", b'"{\\"xp_gained\\": 1}"', b"[{}]", b'{"reason": {}}')


def test_what_is_no_json_is_malformed_and_what_is_no_object_of_the_route_invalid(post: Post) -> None:
    found = {data: check(post(data)).json["code"] for data in NO_JSON + NO_OBJECT}  # type: ignore[index]
    assert found == dict.fromkeys(NO_JSON, "malformed_request") | dict.fromkeys(NO_OBJECT, "invalid_request")


def test_another_kind_of_content_is_not_read(post: Post) -> None:
    kinds = (
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"),
        *("text/json", "application/json-patch", "json", "", "application/x-yaml", None),
    )
    found = {kind: check(post(b'{"xp_gained": 1}', kind)).status_code for kind in kinds}
    assert found == dict.fromkeys(kinds, 415)


# Methods, headers, paths --------------------------------------------------------------------------


def test_a_method_that_is_not_offered_is_refused_with_those_that_are(app: Flask, call: Call) -> None:
    for rule in rules(app).values():
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in ("TRACE", "CONNECT", "PROPFIND"):
            allowed = {
                one.strip() for one in check(call("admin", method, path), 404, 405).headers.get("Allow", "").split(",")
            }
            assert methods(rule) <= allowed or "static" in path or "swagger" in path, (method, path)


def test_head_and_options_tell_no_more_than_get(app: Flask, call: Call) -> None:
    for rule in rules(app).values():
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        if rule.rule.startswith("/api/") and "GET" in (rule.methods or ()):
            assert check(call(None, "HEAD", path)).data == b""
            assert check(call(None, "HEAD", path)).status_code == check(call(None, "GET", path)).status_code
        assert check(call(None, "OPTIONS", path), 200, 401, 404).headers.get("Access-Control-Allow-Origin") is None


def test_no_header_makes_another_method_of_it(call: Call, people: People) -> None:
    path = f"/api/v1/users/{people['ann']}"
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        check(call("admin", "GET", path, headers={header: "DELETE"}), 200)
        check(call("admin", "POST", f"{path}?_method=PATCH", headers={header: "PATCH"}, json={"name": "X"}), 405)
    assert call("admin", "GET", path).json == call("ann", "GET", READ_ME).json


def test_an_id_of_a_request_that_is_not_plain_is_replaced(call: Call) -> None:
    def answered(given: str) -> str:
        headers = {"X-Request-Id": given.encode().decode("latin-1")}
        return check(call("ann", "GET", READ_ME, headers=headers), 200).headers["X-Request-Id"]

    for given in ("x" * 65, "a b", "a;b", '"><script>', "ü", "", "{{7*7}}", "../x", "a\tb", "٣"):
        assert answered(given) != given
    assert answered("from-a-proxy-1") == "from-a-proxy-1"


def test_no_header_makes_somebody_else_of_the_caller(call: Call, people: People) -> None:
    for header in (
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Original-URL": "/api/v1/runs"},
        {"X-Rewrite-URL": "/api/v1/runs"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-User-Id": str(people["admin"])},
        {"Cookie": "session=admin; role=admin"},
        {"Host": "attacker.example.org"},
    ):
        answer = check(call("ann", "GET", READ_ME, headers=header), 200)
        assert answer.json is not None
        assert answer.json["id"] == people["ann"]
        assert "attacker" not in check(call("ann", "GET", "/api/v1/runs", headers=header), 403).text


PATHS = (
    *("//api/v1/runs", "/api//v1/runs", "/api/v1//runs", "/api/v1/runs/", "/api/v1/runs//", "/api/v1/./runs"),
    *("/api/v1/users/../runs", "/api/v1/%2e%2e/v1/runs", "/api/v1/users/1/..%2f..%2fruns", "/API/V1/RUNS"),
    *("/api/v1/runs%00", "/api/v1/runs;a=b", "/api/v1/runs%20", "/api/v1/runs\\1", "/api/v1", "/%ff", "/*"),
    *("/static/../settings.py", "/static/%2e%2e/settings.py", "/static/..%2fsettings.py", "/static//etc/passwd"),
    *("/openapi/static/%2e%2e/%2e%2e/x", "/openapi/swagger/..%2f..%2fx", "/.git/config", "/.env"),
)
NO_IDS = ("0", "-1", "+1", "1.0", "1e0", "0x1", "٣", "1%20", "%201", "01", "1_0", "9" * 30, "null", "me")


def test_a_path_has_one_spelling(call: Call) -> None:
    found = {(name, path): check(call(name, "GET", path)).status_code for name in (None, "admin") for path in PATHS}
    assert found == dict.fromkeys(found, 404)


def test_an_id_is_a_plain_number(call: Call) -> None:
    found = {text: check(call("admin", "GET", f"/api/v1/users/{text}/progress")).status_code for text in NO_IDS}
    assert found == dict.fromkeys(NO_IDS, 422)


def test_who_wants_html_gets_json_all_the_same(app: Flask, call: Call, people: People) -> None:
    html = {"headers": {"Accept": "text/html,application/xhtml+xml"}}
    for name, method, path, status in (
        ("ann", "GET", READ_ME, 200),
        (None, "GET", READ_ME, 401),
        ("ann", "GET", "/api/v1/runs", 403),
        ("ann", "GET", "/nothing", 404),
        ("ann", "DELETE", READ_ME, 405),
        ("ann", "GET", "/api/v1/users/x", 422),
    ):
        answer = check(call(name, method, path, **html), status)
        assert answer.content_type in ("application/json", "application/problem+json")


def test_a_mistake_of_ours_tells_nothing_but_its_id(app: Flask, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("select secret from lockstep.credentials where token = 'eyJhbGciOi'")

    monkeypatch.setattr("app.http.database.Database.rows", fail)
    answer = check(call("ann", "GET", READ_ME), 500)
    assert "secret" not in answer.text


def test_a_failure_of_the_database_tells_no_sql(call: Call, connection: Connection) -> None:
    connection.execute("alter function lockstep.read_user(bigint, bigint) rename to read_user_no_more")
    answer = check(call("ann", "GET", READ_ME), 500)
    assert "read_user" not in answer.text


def test_a_token_is_never_repeated(call: Call) -> None:
    secret = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2VjcmV0"
    answer = check(call(None, "GET", READ_ME, headers={"Authorization": f"Bearer {secret}"}), 401)
    assert secret not in str(answer.headers) + answer.text
