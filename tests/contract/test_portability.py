"""What keeps the way to several machines open, on plain PostgreSQL: each rule is a check, shown to fail once.

A schema is cut by the user's id. Whatever stands in the way of that would be found out when it is too late.
"""

import csv
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest

from app import schools
from app.loader import Source, for_citus, statements
from app.schools import SchoolError
from app.settings import PROJECT
from tests.cluster import unnumbered
from tests.contract.sources import BODIES, FUNCTIONS, SQL, VIEWS, without_comments
from tests.contract.sources import body as sources_body
from tests.pairs import Connection, rows

MIGRATIONS = {
    path.stem: without_comments(path.read_text("utf-8"))
    for path in sorted((SQL / "migrations").glob("*.sql"))
    if not path.stem.endswith(".rollback")
}
APP = {path.name: path.read_text("utf-8") for path in sorted((PROJECT / "app").rglob("*.py"))}

with (SQL / "citus" / "tables.csv").open(encoding="utf-8", newline="") as _file:
    CLASSES = list(csv.DictReader(_file))

# Tables that name a user who does not own the row, or is not known when the row is looked for.
NOT_OWNED = {
    "identities": "looked up by issuer and subject, before anybody knows which user",
}

# What a function may ask the server: its own limits, put back at once, and who is calling, for the record.
SETTINGS = {
    *("lock_timeout", "work_mem", "enable_seqscan"),
    *("role", "application_name", "is_superuser", "track_commit_timestamp", "transaction_isolation"),
}

Names = list[str]


def names(connection: Connection, query: str) -> Names:
    return [str(row[0]) for row in rows(connection, query)]


# The catalog ----------------------------------------------------------------------------------


def keys_without_the_user(connection: Connection) -> Names:
    """Unique indexes of tables that users own, which do not contain the user's id."""
    found = rows(
        connection,
        """
        select class.relname as table_name, index.indexrelid::regclass::text as index_name
        from pg_class as class
        inner join pg_attribute as owner
            on owner.attrelid = class.oid and owner.attname in ('user_id', 'student_id') and owner.attnotnull
        inner join pg_index as index on index.indrelid = class.oid and index.indisunique
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind in ('r', 'p')
            and owner.attnum <> all(index.indkey)
        """,
    )
    return [row.index_name for row in found if row.table_name not in NOT_OWNED]


def ids_too_small(connection: Connection) -> Names:
    """Ids of four bytes or less, and numbers drawn from a sequence in another way than by a bigint identity."""
    return names(
        connection,
        """
        select format('%%s.%%s', class.relname, att.attname)
        from pg_attribute as att
        inner join pg_class as class on class.oid = att.attrelid
        inner join pg_type as type on type.oid = att.atttypid
        left outer join pg_attrdef as def on def.adrelid = att.attrelid and def.adnum = att.attnum
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind in ('r', 'p')
            and att.attnum > 0
            and (
                (type.typname in ('int2', 'int4') and (att.attidentity <> '' or att.attname ~ '(^|_)id$'))
                or pg_get_expr(def.adbin, def.adrelid) like 'nextval(%%'
            )
        """,
    )


def keys_that_cascade(connection: Connection) -> Names:
    """Foreign keys that change the key of a row, and coupling keys that do anything but refuse."""
    return names(
        connection,
        """
        select con.conname
        from pg_constraint as con
        where con.connamespace = 'lockstep'::regnamespace
            and con.contype = 'f'
            and (
                con.confupdtype not in ('a', 'r')
                or (
                    con.confdeltype not in ('a', 'r')
                    and (con.conrelid, con.confrelid) in (
                        ('lockstep.specialization_progress'::regclass, 'lockstep.user_licenses'::regclass),
                        ('lockstep.user_licenses'::regclass, 'lockstep.specialization_progress'::regclass)
                    )
                )
            )
        """,
    )


def views_to_write_through(connection: Connection) -> Names:
    """INSTEAD OF triggers, rules, and rights to write to a view."""
    return names(
        connection,
        """
        select trig.tgname
        from pg_trigger as trig
        inner join pg_class as class on class.oid = trig.tgrelid
        where class.relnamespace = 'lockstep'::regnamespace and class.relkind = 'v'
        union all
        select rule.rulename
        from pg_rewrite as rule
        inner join pg_class as class on class.oid = rule.ev_class
        where class.relnamespace = 'lockstep'::regnamespace and rule.rulename <> '_RETURN'
        union all
        select class.relname
        from pg_class as class
        cross join lateral aclexplode(class.relacl) as acl
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind = 'v'
            and acl.privilege_type in ('INSERT', 'UPDATE', 'DELETE')
            and acl.grantee <> class.relowner
        """,
    )


