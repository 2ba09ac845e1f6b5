"""Signing in through a provider: who becomes whom, and every answer that must not be believed."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import OKPKey, RSAKey
from werkzeug import Response
from werkzeug.test import TestResponse

from app import create_app
from app.console.visitor import COOKIE as CONSOLE
from app.http import database as calls
from app.http.database import Database
from app.http.oidc import COOKIE
from app.http.oidc import Provider as Client
from app.http.problems import ProblemError
from app.settings import OidcSettings, Settings
from tests.http import provider as mock
from tests.http.conftest import POOLS, Call, Connection, People
from tests.http.provider import CLIENT_ID, CLIENT_SECRET, EC, RSA, Provider, query_of, sign
from tests.http.signing_in import bearer, confused, part, shown, text
from tests.pairs import Connect, one, refused, rows, value
from tests.support import NEVER, wait_until_blocked

BEGIN, CALLBACK = "/api/v1/auth/oidc/login", "/api/v1/auth/oidc/callback"
GROUPS = """
select name, source
from lockstep.group_members as member
inner join lockstep.groups as known on known.id = member.group_id
where member.user_id = %s
order by name
"""

SignIn = Callable[..., TestResponse]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with mock.running() as provider:
        yield provider


@pytest.fixture
def settings(settings: Settings, provider: Provider) -> Settings:
    """With a provider, and connections for 50 at once."""
    return replace(
        settings,
        oidc=OidcSettings(provider.issuer, CLIENT_ID, CLIENT_SECRET, groups_claim="groups"),
        pools=replace(POOLS, size=(0, 20), waiting=100),
    )


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def sign_in(browser: FlaskClient, provider: Provider) -> SignIn:
    """Sign in, all the way; `person` is whom the provider takes the browser's user for."""

    def sign_in(**person: Any) -> TestResponse:
        provider.person |= person
        return browser.get(provider.browse(begin(browser)))

    return sign_in


def begin(browser: FlaskClient, **query: str) -> str:
    """Begin to sign in; return where the browser is sent."""
    answer = browser.get(BEGIN, query_string=query)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def forget(app: Flask) -> None:
    """Have the application ask the provider again who it is."""
    client: Client = app.extensions["lockstep.provider"]
    client._known_until = 0.0


def was_refused(answer: TestResponse) -> bool:
    return (answer.status_code, shown(answer)["code"]) == (401, "sign_in_refused")


def test_a_sign_in_from_the_console_leads_back_to_it_with_the_cookie_of_the_console(
    browser: FlaskClient, provider: Provider, sign_in: SignIn, connection: Connection
) -> None:
    sign_in()
    connection.execute("update lockstep.users set role = 'admin' where email = 'ann@school.example'")
    form = browser.get("/admin/sign-in?next=/admin/runs?limit=5").text
    assert f'href="{BEGIN}?return_to=/admin/runs?limit%3D5"' in form
    answer = browser.get(provider.browse(begin(browser, return_to="/admin/runs?limit=5")))
    assert answer.mimetype == "text/html"
    assert 'content="0; url=/admin/runs?limit=5"' in answer.text
    assert "SameSite=Strict" in next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith(CONSOLE))
    assert browser.get("/admin/runs?limit=5").status_code == 200
    elsewhere = browser.get(provider.browse(begin(browser, return_to="/administrator")))
    assert elsewhere.mimetype == "application/json"


def test_whatever_goes_wrong_is_a_page_for_who_came_from_the_console_and_a_document_for_others(
    app: Flask, browser: FlaskClient, provider: Provider, connection: Connection
) -> None:
    def errors(**query: str) -> list[tuple[int, str | None]]:
        """The provider is away; it sent no code; another browser came back; the person was shut out."""
        answers = []
        forget(app)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Client, "_get", lambda *_: refuse_to_answer())
            answers.append(browser.get(BEGIN, query_string=query))
        state = query_of(begin(browser, **query))["state"]
        answers.append(browser.get(CALLBACK, query_string={"state": state, "error": "access_denied"}))
        answers.append(app.test_client().get(CALLBACK, query_string={"state": state, "code": "x"}))
        browser.get(provider.browse(begin(browser, **query)))
        connection.execute("update lockstep.users set is_active = false")
        answers.append(browser.get(provider.browse(begin(browser, **query))))
        connection.execute("update lockstep.users set is_active = true")
        assert all("default-src 'none'" in answer.headers["Content-Security-Policy"] for answer in answers)
        if "return_to" in query:
            assert all("style-src 'self'" in answer.headers["Content-Security-Policy"] for answer in answers)
            assert all('href="/admin/sign-in"' in answer.text for answer in answers)
            assert not any("WWW-Authenticate" in answer.headers for answer in answers)
        return [(answer.status_code, answer.mimetype) for answer in answers]

    statuses = [503, 401, 401, 401]
    assert errors(return_to="/admin/runs") == [(status, "text/html") for status in statuses]
    assert errors() == [(status, "application/problem+json") for status in statuses]


