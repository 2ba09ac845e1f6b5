"""What follows a sign-in: refreshes, sign-out, a change or a reset of the password, and the end of it all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.http.conftest import Call, Connection, People
from tests.http.signing_in import (
    LOGOUT,
    PASSWORD,
    REFRESH,
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
from tests.support import wait_until_blocked

__all__ = ["ann", "login", "password_hash"]

ME = "/api/v1/me/password"
CHOOSE = "/api/v1/auth/password"
NEW = "another battery staple"
ENDED = "select end_reason from lockstep.sessions order by created_at, id"


@pytest.fixture
def seen(call: Call, ann: int) -> "Seen":
    return Seen(call, ann)


class Seen:
    """Ask for something with an access token."""

    def __init__(self, call: Call, ann: int) -> None:
        self.call = call
        self.path = f"/api/v1/users/{ann}/progress"

    def __call__(self, token: str) -> int:
        return self.call(None, "GET", self.path, headers=bearer(token)).status_code


# Refresh --------------------------------------------------------------------------------------


def test_a_refresh_gives_new_tokens_of_the_same_session(
    login: Login, call: Call, seen: Seen, connection: Connection
) -> None:
    first = login()
    second = call(None, "POST", REFRESH, json={"refresh_token": text(first, "refresh_token")})
    third = call(None, "POST", REFRESH, json={"refresh_token": text(second, "refresh_token")})
    tokens = [text(answer, "access_token") for answer in (first, second, third)]
    assert len(set(tokens)) == 3
    assert [seen(token) for token in tokens] == [200] * 3
    assert value(connection, "select count(*) from lockstep.sessions") == 1
    found = one(
        connection,
        "select count(*) as made, count(*) filter (where used_at is null) as left from lockstep.refresh_tokens",
    )
    assert found == (3, 1)


def test_a_refresh_token_that_comes_again_ends_the_session_of_thief_and_victim(
    login: Login, call: Call, seen: Seen, connection: Connection
) -> None:
    first = login()
    other = login()
    second = call(None, "POST", REFRESH, json={"refresh_token": text(first, "refresh_token")})
    replayed = call(None, "POST", REFRESH, json={"refresh_token": text(first, "refresh_token")})
    assert replayed.status_code == 401
    assert shown(replayed)["code"] == "not_signed_in"
    # It was committed, though the answer was an error.
    assert {row.end_reason for row in rows(connection, ENDED)} == {"reused", None}
    assert seen(text(second, "access_token")) == 401
    assert call(None, "POST", REFRESH, json={"refresh_token": text(second, "refresh_token")}).status_code == 401
    assert seen(text(other, "access_token")) == 200


def test_of_two_sessions_that_use_one_token_at_once_the_second_waits_and_ends_the_session(
    connect: Connect, connection: Connection, ann: int
) -> None:
    connection.execute("select lockstep.start_session(%s, null, sha256('one'))", [ann])
    first, second = connect("lockstep_auth", autocommit=False), connect("lockstep_auth")
    refresh = "select (lockstep.refresh_session(%s, sha256('one'), sha256(%s))).end_reason"
    assert first.execute(refresh, [ann, b"two"]).fetchone() == (None,)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(value, second, refresh, ann, b"three")
        wait_until_blocked(connection, second.info.backend_pid, by=first.info.backend_pid)
        first.commit()
        assert waiting.result() == "reused"
    assert [row.end_reason for row in rows(connection, ENDED)] == ["reused"]
    assert value(connection, "select count(*) from lockstep.refresh_tokens") == 2
    with refused("LS030"):
        second.execute("select lockstep.refresh_session(%s, sha256('two'), sha256('four'))", [ann])


def test_a_refresh_beside_the_theft_waits_and_finds_the_session_over(
    connect: Connect, connection: Connection, ann: int
) -> None:
    connection.execute("select lockstep.start_session(%s, null, sha256('one'))", [ann])
    refresh = "select (lockstep.refresh_session(%s, sha256(%s), sha256(%s))).end_reason"
    assert value(connection, refresh, ann, b"one", b"two") is None
    thief, victim = connect("lockstep_auth", autocommit=False), connect("lockstep_auth")
    assert value(thief, refresh, ann, b"one", b"three") == "reused"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(value, victim, refresh, ann, b"two", b"four")
        wait_until_blocked(connection, victim.info.backend_pid, by=thief.info.backend_pid)
        thief.commit()
        with refused("LS030"):
            waiting.result()
    assert value(connection, "select count(*) from lockstep.refresh_tokens") == 2


@pytest.mark.parametrize("token", ["x", "1." + "a" * 43, "9" * 18 + "." + "a" * 43, "1.' or true --", "\x00", "0"])
def test_what_is_no_refresh_token_is_refused(call: Call, ann: int, token: str) -> None:
    assert call(None, "POST", REFRESH, json={"refresh_token": token}).status_code == 401


def test_a_refresh_token_is_of_no_use_to_another_person(
    login: Login, call: Call, people: People, connection: Connection
) -> None:
    token = text(login(), "refresh_token")
    stolen = f"{people['bob']}.{token.partition('.')[2]}"
    assert call(None, "POST", REFRESH, json={"refresh_token": stolen}).status_code == 401
    assert [row.end_reason for row in rows(connection, ENDED)] == [None]


def test_neither_token_is_taken_for_the_other(login: Login, call: Call, seen: Seen) -> None:
    answer = login()
    assert seen(text(answer, "refresh_token")) == 401
    assert call(None, "POST", REFRESH, json={"refresh_token": text(answer, "access_token")[:200]}).status_code == 401


def test_a_session_has_an_end_that_no_refresh_moves(
    login: Login, call: Call, seen: Seen, connection: Connection
) -> None:
    answer = login()
    before = value(connection, "select expires_at from lockstep.sessions")
    answer = call(None, "POST", REFRESH, json={"refresh_token": text(answer, "refresh_token")})
    assert value(connection, "select expires_at from lockstep.sessions") == before
    connection.execute("update lockstep.sessions set expires_at = now()")
    assert seen(text(answer, "access_token")) == 401
    assert call(None, "POST", REFRESH, json={"refresh_token": text(answer, "refresh_token")}).status_code == 401


# The end --------------------------------------------------------------------------------------


def test_signing_out_ends_this_session_with_all_its_tokens(login: Login, call: Call, seen: Seen) -> None:
    mine, other = login(), login()
    assert call(None, "POST", LOGOUT).status_code == 401
    answer = call(None, "POST", LOGOUT, headers=bearer(text(mine, "access_token")))
    assert (answer.status_code, answer.data) == (204, b"")
    assert seen(text(mine, "access_token")) == 401
    assert call(None, "POST", REFRESH, json={"refresh_token": text(mine, "refresh_token")}).status_code == 401
    assert seen(text(other, "access_token")) == 200


def test_a_deactivated_person_is_out_at_once_and_does_not_come_in_again(
    login: Login, call: Call, seen: Seen, connection: Connection, ann: int
) -> None:
    answer = login()
    connection.execute("update lockstep.users set is_active = false where id = %s", [ann])
    assert seen(text(answer, "access_token")) == 401
    assert call(None, "POST", REFRESH, json={"refresh_token": text(answer, "refresh_token")}).status_code == 401
    assert call(None, "POST", LOGOUT, headers=bearer(text(answer, "access_token"))).status_code == 401
    assert login().status_code == 401
    with refused("LS030"):
        connection.execute("select lockstep.start_session(%s, null, sha256('x'))", [ann])


def test_who_is_deactivated_during_a_sign_in_has_no_session_afterwards(
    connect: Connect, connection: Connection, ann: int
) -> None:
    first, second = connect("lockstep_auth", autocommit=False), connect()
    first.execute("select lockstep.start_session(%s, null, sha256('x'))", [ann])
    with ThreadPoolExecutor(1) as pool:
        admin = connection.execute("select min(id) from lockstep.users where role = 'admin'").fetchone()
        assert admin is not None
        waiting = pool.submit(second.execute, "select lockstep.deactivate_user(%s, %s)", [admin[0], ann])
        wait_until_blocked(connection, second.info.backend_pid, by=first.info.backend_pid)
        first.commit()
        waiting.result()
    assert [row.end_reason for row in rows(connection, ENDED)] == ["deactivated"]


def test_a_role_that_changed_holds_at_the_next_request(
    login: Login, call: Call, connection: Connection, ann: int
) -> None:
    connection.execute("update lockstep.users set role = 'admin' where id = %s", [ann])
    token = text(login(), "access_token")
    connection.execute("update lockstep.users set role = 'student' where id = %s", [ann])
    answer = call(None, "POST", f"/api/v1/users/{ann}/password-reset", headers=bearer(token))
    assert (answer.status_code, shown(answer)["code"]) == (403, "role_not_allowed")


# Passwords ------------------------------------------------------------------------------------


def change(call: Call, token: str, current: str, new: str) -> int:
    body = {"current_password": current, "new_password": new}
    return call(None, "PUT", ME, json=body, headers=bearer(token)).status_code


def test_a_new_password_keeps_this_session_and_ends_the_others(
    login: Login, call: Call, seen: Seen, connection: Connection
) -> None:
    mine, other = (text(login(), "access_token") for _ in range(2))
    assert change(call, mine, PASSWORD, NEW) == 204
    assert [seen(mine), seen(other)] == [200, 401]
    assert login().status_code == 401
    assert login(password=NEW).status_code == 200
    assert {row.end_reason for row in rows(connection, ENDED)} == {None, "password_changed"}


def test_who_finds_an_open_session_cannot_guess_the_password_for_ever(
    login: Login, call: Call, connection: Connection
) -> None:
    connection.execute("update lockstep.settings set value = '2' where name = 'sign_in_free_failures'")
    token = text(login(), "access_token")
    assert [change(call, token, "wrong", NEW) for _ in range(2)] == [401, 401]
    keep_failing(connection)
    assert change(call, token, PASSWORD, NEW) == 429
    assert login().status_code == 429


def test_a_new_password_that_is_too_short_is_refused_without_a_count(
    login: Login, call: Call, connection: Connection
) -> None:
    token = text(login(), "access_token")
    assert [change(call, token, PASSWORD, new) for new in ("a" * 11, "a" * 257, "")] == [422] * 3
    assert value(connection, "select count(*) from lockstep.sign_in_attempts where kind = 'account'") == 0


def reset(call: Call, user: int) -> str:
    return text(call("admin", "POST", f"/api/v1/users/{user}/password-reset"), "token")


def choose(call: Call, token: str, new: str = NEW) -> int:
    return call(None, "POST", CHOOSE, json={"token": token, "new_password": new}).status_code


def test_a_reset_lets_its_holder_choose_a_password_once(
    login: Login, call: Call, seen: Seen, ann: int, connection: Connection
) -> None:
    session = text(login(), "access_token")
    token = reset(call, ann)
    assert token.partition(".")[2].encode() not in value(connection, "select token_hash from lockstep.password_resets")
    assert [choose(call, token), choose(call, token)] == [204, 422]
    assert seen(session) == 401
    assert [login().status_code, login(password=NEW).status_code] == [401, 200]


def test_a_reset_opens_an_account_whose_password_was_guessed_at(
    login: Login, call: Call, ann: int, connection: Connection
) -> None:
    connection.execute("update lockstep.settings set value = '1' where name = 'sign_in_free_failures'")
    assert login(password="wrong").status_code == 401
    keep_failing(connection)
    assert login().status_code == 429
    assert choose(call, reset(call, ann)) == 204
    assert login(password=NEW).status_code == 200


def test_a_reset_is_good_for_an_hour_until_the_next_one_and_for_the_active(
    call: Call, ann: int, people: People, connection: Connection
) -> None:
    first = reset(call, ann)
    second = reset(call, ann)
    assert choose(call, first) == 422
    assert choose(call, f"{people['bob']}.{second.partition('.')[2]}") == 422
    life = value(connection, "select expires_at - created_at from lockstep.password_resets")
    assert life.total_seconds() == 3600
    connection.execute("update lockstep.users set is_active = false where id = %s", [ann])
    assert choose(call, second) == 422
    connection.execute("update lockstep.users set is_active = true where id = %s", [ann])
    connection.execute("update lockstep.password_resets set expires_at = now()")
    assert choose(call, second) == 422


def test_a_token_that_is_not_good_costs_no_hash(call: Call, ann: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.passwords.hash_password", lambda _: pytest.fail("hashed"))
    assert choose(call, f"{ann}.{'a' * 43}") == 422


def test_resets_are_made_by_admins_for_those_who_exist(call: Call, ann: int) -> None:
    path = f"/api/v1/users/{ann}/password-reset"
    assert [call(name, "POST", path).status_code for name in (None, "ann", "iris")] == [401, 403, 403]
    assert call("admin", "POST", "/api/v1/users/999999/password-reset").status_code == 404


# Afterwards -----------------------------------------------------------------------------------


def test_a_purge_takes_what_is_over_for_a_day_and_nothing_else(
    login: Login, call: Call, connect: Connect, connection: Connection, ann: int
) -> None:
    tokens = [text(login(), "access_token") for _ in range(3)]
    login(password="wrong")
    reset(call, ann)
    admin = connect("lockstep_admin")
    assert value(admin, "select lockstep.purge_sign_ins()") == 0
    for token in tokens[:2]:
        call(None, "POST", LOGOUT, headers=bearer(token))
    session = value(connection, "select id from lockstep.sessions where ended_at is not null limit 1")
    age(connection, "sessions", "25 hours", "ended_at", where=f"id = '{session}'")
    connection.execute("update lockstep.sign_in_attempts set last_at = now() - interval '25 hours'")
    connection.execute("update lockstep.password_resets set expires_at = now() - interval '1 second'")
    attempts = value(connection, "select count(*) from lockstep.sign_in_attempts")
    assert value(admin, "select lockstep.purge_sign_ins()") == 1 + attempts + 1
    assert value(connection, "select count(*) from lockstep.sessions where user_id = %s", ann) == 2
    assert value(connection, "select count(*) from lockstep.refresh_tokens") == 2
    assert value(admin, "select lockstep.purge_sign_ins()") == 0


def test_the_scheduled_job_purges(call: Call, connection: Connection, ann: int) -> None:
    reset(call, ann)
    connection.execute("update lockstep.password_resets set expires_at = now() - interval '1 second'")
    connection.execute("call lockstep.reconcile()")
    assert value(connection, "select count(*) from lockstep.password_resets") == 0
