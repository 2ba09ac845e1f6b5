"""Signing in with a password: what is told, what is counted, and what is never shown."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher, Type

from app import create_app
from app.http import passwords
from app.http.database import Database
from app.settings import Settings
from tests.http.conftest import Call, Connection, People
from tests.http.signing_in import (
    LOGIN,
    PASSWORD,
    Login,
    ann,
    bearer,
    keep_failing,
    login,
    password_hash,
    shown,
    text,
)
from tests.pairs import Connect, age, one, refused, rows, value
from tests.support import DEADLINE, wait_until_blocked

__all__ = ["ann", "login", "password_hash"]

WRONG = "wrong horse battery"
COUNTS = "select kind, name, failures from lockstep.sign_in_attempts order by kind, name"


def set_free(connection: Connection, kind: str, count: int) -> None:
    name = {"account": "sign_in_free_failures", "address": "sign_in_free_failures_address"}[kind]
    connection.execute("update lockstep.settings set value = %s where name = %s", [str(count), name])


def let_pass(connection: Connection, time: str) -> None:
    """Let so much time pass since the last attempts."""
    age(connection, "sign_in_attempts", time, "last_at")


def test_the_right_password_signs_in(login: Login, call: Call, ann: int, connection: Connection) -> None:
    answer = login()
    assert shown(answer).keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (shown(answer)["token_type"], shown(answer)["expires_in"]) == ("Bearer", 300)
    read = call(None, "GET", f"/api/v1/users/{ann}/progress", headers=bearer(text(answer, "access_token")))
    assert read.status_code == 200
    session = one(connection, "select user_id, host(address) as address, ended_at from lockstep.sessions")
    assert session == (ann, "192.0.2.1", None)


def test_the_address_is_read_whatever_its_case_and_the_password_however_it_is_composed(
    login: Login, connection: Connection
) -> None:
    composed = "r\u00e9sum\u00e9 \ufb01ancée"
    connection.execute(
        "select lockstep.set_password('ann@example.org', %s)", [passwords.hash_password("re\u0301sume\u0301 fiancée")]
    )
    assert login(email="Ann@Example.ORG", password=composed).status_code == 200


def test_a_wrong_password_an_unknown_address_and_a_person_without_one_get_the_same_answer(
    login: Login, connection: Connection, people: People
) -> None:
    connection.execute(
        "select lockstep.set_password('carl@example.org', known.password_hash) from lockstep.credentials as known"
    )
    connection.execute("update lockstep.users set is_active = false where id = %s", [people["carl"]])
    answers = [
        login(password=WRONG),
        login(email="nobody@example.org"),
        login(email="bob@example.org"),
        login(email="carl@example.org"),
        login(email="ann@example.org' or true --"),
    ]
    assert [answer.status_code for answer in answers] == [401] * 5
    bodies = [{name: value for name, value in shown(answer).items() if name != "request_id"} for answer in answers]
    assert bodies == bodies[:1] * 5
    assert bodies[0]["code"] == "wrong_credentials"
    assert [dict(answer.headers).keys() for answer in answers] == [dict(answers[0].headers).keys()] * 5


def test_an_unknown_address_takes_the_work_of_a_known_one(
    login: Login, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, hash: Any, password: Any) -> Any:
            compared.append(hash.rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    for email in ("ann@example.org", "nobody@example.org", "bob@example.org"):
        login(email=email, password=WRONG)
    # One comparison each, with a hash of the same parameters, and a count of each that is written alike.
    assert len(compared) == 3
    assert len(set(compared)) == 1
    assert [tuple(row) for row in rows(connection, COUNTS)] == [
        ("account", "ann@example.org", 1),
        ("account", "bob@example.org", 1),
        ("account", "nobody@example.org", 1),
        ("address", "192.0.2.1", 3),
    ]


def test_who_fails_too_often_waits_and_then_for_twice_as_long(login: Login, connection: Connection) -> None:
    set_free(connection, "account", 2)
    assert [login(password=WRONG).status_code for _ in range(2)] == [401, 401]
    # The third has to wait for a second. What is asked here is the tenth, and those after it.
    keep_failing(connection, 7)
    for seconds in (128, 256, 512):
        waiting = login()
        assert waiting.status_code == 429
        assert (shown(waiting)["code"], shown(waiting)["retry"]) == ("too_many_sign_ins", True)
        assert seconds - DEADLINE < int(waiting.headers["Retry-After"]) <= seconds
        let_pass(connection, f"{seconds} seconds")
        assert login(password=WRONG).status_code == 401
    let_pass(connection, "900 seconds")
    assert login().status_code == 200
    assert value(connection, "select count(*) from lockstep.sign_in_attempts where kind = 'account'") == 0


@pytest.mark.parametrize(("kind", "address"), [("account", None), ("address", "192.0.2.1")])
def test_so_many_failures_are_free_and_the_next_has_to_wait(
    connection: Connection, ann: int, kind: str, address: str | None
) -> None:
    set_free(connection, kind, 3)
    start = "select lockstep.start_sign_in(format('%%s@example.org', {}), %s) from generate_series(1, %s) as n"
    start = start.format("'ann'" if kind == "account" else "n")
    connection.execute(start.encode(), [address, 3])

    def the_next_waits() -> bool:
        """It does for a second, which a machine may stand still for: then that was no answer."""
        connection.execute("delete from lockstep.sign_in_attempts")
        try:
            connection.execute(start.encode(), [address, 4])
        except psycopg.Error as error:
            return error.sqlstate == "LS033"
        return False

    assert any(the_next_waits() for _ in range(100))


def test_an_unknown_account_has_to_wait_as_a_known_one(login: Login, connection: Connection) -> None:
    set_free(connection, "account", 1)
    for email in ("ann@example.org", "nobody@example.org"):
        assert login(email=email, password=WRONG).status_code == 401
        keep_failing(connection)
        assert login(email=email, password=WRONG).status_code == 429


def test_an_attempt_that_is_refused_makes_nobody_wait_for_longer(login: Login, connection: Connection) -> None:
    set_free(connection, "account", 1)
    login(password=WRONG)
    keep_failing(connection)
    before = one(connection, "select failures, last_at from lockstep.sign_in_attempts where kind = 'account'")
    assert [login().status_code for _ in range(5)] == [429] * 5
    assert one(connection, "select failures, last_at from lockstep.sign_in_attempts where kind = 'account'") == before


def test_the_wait_has_an_end_and_failures_are_forgotten(login: Login, connection: Connection) -> None:
    login(password=WRONG)
    connection.execute("update lockstep.sign_in_attempts set failures = 2000000000, last_at = now()")
    waiting = login()
    assert waiting.status_code == 429
    assert 900 - DEADLINE <= int(waiting.headers["Retry-After"]) <= 900
    let_pass(connection, "25 hours")
    assert login(password=WRONG).status_code == 401
    assert value(connection, "select max(failures) from lockstep.sign_in_attempts") == 1


def test_an_address_that_fails_with_many_accounts_waits_and_others_do_not(login: Login, connection: Connection) -> None:
    set_free(connection, "address", 2)
    for number in range(2):
        assert login(email=f"nobody{number}@example.org").status_code == 401
    keep_failing(connection)
    assert login().status_code == 429
    assert login(address="192.0.2.2").status_code == 200


def test_a_success_of_ones_own_does_not_make_the_address_innocent(login: Login, connection: Connection) -> None:
    for email, status in (("nobody@example.org", 401), ("ann@example.org", 200), ("ann@example.org", 200)):
        assert login(email=email).status_code == status
    assert value(connection, "select failures from lockstep.sign_in_attempts where kind = 'address'") == 1


def test_a_subscriber_has_one_count_for_the_whole_network(login: Login, connection: Connection) -> None:
    for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "::ffff:192.0.2.1"):
        login(email="nobody@example.org", address=address)
    found = rows(connection, "select name, failures from lockstep.sign_in_attempts where kind = 'address' order by 1")
    assert [tuple(row) for row in found] == [("192.0.2.1", 1), ("2001:db8:1:2::", 2), ("2001:db8:1:3::", 1)]


@pytest.mark.parametrize("failed_before", [0, 1])
def test_guesses_in_parallel_count_before_any_of_them_is_compared(
    connect: Connect, connection: Connection, failed_before: int
) -> None:
    """The second waits for the first to be counted; were it only counted when it failed, both would pass."""
    set_free(connection, "account", failed_before + 1)
    start = "select lockstep.start_sign_in('ann@example.org', '192.0.2.1')"
    for _ in range(failed_before):
        connection.execute(start.encode())
    first, second = connect(autocommit=False), connect("lockstep_auth")
    first.execute("select lockstep.start_sign_in('Ann@example.org', '192.0.2.2')")
    keep_failing(first)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.execute, start)
        wait_until_blocked(connection, second.info.backend_pid, by=first.info.backend_pid)
        first.commit()
        with refused("LS033"):
            waiting.result()
    count = "select failures from lockstep.sign_in_attempts where kind = 'account'"
    assert value(connection, count) == failed_before + 1 + 8


@pytest.mark.parametrize(
    "text",
    [
        "' or '1'='1",
        "'; drop table lockstep.users; --",
        "$$",
        "\\'",
        "%s",
        "{}",
        "\x00",
        "a\x00b",
        "ann@example.org\x00",
    ],
)
@pytest.mark.parametrize("field", ["email", "password"])
def test_sql_in_a_string_is_a_string(login: Login, connection: Connection, field: str, text: str) -> None:
    answer = login(**{field: text})
    assert answer.status_code == (422 if field == "email" and "\x00" in text else 401)
    assert value(connection, "select count(*) from lockstep.sessions") == 0
    assert value(connection, "select count(*) from lockstep.users") > 0


def test_a_body_of_another_shape_is_refused_and_not_repeated(call: Call) -> None:
    secret = "hunter2 hunter2"
    for body in (
        {"email": "ann@example.org", "password": [secret]},
        {"email": secret * 100, "password": secret},
        {"email": "ann@example.org", "password": secret, "role": "admin"},
        {"email": "ann@example.org", "password": secret * 1000},
        {"email": "\ud800", "password": secret},
        {"password": secret},
    ):
        answer = call(None, "POST", LOGIN, json=body)
        assert answer.status_code == 422
        assert secret not in answer.text


def test_a_hash_takes_the_memory_and_the_time_that_rfc_9106_asks_for(hasher: PasswordHasher) -> None:
    assert (hasher.memory_cost, hasher.time_cost, hasher.type) == (64 * 1024, 3, Type.ID)


def test_a_hash_of_older_parameters_is_made_anew_at_the_sign_in(login: Login, connection: Connection) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=9, parallelism=1).hash(PASSWORD)
    connection.execute("update lockstep.credentials set password_hash = %s", [old])
    assert login().status_code == 200
    new = value(connection, "select password_hash from lockstep.credentials")
    assert new.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert login().status_code == 200
    assert value(connection, "select password_hash from lockstep.credentials") == new


def test_a_password_that_is_changed_between_the_two_calls_signs_nobody_in(
    connection: Connection, connect: Connect, ann: int, password_hash: str
) -> None:
    connection.execute("select lockstep.set_password('ann@example.org', '$argon2id$other')")
    with refused("LS034"):
        connect("lockstep_auth").execute(
            "select lockstep.finish_sign_in(%s, %s, null, sha256('x'))", [ann, password_hash]
        )
    assert value(connection, "select count(*) from lockstep.sessions") == 0


def test_neither_password_nor_token_nor_hash_is_in_a_log_or_an_error(
    login: Login, call: Call, caplog: pytest.LogCaptureFixture, connection: Connection
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = login()
    tokens = [text(answer, "access_token"), text(answer, "refresh_token")]
    refused_texts = [
        login(password=WRONG).text,
        call(None, "POST", "/api/v1/auth/refresh", json={"refresh_token": tokens[1] + "x"}).text,
        call(None, "GET", "/api/v1/users/1/progress", headers=bearer(tokens[0] + "x")).text,
    ]
    connection.execute("alter table lockstep.sessions add constraint broken check (false) not valid")
    broken = login()
    assert broken.status_code == 422
    secrets = [PASSWORD, WRONG, *tokens, *(token.rpartition(".")[2] for token in tokens), "argon2id", "$v=19"]
    told = "\n".join([caplog.text, *refused_texts, broken.text])
    assert caplog.text
    assert [secret for secret in secrets if secret in told] == []


def test_a_client_behind_a_proxy_cannot_choose_its_address(
    settings: Settings, connection: Connection, people: People
) -> None:
    """Each proxy adds who it was called by; what stands before that, the client wrote."""
    for proxies, counted in ((0, "10.0.0.1"), (1, "192.0.2.7")):
        app = create_app(replace(settings, proxies=proxies))
        app.test_client().post(
            LOGIN,
            json={"email": "nobody@example.org", "password": WRONG},
            headers={"X-Forwarded-For": "203.0.113.5, 192.0.2.7"},
            environ_base={"REMOTE_ADDR": "10.0.0.1"},
        )
        pools: Database = app.extensions["lockstep.database"]
        pools.close()
        assert value(connection, "select name from lockstep.sign_in_attempts where kind = 'address'") == counted
        connection.execute("delete from lockstep.sign_in_attempts")


def test_hashes_are_bounded_in_number_not_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB: a hundred logins at once must not take 6 GiB."""
    at_once: list[int] = []
    running = []

    class Watched(PasswordHasher):
        def verify(self, hash: Any, password: Any) -> Any:
            running.append(1)
            at_once.append(len(running))
            try:
                return super().verify(hash, password)
            finally:
                running.pop()

    monkeypatch.setattr(passwords, "_hasher", Watched())
    stored = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: passwords.is_right(WRONG, stored), range(32)))
    assert max(at_once) <= passwords.AT_ONCE


@pytest.mark.parametrize(
    ("password", "good"),
    [("a" * 11, False), ("a" * 12, True), ("a" * 256, True), ("a" * 257, False), ("\ufb03" * 4, True)],
)
def test_a_new_password_has_12_to_256_characters_once_normalized(password: str, good: bool) -> None:
    if good:
        assert passwords.checked(password)
    else:
        with pytest.raises(ValueError, match="12 to 256"):
            passwords.checked(password)