def refuse_to_answer() -> dict[str, Any]:
    raise ProblemError("provider_unavailable")


# Who becomes whom -----------------------------------------------------------------------------


def test_who_comes_for_the_first_time_gets_an_account_and_tokens(
    sign_in: SignIn, call: Call, connection: Connection, provider: Provider
) -> None:
    answer = sign_in()
    assert shown(answer).keys() == {"access_token", "token_type", "expires_in", "refresh_token", "return_to"}
    user = one(connection, "select id, email, name, role, is_active from lockstep.users where email like '%%school%%'")
    assert user[1:] == ("ann@school.example", "Ann", "student", True)
    identity = one(connection, "select issuer, subject, user_id, email, email_verified from lockstep.identities")
    assert identity == (provider.issuer, "ann-1", user.id, "ann@school.example", True)
    assert [tuple(row) for row in rows(connection, GROUPS, user.id)] == [("Red", "claim")]
    assert value(connection, "select count(*) from lockstep.credentials") == 0
    token = text(answer, "access_token")
    assert call(None, "GET", f"/api/v1/users/{user.id}/progress", headers=bearer(token)).status_code == 200


def test_who_comes_again_is_the_same_user_whatever_their_address_is_by_now(
    sign_in: SignIn, connection: Connection
) -> None:
    for email in ("ann@school.example", "ann@new.example", None):
        assert sign_in(email=email).status_code == 200
    assert value(connection, "select count(*) from lockstep.identities") == 1
    assert value(connection, "select email from lockstep.users") == "ann@school.example"
    assert value(connection, "select count(*) from lockstep.sessions") == 3


def test_another_subject_with_the_same_address_is_another_person_and_refused(
    sign_in: SignIn, connection: Connection
) -> None:
    assert sign_in().status_code == 200
    answer = sign_in(sub="ann-2", email="Ann@School.example")
    assert (answer.status_code, shown(answer)["code"]) == (409, "identity_not_linked")
    assert "Ann@School.example" not in answer.text
    assert value(connection, "select count(*) from lockstep.users") == 1
    assert value(connection, "select count(*) from lockstep.identities") == 1


def test_an_address_that_an_account_has_opens_nothing(sign_in: SignIn, people: People, connection: Connection) -> None:
    """A takeover: somebody says at the provider that they are an admin here."""
    answer = sign_in(email="admin@example.org", email_verified=True)
    assert (answer.status_code, shown(answer)["code"]) == (409, "identity_not_linked")
    assert value(connection, "select count(*) from lockstep.sessions") == 0


def test_an_address_that_nobody_checked_is_not_taken(sign_in: SignIn, people: People, connection: Connection) -> None:
    unchecked: list[object] = [False, None, "false", 0, "yes", []]
    for number, verified in enumerate(unchecked):
        answer = sign_in(sub=f"nobody-{number}", email="admin@example.org", email_verified=verified)
        assert answer.status_code == 200, verified
    made = rows(
        connection,
        "select users.id, users.email, role from lockstep.users inner join lockstep.identities on user_id = users.id",
    )
    assert len({user.id for user in made} - set(people.values())) == len(unchecked)
    assert {user.role for user in made} == {"student"}
    assert all(user.email.endswith("@identity.invalid") and "admin" not in user.email for user in made)


def test_what_is_no_address_is_no_address(sign_in: SignIn, connection: Connection) -> None:
    strange = [
        "",
        "x",
        "a@b@c",
        "x" * 300 + "@school.example",
        7,
        ["a@b.example"],
        "a@identity.invalid",
        "a\x00@b.example",
    ]
    for number, email in enumerate(strange):
        assert sign_in(sub=str(number), email=email).status_code == 200, email
    assert value(connection, "select count(*) from lockstep.users where email like '%%@identity.invalid'") == len(
        strange
    )
    assert value(connection, "select count(*) from lockstep.users where email = 'a@identity.invalid'") == 0