def tables_without_a_class(connection: Connection) -> Names:
    """Tables that sql/citus/tables.csv does not name exactly once, in one of three classes, or that are not there."""
    there = names(
        connection,
        "select relname from pg_class where relnamespace = 'lockstep'::regnamespace and relkind in ('r', 'p')",
    )
    named = [line["table"] for line in CLASSES if line["class"] in ("reference", "distributed", "local")]
    return sorted(name for name in {*there, *named} if there.count(name) != 1 or named.count(name) != 1)


def distributed_by_no_key(connection: Connection) -> Names:
    """Unique indexes of a distributed table without the column that it is cut by."""
    found = rows(
        connection,
        """
        select class.relname as table_name, index.indexrelid::regclass::text as index_name,
            array(
                select att.attname::text from pg_attribute as att
                where att.attrelid = class.oid and att.attnum = any(index.indkey)
            ) as columns
        from pg_index as index
        inner join pg_class as class on class.oid = index.indrelid
        where class.relnamespace = 'lockstep'::regnamespace and index.indisunique
        """,
    )
    by = {line["table"]: line["by"] for line in CLASSES if line["class"] == "distributed"}
    return [row.index_name for row in found if row.table_name in by and by[row.table_name] not in row.columns]


def keys_that_leave_a_node(connection: Connection) -> Names:
    """Foreign keys that a cut table cannot have: to a local table, or to a cut one by another column."""
    found = rows(
        connection,
        """
        select con.conname as name, class.relname as table_name, target.relname as target_name,
            array(
                select format('%%s=%%s', mine.attname, theirs.attname)
                from unnest(con.conkey, con.confkey) as pair (mine, theirs)
                inner join pg_attribute as mine on mine.attrelid = con.conrelid and mine.attnum = pair.mine
                inner join pg_attribute as theirs on theirs.attrelid = con.confrelid and theirs.attnum = pair.theirs
            ) as columns
        from pg_constraint as con
        inner join pg_class as class on class.oid = con.conrelid
        inner join pg_class as target on target.oid = con.confrelid
        where con.connamespace = 'lockstep'::regnamespace and con.contype = 'f'
        """,
    )
    class_of = {line["table"]: line for line in CLASSES}
    refused = []
    for key in found:
        mine, theirs = class_of[key.table_name], class_of[key.target_name]
        allowed = {
            "distributed": theirs["class"] == "reference"
            or (theirs["class"] == "distributed" and f"{mine['by']}={theirs['by']}" in key.columns),
            "reference": theirs["class"] == "reference",
            "local": theirs["class"] in ("reference", "local"),
        }
        if not allowed[mine["class"]]:
            refused.append(key.name)
    return refused


CATALOG: dict[Callable[[Connection], Names], list[tuple[str, str]]] = {
    keys_without_the_user: [
        ("create unique index broken on lockstep.queued_level_ups (id)", "broken"),
        ("alter table lockstep.sessions add constraint broken unique (id)", "broken"),
        ("create table lockstep.pets (id bigint constraint broken primary key, user_id bigint not null)", "broken"),
    ],
    ids_too_small: [
        ("alter table lockstep.groups add column broken integer generated always as identity", "groups.broken"),
        ("alter table lockstep.groups add column broken bigserial", "groups.broken"),
        ("alter table lockstep.groups add column broken_id integer", "groups.broken_id"),
    ],
    keys_that_cascade: [
        (
            "alter table lockstep.group_members add constraint broken foreign key (user_id)"
            " references lockstep.users (id) on update cascade",
            "broken",
        ),
        (
            "alter table lockstep.user_licenses add constraint broken"
            " foreign key (user_id, specialization_type, current_level) references"
            " lockstep.specialization_progress (student_id, specialization_id, current_level) on delete cascade",
            "broken",
        ),
    ],
    views_to_write_through: [
        (
            "create trigger broken instead of update on lockstep.player_levels"
            " for each row execute function lockstep.refuse_truncate()",
            "broken",
        ),
        ("create rule broken as on delete to lockstep.player_levels do instead nothing", "broken"),
        ("grant update on lockstep.player_levels to lockstep_app", "player_levels"),
    ],
    tables_without_a_class: [
        ("create table lockstep.pets (id bigint)", "pets"),
        ("drop table lockstep.lock_breaches cascade", "lock_breaches"),
    ],
    distributed_by_no_key: [
        ("create unique index broken on lockstep.lock_breaches (id)", "broken"),
    ],
    keys_that_leave_a_node: [
        (
            "alter table lockstep.lock_breaches add constraint broken foreign key (user_id)"
            " references lockstep.credentials (user_id)",
            "broken",
        ),
        (
            "alter table lockstep.lock_breaches add constraint broken foreign key (user_id, id)"
            " references lockstep.queued_level_ups (id, user_id)",
            "broken",
        ),
    ],
}


