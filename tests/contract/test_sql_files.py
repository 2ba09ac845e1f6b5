"""Every file of sql/functions and sql/views has its object in the catalog, and the other way round."""

import re
from typing import Any

import psycopg
import pytest

from tests.contract.sources import BODIES, FUNCTIONS, PROCEDURES, VIEWS, without_comments
from tests.pairs import rows

Connection = psycopg.Connection[Any]

# Dynamic SQL stands only where the catalog says what there is, on no data path.
DYNAMIC = {"arm_keys"}

# A column whose name says all of it; any other is described.
PLAIN = re.compile(
    r"id|\w+_id|(\w+_)?name|name_en|(\w+_)?level|\w+_at(_utc)?|is_active"
    r"|color|comment|completed_projects|hostname|instructor_notes|key|migration_hash|source|value|version"
    r"|specialization|user_email|reason|message|detail|job_start|job_end|(synced|failed|skipped)_count"
)


def found(connection: Connection, query: str) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in rows(connection, query)}


def undescribed(connection: Connection, query: str) -> list[str]:
    """Return what has no description, of a query for (…, name, description); it may not be empty."""
    objects = rows(connection, query)
    assert objects
    return [".".join(map(str, names)) for *names, description in objects if not description]


# The files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_file_defines_one_function_of_its_name_describes_it_and_takes_it_from_public(name: str) -> None:
    text = FUNCTIONS[name]
    kind = "procedure" if name in PROCEDURES else "function"
    assert re.findall(r"(?m)^create (.*?)(\w+) (lockstep\.\w+)\(", text) == [("or replace ", kind, f"lockstep.{name}")]
    assert BODIES[name].strip()
    order = [
        text.index(f"\ncomment on {kind} lockstep.{name}("),
        text.index(f"\nrevoke all on {kind} lockstep.{name}("),
        *(found.start() for found in re.finditer(r"(?m)^grant execute", text)),
        *(found.start() for found in re.finditer(r"(?m)^create or replace (?:constraint )?trigger", text)),
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - PROCEDURES))
def test_a_function_has_its_clauses_in_the_one_order(name: str) -> None:
    head = without_comments(FUNCTIONS[name]).partition("as $function$")[0]
    clauses = re.sub(r"\s+", " ", head[head.index("\nreturns ") :]).strip()
    order = (
        r"returns .+? language (sql|plpgsql) (volatile|stable|immutable)( security definer)?"
        r" set search_path = pg_catalog, pg_temp"
    )
    assert re.fullmatch(order, clauses)