def test_two_without_an_address_are_two_people(sign_in: SignIn, connection: Connection) -> None:
    for subject in ("one", "two", "one"):
        assert sign_in(sub=subject, email=None).status_code == 200
    assert value(connection, "select count(distinct email) from lockstep.users") == 2


def test_groups_by_claim_follow_the_claim_and_those_by_hand_stay(sign_in: SignIn, connection: Connection) -> None:
    sign_in(groups=["Red", "Blue"])
    user = value(connection, "select user_id from lockstep.identities")
    by_hand = "insert into lockstep.group_members (user_id, group_id) select %s, lockstep.get_or_create_group(%s)"
    connection.execute(by_hand, [user, "Green"])
    for claim, expected in (
        (["Blue", "Green", "Blue"], [("Blue", "claim"), ("Green", "manual")]),
        ("Red", [("Green", "manual"), ("Red", "claim")]),
        (["x" * 201, 7, None, "", "a\x00b", "Red"], [("Green", "manual"), ("Red", "claim")]),
        (None, [("Green", "manual")]),
    ):
        assert sign_in(groups=claim).status_code == 200
        assert [tuple(row) for row in rows(connection, GROUPS, user)] == expected
    assert value(connection, "select count(*) from lockstep.groups") == 3


def test_without_a_claim_to_look_at_groups_are_left_alone(
    settings: Settings, provider: Provider, connection: Connection
) -> None:
    assert settings.oidc is not None
    app = create_app(replace(settings, oidc=replace(settings.oidc, groups_claim=None)))
    browser = app.test_client()
    assert browser.get(provider.browse(begin(browser))).status_code == 200
    pools: Database = app.extensions["lockstep.database"]
    pools.close()
    assert value(connection, "select count(*) from lockstep.group_members") == 0


def test_a_deactivated_person_is_not_let_in(sign_in: SignIn, connection: Connection) -> None:
    first = sign_in()
    connection.execute("update lockstep.users set is_active = false")
    answer = sign_in(groups=["Other"])
    assert (answer.status_code, shown(answer)["code"]) == (401, "not_signed_in")
    assert first.status_code == 200
    assert value(connection, "select count(*) from lockstep.sessions") == 1
    assert value(connection, "select count(*) from lockstep.groups") == 1


# At once --------------------------------------------------------------------------------------