@pytest.mark.parametrize("check", CATALOG, ids=lambda check: check.__name__)
def test_the_catalog_keeps_the_rule(check: Callable[[Connection], Names], connection: Connection) -> None:
    assert check(connection) == []


@pytest.mark.parametrize("check", CATALOG, ids=lambda check: check.__name__)
def test_the_check_of_the_catalog_names_what_breaks_it(
    check: Callable[[Connection], Names], connection: Connection
) -> None:
    for statement, name in CATALOG[check]:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
            found = [unnumbered(broken.rpartition("lockstep.")[2]) for broken in check(connection)]
            assert list(dict.fromkeys(found)) == [name], statement
    assert check(connection) == []


# The sources ----------------------------------------------------------------------------------


def named_by_the_trigger(bodies: Mapping[str, str]) -> Names:
    """Functions that ask which table fired them: a shard has another name."""
    asked = re.compile(r"\btg_(?:table_name|relname|table_schema|relid)\b", re.IGNORECASE)
    return [name for name, body in bodies.items() if asked.search(body)]


def dependent_on_the_session(bodies: Mapping[str, str]) -> Names:
    """Functions that take something from the session, leave something in it, listen, or say something by NOTIFY."""
    refused = []
    for name, body in bodies.items():
        asked = set(re.findall(r"\bcurrent_setting\(\s*'([^']*)'", body))
        computed = len(re.findall(r"\bcurrent_setting\(", body)) - len(re.findall(r"\bcurrent_setting\(\s*'", body))
        lasting = re.findall(r"\bset_config\((?![^;]*?,\s*true\s*\))", body)
        told = re.findall(r"\bpg_notify\((?!'\w+', ''\))|\b(?:un)?listen\b|\bnotify\b", body)
        if asked - SETTINGS or computed or lasting or told:
            refused.append(name)
    return refused


def writers_to_views(texts: Mapping[str, str]) -> Names:
    """Texts with a statement that writes to a view."""
    views = "|".join(VIEWS)
    write = re.compile(rf"\b(?:insert into|update|delete from|merge into|copy) lockstep\.(?:{views})\b(?!\()")
    return [name for name, text in texts.items() if write.search(text)]


def out_of_place(migrations: Mapping[str, str], functions: Mapping[str, str], views: Mapping[str, str]) -> Names:
    """Files that make what belongs to another step: tables and keys, then functions and triggers, and views."""
    routines = r"\bcreate\s+(?:or\s+replace\s+)?(?:constraint\s+)?(?:function|procedure|trigger|policy|view|rule)\b"
    tables = r"\b(?:create\s+(?:unique\s+)?(?:table|index|sequence|type)|alter\s+table)\b"
    heads = {name: text.replace(BODIES.get(name, "\0"), "") for name, text in functions.items()}
    return [
        *(name for name, text in migrations.items() if re.search(routines, text)),
        *(name for name, text in heads.items() if re.search(rf"{tables}|\bcreate\s+or\s+replace\s+view\b", text)),
        *(name for name, text in views.items() if re.search(rf"{tables}|{routines.replace('|view', '')}", text)),
    ]


def bare(texts: Mapping[str, str]) -> dict[str, str]:
    """Texts without comments of either kind."""
    described = re.compile(r"\$comment\$.*?\$comment\$", re.DOTALL)
    return {name: described.sub("", without_comments(text)) for name, text in texts.items()}


