"""What a DBA looks at: who waits for whom, who holds connections, which statements got slower."""

from datetime import timedelta
from typing import Any

import pytest

from tests.monitoring.conftest import Chain, run_slower
from tests.pairs import Connect, Connection, background, one, refused, rows, value
from tests.support import wait_until_blocked

READERS = ("lockstep_admin", "lockstep_readonly")


# Locks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", READERS)
def test_a_planted_chain_shows_pids_table_pair_duration_and_both_queries(
    chain: Chain, connect: Connect, role: str
) -> None:
    first, second = rows(connect(role), "select * from lockstep.lock_waits order by depth")
    assert (first.waiting_pid, first.blocker_pid, first.depth) == (chain.second, chain.root, 1)
    assert (second.waiting_pid, second.blocker_pid, second.depth) == (chain.third, chain.second, 2)
    assert second.chain == [chain.root, chain.second, chain.third]
    assert (first.blocking_pids, second.blocking_pids) == ([chain.root], [chain.second])
    assert {first.root_pid, second.root_pid} == {chain.root}
    for wait in (first, second):
        assert (wait.relation, wait.user_id, wait.specialization_id) == (
            "lockstep.specialization_progress",
            1,
            "PLAYER",
        )
        assert wait.place is not None
        assert wait.waited > timedelta(0)
        assert "level_up(1" in wait.waiting_query
    assert (first.lock_type, second.lock_type) == ("transactionid", "tuple")
    assert (first.waiting_application, first.blocker_application) == ("import", "forgotten editor")
    assert (first.blocker_state, second.blocker_state) == ("idle in transaction", "active")
    assert "update lockstep.user_licenses" in first.blocker_query
    assert "level_up(1" in second.blocker_query
    assert first.blocker_transaction_start < first.waiting_since <= second.waiting_since


def test_the_chain_is_printed_as_a_tree_from_its_root(chain: Chain, connection: Connection) -> None:
    lines = rows(connection, "select * from lockstep.lock_tree")
    assert [line.session for line in lines] == [str(chain.root), f"-> {chain.second}", f"   -> {chain.third}"]
    assert [line.application_name for line in lines] == ["forgotten editor", "import", "web"]
    assert lines[0].doing == "idle in transaction"
    assert all("user 1 PLAYER" in line.doing for line in lines[1:])


def test_a_query_is_shown_without_its_strings(chain: Chain, connection: Connection) -> None:
    query = value(connection, "select blocker_query from lockstep.lock_waits where depth = 1")
    assert "a word" not in query
    assert "'?' <> '?'" in query


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("select 'it''s', 7", "select '?', 7"),
        (r"select E'it\'s' || e'x', 'y'", "select '?' || '?', '?'"),
        ("select $$a 'word'$$, $1, $tag$ a $$ b $tag$ from t", "select '?', $1, '?' from t"),
        ("select 'cut off in the mid", "select '?'"),
        ("select $$cut off", "select '?'"),
        (None, None),
    ],
)
def test_no_way_to_write_a_string_shows_it(connection: Connection, query: str | None, shown: str | None) -> None:
    assert value(connection, "select lockstep.without_literals(%s)", query) == shown


def test_a_wait_for_a_whole_table_names_it_and_whoever_looks_does_not_wait_too(
    people: None, connect: Connect, connection: Connection
) -> None:
    holder, reader = connect(), connect()
    connection.execute("set lock_timeout = '1 h'")
    holder.execute("begin")
    holder.execute("lock table lockstep.users, lockstep.specialization_progress in access exclusive mode")
    with background(reader, "select count(*) from lockstep.users"):
        wait_until_blocked(connection, reader.info.backend_pid, holder.info.backend_pid)
        wait = one(connection, "select * from lockstep.lock_waits")
        owner = one(connection, "select * from lockstep.find_row_owner('lockstep.users'::regclass, '(0,1)')")
        holder.execute("rollback")
    assert owner == (None, None)
    assert value(connection, "show lock_timeout") == "1h"
    assert (wait.relation, wait.lock_type, wait.mode) == ("lockstep.users", "relation", "AccessShareLock")