def test_fifty_first_sign_ins_at_once_make_one_user_and_one_row_a_group(
    app: Flask, provider: Provider, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each waits for those before it, for as long as that takes.
    monkeypatch.setitem(calls.TIMEOUTS, "lock_timeout", NEVER)
    provider.person["groups"] = ["Red", "Blue", "Green"]
    browsers = [app.test_client() for _ in range(50)]
    begun = [(browser, provider.browse(begin(browser))) for browser in browsers]
    barrier = Barrier(len(begun))

    def finish(browser: FlaskClient, back: str) -> TestResponse:
        barrier.wait()
        return browser.get(back)

    with ThreadPoolExecutor(len(begun)) as pool:
        answers = list(pool.map(lambda one: finish(*one), begun))
    assert [answer.status_code for answer in answers] == [200] * 50, {answer.text for answer in answers}
    assert len({text(answer, "access_token") for answer in answers}) == 50
    counts = """
        select (select count(*) from lockstep.users) as users, (select count(*) from lockstep.identities) as identities,
            (select count(*) from lockstep.groups) as groups, (select count(*) from lockstep.group_members) as members,
            (select count(*) from lockstep.sessions) as sessions
    """
    assert tuple(one(connection, counts)) == (1, 1, 3, 3, 50)
    # Nobody else took a number of a sequence, either.
    for table in ("users", "groups"):
        used, there = one(
            connection,
            "select nextval(pg_get_serial_sequence(%s, 'id')) - 1 as used,"
            f" (select max(id) from lockstep.{table}) as there",
            f"lockstep.{table}",
        )
        assert used == there


def test_of_two_first_sign_ins_the_second_waits_and_gets_the_same_user(
    connect: Connect, connection: Connection
) -> None:
    first, second = connect("lockstep_auth", autocommit=False), connect("lockstep_auth")
    get = "select (lockstep.get_or_create_identity('i', 's', 'a@school.example', true, 'A', '{Red}')).id"
    made = value(first, get)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(value, second, get)
        wait_until_blocked(connection, second.info.backend_pid, by=first.info.backend_pid)
        first.commit()
        assert waiting.result() == made
    assert value(connection, "select count(*) from lockstep.users") == 1


def test_if_the_first_of_two_gives_up_the_second_makes_the_user(connect: Connect, connection: Connection) -> None:
    first, second = connect("lockstep_auth", autocommit=False), connect("lockstep_auth")
    get = "select (lockstep.get_or_create_identity('i', 's', 'a@school.example', true, 'A', '{Red}')).id"
    value(first, get)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(value, second, get)
        wait_until_blocked(connection, second.info.backend_pid, by=first.info.backend_pid)
        first.rollback()
        made = waiting.result()
    assert value(connection, "select user_id from lockstep.identities") == made


def test_two_subjects_that_claim_one_address_at_once_are_not_joined(connect: Connect, connection: Connection) -> None:
    first, second = connect("lockstep_auth", autocommit=False), connect("lockstep_auth")
    get = "select (lockstep.get_or_create_identity('i', %s, 'a@school.example', true, 'A', '{Red}')).id"
    value(first, get, "one")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(value, second, get, "two")
        wait_until_blocked(connection, second.info.backend_pid, by=first.info.backend_pid)
        first.commit()
        with refused("LS036"):
            waiting.result()
    assert value(connection, "select count(*) from lockstep.identities") == 1


def test_an_identity_of_nobody_cannot_be_committed(connection: Connection) -> None:
    with refused("23503"):
        connection.execute("insert into lockstep.identities (issuer, subject, user_id) values ('i', 's', 0)")


# What must not be believed: the browser -------------------------------------------------------


def test_the_cookie_is_for_this_browser_and_these_routes_and_a_short_time(
    browser: FlaskClient, settings: Settings
) -> None:
    cookie = browser.get(BEGIN).headers["Set-Cookie"]
    parts = {part.strip() for part in cookie.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Lax", "Path=/api/v1/auth/oidc", "Max-Age=600"} <= parts
    assert "Secure" not in parts
    public = create_app(replace(settings, public_url="https://lockstep.example"))
    assert "Secure" in public.test_client().get(BEGIN).headers["Set-Cookie"]


def test_a_browser_that_began_nothing_ends_nothing(browser: FlaskClient, app: Flask, provider: Provider) -> None:
    """Somebody sends another the end of their own sign-in, to have them work in a foreign account."""
    back = provider.browse(begin(browser))
    assert was_refused(app.test_client().get(back))
    assert provider.asked["/token"] == 0
    assert browser.get(back).status_code == 200


def test_a_state_that_is_missing_or_another_is_refused(browser: FlaskClient, provider: Provider) -> None:
    back = query_of(provider.browse(begin(browser)))
    for state in (None, "", "x", back["state"][:-1], back["state"] + "x", "é"):
        query = {"code": back["code"]} | ({} if state is None else {"state": state})
        assert was_refused(browser.get(CALLBACK, query_string=query))
    assert provider.asked["/token"] == 0


def test_a_cookie_that_is_not_ours_or_of_another_kind_is_refused(
    app: Flask, browser: FlaskClient, provider: Provider, call: Call, people: People
) -> None:
    back = provider.browse(begin(browser))
    good = browser.get_cookie(COOKIE, path="/api/v1/auth/oidc")
    assert good is not None
    header, body, signature = good.value.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["verifier"] = "x" * 64
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    access = app.extensions["lockstep.tokens"].issue(people["ann"], uuid4(), "student")
    for cookie in ("", "x", f"{header}.{forged}.{signature}", f"{header}.{body}.", access):
        browser.set_cookie(COOKIE, cookie, path="/api/v1/auth/oidc")
        assert was_refused(browser.get(back))
    assert call(None, "GET", "/api/v1/users/1/progress", headers=bearer(good.value)).status_code == 401
    assert provider.asked["/token"] == 0


def test_a_sign_in_that_took_too_long_is_over(
    browser: FlaskClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.tokens.STATE_LIFETIME", -1)
    back = provider.browse(browser.get(BEGIN).headers["Location"])
    assert was_refused(browser.get(back))


def test_a_code_is_good_once(browser: FlaskClient, provider: Provider, connection: Connection) -> None:
    back = provider.browse(begin(browser))
    kept = browser.get_cookie(COOKIE, path="/api/v1/auth/oidc")
    assert kept is not None
    assert browser.get(back).status_code == 200
    assert browser.get_cookie(COOKIE, path="/api/v1/auth/oidc") is None
    browser.set_cookie(COOKIE, kept.value, path="/api/v1/auth/oidc")
    assert was_refused(browser.get(back))
    assert value(connection, "select count(*) from lockstep.sessions") == 1


def test_a_code_of_another_sign_in_is_of_no_use(app: Flask, browser: FlaskClient, provider: Provider) -> None:
    """The code is bound to the verifier of the browser that began: a stolen one is not accepted in another."""
    stolen = query_of(provider.browse(begin(app.test_client())))["code"]
    mine = query_of(begin(browser))["state"]
    assert was_refused(browser.get(CALLBACK, query_string={"code": stolen, "state": mine}))


def test_a_refusal_of_the_provider_is_a_refusal_and_shows_nothing_of_its_words(
    browser: FlaskClient,
) -> None:
    state = query_of(begin(browser))["state"]
    words = {"error": "<script>alert(1)</script>", "error_description": "<b>pay here</b>", "state": state}
    answer = browser.get(CALLBACK, query_string=words)
    assert was_refused(answer)
    assert "script" not in answer.text
    assert "pay" not in answer.text
    assert was_refused(browser.get(CALLBACK, query_string={"state": state}))
    other = {"state": state, "code": "x", "iss": "https://other.example"}
    assert was_refused(browser.get(CALLBACK, query_string=other))


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\x00//evil.example",
    " //evil.example",
    "///evil.example",
    "/..//evil.example",
    "javascript:alert(1)",
    "evil.example",
    "http:/evil.example",
    "@evil.example",
    "",
    "/é",
]


def test_a_redirect_to_elsewhere_is_refused(browser: FlaskClient) -> None:
    for place in ELSEWHERE:
        answer = browser.get(BEGIN, query_string={"return_to": place})
        assert (answer.status_code, shown(answer)["code"]) == (422, "invalid_request"), place
        assert "Location" not in answer.headers


def test_a_path_of_this_site_is_repeated_in_the_answer(browser: FlaskClient, provider: Provider) -> None:
    place = "/console/users?next=https://elsewhere.example#top"
    back = provider.browse(begin(browser, return_to=place))
    assert text(browser.get(f"{back}&return_to=//evil.example"), "return_to") == place


def test_the_browser_is_sent_only_where_discovery_says_and_back_only_to_us(
    browser: FlaskClient, provider: Provider
) -> None:
    address = browser.get(BEGIN, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}).headers[
        "Location"
    ]
    assert address.startswith(f"{provider.issuer}/authorize?")
    assert query_of(address)["redirect_uri"] == mock.CALLBACK


# What must not be believed: the ID token ------------------------------------------------------


WRONG_CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://other.example"},
    {"iss": None},
    {"aud": "another-client"},
    {"aud": [CLIENT_ID, "another-client"]},
    {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
    {"azp": "another-client"},
    {"aud": None},
    {"aud": []},
    {"exp": 1_000_000_000},
    {"exp": None},
    {"exp": "never"},
    {"iat": 100_000_000_000},
    {"nbf": 100_000_000_000},
    {"nonce": None},
    {"nonce": ""},
    {"nonce": "another"},
    {"nonce": ["x"]},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 256},
    {"sub": "a\x00b"},
    {"at_hash": "of-another-token"},
]


