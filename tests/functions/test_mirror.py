"""Raw SQL is coupled (C1), cannot commit a disagreement (C2), and the last statement wins (C3)."""

from collections.abc import Iterable, Iterator

import pytest

from tests.cluster import on_cluster
from tests.pairs import (
    Connect,
    Connection,
    desyncs,
    history,
    level_up,
    levels,
    license,
    one,
    outcome,
    plant,
    progress,
    refused,
    rows,
    rules_off,
    run_script,
    update_level,
    value,
)

pytestmark = pytest.mark.usefixtures("people")

# The first is the superuser that each is a session of.
WRITERS = ["none", "lockstep_owner", "lockstep_legacy"]

PROGRESS = "lockstep.specialization_progress"
LICENSES = "lockstep.user_licenses"


@pytest.fixture(params=["superuser", "lockstep_legacy"])
def raw(connect: Connect, request: pytest.FixtureRequest) -> Connection:
    """A session of somebody who writes raw SQL."""
    return connect() if request.param == "superuser" else connect(request.param)


@pytest.fixture
def legacy(connect: Connect) -> Connection:
    """A session of an old application."""
    return connect("lockstep_legacy")


def run(connection: Connection, statement: str) -> None:
    connection.execute(statement.encode())


def rehearse(connection: Connection, statement: str) -> Iterator[str]:
    """Run a statement as each of those who may write; what the caller sees is then rolled back.

    The deferred keys are checked as a commit checks them.
    """
    for role in WRITERS:
        with connection.transaction(force_rollback=True):
            run(connection, f"set local role {role}")
            run(connection, statement)
            run(connection, "set constraints all immediate")
            yield role


# C1: one statement on one table, and the other table agrees ------------------------------------