def test_what_is_kept_of_a_query_has_no_number_either(connection: Connection) -> None:
    shown = value(
        connection, "select lockstep.without_literals('select a1 from t2 where id in (17, -4) and b = $3', false)"
    )
    assert shown == "select a1 from t2 where id in (?, -?) and b = $3"


# Connections ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", READERS)
def test_connections_are_counted_by_application_role_and_state(chain: Chain, connect: Connect, role: str) -> None:
    reader = connect(role, application_name="looking")
    found = {row.application_name: row for row in rows(reader, "select * from lockstep.pool_usage")}
    assert found.keys() >= {"forgotten editor", "import", "web", "looking"}

    def counts(name: str) -> tuple[Any, ...]:
        row = found[name]
        return row.total, row.active, row.idle, row.idle_in_transaction, row.waiting

    assert counts("forgotten editor") == (1, 0, 0, 1, 0)
    assert counts("import") == counts("web") == (1, 1, 0, 0, 1)
    assert counts("looking") == (1, 1, 0, 0, 0)
    assert found["forgotten editor"].oldest_transaction < found["import"].oldest_transaction
    assert {row.role for row in found.values()} == {reader.info.user}
    assert sum(row.total for row in found.values()) <= found["web"].server_connections < found["web"].server_limit


# Statements -----------------------------------------------------------------------------------

SLOW = "select pg_sleep(0.005) from generate_series(1, %s)"


def test_without_the_extension_there_are_no_statements_and_the_same_columns(connection: Connection) -> None:
    assert (
        rows(connection, "select role, query_id, query, mean_ms, times_baseline, regressed from statement_stats") == []
    )
    assert value(connection, "select lockstep.keep_statement_baseline()") == 0


def test_an_extension_that_comes_later_is_used_and_one_that_goes_is_not_missed(
    connection: Connection, connect: Connect
) -> None:
    rows(connection, "select * from lockstep.statement_stats")
    connection.execute("create extension pg_stat_statements schema public")
    connection.execute("select 1 as mark_of_this_test")
    for role in READERS:
        query = "select role, calls, query from lockstep.statement_stats where query like '%%mark_of_this_test'"
        assert rows(connect(role), query) == [(connection.info.user, 1, "select $1 as mark_of_this_test")]
    connection.execute("drop extension pg_stat_statements")
    assert rows(connection, "select * from lockstep.statement_stats") == []


def test_a_statement_that_prints_a_password_is_not_shown(connection: Connection) -> None:
    connection.execute("create extension pg_stat_statements schema public")
    connection.execute("do $$ begin perform 'swordfish'; end $$")
    with connection.transaction(force_rollback=True):
        connection.execute("create role lockstep_test_word password 'swordfish'")
    assert value(connection, "select count(*) from public.pg_stat_statements where query like '%%swordfish%%'") > 0
    assert value(connection, "select count(*) from lockstep.statement_stats where query ~ 'swordfish|role'") == 0


def test_a_statement_that_takes_longer_than_its_baseline_is_a_regression(connection: Connection) -> None:
    connection.execute("create extension pg_stat_statements schema public")
    connection.execute("select lockstep.change_setting('regression_calls', '3')")
    query = "select calls_since, times_baseline, regressed from lockstep.statement_stats where query like '%%marked%%'"
    # The same statement, to pg_stat_statements: its constants are the same parameter.
    connection.execute("select pg_sleep(0.0) as marked")
    assert value(connection, "select lockstep.keep_statement_baseline()") > 0
    assert rows(connection, query) == [(0, None, False)]
    for calls in (1, 2):
        run_slower(connection)
        assert [(row.calls_since, row.regressed) for row in rows(connection, query)] == [(calls, False)]
    run_slower(connection)
    (found,) = rows(connection, query)
    assert (found.calls_since, found.regressed) == (3, True)
    assert found.times_baseline > 2
    # What was slow is the baseline from now on, and nothing was run since.
    connection.execute("select lockstep.keep_statement_baseline()")
    assert rows(connection, query) == [(0, None, False)]


def test_only_an_admin_keeps_a_baseline(connect: Connect) -> None:
    with refused("42501"):
        connect("lockstep_readonly").execute("select lockstep.keep_statement_baseline()")
