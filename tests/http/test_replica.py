"""Reads from a streaming replica: which, never an older state than one wrote, and what if it is not there."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask, Response, g
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from werkzeug.test import TestResponse

from app import create_app, logins
from app.http import replica as replicas
from app.http.access import CONSOLE, ROUTES
from app.http.database import Database
from app.http.replica import HEADER, Positions, Replica
from app.postgres import Server
from app.settings import Settings
from tests.http import pooler as poolers
from tests.http.conftest import POOLS, THROUGH_POOLER, Call, Connection, People, add_people, token_of
from tests.http.examples import EXAMPLES, methods, rules
from tests.http.replicas import catch_up, following, paused
from tests.http.serving import Service, insist, served
from tests.http.test_contract import places
from tests.pairs import update_level
from tests.support import DEADLINE, SERVER_SETTINGS, folder_for_servers, wait_until
from tests.torture.scratch import build, scratch_server

# A position that no server reaches: the primary is asked.
FAR = {HEADER: "FFFFFFFF/FFFFFFF0"}

_mark = itertools.count()


@dataclass(frozen=True)
class Place:
    """A primary and its replica, and the logins of the service on either."""

    primary: Server
    replica: Server
    dsn: str
    admin_dsn: str
    read_dsn: str


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    folder = folder_for_servers()
    with ExitStack() as stack:
        primary = stack.enter_context(scratch_server(folder, SERVER_SETTINGS))
        everybody, admins = logins.ensure(build(primary, 0), primary.home / "http-logins.json")
        replica = stack.enter_context(following(primary, folder, SERVER_SETTINGS))
        ports = [conninfo_to_dict(server.dsn)["port"] for server in (primary, replica)]
        if THROUGH_POOLER:
            words = {str(login["user"]): str(login["password"]) for login in map(conninfo_to_dict, (everybody, admins))}
            # It would keep a read for two minutes where there is no server; one that is slow has five seconds.
            quick = "query_wait_timeout = 5\nserver_login_retry = 1\n"
            ports = [stack.enter_context(poolers.pooler(server, words, quick)).port for server in (primary, replica)]
        own, other = ports
        told = ((everybody, own), (admins, own), (everybody, other))
        yield Place(primary, replica, *(make_conninfo(dsn, port=port) for dsn, port in told))


@pytest.fixture
def database(place: Place) -> str:
    return place.primary.dsn


@pytest.fixture
def settings(place: Place, tmp_path: Path) -> Settings:
    """A span that no test reaches by itself."""
    return Settings(
        home=tmp_path,
        dsn=place.primary.dsn,
        http_dsn=place.dsn,
        http_admin_dsn=place.admin_dsn,
        read_dsn=place.read_dsn,
        read_lag=3600,
        pools=POOLS,
    )


@pytest.fixture
def watch(place: Place) -> Iterator[Connection]:
    """A superuser's connection to the replica."""
    with psycopg.connect(place.replica.dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def people(connection: Connection) -> People:
    return add_people(connection, f"-{next(_mark)}")


Outcomes = list[str | None]


@pytest.fixture
def outcomes() -> Outcomes:
    """Of each request what came of the replica, None where it was none of its business."""
    return []


@pytest.fixture
def make_app(outcomes: Outcomes) -> Iterator[Callable[[Settings], Flask]]:
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        app = create_app(settings)
        app.config["PROPAGATE_EXCEPTIONS"] = False

        def keep(answer: Response) -> Response:
            outcomes.append(g.get("replica", [None])[-1])
            return answer

        app.after_request(keep)
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["lockstep.database"].close()


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings) -> Flask:
    return make_app(settings)