@pytest.mark.parametrize(
    ("statement", "changes"),
    [
        (
            f"update {PROGRESS} set current_level = 5 where student_id = 1",
            {1: [(2, 5)]},
        ),
        (
            f"update {LICENSES} set current_level = 5 where user_id = 1",
            {1: [(2, 5)]},
        ),
        (f"update {PROGRESS} set current_level = current_level + 1", {1: [(2, 3)], 2: [(3, 4)]}),
        (f"update {LICENSES} set current_level = current_level + 1", {1: [(2, 3)], 2: [(3, 4)]}),
        (
            f"update {PROGRESS} as progress set current_level = wanted.level"
            " from (values (1, 6), (2, 7)) as wanted (id, level)"
            " where progress.student_id = wanted.id",
            {1: [(2, 6)], 2: [(3, 7)]},
        ),
        (
            f"update {LICENSES} as license set current_level = wanted.level"
            " from (values (1, 6), (2, 7)) as wanted (id, level) where license.user_id = wanted.id",
            {1: [(2, 6)], 2: [(3, 7)]},
        ),
        (
            f"with wanted as (select 1 as id, 4 as level) update {PROGRESS} as progress"
            " set current_level = wanted.level from wanted where progress.student_id = wanted.id",
            {1: [(2, 4)]},
        ),
        (
            f"with one as (update {PROGRESS} set current_level = 8 where student_id = 1)"
            f" update {LICENSES} set current_level = 7 where user_id = 2",
            {1: [(2, 8)], 2: [(3, 7)]},
        ),
        (f"insert into {PROGRESS} (student_id, specialization_id) values (3, 'PLAYER')", {3: []}),
        (f"insert into {LICENSES} (user_id, specialization_type) values (3, 'PLAYER')", {3: []}),
        (
            f"insert into {PROGRESS} (student_id, specialization_id, current_level)"
            " values (3, 'PLAYER', 1), (4, 'PLAYER', 4), (5, 'PLAYER', 5)",
            {3: [], 4: [(None, 4)], 5: [(None, 5)]},
        ),
        (
            f"insert into {LICENSES} (user_id, specialization_type, current_level)"
            " values (3, 'PLAYER', 1), (4, 'PLAYER', 4), (5, 'PLAYER', 5)",
            {3: [], 4: [(None, 4)], 5: [(None, 5)]},
        ),
        (
            f"insert into {PROGRESS} (student_id, specialization_id, current_level)"
            " values (1, 'PLAYER', 6), (4, 'PLAYER', 6) on conflict (student_id, specialization_id)"
            " do update set current_level = excluded.current_level",
            {1: [(2, 6)], 4: [(None, 6)]},
        ),
        (
            f"insert into {LICENSES} (user_id, specialization_type, current_level)"
            " values (1, 'PLAYER', 6), (4, 'PLAYER', 6) on conflict (user_id, specialization_type)"
            " do update set current_level = excluded.current_level",
            {1: [(2, 6)], 4: [(None, 6)]},
        ),
        (
            f"insert into {PROGRESS} (student_id, specialization_id, current_level)"
            " values (1, 'PLAYER', 6), (4, 'PLAYER', 6) on conflict do nothing",
            {1: [], 4: [(None, 6)]},
        ),
        (
            f"insert into {LICENSES} (user_id, specialization_type, current_level)"
            " values (1, 'PLAYER', 6), (4, 'PLAYER', 6) on conflict do nothing",
            {1: [], 4: [(None, 6)]},
        ),
        (
            f"merge into {PROGRESS} as progress using (values (1, 6), (4, 7)) as wanted (id, level)"
            " on progress.student_id = wanted.id"
            " when matched then update set current_level = wanted.level"
            " when not matched then insert (student_id, specialization_id, current_level)"
            " values (wanted.id, 'PLAYER', wanted.level)",
            {1: [(2, 6)], 4: [(None, 7)]},
        ),
        (
            f"merge into {LICENSES} as license using (values (1, 6), (4, 7)) as wanted (id, level)"
            " on license.user_id = wanted.id"
            " when matched then update set current_level = wanted.level"
            " when not matched then insert (user_id, specialization_type, current_level)"
            " values (wanted.id, 'PLAYER', wanted.level)",
            {1: [(2, 6)], 4: [(None, 7)]},
        ),
    ],
)
def test_the_other_table_agrees_with_a_history_row_for_each_level_change(
    connection: Connection,
    legacy: Connection,
    statement: str,
    changes: dict[int, list[tuple[int | None, int]]],
) -> None:
    def look(role: str) -> None:
        for user, expected in changes.items():
            seen = history(connection, user)
            made = seen[1:] if user < 3 else seen
            assert made == [(*change, "raw_sql") for change in expected], role
            if expected:
                assert levels(connection, user) == (expected[-1][1],) * 2, role
            assert license(connection, user).max_achieved_level == levels(connection, user)[0]
        assert desyncs(connection) == 0
        assert value(connection, f"select count(*) from {PROGRESS}") == value(
            connection, f"select count(*) from {LICENSES}"
        )
        assert (progress(connection, 1).total_xp, progress(connection, 2).total_xp) == (10, 20)

    update_level(connection, 1, "PLAYER", 2, 10)
    update_level(connection, 2, "PLAYER", 3, 20)
    for role in rehearse(connection, statement):
        look(role)
    run(legacy, statement)
    look("committed")


def test_a_row_that_an_upsert_finds_keeps_its_xp(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2, 10)
    run(
        raw,
        f"insert into {PROGRESS} as progress (student_id, specialization_id, current_level, total_xp)"
        " values (1, 'PLAYER', 4, 5) on conflict on constraint uq_specialization_progress_user_spec"
        " do update set current_level = excluded.current_level,"
        " total_xp = progress.total_xp + excluded.total_xp",
    )
    assert progress(connection).total_xp == 15
    assert levels(connection) == (4, 4)


DELETES = [
    f"delete from {PROGRESS} where student_id = 1",
    f"delete from {LICENSES} where user_id = 1",
    f"delete from {PROGRESS} as progress using lockstep.users as person"
    " where progress.student_id = person.id and person.id = 1",
    f"merge into {PROGRESS} as progress using (values (1)) as gone (id)"
    " on progress.student_id = gone.id when matched then delete",
    f"merge into {LICENSES} as license using (values (1)) as gone (id)"
    " on license.user_id = gone.id when matched then delete",
]