def test_no_function_asks_for_the_name_of_the_table_that_fired_it() -> None:
    assert named_by_the_trigger(BODIES) == []
    assert named_by_the_trigger({"broken": "if TG_TABLE_NAME = 'users' then"}) == ["broken"]


def test_no_function_depends_on_a_setting_of_the_session_or_on_a_notification() -> None:
    assert dependent_on_the_session(BODIES) == []
    for broken in (
        "v_actor := current_setting('lockstep.actor', true);",
        "v := current_setting(p_name);",
        "perform set_config('lock_timeout', '1s', false);",
        "perform pg_notify('lockstep_queue', v_id::text);",
        "listen lockstep_queue;",
    ):
        assert dependent_on_the_session({"broken": broken}) == ["broken"], broken


def test_nothing_is_written_through_a_view() -> None:
    assert writers_to_views(BODIES | APP) == []
    for broken in ("update lockstep.pairs set", "insert into lockstep.desync (", "delete from lockstep.health where"):
        assert writers_to_views({"broken": broken}) == ["broken"], broken


def test_tables_and_keys_functions_and_triggers_and_views_are_made_in_steps_of_their_own() -> None:
    functions, views = bare(FUNCTIONS), bare(VIEWS)
    assert out_of_place(MIGRATIONS, functions, views) == []
    assert out_of_place({"broken": "create or replace function lockstep.x()"}, {}, {}) == ["broken"]
    assert out_of_place({"broken": "create constraint trigger x after update"}, {}, {}) == ["broken"]
    assert out_of_place({}, {"broken": "alter table lockstep.users add"}, {}) == ["broken"]
    assert out_of_place({}, {}, {"broken": "create unique index on lockstep.users (id)"}) == ["broken"]


# Citus ----------------------------------------------------------------------------------------

CITUS = {path.name: path.read_text("utf-8") for path in sorted((SQL / "citus").glob("*.sql"))}
INSTEAD = {path.stem: path.read_text("utf-8") for path in sorted((SQL / "citus" / "functions").glob("*.sql"))}

# What may keep a function from tables that are cut, and the functions that it is known of. docs/scale-out.md says
# which of them ran all the same, and which are refused (0A000, XX000), so that nothing is written. Make it no longer.
NOT_ON_CUT_TABLES = {
    "locks rows of several users": {"adopt_pairs"},
    "counts what `on conflict do nothing` left out": set(),
    "writes several tables in one statement": {
        *("create_pair", "update_level", "write_adopted_pairs", "write_changes"),
    },
}


def kept_from_cut_tables(bodies: Mapping[str, str]) -> dict[str, set[str]]:
    """Functions with a statement that Citus refuses, or takes in another way than PostgreSQL does."""
    cut = "|".join(line["table"] for line in CLASSES if line["class"] == "distributed")
    write = rf"\b(?:insert into|update|delete from) lockstep\.(?:{cut})\b"
    lock = r"\bfor (?:no key update|update|key share|share)\b"
    found: dict[str, set[str]] = {reason: set() for reason in NOT_ON_CUT_TABLES}
    several_users, conflicts, several_tables = found.values()
    for name, body in bodies.items():
        for statement in body.split(";"):
            locks = re.search(lock, statement) and re.search(rf"lockstep\.(?:{cut})\b", statement)
            if locks and not re.search(r"\b(?:user_id|student_id) = ", statement):
                several_users.add(name)
            selects = re.search(rf"insert into lockstep\.(?:{cut})\b[^;]*\)\s*select\b", statement)
            if selects and "on conflict" in statement and "returning" not in statement:
                conflicts.add(name)
            if len(re.findall(write, statement)) > 1:
                several_tables.add(name)
    return found


def test_what_citus_would_refuse_or_take_otherwise_is_known_by_name() -> None:
    assert kept_from_cut_tables(BODIES | {name: sources_body(text) for name, text in INSTEAD.items()}) == (
        NOT_ON_CUT_TABLES
    )
    for reason, broken in zip(
        NOT_ON_CUT_TABLES,
        (
            "select from lockstep.user_licenses as license for update",
            "insert into lockstep.lock_breaches (id) select 1 on conflict do nothing",
            "with a as (update lockstep.user_licenses set x = 1) delete from lockstep.lock_breaches",
        ),
        strict=True,
    ):
        assert kept_from_cut_tables({"broken": broken})[reason] == {"broken"}