def test_a_claim_that_is_wrong_is_refused(sign_in: SignIn, provider: Provider, connection: Connection) -> None:
    for changes in WRONG_CLAIMS:
        provider.changes = changes
        assert was_refused(sign_in()), changes
    assert value(connection, "select count(*) from lockstep.users") == 0
    provider.changes = {}
    assert sign_in().status_code == 200


def test_several_audiences_are_fine_if_it_was_given_to_us(sign_in: SignIn, provider: Provider) -> None:
    provider.changes = {"aud": ["another-client", CLIENT_ID], "azp": CLIENT_ID}
    assert sign_in().status_code == 200


def _unsigned(claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none', 'kid': 'rsa'})}.{part(claims)}."


def _confused(claims: dict[str, Any]) -> str:
    """Signed with the public key of the provider, as if that were a secret that both know."""
    pem = RSA.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return confused(pem, claims, kid="rsa")


FORGERIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "alg none": _unsigned,
    "the public key as a secret": _confused,
    "the client's secret": lambda claims: confused(CLIENT_SECRET.encode(), claims, kid="rsa"),
    "a foreign key": lambda claims: sign(RSAKey.generate_key(2048), claims, kid="rsa"),
    "a foreign key that it brings along": lambda claims: _brought(claims),
    "a key of another kind": lambda claims: sign(EC, claims, kid="rsa"),
    "a key that is nowhere": lambda claims: sign(RSA, claims, kid="nowhere"),
    "an algorithm that was not offered": lambda claims: sign(RSA, claims, "RS512"),
    "a curve that was not offered": lambda claims: sign(OKPKey.generate_key("Ed25519"), claims, "Ed25519", kid="ec"),
    "a touched token": lambda claims: sign(RSA, claims)[:-6] + "AAAAAA",
    "no token": lambda claims: "x",
    "half a token": lambda claims: sign(RSA, claims).rpartition(".")[0],
    "an object": lambda claims: {},  # type: ignore[dict-item,return-value]
}


