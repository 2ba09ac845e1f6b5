"""Who may do what (C4), role by role, over every table, view and function there is.

What is expected stands here as one table; whatever is not in it is refused with 42501.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.pairs import Connect, add_users, call, one, rows

Connection = psycopg.Connection[Any]

NOBODY = "lockstep_test_nobody"
ROLES = ("lockstep_app", "lockstep_admin", "lockstep_auth", "lockstep_readonly", "lockstep_legacy", NOBODY)

LEVELS = ("player_levels", "coach_levels", "internship_levels")
READ = {"select"}
CHANGE = {"update"}
WRITE = {"select", "insert", "update", "delete"}

ADMIN_VIEWS = (
    *(*LEVELS, "desync", "coupled_key_triggers", "guard_status"),
    *("runs", "run_items", "run_reports", "health", "ranges", "server_load", "service_state"),
    *("pairs", "level_history", "catalogue"),
    *("people", "group_list", "membership_list"),
    *("incidents", "incident_conditions", "outbox"),
    *("lock_waits", "lock_tree", "pool_usage", "statement_stats"),
    *("queue_status", "queue_set_aside", "breaches", "level_distribution", "health_history"),
    *("threshold_breaches", "samples", "figures"),
    *("queue_status", "queue_set_aside", "breaches", "raw_writers", "level_distribution", "health_history"),
)

RELATIONS: dict[str, dict[str, set[str]]] = {
    "lockstep_app": dict.fromkeys(LEVELS, READ),
    "lockstep_admin": dict.fromkeys(ADMIN_VIEWS, READ),
    "lockstep_readonly": dict.fromkeys(ADMIN_VIEWS, READ),
    "lockstep_legacy": {
        "specialization_progress": WRITE,
        "user_licenses": WRITE,
        "license_progressions": {"select", "insert"},
        **dict.fromkeys(("users", "specializations", "specialization_levels", "desync", *LEVELS), READ),
    },
    "lockstep_auth": {},
    NOBODY: {},
}

APPLICATION = {
    *("update_level", "level_up", "sync_records", "validate_consistency"),
    *("find_desync", "reached_level", "setting", "lock_budget"),
    *("update_levels", "level_ups", "enqueue_level_up", "drain_level_ups", "drain_queue"),
    *("lock_holders", "note_lock_breach", "record_lock_breach"),
    *("create_project", "read_project", "list_projects", "update_project", "delete_project", "restore_project"),
    *("list_revisions", "read_revision", "restore_revision", "copy_project", "read_file"),
    *("share_project", "unshare_project", "list_shares", "get_or_create_asset", "read_asset"),
}
FUNCTIONS: dict[str, set[str]] = {
    "lockstep_app": {
        *APPLICATION,
        *("authenticate", "award_xp", "set_level", "repair_user", "repair_user_all", "list_specializations"),
        *("read_progress", "read_history", "read_consistency", "list_desync"),
        *("read_user", "list_users", "list_groups", "read_group", "list_members"),
        *("read_service_state", "free_connections", "read_figures", "note_requests"),
    },
    "lockstep_admin": {
        *APPLICATION,
        *("authenticate", "get_or_create_group"),
        *("recommended_action", "explain_desync", "deployment_report", "change_setting"),
        *("find_guards", "broken_guards", "check_health", "cover_users", "verify_range", "verify_next_range"),
        *("plan_sync", "plan_undo", "plan_reconcile", "start_sync", "apply_sync_batch", "sync_pause"),
        *("sync_user", "sync_user_all", "sync_all", "apply_sync", "undo_sync", "reconcile"),
        *("purge_idempotency_keys", "purge_sync_runs", "purge_sign_ins", "create_password_reset"),
        *("request_run", "request_undo", "work_on_run", "leave_run", "list_runs", "list_run_items", "read_run"),
        "read_health",
        *("create_user", "change_user", "deactivate_user", "reactivate_user", "export_user", "erase_user"),
        *("link_identity", "unlink_identity", "create_group", "rename_group", "delete_group"),
        *("add_member", "remove_member"),
        *("purge_lock_breaches", "purge_raw_writes"),
        *("note_incident", "close_incident", "check_incidents", "watch_incidents", "watch", "purge_incidents"),
        *("claim_mail", "finish_mail", "retry_mails"),
        *("requeue_level_up", "discard_level_up"),
        *("purge_projects", "sweep_blobs", "get_or_create_user"),
        *("find_lock_waits", "find_pool_usage", "find_statements", "keep_statement_baseline"),
        *("find_breaches", "sample_monitoring", "watch_monitoring", "purge_monitoring"),
    },
    "lockstep_readonly": {
        *("find_desync", "recommended_action", "deployment_report", "find_guards", "setting"),
        *("find_lock_waits", "find_pool_usage", "find_statements"),
    },
    "lockstep_legacy": {"recommended_action", "lock_progress_first"},
    "lockstep_auth": {
        *("authenticate", "lock_budget", "get_or_create_group", "claim_idempotency_key", "store_answer"),
        *("start_sign_in", "finish_sign_in", "start_session", "refresh_session", "end_session"),
        *("start_password_change", "change_password", "check_password_reset", "use_password_reset"),
        "get_or_create_identity",
    },
    NOBODY: set(),
}

# The functions' own role: what the writing functions may do, and nothing else.
COUPLER: dict[str, set[str]] = {
    **dict.fromkeys(("specialization_progress", "user_licenses", "idempotency_keys"), WRITE),
    **dict.fromkeys(("queued_level_ups", "lock_breaches"), WRITE),
    **dict.fromkeys(("monitoring_samples", "breach_records", "request_counts", "statement_baseline"), WRITE),
    "raw_writes": WRITE,
    **dict.fromkeys(("sync_runs", "sync_run_items", "verified_ranges", "health_checks"), WRITE),
    **dict.fromkeys(("credentials", "identities", "sessions", "refresh_tokens", "password_resets"), WRITE),
    **dict.fromkeys(("sign_in_attempts", "groups", "group_members"), WRITE),
    **dict.fromkeys(("noted_incidents", "incident_mails"), WRITE),
    "incident_kinds": {"select", "update"},
    "incident_checks": {"select", "update"},
    "license_progressions": {"select", "insert"},
    **dict.fromkeys(
        (
            *("license_progressions.advancement_reason", "license_progressions.requirements_met"),
            *("license_progressions.application_name", "license_progressions.client_address"),
        ),
        CHANGE,
    ),
    "erasures": {"select", "insert"},
    "erasures.counts": {"update"},
    "quarantine": {"select"},
    **dict.fromkeys(("quarantine.row_before", "quarantine.row_after"), CHANGE),
    **dict.fromkeys(("projects", "project_shares"), WRITE),
    "project_revisions": {"select", "insert", "delete"},
    "blobs": {"select", "insert", "delete"},
    "blobs.created_at": {"update"},
    "assets": {"select", "insert"},
    "assets.created_by": {"update"},
    "pending_names": {"select", "insert", "delete"},
    **dict.fromkeys(("adoption_runs", "adoption_staging", "adoption_pairs", "adopted_rows"), WRITE),
    "adopted_pairs_here": READ,
    "users_id_seq": {"select", "update"},
    "settings": {"select", "update"},
    "users": {"select", "insert", "update"},
    "specializations.max_levels": {"update"},
    "specializations.updated_at": {"update"},
    **dict.fromkeys(
        (
            *("specializations", "specialization_levels", "schema_migrations"),
            *("runs", "run_items", "service_state", "incident_conditions", "outbox"),
            *("lock_waits", "pool_usage", "statement_stats", "figures"),
            *("people", "group_list", "membership_list"),
            *("desync", "coupled_key_triggers", "guard_status", "health", "pairs", "level_history", "catalogue"),
        ),
        READ,
    ),
}


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    """Each role; the last one stands for PUBLIC."""
    return str(request.param)


@pytest.fixture
def session(connect: Connect, role: str) -> Iterator[Connection]:
    """A transaction as that role, which is rolled back."""
    connection = connect()
    with connection.transaction(force_rollback=True):
        if role == NOBODY:
            connection.execute(f"create role {NOBODY}")
        connection.execute(f"set local role {role}")
        yield connection


def granted(connection: Connection, role: str) -> dict[str, set[str]]:
    """Return what a role, or PUBLIC, was granted on tables, views, sequences and columns, by name."""
    found = rows(
        connection,
        """
        with object (name, acl) as (
            select class.relname::text, class.relacl
            from pg_class as class
            where class.relnamespace = 'lockstep'::regnamespace
            union all
            select class.relname || '.' || att.attname, att.attacl
            from pg_class as class
            inner join pg_attribute as att on att.attrelid = class.oid
            where class.relnamespace = 'lockstep'::regnamespace
        )

        select object.name, lower(acl.privilege_type) as privilege
        from object
        cross join lateral aclexplode(object.acl) as acl
        left outer join pg_roles as role on role.oid = acl.grantee
        where acl.grantee = 0 or role.rolname = %s
        """,
        role,
    )
    held: dict[str, set[str]] = {}
    for row in found:
        held.setdefault(row.name, set()).add(row.privilege)
    return held


def relations(connection: Connection) -> list[Any]:
    """Return every table and view, with a column that may be written."""
    found = rows(
        connection,
        """
        select class.relname as name, class.relkind = 'v' as is_view, (
            select att.attname
            from pg_attribute as att
            where att.attrelid = class.oid and att.attnum > 0 and att.attidentity = ''
            order by att.attnum
            limit 1
        ) as column
        from pg_class as class
        where class.relnamespace = 'lockstep'::regnamespace and class.relkind in ('r', 'p', 'v', 'm')
        order by class.relname
        """,
    )
    assert len(found) > 10
    return found


def routines(connection: Connection) -> list[Any]:
    """Return every function, with a call of it that passes null for each argument."""
    found = rows(
        connection,
        """
        select
            proname as name,
            case prokind when 'p' then 'call' else 'select' end || ' lockstep.' || proname || '('
            || array_to_string(array_fill('null'::text, array[pronargs::integer]), ', ') || ')' as call
        from pg_proc
        where pronamespace = 'lockstep'::regnamespace
        order by proname
        """,
    )
    assert len(found) > 20
    return found


def attempt(session: Connection, statement: str) -> str | None:
    """Run a statement and roll it back; return its SQLSTATE, None where it went well."""
    try:
        with session.transaction(force_rollback=True):
            session.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test_a_role_has_exactly_these_privileges_on_tables_and_views(connection: Connection, role: str) -> None:
    assert granted(connection, role) == RELATIONS[role]


def test_the_functions_own_role_may_do_only_what_they_do(connection: Connection) -> None:
    assert granted(connection, "lockstep_coupler") == COUPLER


def test_what_was_not_granted_on_a_table_or_view_is_refused_and_the_rest_is_not(
    connection: Connection, session: Connection, role: str
) -> None:
    for relation in relations(connection):
        statements = {
            "select": f"select * from lockstep.{relation.name}",
            "update": f"update lockstep.{relation.name} set {relation.column} = default where false",
            "delete": f"delete from lockstep.{relation.name} where false",
            "insert": f"insert into lockstep.{relation.name} default values",
            "truncate": f"truncate lockstep.{relation.name}",
        }
        held = RELATIONS[role].get(relation.name, set())
        outcomes = {privilege: attempt(session, statement) for privilege, statement in statements.items()}
        # Of a view, what cannot be done to it by anybody is refused before anybody asks who it is.
        never = {"42809", "428C9", "55000"} if relation.is_view else set()
        refused = {privilege for privilege, outcome in outcomes.items() if outcome in {"42501", *never}}
        assert refused == statements.keys() - held, (relation.name, outcomes)


def test_a_role_may_execute_exactly_these_functions(connection: Connection, session: Connection, role: str) -> None:
    known = routines(connection)
    allowed = {routine.name for routine in known if attempt(session, routine.call) != "42501"}
    assert allowed == FUNCTIONS[role]
    assert {
        row.name
        for row in rows(
            connection,
            """
        select proc.proname as name
        from pg_proc as proc
        cross join lateral aclexplode(coalesce(proc.proacl, acldefault('f', proc.proowner))) as acl
        left outer join pg_roles as role on role.oid = acl.grantee
        where proc.pronamespace = 'lockstep'::regnamespace and (acl.grantee = 0 or role.rolname = %s)
        """,
            role,
        )
    } == FUNCTIONS[role]


@pytest.mark.parametrize("name", [*(role for role in ROLES if role != NOBODY), "lockstep_coupler", "lockstep_owner"])
def test_no_role_can_log_in_only_the_owner_makes_anything_and_no_role_is_in_another(
    connection: Connection, name: str
) -> None:
    found = one(
        connection,
        """
        select
            rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as is_strong,
            has_schema_privilege(oid, 'lockstep', 'create') as may_create,
            has_schema_privilege(oid, 'lockstep', 'usage') as may_use,
            exists (
                select from pg_auth_members
                -- The functions' own role may see what sessions do, for lock_waits and pool_usage.
                where (member = role.oid and roleid::regrole::text <> 'pg_read_all_stats')
                    -- A login may take any other role, and other tests have some that do.
                    or (roleid = role.oid and role.rolname in ('lockstep_owner', 'lockstep_coupler'))
            ) as is_in_another
        from pg_roles as role
        where rolname = %s
        """,
        name,
    )
    # It owns the schema.
    may_create = name == "lockstep_owner"
    assert found == (False, may_create, True, False)


def test_the_application_levels_up_without_any_right_to_the_tables(connect: Connect, connection: Connection) -> None:
    add_users(connection, 1)
    application = connect("lockstep_app")
    change = call(application, "level_up", 1, "PLAYER", 25000, 12)
    assert (change.progress_new_level, change.license_new_level) == (2, 2)
    for table in ("specialization_progress", "user_licenses"):
        assert attempt(application, f"update lockstep.{table} set current_level = 8") == "42501"


def test_a_login_of_the_application_cannot_become_another_role(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("create role lockstep_test_login login in role lockstep_app")
        connection.execute("set local session authorization lockstep_test_login")
        assert attempt(connection, "set local role lockstep_app") is None
        for role in ("lockstep_owner", "lockstep_coupler", "lockstep_admin", "lockstep_legacy"):
            assert attempt(connection, f"set local role {role}") == "42501"