@pytest.mark.parametrize("name", sorted(PROCEDURES))
def test_a_procedure_only_calls_functions_by_their_full_names_and_commits(name: str) -> None:
    head = without_comments(FUNCTIONS[name]).partition("as $procedure$")[0]
    assert head.endswith(")\nlanguage plpgsql\n")
    assert "commit;" in BODIES[name]
    assert not re.search(r"\b(select|insert|update|delete|merge|from|execute)\b", BODIES[name])
    assert set(re.findall(r"([\w.]+)\(", BODIES[name])) == {
        f"lockstep.{called}" for called in re.findall(r"lockstep\.(\w+)\(", BODIES[name])
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_no_sql_that_it_puts_together(name: str) -> None:
    assert (name in DYNAMIC) == bool(re.search(r"\bexecute\b", BODIES[name]))


@pytest.mark.parametrize("name", VIEWS)
def test_a_file_defines_one_view_of_its_name_and_describes_it(name: str) -> None:
    made = re.findall(r"(?m)^create (?:or replace )?view (\S+)", VIEWS[name])
    assert made == [f"lockstep.{name}"]
    assert f"comment on view lockstep.{name} is" in VIEWS[name]


# The catalog ----------------------------------------------------------------------------------


def test_the_functions_of_the_catalog_are_those_of_the_files_without_an_overload(
    connection: Connection,
) -> None:
    names = [
        row.proname
        for row in rows(connection, "select proname from pg_proc where pronamespace = 'lockstep'::regnamespace")
    ]
    assert sorted(names) == sorted(FUNCTIONS)


def test_the_views_of_the_catalog_are_those_of_the_files(connection: Connection) -> None:
    names = [
        row.relname
        for row in rows(
            connection,
            "select relname from pg_class where relnamespace = 'lockstep'::regnamespace and relkind in ('v', 'm')",
        )
    ]
    assert sorted(names) == sorted(VIEWS)


def test_the_triggers_of_the_catalog_are_those_of_the_files_each_in_that_of_its_function(
    connection: Connection,
) -> None:
    made = r"create (?:or replace )?(?:constraint )?trigger (\w+)\s[^;]*?\son lockstep\.(\w+)\s([^;]*);"
    triggers = {
        (name, table, re.findall(r"execute function lockstep\.(\w+)\((?:'\w+')?\)", rest) == [file] and file)
        for file, text in FUNCTIONS.items()
        for name, table, rest in re.findall(made, text.rpartition("$function$")[2])
    }
    assert len(triggers) > 10
    assert triggers == found(
        connection,
        """
        select trig.tgname, class.relname, proc.proname
        from pg_trigger as trig
        inner join pg_class as class on class.oid = trig.tgrelid
        inner join pg_proc as proc on proc.oid = trig.tgfoid
        where class.relnamespace = 'lockstep'::regnamespace and not trig.tgisinternal
        """,
    )


def test_the_policies_of_the_catalog_are_those_of_the_files(connection: Connection) -> None:
    policies = {
        policy
        for text in FUNCTIONS.values()
        for policy in re.findall(r"(?m)^create policy (\w+) on lockstep\.(\w+)", text)
    }
    assert policies
    assert policies == found(
        connection,
        "select pol.polname, class.relname from pg_policy as pol"
        " inner join pg_class as class on class.oid = pol.polrelid",
    )


def test_every_function_has_exactly_the_pinned_search_path_and_only_a_procedure_has_none(
    connection: Connection,
) -> None:
    settings = found(
        connection,
        "select proname, prokind, array_to_string(proconfig, '; ') from pg_proc"
        " where pronamespace = 'lockstep'::regnamespace",
    )
    assert settings == {
        (name, "p", None) if name in PROCEDURES else (name, "f", "search_path=pg_catalog, pg_temp")
        for name in FUNCTIONS
    }


def test_no_function_may_be_executed_by_public(connection: Connection) -> None:
    public = rows(
        connection,
        """
        select proc.proname, acl.grantee = 0 as is_public
        from pg_proc as proc
        cross join lateral aclexplode(coalesce(proc.proacl, acldefault('f', proc.proowner))) as acl
        where proc.pronamespace = 'lockstep'::regnamespace
        """,
    )
    assert {row.proname for row in public} == set(FUNCTIONS)
    assert [row.proname for row in public if row.is_public] == []


def test_a_security_definer_function_belongs_to_the_coupler_and_all_else_to_the_owner(
    connection: Connection,
) -> None:
    owners = rows(
        connection,
        """
        select proname as name, prosecdef as definer, pg_get_userbyid(proowner) as owner
        from pg_proc
        where pronamespace = 'lockstep'::regnamespace
        union all
        select relname, null, pg_get_userbyid(relowner)
        from pg_class
        where relnamespace = 'lockstep'::regnamespace and relkind in ('r', 'v', 'S', 'c')
        """,
    )
    assert {row.definer for row in owners} == {True, False, None}
    due = {row.name: "lockstep_coupler" if row.definer else "lockstep_owner" for row in owners}
    assert {row.name: row.owner for row in owners} == due


# Descriptions ---------------------------------------------------------------------------------


def test_every_table_view_and_index_is_described(connection: Connection) -> None:
    query = """
        select class.relkind, class.relname, obj_description(class.oid, 'pg_class')
        from pg_class as class
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind in ('r', 'p', 'v', 'm', 'i')
            -- What a constraint needs is described with it.
            and not exists (
                select from pg_constraint as con
                where con.conindid = class.oid and con.contype in ('p', 'u')
            )
    """
    missing = undescribed(connection, query)
    assert not missing, " ".join(missing)


def test_every_column_is_described_whose_name_does_not_say_it_all(connection: Connection) -> None:
    query = """
        select class.relname, att.attname, col_description(class.oid, att.attnum)
        from pg_class as class
        inner join pg_attribute as att on att.attrelid = class.oid
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind in ({kinds})
            and att.attnum > 0
            and not att.attisdropped
    """
    of_tables = undescribed(connection, query.format(kinds="'r', 'p'"))
    of_views = undescribed(connection, query.format(kinds="'v', 'm'"))
    # What a view takes over from a table is described there.
    of_any_table = {row.attname for row in rows(connection, query.format(kinds="'r', 'p'"))}
    missing = [name for name in of_tables if not PLAIN.fullmatch(name.partition(".")[2])]
    missing += [
        name
        for name in of_views
        if not PLAIN.fullmatch(name.partition(".")[2]) and name.partition(".")[2] not in of_any_table
    ]
    assert not missing, " ".join(missing)


def test_every_constraint_is_described_but_primary_keys_and_not_null(connection: Connection) -> None:
    query = """
        select conrelid::regclass::text, conname, obj_description(oid, 'pg_constraint')
        from pg_constraint
        where connamespace = 'lockstep'::regnamespace and contype not in ('p', 'n')
    """
    missing = undescribed(connection, query)
    assert not missing, " ".join(missing)


def test_every_function_is_described(connection: Connection) -> None:
    query = """
        select proname, obj_description(oid, 'pg_proc')
        from pg_proc
        where pronamespace = 'lockstep'::regnamespace
    """
    missing = undescribed(connection, query)
    assert not missing, " ".join(missing)


def test_every_trigger_and_policy_is_described(connection: Connection) -> None:
    query = """
        select tgrelid::regclass::text, tgname, obj_description(oid, 'pg_trigger')
        from pg_trigger
        where not tgisinternal
        union all
        select polrelid::regclass::text, polname, obj_description(oid, 'pg_policy')
        from pg_policy
    """
    missing = undescribed(connection, query)
    assert not missing, " ".join(missing)


def test_every_type_is_described(connection: Connection) -> None:
    query = """
        select type.typname, obj_description(type.oid, 'pg_type')
        from pg_type as type
        left outer join pg_class as class on class.oid = type.typrelid
        where type.typnamespace = 'lockstep'::regnamespace
            and (type.typtype in ('d', 'e', 'r') or class.relkind = 'c')
    """
    missing = undescribed(connection, query)
    assert not missing, " ".join(missing)