def _brought(claims: dict[str, Any]) -> str:
    foreign = RSAKey.generate_key(2048)
    return sign(foreign, claims, kid="nowhere", jwk=foreign.as_dict(private=False))


def test_a_token_that_the_provider_did_not_sign_is_refused(
    sign_in: SignIn, provider: Provider, connection: Connection
) -> None:
    for name, forge in FORGERIES.items():
        provider.sign = forge
        assert was_refused(sign_in()), name
    assert value(connection, "select count(*) from lockstep.users") == 0


def test_what_a_provider_offers_cannot_weaken_what_is_accepted(app: Flask, sign_in: SignIn, provider: Provider) -> None:
    for offered in (["none"], ["HS256"], ["none", "HS256", "RS512"], []):
        provider.metadata = {"id_token_signing_alg_values_supported": offered}
        forget(app)
        for forge in (_unsigned, _confused, None):
            provider.sign = forge
            assert was_refused(sign_in()), offered


def test_an_elliptic_key_signs_as_well(sign_in: SignIn, provider: Provider) -> None:
    provider.key = EC
    assert sign_in().status_code == 200


def test_a_new_key_of_the_provider_is_fetched_and_others_of_its_set_do_not_matter(
    sign_in: SignIn, provider: Provider
) -> None:
    assert sign_in().status_code == 200
    assert sign_in().status_code == 200
    assert provider.asked["/keys"] == provider.asked["/.well-known/openid-configuration"] == 1
    provider.key = RSAKey.generate_key(2048, {"kid": "new"})
    provider.published = [
        {"kty": "oct", "kid": "new", "k": "c2VjcmV0"},
        {"kty": "AKP", "kid": "later"},
        provider.key.as_dict(private=False) | {"kid": "new", "use": "enc"},
        provider.key.as_dict(private=False) | {"use": "sig"},
    ]
    assert sign_in().status_code == 200
    assert provider.asked["/keys"] == 2


# What must not be believed: the provider's server ---------------------------------------------


def _redirect() -> Response:
    return Response(status=302, headers={"Location": "/elsewhere"})


