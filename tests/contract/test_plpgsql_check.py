"""plpgsql_check, with every warning it has, over every plpgsql function (STYLE 22).

On PostgreSQL 15, whose Debian package CI installs; elsewhere deselected, unless the server has it.
"""

import pytest

from tests.pairs import Connection, rows

pytestmark = pytest.mark.needs_extension("plpgsql_check")

# A trigger's function is checked with each table that it serves.
CHECK = """
    with checked as (
        select distinct proc.oid, proc.proname, coalesce(
            trigger.tgrelid,
            -- A trigger that is made when it is needed, on any table.
            case when proc.prorettype = 'trigger'::regtype then 'lockstep.users'::regclass end,
            0
        ) as relation
        from pg_proc as proc
        inner join pg_language as language on language.oid = proc.prolang and language.lanname = 'plpgsql'
        left outer join pg_trigger as trigger on trigger.tgfoid = proc.oid
        where proc.pronamespace = 'lockstep'::regnamespace
    )

    select checked.proname::text as function, finding.level, finding.message, finding.lineno, finding.query
    from checked
    cross join lateral public.plpgsql_check_function_tb(
        checked.oid, checked.relation, fatal_errors => false, other_warnings => true, performance_warnings => true,
        extra_warnings => true, security_warnings => true, compatibility_warnings => true
    ) as finding
    """

# It cannot see through EXECUTE, nor a row lock within array(): so it takes these for functions that write nothing.
ALLOWED = {
    (name, "performance", "routine is marked as VOLATILE, should be STABLE") for name in ("arm_keys", "lock_free_pairs")
}


@pytest.fixture
def found(connection: Connection) -> set[tuple[str, str, str]]:
    connection.execute("create extension plpgsql_check with schema public")
    # What find_statements() reads where it is there.
    connection.execute("create extension pg_stat_statements with schema public")
    return {(row.function, row.level, row.message) for row in rows(connection, CHECK)}


def test_nothing_is_found_but_what_is_allowed_and_that_is_still_found(found: set[tuple[str, str, str]]) -> None:
    assert found == ALLOWED


def test_a_planted_mistake_is_found_in_a_function_and_in_a_trigger(
    found: set[tuple[str, str, str]], connection: Connection
) -> None:
    # One by one: Citus takes no two in one string.
    for statement in (
        """
        create function lockstep.planted_call() returns integer
        language plpgsql volatile set search_path = pg_catalog, pg_temp
        as 'declare v_unused integer; begin return nowhere(1); end'
        """,
        """
        create function lockstep.planted_trigger() returns trigger
        language plpgsql volatile set search_path = pg_catalog, pg_temp
        as 'begin new.no_such_column := 1; return new; end'
        """,
        """
        create trigger planted before insert on lockstep.users
        for each row execute function lockstep.planted_trigger()
        """,
    ):
        connection.execute(statement)
    now = {(row.function, row.level) for row in rows(connection, CHECK)}
    planted = now - {(function, level) for function, level, _ in found}
    assert {function for function, _ in planted} == {"planted_call", "planted_trigger"}
    assert ("planted_call", "error") in planted
    assert ("planted_trigger", "error") in planted
