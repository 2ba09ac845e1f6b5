"""The guards guard themselves (C5): whatever is taken away, altered or added is named, and nothing else."""

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.migrator import Migrator
from tests.guarantees.hostile import Connection, Hostile, named, run
from tests.guarantees.mutations import Guard, mutations
from tests.pairs import add_users, one, rows, value
from tests.support import wait_until


@pytest.fixture
def installed(hostile: Hostile) -> Iterator[Connection]:
    """A superuser in a fresh installation, where nothing is named."""
    with hostile.database() as database, hostile.connect(database) as connection:
        assert named(connection) == {}
        run(connection, "set search_path = pg_catalog")  # names are printed as the sentinel prints them
        yield connection


# What is taken away ---------------------------------------------------------------------------

# What is done to these may leave nobody able to look, which nobody can overlook.
THE_SENTINEL_ITSELF = "guard_baseline", "guard_status", "find_guards"


@pytest.mark.slow
def test_whatever_is_taken_away_or_altered_is_named_and_nothing_else(
    installed: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    known: set[Guard] = {
        (kind, name)
        for kind, name in installed.execute("select kind, name from lockstep.guard_baseline where kind <> 'setting'")
    }
    caught: set[Guard] = set()
    unnamed: list[str] = []
    falsely: list[str] = []
    blinding: list[str] = []
    tried = list(mutations(installed))
    for mutation in tried:
        with installed.transaction(force_rollback=True):
            run(installed, "set local client_min_messages = warning", "set local check_function_bodies = off")
            run(installed, *mutation.statements)
            try:
                with installed.transaction():
                    found = set(named(installed))
            except psycopg.Error:
                blinding.append(mutation.what)
                assert any(name in str(mutation.must) for name in THE_SENTINEL_ITSELF), mutation
                found = set(mutation.must)
        caught |= mutation.must & found
        unnamed += [f"{mutation.what}: {guard}" for guard in mutation.must - found]
        falsely += [f"{mutation.what} {list(mutation.must)}: {guard}" for guard in found - mutation.must - mutation.may]
    with capsys.disabled():
        print(
            f"\nsentinel: {sum(len(mutation.must) for mutation in tried)} alterations of {len(known)} guards,"
            f" in {len(tried)} looks: named {len(known & caught)} of {len(known)}, falsely {len(falsely)}"
            f" ({len(blinding)} alterations are of the sentinel itself: the look fails)"
        )
    assert (unnamed, falsely) == ([], [])
    assert not falsely
    assert caught == known


def test_every_setting_is_named(hostile: Hostile) -> None:
    with hostile.database() as database:

        def look(**options: str) -> dict[Guard, str]:
            with hostile.connect(database, **options) as connection:
                return named(connection)

        def through_reload(name: str, value: str) -> None:
            """Alter it for the server, look, and take it back."""
            with hostile.connect(database) as connection:

                def is_named(names: set[Guard]) -> Callable[[], bool]:
                    return lambda: set(named(connection)) == names

                run(connection, f"alter system set {name} = {value}", "select pg_reload_conf()")
                try:
                    wait_until(connection, is_named({("setting", name)}), f"{name} is named")
                finally:
                    run(connection, f"alter system reset {name}", "select pg_reload_conf()")
                wait_until(connection, is_named(set()), f"{name} is as it was")

        with hostile.connect(database) as connection, connection.transaction(force_rollback=True):
            tested = {"search_path for every role in this database"}
            run(connection, f"alter database {database} reset search_path")
            assert named(connection) == {("setting", name): "missing" for name in tested}
        for name, value in ("fsync", "on"), ("full_page_writes", "on"), ("session_replication_role", "replica"):
            through_reload(name, value)
            tested.add(name)
        assert look(options="-c synchronous_commit=off") == {("setting", "synchronous_commit"): "altered"}
        hostile.restart(max_prepared_transactions="0")
        try:
            assert look() == {("setting", "max_prepared_transactions"): "altered"}
        finally:
            hostile.restart()
        with hostile.connect(database) as connection:
            settings = connection.execute("select name from lockstep.guard_baseline where kind = 'setting'")
            assert {name for (name,) in settings} == tested | {"synchronous_commit", "max_prepared_transactions"}


def test_enable_trigger_all_turns_always_into_origin_and_is_named(installed: Connection) -> None:
    keys = installed.execute(
        "select constraint_name, table_name::text from lockstep.coupled_key_triggers"
        " where table_name = 'lockstep.user_licenses'::regclass"
    ).fetchall()
    run(installed, "alter table lockstep.user_licenses enable trigger all")
    found = named(installed)
    assert set(found.values()) == {"altered"}
    assert sorted(name.partition(":")[0] for _, name in found) == sorted(key for key, _ in keys)
    run(installed, "select lockstep.arm_keys()")
    assert named(installed) == {}


def test_create_or_replace_trigger_turns_always_into_origin_and_is_named(installed: Connection) -> None:
    run(
        installed,
        "alter table lockstep.user_licenses enable always trigger mirror_delete",
        "select lockstep.record_guards()",
    )
    assert named(installed) == {}
    statement = value(
        installed,
        "select pg_get_triggerdef(oid) from pg_trigger"
        " where tgname = 'mirror_delete' and tgrelid = 'lockstep.user_licenses'::regclass",
    )
    run(installed, statement.replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER"))
    assert named(installed) == {("trigger", "mirror_delete on user_licenses"): "altered"}


# What is added --------------------------------------------------------------------------------

LICENSES = "lockstep.user_licenses"
UNEXPECTED = {
    "trigger": (
        "trigger: attack on user_licenses",
        f"create trigger attack before update on {LICENSES}"
        " for each row execute function suppress_redundant_updates_trigger()",
    ),
    "rule": (
        "rule: attack on user_licenses",
        f"create rule attack as on delete to {LICENSES} do instead nothing",
    ),
    "rule on a view": (
        "rule: attack on desync",
        "create rule attack as on delete to lockstep.desync do instead nothing",
    ),
    "policy": (
        "policy: attack on user_licenses",
        f"create policy attack on {LICENSES} as restrictive for select to lockstep_coupler using (false)",
    ),
    "grant on a table": (
        "grant: UPDATE on user_licenses to lockstep_app",
        f"grant update on {LICENSES} to lockstep_app",
    ),
    "grant on a column": (
        "grant: UPDATE on user_licenses.current_level to lockstep_app",
        f"grant update (current_level) on {LICENSES} to lockstep_app",
    ),
    "grant to public": (
        "grant: EXECUTE on purge_idempotency_keys() to public",
        "grant execute on function lockstep.purge_idempotency_keys() to public",
    ),
    "grant on the schema": (
        "grant: CREATE on schema lockstep to lockstep_app",
        "grant create on schema lockstep to lockstep_app",
    ),
    "grant of a parameter": (
        "grant: SET on parameter session_replication_role to lockstep_legacy",
        "grant set on parameter session_replication_role to lockstep_legacy",
    ),
    "child table": (
        "child table: public.attack of user_licenses",
        f"create table public.attack () inherits ({LICENSES})",
    ),
    "parent table": (
        "parent table: public.attack over user_licenses",
        f"create table public.attack (like {LICENSES})",
        f"alter table {LICENSES} inherit public.attack",
    ),
    "temporary table of the same name": (
        "shadow table: pg_temp.user_licenses",
        "create temporary table user_licenses ()",
    ),
    "temporary view of the same name": (
        "shadow table: pg_temp.desync",
        "create temporary view desync as select where false",
    ),
    "member of the coupler": (
        "membership: lockstep_legacy in lockstep_coupler",
        "grant lockstep_coupler to lockstep_legacy",
    ),
    "member of the owner": (
        "membership: lockstep_app in lockstep_owner",
        "grant lockstep_owner to lockstep_app",
    ),
    "application that is an old one too": (
        "membership: lockstep_app in lockstep_legacy",
        "grant lockstep_legacy to lockstep_app",
    ),
    "application that writes all data": (
        "membership: lockstep_app in pg_write_all_data",
        "grant pg_write_all_data to lockstep_app",
    ),
    "role under the replica role": (
        "setting: session_replication_role for lockstep_legacy in every database",
        "alter role lockstep_legacy set session_replication_role = replica",
    ),
    "role with another search_path": (
        "setting: search_path for lockstep_app in every database",
        "alter role lockstep_app set search_path = public",
    ),
    "function": (
        "function: attack()",
        "create function lockstep.attack() returns void language sql as ''",
    ),
    "view": ("view: attack", "create view lockstep.attack as select 1"),
    "table": ("table: attack", "create table lockstep.attack ()"),
    "column": ("column: user_licenses.attack", f"alter table {LICENSES} add column attack integer"),
    "check": (
        "constraint: attack on user_licenses",
        f"alter table {LICENSES} add constraint attack check (current_level > 0)",
    ),
    "index": ("index: attack", f"create index attack on {LICENSES} (is_active)"),
}


@pytest.mark.parametrize("what", UNEXPECTED)
def test_whatever_is_added_is_named(installed: Connection, what: str) -> None:
    guard, *statements = UNEXPECTED[what]
    with installed.transaction(force_rollback=True):
        run(installed, *statements)
        found = {
            f"{kind}: {re.sub('pg_temp_[0-9]+', 'pg_temp', name)}": s for (kind, name), s in named(installed).items()
        }
    assert found.pop(guard) == "unexpected"
    # A new object has an owner, and what it grants.
    assert all("attack" in other and what in ("function", "view", "table") for other in found)
    assert named(installed) == {}


def test_a_setting_of_the_database_is_named(hostile: Hostile, installed: Connection) -> None:
    run(installed, f"alter database {installed.info.dbname} set session_replication_role = replica")
    guard = "session_replication_role for every role in this database"
    assert named(installed) == {("setting", guard): "unexpected"}
    with hostile.connect(installed.info.dbname) as connection:  # here it applies
        assert named(connection) == {
            ("setting", guard): "unexpected",
            ("setting", "session_replication_role"): "altered",
        }


def test_the_same_grant_from_two_is_one_guard(installed: Connection) -> None:
    run(
        installed,
        f"grant select on {LICENSES} to lockstep_app with grant option",
        "set role lockstep_app",
        f"grant select on {LICENSES} to lockstep_readonly",
        "reset role",
        f"grant select on {LICENSES} to lockstep_readonly",
    )
    assert len(named(installed)) == 2
    run(installed, "select lockstep.record_guards()")
    assert named(installed) == {}


# What an installation makes of it -------------------------------------------------------------


def test_loading_again_mends_what_it_can_and_blesses_nothing_else(hostile: Hostile, installed: Connection) -> None:
    key = "fk_user_licenses_progress"
    run(
        installed,
        # What it does not mend.
        f"alter table {LICENSES} drop constraint {key}",
        f"revoke insert on {LICENSES} from lockstep_coupler",
        f"alter table {LICENSES} alter column current_level drop not null",
        f"grant delete on {LICENSES} to lockstep_app",
        # What it does.
        "alter function lockstep.lock_progress_first(bigint, text) immutable",
        f"alter table {LICENSES} disable trigger mirror_update",
        f"drop trigger guard_update on {LICENSES}",
        f"drop policy license_update on {LICENSES}",
        "create trigger attack before update on lockstep.specialization_progress"
        " for each row execute function suppress_redundant_updates_trigger()",
        f"alter table {LICENSES} enable trigger all",
        "revoke execute on function lockstep.level_up(bigint, text, bigint, integer, integer, numeric, numeric,"
        " bigint, text, text) from lockstep_app",
    )
    before = named(installed)
    Migrator(hostile.server.dsn_for(installed.info.dbname)).load()
    lasting = {
        ("constraint", f"{key} on user_licenses"): "missing",
        ("grant", "INSERT on user_licenses to lockstep_coupler"): "missing",
        ("column", "user_licenses.current_level"): "altered",
        ("grant", "DELETE on user_licenses to lockstep_app"): "unexpected",
    }
    after = named(installed)
    assert {guard: status for guard, status in after.items() if guard[0] != "key trigger"} == lasting
    assert {name.partition(":")[0] for kind, name in after if kind == "key trigger"} == {key}
    assert set(after) < set(before)


def test_a_change_on_purpose_is_recorded_by_whoever_installs(installed: Connection) -> None:
    run(installed, f"create index attack on {LICENSES} (is_active)")
    assert named(installed) == {("index", "attack"): "unexpected"}
    run(installed, "select lockstep.record_guards()")
    assert named(installed) == {}


def test_where_no_superuser_installed_unarmed_keys_are_reported(hostile: Hostile) -> None:
    keys_armed = "select status from lockstep.deployment_report() where check_name = 'keys armed for the replica role'"
    with hostile.installed_without_superuser() as database:
        dsn = make_conninfo(hostile.server.dsn_for(database), user="installer", password="installer")
        with psycopg.connect(dsn, autocommit=True) as installer:
            triggers = rows(installer, "select armed from lockstep.coupled_key_triggers")
            assert {trigger.armed for trigger in triggers} == {False}
            assert str(len(triggers)) in value(installer, "select lockstep.arm_keys()")
            assert value(installer, keys_armed) == "warn"
        with hostile.connect(database) as superuser:
            run(superuser, "select lockstep.arm_keys()")
            assert {kind for kind, _ in named(superuser)} == {"key trigger"}
            assert value(superuser, keys_armed) == "pass"


# Who did it -----------------------------------------------------------------------------------


def test_a_planted_desync_is_explained_by_its_last_good_state_and_its_gap(installed: Connection) -> None:
    add_users(installed, 1, 2)
    run(
        installed,
        "select lockstep.update_level(1, 'PLAYER', 4, p_advanced_by => 2, p_reason => 'exam')",
        "alter table lockstep.specialization_progress disable trigger all",
        "update lockstep.specialization_progress set current_level = 7",
    )
    changed_by = value(installed, "select xmin from lockstep.specialization_progress")
    explain = "select * from lockstep.explain_desync(%s, 'PLAYER')"
    found = one(installed, explain, 1)
    assert (found.agreed_level, found.agreed_by, found.agreed_database_role) == (4, 2, "postgres")
    assert (found.agreed_route, found.side, found.side_level) == ("function", "progress", 7)
    assert found.changed_transaction == changed_by
    assert "key trigger" in found.gap
    run(
        installed,
        "alter table lockstep.specialization_progress enable trigger all",
        "select lockstep.arm_keys()",
    )
    closed = one(installed, explain, 1)
    assert closed[:-1] == found[:-1]
    assert closed.gap != found.gap
    assert named(installed) == {}
    assert rows(installed, explain, 2) == []