def test_delete_goes_on_both_sides_without_history_and_is_refused_with_it(
    connection: Connection, legacy: Connection
) -> None:
    for statement in DELETES:
        update_level(connection, 1, "PLAYER", 1, 10)
        for _ in rehearse(connection, statement):
            assert levels(connection) == (None, None)
        run(legacy, statement)
        assert levels(connection) == (None, None)
    update_level(connection, 1, "PLAYER", 2)
    for statement in DELETES:
        for role in WRITERS:
            with refused("LS008"), connection.transaction():
                run(connection, f"set local role {role}")
                run(connection, statement)
    assert levels(connection) == (2, 2)
    assert len(history(connection)) == 1
    assert desyncs(connection) == 0


def test_one_pair_with_history_keeps_a_whole_statement_from_deleting(connection: Connection, raw: Connection) -> None:
    for user in 1, 2, 3:
        level_up(connection, user, "PLAYER")
    update_level(connection, 2, "PLAYER", 2)
    for table in PROGRESS, LICENSES:
        with refused("LS008"):
            run(raw, f"delete from {table}")
    assert value(connection, f"select count(*) from {PROGRESS}") == 3
    assert desyncs(connection) == 0


def test_copy_into_progress_is_coupled(connection: Connection, raw: Connection) -> None:
    statement = f"copy {PROGRESS} (student_id, specialization_id, current_level, total_xp) from stdin"
    with raw.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for user in range(1, 10):
            copy.write_row((user, "PLAYER", 1 + user % 8, user))
    for user in range(1, 10):
        level = 1 + user % 8
        assert levels(connection, user) == (level, level)
        assert history(connection, user) == ([] if level == 1 else [(None, level, "raw_sql")])
    assert desyncs(connection) == 0


def test_copy_into_licenses_is_refused_for_a_role_under_the_lock_order_hook(
    connection: Connection, legacy: Connection
) -> None:
    statement = f"copy {LICENSES} (user_id, specialization_type, current_level) from stdin"
    with refused("0A000"), legacy.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write_row((1, "PLAYER", 2))
    assert levels(connection) == (None, None)
    run(legacy, "create temporary table staging (id bigint, level integer)")
    with legacy.cursor() as cursor, cursor.copy("copy staging from stdin") as copy:
        copy.write_row((1, 2))
    run(
        legacy,
        f"insert into {LICENSES} (user_id, specialization_type, current_level) select id, 'PLAYER', level from staging",
    )
    assert levels(connection) == (2, 2)


@pytest.mark.parametrize("role", [None, "lockstep_owner"])
def test_copy_into_licenses_is_coupled_for_those_who_may(
    connection: Connection, connect: Connect, role: str | None
) -> None:
    session = connect(role)
    statement = f"copy {LICENSES} (user_id, specialization_type, current_level) from stdin"
    with session.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write_row((1, "PLAYER", 2))
    assert levels(connection) == (2, 2)
    assert license(connection).max_achieved_level == 2