SPOILED: dict[str, Callable[[], Response]] = {
    "a redirect": _redirect,
    "an error": lambda: Response("down", 500),
    "a page": lambda: Response("<html>", content_type="text/html"),
    "a list": lambda: Response("[]", content_type="application/json"),
    "nested": lambda: Response("[" * 100_000, content_type="application/json"),
    "nothing": lambda: Response("{}", content_type="application/json"),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
def test_a_provider_that_answers_something_else_lets_nobody_in(
    app: Flask, browser: FlaskClient, provider: Provider, connection: Connection, path: str
) -> None:
    for spoiled, answers in SPOILED.items():
        forget(app)
        if path.startswith("/.well-known"):
            provider.answers[path] = answers
            answer = browser.get(BEGIN)
        else:
            back = provider.browse(begin(browser))
            provider.answers[path] = answers
            answer = browser.get(back)
        found = (answer.status_code, shown(answer)["code"])
        assert found in {(503, "provider_unavailable"), (401, "sign_in_refused")}, spoiled
        del provider.answers[path]
    assert provider.asked["/elsewhere"] == 0
    assert value(connection, "select count(*) from lockstep.users") == 0
    # It was not remembered.
    assert browser.get(provider.browse(begin(browser))).status_code == 200


def test_a_discovery_document_that_leads_elsewhere_is_not_followed(browser: FlaskClient, provider: Provider) -> None:
    """To another issuer, in clear over the network, or nowhere."""
    places = ["http://evil.example/x", "file:///etc/passwd", "javascript:alert(1)", "", None, 7, ["https://x"]]
    endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    spoiled: list[dict[str, Any]] = [{name: place} for name in endpoints for place in places]
    spoiled += [{"token_endpoint_auth_methods_supported": 7}, {"id_token_signing_alg_values_supported": "RS256"}]
    for metadata in [*spoiled, {"issuer": "https://other.example"}, {"issuer": None}]:
        provider.metadata = metadata
        answer = browser.get(BEGIN)
        assert (answer.status_code, shown(answer)["code"]) == (503, "provider_unavailable"), metadata
        assert "Location" not in answer.headers


def test_a_provider_that_is_down_is_no_mistake_of_ours(browser: FlaskClient, provider: Provider, app: Flask) -> None:
    client: Client = app.extensions["lockstep.provider"]
    back = provider.browse(begin(browser))
    client._metadata["token_endpoint"] = "http://127.0.0.1:9/token"
    answer = browser.get(back)
    assert (answer.status_code, shown(answer)["code"]) == (503, "provider_unavailable")
    assert answer.headers["Retry-After"]


def test_a_provider_that_does_not_answer_in_time_is_given_up(
    browser: FlaskClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.oidc.TIMEOUT", 0.05)
    with provider.lock:  # the provider answers nothing meanwhile
        answer = browser.get(BEGIN)
    assert (answer.status_code, shown(answer)["code"]) == (503, "provider_unavailable")


def test_the_client_says_who_it_is_as_the_provider_wants_it(sign_in: SignIn, provider: Provider) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert sign_in().status_code == 200


def test_an_issuer_that_anybody_on_the_way_could_be_is_refused_at_the_start(settings: Settings) -> None:
    for issuer in ("http://provider.example", "http://10.0.0.1", "ftp://127.0.0.1", "x"):
        with pytest.raises(ValueError, match="https"):
            create_app(replace(settings, oidc=OidcSettings(issuer, CLIENT_ID)))


def test_the_settings_say_which_provider_or_none() -> None:
    given = {"LOCKSTEP_OIDC_ISSUER": "https://id.example", "LOCKSTEP_OIDC_CLIENT_ID": "x", "LOCKSTEP_PROXIES": "1"}
    settings = Settings.from_environment(given)
    assert (settings.oidc, settings.proxies) == (OidcSettings("https://id.example", "x"), 1)
    assert Settings.from_environment({}).oidc is None
    with pytest.raises(ValueError, match="CLIENT_ID"):
        Settings.from_environment({"LOCKSTEP_OIDC_ISSUER": "https://id.example"})


def test_without_a_provider_there_is_no_such_sign_in(settings: Settings) -> None:
    browser = create_app(replace(settings, oidc=None)).test_client()
    for path in (BEGIN, CALLBACK):
        answer = browser.get(path)
        assert (answer.status_code, shown(answer)["code"]) == (404, "sign_in_not_offered")


def test_neither_code_nor_token_nor_secret_is_in_a_log_or_an_error(
    sign_in: SignIn, browser: FlaskClient, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    signed: list[str] = []

    def remember(claims: dict[str, Any]) -> str:
        signed.append(sign(RSA, claims))
        return signed[-1]

    provider.sign = remember
    good = sign_in()
    provider.changes = {"aud": "another"}
    address = begin(browser)
    bad = browser.get(provider.browse(address))
    assert was_refused(bad)
    cookie = browser.get_cookie(COOKIE, path="/api/v1/auth/oidc")
    assert cookie is not None
    told = caplog.text + bad.text
    secrets = [*signed, cookie.value, CLIENT_SECRET, base64.b64encode(CLIENT_SECRET.encode()).decode()]
    secrets += [text(good, "access_token"), text(good, "refresh_token")]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("app")]
    assert ours
    assert [secret for secret in secrets if secret in told] == []
    assert [code for code in provider.codes if any(code in line for line in ours)] == []