@pytest.fixture
def elsewhere(
    make_app: Callable[[Settings], Flask], settings: Settings, tokens: Callable[[str], str], app: Flask
) -> Call:
    """Make a request to a service on another machine, which knows only what it is told."""
    other = make_app(settings)
    held: dict[str, str] = {}

    def call(name: str, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        held.setdefault(name, tokens(name))
        told = {"Authorization": f"Bearer {held[name]}", **(headers or {})}
        return other.test_client().open(path, method=method, headers=told, **options)

    call.replica = replica_of(other)  # type: ignore[attr-defined]
    return call


def replica_of(app: Flask) -> Replica:
    database: Database = app.extensions["lockstep.database"]
    assert database.replica
    return database.replica


def total(answer: TestResponse) -> int:
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    # A change answers both records and a read the pair.
    found: dict[str, Any] = answer.json.get("progress", answer.json)
    return int(found["total_xp"])


def test_every_route_that_only_reads_is_answered_by_the_replica_and_as_by_the_primary(
    app: Flask, connection: Connection, people: People, watch: Connection, outcomes: Outcomes
) -> None:
    known = places(connection, people)
    update_level(connection, people["ann"], "PLAYER", 3)
    # What is for admins only asks the server about itself, and what signs in writes.
    due = {
        endpoint: line
        for endpoint, line in ROUTES.items()
        # Pages of a browser make the same calls.
        if not endpoint.startswith(f"{CONSOLE}.") and line.roles and line.pool == "app"
        if methods(rules(app)[endpoint]) == {"GET"}
    }
    assert len(due) > 15
    kept = {name: token_of(app, connection, people[name]) for name in ("ann", "iris")}
    # By the first read it learns where the primary is: later that may be further than what was waited for.
    assert app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {kept['ann']}"}).status_code == 200
    catch_up(connection, watch)
    for endpoint, line in due.items():
        headers = {"Authorization": f"Bearer {kept['ann' if 'student' in line.roles else 'iris']}"}
        request = EXAMPLES[endpoint].request(rules(app)[endpoint], **known)
        # Some examples lead nowhere on purpose.
        request["path"] = request["path"].replace("0" * 32, str(known["name"]))
        read = app.test_client().open(headers=headers, **request)
        same = app.test_client().open(headers=headers | FAR, **request)
        assert (endpoint, outcomes[-2:], read.status_code) == (endpoint, ["answered", "behind"], 200)
        assert read.data == same.data
    sessions = "select count(*) from pg_stat_activity where application_name = 'lockstep-http'"
    assert THROUGH_POOLER or watch.execute(sessions).fetchone() != (0,)


def test_what_was_written_here_is_read_here_and_elsewhere_by_who_says_where_it_was_written(
    call: Call, elsewhere: Call, people: People, connection: Connection, watch: Connection, outcomes: Outcomes
) -> None:
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER"
    assert total(call("iris", "POST", f"{path}/xp", json={"xp_gained": 1})) == 1
    assert [total(one(name, "GET", path, headers=FAR)) for one in (call, elsewhere) for name in ("iris", "ann")]
    catch_up(connection, watch)
    with paused(watch):
        awarded = call("iris", "POST", f"{path}/xp", json={"xp_gained": 2})
        position = {HEADER: awarded.headers[HEADER]}
        outcomes.clear()
        # The writer, and whom it is about.
        assert [total(call(name, "GET", path)) for name in ("iris", "ann")] == [3, 3]
        assert total(elsewhere("iris", "GET", path)) == 1  # as only the replica has it
        assert total(elsewhere("iris", "GET", path, headers=position)) == 3
        assert total(elsewhere("iris", "GET", path, headers={HEADER: "not one"})) == 3
        assert outcomes == ["behind", "behind", "answered", "behind", "behind"]
        # Trying without doing is no write.
        assert HEADER not in call("joe", "POST", f"{path}/xp?dry_run=true", json={"xp_gained": 2}).headers
    catch_up(connection, watch)
    outcomes.clear()
    assert total(call("ann", "GET", path)) == total(elsewhere("iris", "GET", path, headers=position)) == 3
    assert outcomes == ["answered", "answered"]


def test_who_is_shut_out_or_has_lost_a_role_is_so_at_once_here_and_elsewhere_within_the_span(
    call: Call, elsewhere: Call, people: People, connection: Connection, watch: Connection, outcomes: Outcomes
) -> None:
    everybody = ("bob", "joe", "admin")
    assert [one(name, "GET", "/api/v1/me").status_code for one in (call, elsewhere) for name in everybody] == [200] * 6
    catch_up(connection, watch)
    with paused(watch):
        assert call("admin", "POST", f"/api/v1/users/{people['bob']}/deactivate").status_code == 200
        assert call("admin", "PATCH", f"/api/v1/users/{people['joe']}", json={"role": "student"}).status_code == 200
        assert call("bob", "GET", "/api/v1/me").status_code == 401
        assert call("joe", "GET", "/api/v1/groups").status_code == 403
        outcomes.clear()
        assert elsewhere("bob", "GET", "/api/v1/me").status_code == 200
        assert outcomes == ["answered"]
        elsewhere.replica.lag = 0  # type: ignore[attr-defined]
        assert elsewhere("bob", "GET", "/api/v1/me").status_code == 401
        assert elsewhere("joe", "GET", "/api/v1/groups").status_code == 403
        assert outcomes == ["answered", "lagging", "lagging"]


def test_what_the_replica_does_not_know_yet_the_primary_answers(
    call: Call, people: People, connection: Connection, watch: Connection, outcomes: Outcomes
) -> None:
    assert call("ann", "GET", "/api/v1/me").status_code == 200
    catch_up(connection, watch)
    with paused(watch):
        # Of a session that began elsewhere.
        assert call("carl", "GET", "/api/v1/me").status_code == 200
        assert call("ann", "GET", f"/api/v1/users/{people['bob']}").status_code == 403
        assert outcomes[-2:] == ["refused", "refused"]


def test_a_write_whose_position_could_not_be_asked_is_read_on_the_primary(
    app: Flask,
    call: Call,
    people: People,
    connection: Connection,
    watch: Connection,
    outcomes: Outcomes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER"
    with monkeypatch.context() as patch:
        patch.setattr(replicas, "POSITION", "select 1 / 0")
        answer = call("iris", "POST", f"{path}/xp", json={"xp_gained": 1})
    assert total(answer) == 1
    assert HEADER not in answer.headers
    assert total(call("ann", "GET", path)) == 1
    catch_up(connection, watch)
    assert total(call("ann", "GET", path)) == 1
    assert outcomes[-2:] == ["behind", "answered"]


def test_what_one_process_of_the_service_wrote_every_other_reads(
    settings: Settings, tokens: Callable[[str], str], people: People, connection: Connection, watch: Connection
) -> None:
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER"
    update_level(connection, people["ann"], "PLAYER", 1)
    ann, iris = tokens("ann"), tokens("iris")
    catch_up(connection, watch)

    def read(service: Service) -> set[int]:
        """What connections of their own are told, which come to every process."""
        return {insist(partial(service.ask, ann, "GET", path)).json["total_xp"] for _ in range(20)}

    with served(settings, workers=2) as service:
        assert read(service) == {0}
        with paused(watch), service.connect() as held:
            award = partial(service.over, held, iris, "POST", f"{path}/xp", json={"xp_gained": 1})
            for earned in (1, 2, 3):
                answer = insist(award)
                assert (answer.status, read(service)) == (200, {earned})


def _raise(positions: Positions, user: int, last: int) -> None:
    for position in range(last, 0, -1):
        positions.raise_to(position, [user])


def test_processes_share_what_was_written_and_the_highest_position_stays() -> None:
    positions = Positions()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_raise, args=(positions, 7, last)) for last in (2000, 3000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert positions.of([7]) == positions.of([7, 8]) == positions.of([7 + Positions.PLACES]) == 3000
    assert positions.of([8]) == 0


def test_without_a_replica_nothing_is_told_and_nothing_asked(
    make_app: Callable[[Settings], Flask],
    settings: Settings,
    connection: Connection,
    people: People,
    outcomes: Outcomes,
) -> None:
    plain = make_app(replace(settings, read_dsn=None))
    headers = {"Authorization": f"Bearer {token_of(plain, connection, people['iris'])}"}
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER"
    answers = [
        plain.test_client().post(f"{path}/xp", json={"xp_gained": 1}, headers=headers),
        plain.test_client().get(path, headers=headers),
    ]
    assert [total(answer) for answer in answers] == [1, 1]
    assert not any(HEADER in answer.headers for answer in answers)
    assert outcomes == [None, None]
    assert plain.extensions["lockstep.database"].pools.keys() == {"app", "admin"}


def test_reads_go_on_when_the_replica_is_killed_and_return_to_it(
    place: Place,
    app: Flask,
    call: Call,
    people: People,
    connection: Connection,
    outcomes: Outcomes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The first pause; those that follow double.
    monkeypatch.setattr(replicas, "FIRST_REST", 0.05)
    # Soon enough for the test to go on: whoever asks meanwhile asks again.
    monkeypatch.setattr(replicas, "PATIENCE", 0.25)

    def read() -> int:
        return call("ann", "GET", "/api/v1/me").status_code

    assert read() == 200
    with ThreadPoolExecutor(4) as threads:
        wait_until(connection, lambda: read() == 200 and outcomes[-1] == "answered", "the replica answers")
        before = [threads.submit(read) for _ in range(20)]
        process = place.replica.postmaster()
        assert process
        os.kill(process.pid, signal.SIGKILL)
        after = [threads.submit(read) for _ in range(60)]
        assert {asked.result() for asked in before + after} == {200}
    wait_until(connection, lambda: read() == 200 and outcomes[-1] in ("failed", "resting"), "it is missed")
    assert "failed" in outcomes
    place.replica.start()
    wait_until(connection, lambda: read() == 200 and outcomes[-1] == "answered", "the replica answers again")
    assert replica_of(app).rest.pause == 0


def test_a_replica_that_was_promoted_is_asked_no_more(
    app: Flask,
    call: Call,
    people: People,
    connection: Connection,
    watch: Connection,
    outcomes: Outcomes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replicas, "FIRST_REST", DEADLINE)
    assert call("ann", "GET", "/api/v1/me").status_code == 200
    catch_up(connection, watch)
    assert call("ann", "GET", "/api/v1/me").status_code == 200
    assert outcomes[-1] == "answered"
    assert watch.execute("select pg_promote(wait_seconds => 3600)").fetchone() == (True,)
    connection.execute("update lockstep.users set name = 'Anna' where id = %s", [people["ann"]])
    answer = call("ann", "GET", "/api/v1/me")
    assert answer.json is not None
    assert (answer.json["name"], outcomes[-1]) == ("Anna", "promoted")
    assert (call("ann", "GET", "/api/v1/me").status_code, outcomes[-1]) == (200, "resting")
    told = call(None, "GET", "/metrics").text
    assert 'lockstep_replica_reads_total{outcome="promoted"}' in told