def test_the_step_that_cuts_names_every_table_that_it_cuts() -> None:
    text = re.sub(r"\(\s+", "(", CITUS["rows.sql"])
    for line in CLASSES:
        call = {
            "reference": f"create_reference_table('lockstep.{line['table']}')",
            "distributed": f"create_distributed_table('lockstep.{line['table']}', '{line['by']}'",
        }.get(line["class"], "")
        assert call in text, line["table"]
    cut = set(re.findall(r"create_(?:reference|distributed)_table\('lockstep\.(\w+)'", text))
    assert cut == {line["table"] for line in CLASSES if line["class"] != "local"}


def test_what_is_dropped_to_be_cut_comes_back_as_the_migrations_made_it() -> None:
    dropped = re.findall(r"alter table (\S+) drop constraint (\w+);", CITUS["rows.sql"])
    assert dropped == re.findall(r"alter table (\S+)\nadd constraint (\w+)\n", CITUS["keys.sql"])
    for _, name in dropped:
        made = re.findall(rf"alter table \S+\nadd constraint {name}\n[^;]*;", MIGRATIONS["0005-coupling"])
        assert len(made) == 1
        assert made[0] in CITUS["keys.sql"]


@pytest.mark.parametrize("name", [*CITUS, *INSTEAD])
def test_every_statement_for_citus_parses(name: str, connection: Connection) -> None:
    """The parser of PL/pgSQL reads each, and runs none."""
    for statement in statements((CITUS | INSTEAD)[name]):
        text = re.sub(r"(?s)\bdo \$\$.*?\$\$", "perform 1", statement).rstrip().removesuffix(";")
        connection.execute(f"do $parse$ begin return; {text}; end $parse$".encode())
    with pytest.raises(psycopg.errors.SyntaxError):
        connection.execute("do $parse$ begin return; select create_reference_table(; end $parse$")


@pytest.mark.parametrize("name", INSTEAD)
def test_a_function_for_citus_differs_from_its_namesake_in_the_body_only(name: str) -> None:
    def around(text: str) -> str:
        head, _, rest = text.partition("$function$")
        return head + rest.rpartition("$function$")[2]

    assert around(INSTEAD[name]) == around(FUNCTIONS[name])
    assert sources_body(INSTEAD[name]) != BODIES[name]


@pytest.mark.parametrize("path", sorted((SQL / "citus" / "views").glob("*.sql")), ids=lambda path: path.stem)
def test_a_view_for_citus_differs_from_its_namesake_in_the_query_only(path: Path) -> None:
    def around(text: str) -> tuple[str, str]:
        head, _, rest = text.partition(" as\n")
        return head, rest[rest.index("\ncomment on view ") :]

    text = path.read_text("utf-8")
    assert around(text) == around(VIEWS[path.stem])
    assert without_comments(text).split() != without_comments(VIEWS[path.stem]).split()


def test_for_citus_an_update_asks_no_clock_and_nothing_else_is_changed() -> None:
    changed = {name for name, text in FUNCTIONS.items() if for_citus(Source("functions", name, text)).text != text}
    assert {"level_up", *INSTEAD} <= changed
    assert for_citus(Source("views", "pairs", VIEWS["pairs"])).text == VIEWS["pairs"]
    for name, text in FUNCTIONS.items():
        updates = re.findall(r"\bupdate lockstep\.[^;]*;", for_citus(Source("functions", name, text)).text)
        assert not any("clock_timestamp()" in update for update in updates)


@pytest.mark.parametrize("name", [*FUNCTIONS, *VIEWS])
def test_a_file_is_split_at_the_ends_of_its_statements(name: str) -> None:
    text = (FUNCTIONS | VIEWS)[name]
    pieces = statements(text)
    assert "".join(pieces).strip() == text.strip()
    verb = r"create|comment|revoke|grant|drop|alter"
    assert all(re.match(rf"(?s)(?:\s|--[^\n]*\n)*(?:{verb})\b.*;$", piece) for piece in pieces)


def test_without_citus_a_school_is_not_distributed(database: str) -> None:
    with pytest.raises(SchoolError):
        schools.distribute(database, "lockstep")
