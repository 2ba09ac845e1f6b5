"""Races on real sessions (F2, F5, F7): each with proof that one waited, or with all of them at once."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from tests.pairs import Connect, Connection, at_once, background, call, refused, rows, value
from tests.projects.support import FILE, add_group, conflict, count, create, read, revisions, share, update
from tests.support import DEADLINE, wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")

ROUNDS = 1_000

UPDATE = "select * from lockstep.update_project(1, %s, %s, p_title => %s)"


def attempt(work: Callable[[], Any]) -> str | None:
    """The SQLSTATE that a call ended in, None: it went well."""
    try:
        work()
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test_of_two_writers_on_one_version_exactly_one_wins_a_thousand_times(
    connection: Connection, connect: Connect
) -> None:
    project = create(connection)
    writers = {name: connect("lockstep_app") for name in ("one", "other")}
    outcomes = []
    for version in range(1, ROUNDS + 1):
        work = [
            partial(attempt, partial(update, session, 1, project.id, version, title=f"{name} {version}"))
            for name, session in writers.items()
        ]
        outcomes.append(tuple(at_once(work)))
    assert {frozenset(outcome) for outcome in outcomes} == {frozenset({None, "LS052"})}
    assert read(connection, 1, project.id).version == ROUNDS + 1
    winners = ["one" if outcome[0] is None else "other" for outcome in outcomes]
    assert [revision.title for revision in revisions(connection, project.id)[1:]] == [
        f"{winner} {version}" for version, winner in enumerate(winners, 1)
    ]


def test_the_second_writer_waits_and_is_told_of_the_first(connection: Connection, connect: Connect) -> None:
    project = create(connection)
    first, second = connect(), connect()
    first.execute("begin")
    update(first, 1, project.id, 1, title="first")
    with background(second, UPDATE, project.id, 1, "second") as late:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("LS052") as caught:
            late.result()
    assert conflict(caught.value)["current"]["title"] == "first"


def test_an_update_that_waits_for_a_deletion_finds_no_project(connection: Connection, connect: Connect) -> None:
    project = create(connection)
    first, second = connect(), connect()
    first.execute("begin")
    call(first, "delete_project", 1, project.id, 1)
    with background(second, UPDATE, project.id, None, "late") as late:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("LS050"):
            late.result()
    assert [one.action for one in revisions(connection, project.id)] == ["created", "deleted"]


def test_a_deletion_that_waits_for_an_update_does_not_delete_what_nobody_saw(
    connection: Connection, connect: Connect
) -> None:
    project = create(connection)
    first, second = connect(), connect()
    first.execute("begin")
    update(first, 1, project.id, 1, title="new")
    with background(second, "select * from lockstep.delete_project(1, %s, 1)", project.id) as late:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("LS052"):
            late.result()
    assert read(connection, 1, project.id).deleted_at is None


def test_a_copy_waits_for_an_update_and_has_all_of_it(connection: Connection, connect: Connect) -> None:
    project = create(connection)
    writer, copier = connect(), connect()
    writer.execute("begin")
    update(writer, 1, project.id, 1, title="new", file=b"new", file_name="new.sb3")
    with background(copier, "select * from lockstep.copy_project(1, %s)", project.id) as late:
        wait_until_blocked(connection, copier.info.backend_pid, writer.info.backend_pid)
        writer.execute("commit")
        (copy,) = late.result()
    assert (copy.title, copy.file_name, copy.copied_from_version) == ("new", "new.sb3", 2)
    assert copy.file_sha256 == sha256(b"new").hexdigest()


def test_a_copy_taken_while_many_write_is_always_of_one_version(connection: Connection, connect: Connect) -> None:
    project = create(connection, title="0", file=b"0")
    writer, copier = connect(), connect()

    def write() -> None:
        for number in range(1, 60):
            update(writer, 1, project.id, None, title=str(number), file=str(number).encode())

    def copy() -> list[Any]:
        return [call(copier, "copy_project", 1, project.id) for _ in range(60)]

    _, copies = at_once([write, copy])
    assert {one.file_sha256 == sha256(one.title.encode()).hexdigest() for one in copies} == {True}
    assert {one.copied_from_version == int(one.title) + 1 for one in copies} == {True}


def test_a_restore_and_a_purge_of_the_same_project_pass_each_other(connection: Connection, connect: Connect) -> None:
    project = create(connection)
    call(connection, "delete_project", 1, project.id)
    connection.execute("update lockstep.projects set deleted_at = now() - interval '1 year'")
    owner, purger = connect(), connect()
    purger.execute("set lock_timeout = '2s'")
    owner.execute("begin")
    call(owner, "restore_project", 1, project.id)
    assert call(purger, "purge_projects")[0] == 0
    owner.execute("rollback")
    purger.execute("begin")
    assert call(purger, "purge_projects")[0] == 1
    with background(owner, "select lockstep.restore_project(1, %s)", project.id) as late:
        wait_until_blocked(connection, owner.info.backend_pid, purger.info.backend_pid)
        purger.execute("commit")
        with refused("LS050"):
            late.result()


# Shares ---------------------------------------------------------------------------------------


def test_a_hundred_sharers_leave_no_duplicate_and_lose_no_grant(connection: Connection, connect: Connect) -> None:
    project = create(connection)
    connection.execute(
        "insert into lockstep.users (id, email)"
        " select n, format('p%s@example.org', n) from generate_series(100, 149) as n"
    )
    groups = [add_group(connection, f"group {number}", 1) for number in range(10)]
    grants: list[dict[str, int]] = [
        *({"user_id": number} for number in range(100, 150)),
        *({"group_id": group} for group in groups),
        *[{"user_id": 2}] * 40,
    ]
    permissions = [random.Random(6).choice(["READ", "WRITE"]) for _ in grants]
    permissions[80] = "ADMIN"
    sessions = [connect("lockstep_app") for _ in range(100)]

    def work(session: Connection, part: int) -> None:
        for grant, permission in list(zip(grants, permissions, strict=True))[part :: len(sessions)]:
            share(session, project.id, permission, **grant)

    at_once([partial(work, session, part) for part, session in enumerate(sessions)])
    found = rows(
        connection, "select grantee_user_id, grantee_group_id, permission, id from lockstep.project_shares order by id"
    )
    assert len(found) == 50 + 10 + 1
    assert {row.grantee_user_id: row.permission for row in found}[2] == "ADMIN"
    expected = {
        next(iter(grant.values())): permission for grant, permission in zip(grants[:60], permissions, strict=False)
    }
    assert {
        row.grantee_user_id or row.grantee_group_id: row.permission for row in found if row.grantee_user_id != 2
    } == expected
    # No number of the sequence was drawn for a grant that was there already.
    assert [row.id for row in found] == list(range(1, 62))


# Blobs ----------------------------------------------------------------------------------------


def orphan(connection: Connection, content: bytes) -> None:
    connection.execute("insert into lockstep.blobs (sha256, content) values (sha256(%s), %s)", [content, content])


def test_a_sweep_passes_over_what_is_being_stored(connection: Connection, connect: Connect) -> None:
    orphan(connection, FILE)
    uploader, sweeper = connect(), connect("lockstep_admin")
    sweeper.execute("set lock_timeout = '2s'")
    uploader.execute("begin")
    project = create(uploader)
    assert call(sweeper, "sweep_blobs")[0] == 0
    uploader.execute("commit")
    assert call(sweeper, "sweep_blobs")[0] == 0
    assert value(connection, "select content from lockstep.read_file(1, %s)", project.id) == FILE


def test_an_upload_waits_for_a_sweep_and_stores_the_content_anew(connection: Connection, connect: Connect) -> None:
    orphan(connection, FILE)
    uploader, sweeper = connect(), connect()
    sweeper.execute("begin")
    assert call(sweeper, "sweep_blobs")[0] == 1
    with background(uploader, "select * from lockstep.create_project(1, 'T', %s, 'a.sb3')", FILE) as late:
        wait_until_blocked(connection, uploader.info.backend_pid, sweeper.info.backend_pid)
        sweeper.execute("commit")
        (project,) = late.result()
    assert value(connection, "select content from lockstep.read_file(1, %s)", project.id) == FILE


def test_an_upload_waits_for_a_sweep_that_is_rolled_back_and_uses_what_is_there(
    connection: Connection, connect: Connect
) -> None:
    orphan(connection, FILE)
    uploader, sweeper = connect(), connect()
    sweeper.execute("begin")
    call(sweeper, "sweep_blobs")
    with background(uploader, "select * from lockstep.create_project(1, 'T', %s, 'a.sb3')", FILE) as late:
        wait_until_blocked(connection, uploader.info.backend_pid, sweeper.info.backend_pid)
        sweeper.execute("rollback")
        late.result()
    assert count(connection, "blobs") == 1


def test_an_upload_that_found_the_content_waits_for_a_sweep_that_is_about_to_take_it(
    connection: Connection, connect: Connect
) -> None:
    orphan(connection, FILE)
    uploader, sweeper = connect(), connect()
    # A sweep between its two statements: the content is still there for everybody.
    sweeper.execute("begin")
    sweeper.execute("select from lockstep.blobs for update")
    with background(uploader, "select * from lockstep.create_project(1, 'T', %s, 'a.sb3')", FILE) as late:
        wait_until_blocked(connection, uploader.info.backend_pid, sweeper.info.backend_pid)
        sweeper.execute("delete from lockstep.blobs")
        sweeper.execute("commit")
        (project,) = late.result()
    assert value(connection, "select content from lockstep.read_file(1, %s)", project.id) == FILE


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_sweep_with_an_old_snapshot_is_refused_by_the_keys(
    connection: Connection, connect: Connect, isolation: str
) -> None:
    orphan(connection, FILE)
    sweeper = connect()
    sweeper.execute(f"begin isolation level {isolation}".encode())
    sweeper.execute("select 1 from lockstep.users")
    create(connection)
    with refused("23001", "23503", "40001"):
        call(sweeper, "sweep_blobs")
    sweeper.execute("rollback")
    assert count(connection, "blobs") == 1


def test_uploads_and_sweeps_at_once_lose_no_content(connection: Connection, connect: Connect) -> None:
    contents = [f"content {number}".encode() for number in range(5)]
    uploaders, sweeper = [connect("lockstep_app") for _ in range(4)], connect("lockstep_admin")
    swept, uploading, sweeping = 0, True, True
    deadline = time.monotonic() + DEADLINE

    def upload(session: Connection, seed: int) -> None:
        chosen, done = random.Random(seed), 0
        # Until something was swept meanwhile, however fast or slow that goes.
        while done < 40 or (sweeping and not swept and time.monotonic() < deadline):
            done += 1
            # One that is rolled back stores nothing; one that is removed leaves an orphan for the sweep.
            with session.transaction(force_rollback=chosen.random() < 0.3):
                create(session, file=chosen.choice(contents))

    def remove_and_sweep() -> None:
        nonlocal swept, sweeping
        remover = connect()
        try:
            while uploading:
                remover.execute(
                    "select lockstep.remove_projects(array("
                    "select id from lockstep.projects where random() < 0.5 for no key update skip locked))"
                )
                swept += call(sweeper, "sweep_blobs")[0]
        finally:
            sweeping = False

    def uploads() -> None:
        nonlocal uploading
        try:
            at_once([partial(upload, session, seed) for seed, session in enumerate(uploaders)])
        finally:
            uploading = False

    at_once([uploads, remove_and_sweep])
    assert swept > 0
    missing = "select count(*) from lockstep.projects where lockstep.read_file(1, id) is null"
    assert value(connection, missing) == 0
    call(sweeper, "sweep_blobs")
    unused = "select count(*) from lockstep.blobs where not lockstep.blob_is_used(sha256)"
    assert value(connection, unused) == 0


def test_two_uploads_that_need_each_others_content_in_hash_order_do_not_deadlock(
    connection: Connection, connect: Connect
) -> None:
    contents = sorted((b"one", b"other"), key=lambda content: sha256(content).digest())
    first, second = connect(), connect()
    first.execute("begin")
    create(first, file=contents[0])
    second.execute("begin")
    statement = "select * from lockstep.create_project(2, 'T', %s, 'a.sb3')"
    with background(second, statement, contents[0]) as late:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        create(first, file=contents[1])
        first.execute("commit")
        late.result()
    create(second, actor=2, file=contents[1])
    second.execute("commit")
    assert (count(connection, "projects"), count(connection, "blobs")) == (4, 2)


UPLOADER = """
import sys, psycopg
connection = psycopg.connect(sys.argv[1])
connection.execute(sys.argv[2], [b"x" * 5_000_000])
print("stored, not committed", flush=True)
sys.stdin.read()  # nothing comes: it stays like this until it is killed
"""


@pytest.mark.parametrize(
    "statement",
    [
        "select lockstep.create_project(1, 'T', %s, 'a.sb3')",
        "select lockstep.get_or_create_asset(1, %s, 'costume', 'png')",
    ],
)
def test_a_process_killed_before_its_commit_leaves_neither_row_nor_blob(
    connection: Connection, database: str, statement: str
) -> None:
    command = [sys.executable, "-c", UPLOADER, database, statement]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"stored")
        process.send_signal(signal.SIGKILL)
    # Whoever stores the same now waits for the server to have noticed, and then is the first.
    again = value(
        connection, "select (lockstep.get_or_create_asset(1, %s, 'costume', 'png')).created", b"x" * 5_000_000
    )
    assert again is True
    assert (count(connection, "projects"), count(connection, "blobs"), count(connection, "assets")) == (0, 1, 1)