def test_an_old_clients_transaction_works_and_is_coupled(connection: Connection, legacy: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    held = license(connection)
    with legacy.transaction():
        rows(legacy, f"select * from {LICENSES} where id = %s for update", held.id)
        rows(legacy, f"select * from {PROGRESS} where student_id = 1 for update")
        run(legacy, f"update {LICENSES} set current_level = 3 where id = {held.id}")
        run(
            legacy,
            "insert into lockstep.license_progressions (user_license_id, from_level, to_level,"
            f" advanced_by, advancement_reason) values ({held.id}, 2, 3, 2, 'exam')",
        )
        run(legacy, f"update {PROGRESS} set current_level = 3, total_xp = 5 where student_id = 1")
    assert levels(connection) == (3, 3)
    assert history(connection) == [(None, 2, "function"), (2, 3, "raw_sql"), (2, 3, "client")]


def test_both_tables_written_alike_in_one_statement_agree(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    run(
        raw,
        f"with one as (update {PROGRESS} set current_level = 6 where student_id = 1)"
        f" update {LICENSES} set current_level = 6 where user_id = 1",
    )
    assert levels(connection) == (6, 6)
    assert history(connection)[1:] == [(2, 6, "raw_sql")]
    run(
        raw,
        f"with one as (insert into {PROGRESS} (student_id, specialization_id, current_level)"
        " values (2, 'PLAYER', 3), (3, 'PLAYER', 1))"
        f" insert into {LICENSES} (user_id, specialization_type, current_level)"
        " values (2, 'PLAYER', 3), (3, 'PLAYER', 1)",
    )
    assert (levels(connection, 2), levels(connection, 3)) == ((3, 3), (1, 1))
    assert history(connection, 2) == [(None, 3, "raw_sql")]
    assert history(connection, 3) == []


def test_xp_and_notes_leave_a_planted_desync_as_it_is(connection: Connection, raw: Connection) -> None:
    plant(connection, 5, 3)
    run(raw, f"update {PROGRESS} set total_xp = total_xp + 10")
    run(raw, f"update {LICENSES} set instructor_notes = 'a note', max_achieved_level = 4")
    run(raw, f"update {PROGRESS} set current_level = current_level")
    assert levels(connection) == (5, 3)
    assert history(connection) == []
    assert desyncs(connection) == 1


def test_a_level_written_on_either_side_of_a_planted_desync_puts_it_right(
    connection: Connection, raw: Connection
) -> None:
    plant(connection, 5, 3, user=1)
    plant(connection, 5, 3, user=2)
    plant(connection, 5, None, user=3)
    plant(connection, None, 3, user=4)
    run(raw, f"update {PROGRESS} set current_level = 4 where student_id = 1")
    run(raw, f"update {LICENSES} set current_level = 4 where user_id = 2")
    run(raw, f"update {PROGRESS} set current_level = 4 where student_id = 3")
    run(raw, f"update {LICENSES} set current_level = 4 where user_id = 4")
    for user in 1, 2, 3, 4:
        assert levels(connection, user) == (4, 4)
        assert len(history(connection, user)) == 1
    assert desyncs(connection) == 0


def test_updated_at_and_last_advanced_at_follow_raw_sql(connection: Connection, legacy: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    before = progress(connection), license(connection)
    run(legacy, f"update {PROGRESS} set current_level = 3")
    after = progress(connection), license(connection)
    assert after[0].updated_at > before[0].updated_at
    assert after[1].updated_at > before[1].updated_at
    assert after[1].last_advanced_at > before[1].last_advanced_at


# C2: what goes past the mirrors is refused -----------------------------------------------------

PAST_THE_MIRRORS = [
    f"update {PROGRESS} set current_level = 5",
    f"update {LICENSES} set current_level = 5, max_achieved_level = 5",
    f"delete from {PROGRESS}",
    f"delete from {LICENSES} where specialization_type = 'COACH'",
    f"insert into {PROGRESS} (student_id, specialization_id) values (2, 'PLAYER')",
    f"insert into {LICENSES} (user_id, specialization_type) values (2, 'PLAYER')",
    f"update {PROGRESS} set student_id = 2",
    f"update {LICENSES} set specialization_type = 'INTERNSHIP' where specialization_type = 'COACH'",
]


def pairs_to_break(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 3)
    update_level(connection, 1, "COACH", 1)


def refuse_what_goes_past_the_mirrors(connection: Connection) -> None:
    for statement in PAST_THE_MIRRORS:
        with refused("23503", *on_cluster("0A000", "XX000")):
            run(connection, statement)
    assert levels(connection) == (3, 3)
    assert levels(connection, 1, "COACH") == (1, 1)
    assert desyncs(connection) == 0


def test_under_the_replica_role_a_one_sided_write_is_refused(connection: Connection) -> None:
    pairs_to_break(connection)
    connection.execute("set session_replication_role = replica")
    refuse_what_goes_past_the_mirrors(connection)


def test_under_the_replica_role_both_sides_written_alike_are_accepted(
    connection: Connection,
) -> None:
    update_level(connection, 1, "PLAYER", 3)
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        run(connection, f"update {PROGRESS} set current_level = 5")
        run(connection, f"update {LICENSES} set current_level = 5, max_achieved_level = 5")
    assert levels(connection) == (5, 5)
    assert len(history(connection)) == 1


def test_the_functions_keep_both_sides_under_the_replica_role(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        update_level(connection, 1, "PLAYER", 3)
        level_up(connection, 1, "PLAYER", 250_000, 30)
    assert levels(connection) == (8, 8)
    assert len(history(connection)) == 2


@pytest.mark.parametrize("role", [None, "lockstep_owner"])
def test_who_disables_the_mirrors_is_refused_by_the_keys(
    connection: Connection, connect: Connect, role: str | None
) -> None:
    pairs_to_break(connection)
    session = connect(role)
    for table in PROGRESS, LICENSES:
        run(session, f"alter table {table} disable trigger user")
    refuse_what_goes_past_the_mirrors(session)


@pytest.mark.parametrize("role", ["lockstep_owner", "lockstep_legacy"])
def test_only_a_superuser_can_disable_the_keys_or_take_the_replica_role(connect: Connect, role: str) -> None:
    session = connect(role)
    with refused("42501"):
        run(session, f"alter table {PROGRESS} disable trigger all")
    with refused("42501"):
        run(session, "set session_replication_role = replica")


def test_what_a_superuser_forces_past_the_keys_the_view_shows(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 3)
    with rules_off(connection):
        run(connection, f"update {PROGRESS} set current_level = 5")
    assert rows(connection, "select user_id, difference from lockstep.desync") == [(1, 2)]
    unarmed = "select count(*) from lockstep.coupled_key_triggers where not armed"
    assert value(connection, unarmed) == 0


@pytest.mark.parametrize("role", ["lockstep_app", "lockstep_admin"])
def test_application_roles_cannot_touch_the_tables(connect: Connect, role: str) -> None:
    session = connect(role)
    for statement in (
        f"update {PROGRESS} set current_level = 3",
        f"update {LICENSES} set instructor_notes = 'a note'",
        f"delete from {PROGRESS}",
        f"insert into {LICENSES} (user_id, specialization_type) values (1, 'PLAYER')",
        f"select * from {PROGRESS}",
        f"select * from {LICENSES}",
    ):
        with refused("42501"):
            run(session, statement)


# C3: contradictory writes in one transaction ---------------------------------------------------


@pytest.mark.parametrize("order", [(PROGRESS, LICENSES), (LICENSES, PROGRESS)])
def test_of_contradictory_writes_the_last_statement_wins(
    connection: Connection, raw: Connection, order: Iterable[str]
) -> None:
    update_level(connection, 1, "PLAYER", 2)
    with raw.transaction():
        for level, table in zip((6, 7), order, strict=True):
            run(raw, f"update {table} set current_level = {level}")
    assert levels(connection) == (7, 7)
    assert history(connection)[1:] == [(2, 6, "raw_sql"), (6, 7, "raw_sql")]


def test_one_statement_that_contradicts_itself_is_refused(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    update_level(connection, 1, "COACH", 1)
    for statement in (
        f"with one as (update {PROGRESS} set current_level = 6) update {LICENSES} set current_level = 7",
        f"with one as (update {LICENSES} set current_level = 7) update {PROGRESS} set current_level = 6",
        f"with one as (delete from {LICENSES} where specialization_type = 'COACH')"
        f" update {PROGRESS} set current_level = 6 where specialization_id = 'COACH'",
    ):
        with refused("23503", "27000", *on_cluster("XX000")):
            run(raw, statement)
    assert levels(connection) == (2, 2)
    assert levels(connection, 1, "COACH") == (1, 1)
    assert len(history(connection)) == 1


def test_relative_writes_on_both_sides_count_twice(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    with raw.transaction():
        run(raw, f"update {PROGRESS} set current_level = current_level + 1")
        run(raw, f"update {LICENSES} set current_level = current_level + 1")
    assert levels(connection) == (4, 4)


def test_there_and_back_in_one_transaction_is_two_changes(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    with raw.transaction():
        run(raw, f"update {PROGRESS} set current_level = 7")
        run(raw, f"update {PROGRESS} set current_level = 2")
    assert levels(connection) == (2, 2)
    assert license(connection).max_achieved_level == 7
    assert history(connection)[1:] == [(2, 7, "raw_sql"), (7, 2, "raw_sql")]


# What desynchronized other designs -------------------------------------------------------------


@pytest.mark.parametrize("role", [None, "lockstep_owner"])
def test_truncate_is_refused(connection: Connection, connect: Connect, role: str | None) -> None:
    update_level(connection, 1, "PLAYER", 2)
    session = connect(role)
    history_table = "lockstep.license_progressions"
    for tables in PROGRESS, LICENSES, f"{PROGRESS}, {LICENSES}", history_table:
        for how in "", " cascade":
            with refused("LS013", "0A000"):
                run(session, f"truncate {tables}{how}")
    assert levels(connection) == (2, 2)
    assert len(history(connection)) == 1


def test_a_pair_cannot_move(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 1)
    for statement in (
        f"update {PROGRESS} set student_id = 2 where student_id = 1",
        f"update {PROGRESS} set specialization_id = 'COACH' where student_id = 1",
        f"update {LICENSES} set user_id = 2 where user_id = 1",
        f"update {LICENSES} set specialization_type = 'COACH' where user_id = 1",
        f"update {PROGRESS} set student_id = 2, current_level = 5 where student_id = 1",
    ):
        with refused("LS009", *on_cluster("0A000")):
            run(raw, statement)
    assert levels(connection) == (1, 1)
    assert value(connection, f"select count(*) from {LICENSES}") == 1


SWALLOW = """
create function public.swallow() returns trigger language plpgsql as 'begin return null; end';
create trigger swallow before {} on {} for each row execute function public.swallow();
"""


@pytest.mark.parametrize(
    ("trigger", "statement"),
    [
        (("update", LICENSES), f"update {PROGRESS} set current_level = 5"),
        (("update", PROGRESS), f"update {LICENSES} set current_level = 5"),
        (("delete", LICENSES), f"delete from {PROGRESS}"),
        (("delete", PROGRESS), f"delete from {LICENSES}"),
        (
            ("insert", LICENSES),
            f"insert into {PROGRESS} (student_id, specialization_id) values (2, 'PLAYER')",
        ),
        (
            ("insert", PROGRESS),
            f"insert into {LICENSES} (user_id, specialization_type) values (2, 'PLAYER')",
        ),
        (("update", LICENSES), "select lockstep.update_level(1, 'PLAYER', 5)"),
        (("update", PROGRESS), "select lockstep.update_level(1, 'PLAYER', 5)"),
        (("insert", PROGRESS), "select lockstep.update_level(2, 'PLAYER', 5)"),
        (("insert", LICENSES), "select lockstep.level_up(2, 'PLAYER', 5)"),
    ],
)
def test_a_trigger_that_swallows_the_counterpart_cannot_desync_or_hang(
    connection: Connection, trigger: tuple[str, str], statement: str
) -> None:
    update_level(connection, 1, "PLAYER", 1)
    run_script(connection, SWALLOW.format(*trigger))
    connection.execute("set statement_timeout = '60s'")
    with refused("23503", "40001"):
        run(connection, statement)
    assert levels(connection) == (1, 1)
    assert levels(connection, 2) == (None, None)
    assert desyncs(connection) == 0


@pytest.mark.parametrize("hidden", [PROGRESS, LICENSES])
def test_row_security_that_hides_the_counterpart_cannot_desync(
    connection: Connection, raw: Connection, hidden: str
) -> None:
    for user in 1, 3:
        update_level(connection, user, "PLAYER", 1)
    run(connection, f"alter table {hidden} enable row level security")
    run(connection, f"create policy hidden on {hidden} as restrictive using (false)")
    for statement in (
        f"update {PROGRESS} set current_level = 5 where student_id = 1",
        f"update {LICENSES} set current_level = 5 where user_id = 1",
        f"insert into {PROGRESS} (student_id, specialization_id) values (2, 'PLAYER')",
        "select lockstep.update_level(1, 'PLAYER', 5)",
        "select lockstep.level_up(2, 'PLAYER', 5)",
        f"delete from {PROGRESS} where student_id = 3",
        f"delete from {LICENSES} where user_id = 3",
    ):
        seen = None, "23503", "23505", "42501", "40001", *on_cluster("0A000")
        assert outcome(raw, statement) in seen, statement
        assert desyncs(connection) == 0, statement
    assert levels(connection) in ((1, 1), (5, 5))


def test_a_level_that_another_trigger_changes_is_mirrored_too(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    run_script(
        connection,
        f"""
        create function public.bonus() returns trigger language plpgsql as
        'begin new.current_level := 4; return new; end';
        create trigger zz_bonus before update of total_xp on {PROGRESS}
        for each row execute function public.bonus();
        """,
    )
    run(raw, f"update {PROGRESS} set total_xp = total_xp + 1")
    assert levels(connection) == (4, 4)


def test_a_write_inside_another_tables_trigger_is_mirrored_too(
    connection: Connection,
) -> None:
    run_script(
        connection,
        f"""
        create function public.promote() returns trigger language plpgsql as
        'begin update {PROGRESS} set current_level = 4 where student_id = new.id; return null; end';
        create trigger promote after update on lockstep.users
        for each row execute function public.promote();
        """,
    )
    update_level(connection, 1, "PLAYER", 2)
    run(connection, "update lockstep.users set name = 'Somebody' where id = 1")
    assert levels(connection) == (4, 4)
    assert history(connection)[1:] == [(2, 4, "raw_sql")]


@pytest.mark.parametrize("immediate", [False, True])
def test_an_exception_that_is_swallowed_leaves_no_disagreement(
    connection: Connection, raw: Connection, immediate: bool
) -> None:
    update_level(connection, 1, "PLAYER", 2)
    constraints = "set constraints all immediate;" if immediate else ""
    block = f"""
        do $do$
        begin
            begin
                {constraints}
                with one as (update {PROGRESS} set current_level = 6)
                update {LICENSES} set current_level = 7;
            exception when others then
                null;
            end;
        end
        $do$
    """
    if immediate:
        run(raw, block)
    else:
        with refused("23503"):
            run(raw, block)
    assert levels(connection) == (2, 2)
    assert len(history(connection)) == 1
    assert desyncs(connection) == 0


def test_an_error_after_a_coupled_write_takes_both_sides_back(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    run(
        raw,
        f"""
        do $do$
        begin
            update {PROGRESS} set current_level = 5;
            begin
                update {LICENSES} set current_level = 9;
            exception when others then
                null;
            end;
        end
        $do$
        """,
    )
    assert levels(connection) == (5, 5)
    assert history(connection)[1:] == [(2, 5, "raw_sql")]


def test_raw_sql_under_constraints_set_immediate_is_coupled_or_refused(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 1)
    for statement in (
        f"update {PROGRESS} set current_level = 5",
        f"update {LICENSES} set current_level = 5",
        f"insert into {PROGRESS} (student_id, specialization_id) values (2, 'PLAYER')",
        f"delete from {PROGRESS}",
    ):
        ended = outcome(raw, "set constraints all immediate", statement)
        assert ended in (None, "23503"), statement
        assert desyncs(connection) == 0


def test_a_savepoint_that_is_rolled_back_takes_both_sides_back(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    with raw.transaction():
        run(raw, f"update {PROGRESS} set current_level = 3")
        with raw.transaction(force_rollback=True):
            run(raw, f"update {LICENSES} set current_level = 7")
            assert levels(raw) == (7, 7)
        assert levels(raw) == (3, 3)
    assert levels(connection) == (3, 3)
    assert history(connection)[1:] == [(2, 3, "raw_sql")]


def test_deleted_and_inserted_again_in_one_transaction_is_one_pair(connection: Connection, raw: Connection) -> None:
    update_level(connection, 1, "PLAYER", 1, 10)
    with raw.transaction():
        run(raw, f"delete from {PROGRESS}")
        run(
            raw,
            f"insert into {LICENSES} (user_id, specialization_type, current_level) values (1, 'PLAYER', 3)",
        )
    assert levels(connection) == (3, 3)
    assert progress(connection).total_xp == 0
    assert history(connection) == [(None, 3, "raw_sql")]


def test_one_sided_rows_loaded_without_triggers_do_not_commit(connection: Connection) -> None:
    # What `pg_restore --data-only --disable-triggers` of one table does, but for the keys.
    update_level(connection, 1, "PLAYER", 1)
    run(connection, f"alter table {PROGRESS} disable trigger user")
    statement = f"copy {PROGRESS} (student_id, specialization_id, current_level) from stdin"
    with refused("23503"), connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write_row((2, "PLAYER", 3))
    assert one(connection, f"select count(*) from {PROGRESS}") == (1,)
