"""The rungs of the ladder: who writes, and what was done to the rules before."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.guarantees.hostile import Hostile
from tests.guarantees.ways import LICENSE, PROGRESS

TABLES = {PROGRESS: f"lockstep.{PROGRESS}", LICENSE: f"lockstep.{LICENSE}"}


@dataclass(frozen=True)
class Rung:
    """A column of the matrix.

    breaks   statements of a superuser or owner, in the database, before anybody writes
    session  statements of the writer's own session
    pair     statements before each cell: {first} and {last} are its users, {side} what it writes
    first    statements at the beginning of each cell's transaction
    then     and at its end
    """

    name: str
    who: str
    role: str | None = None
    breaks: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    pair: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    tables: dict[str, str] = field(default_factory=lambda: TABLES)
    armed: bool = True

    @contextmanager
    def database(self, hostile: Hostile) -> Iterator[str]:
        """The name of a database of this rung's installation."""
        with hostile.database() if self.armed else hostile.installed_without_superuser() as name:
            yield name


def swallow(table: str, when: str) -> str:
    """A trigger that has the table's writes vanish, in a session that writes the other table."""
    return (
        f"create trigger aaa_swallow before insert or update or delete on lockstep.{table} for each row"
        f" when (current_setting('attack.side', true) = '{when}') execute function attack.swallow()"
    )


REPLICA = "set session_replication_role = replica"
USER_OFF = tuple(f"alter table {table} disable trigger user" for table in TABLES.values())
ALL_OFF = tuple(f"alter table {table} disable trigger all" for table in TABLES.values())
ALL_ON = tuple(f"alter table {table} enable trigger all" for table in TABLES.values())
DROP_KEY = "alter table lockstep.specialization_progress drop constraint fk_specialization_progress_license"
AS_OWNER = "set role lockstep_owner"

RUNGS = (
    Rung("app", "`lockstep_app`: an application", "lockstep_app"),
    Rung("legacy", "`lockstep_legacy`: an old application's plain SQL", "lockstep_legacy"),
    Rung("owner", "`lockstep_owner`: the tables' owner", "lockstep_owner"),
    Rung("superuser", "a superuser who takes nothing away"),
    Rung(
        "user off",
        "the owner, after `disable trigger user` on both tables",
        "lockstep_owner",
        (AS_OWNER, *USER_OFF, "reset role"),
    ),
    Rung(
        "key gone",
        "the owner, after dropping one coupling key (that of progress)",
        "lockstep_owner",
        (AS_OWNER, DROP_KEY, "reset role"),
    ),
    Rung(
        "both",
        "the owner, after both: user triggers off, and that key dropped",
        "lockstep_owner",
        (AS_OWNER, *USER_OFF, DROP_KEY, "reset role"),
    ),
    Rung("replica", "the replica role (`session_replication_role`), keys armed", session=(REPLICA,)),
    Rung(
        "replica, unarmed",
        "the replica role where a role that is no superuser installed: keys not armed",
        session=(REPLICA,),
        armed=False,
    ),
    Rung("all off", "a superuser, after `disable trigger all` on both tables", breaks=ALL_OFF),
    Rung(
        "off and on",
        "a superuser who disables all triggers, writes, enables and arms them again, in one transaction",
        first=ALL_OFF,
        then=(*ALL_ON, "select lockstep.arm_keys()"),
    ),
    Rung("coupler", "a superuser who poses as the functions: `set role lockstep_coupler`", "lockstep_coupler"),
    Rung(
        "swallowed",
        "`lockstep_legacy`, where the owner put a BEFORE trigger that returns NULL on the other table",
        "lockstep_legacy",
        (
            "create function attack.swallow() returns trigger language plpgsql as 'begin return null; end'",
            swallow(PROGRESS, when=LICENSE),
            swallow(LICENSE, when=PROGRESS),
        ),
        pair=("set attack.side = '{side}'",),
    ),
    Rung(
        "hidden",
        "`lockstep_legacy`, where the owner's row security hides both tables from the mirrors",
        "lockstep_legacy",
        (
            "alter table lockstep.specialization_progress enable row level security",
            "create policy attack on lockstep.specialization_progress using (true) with check (true)",
            *(
                f"create policy attack_hide on {table} as restrictive for select to lockstep_coupler using (false)"
                for table in TABLES.values()
            ),
        ),
    ),
    Rung(
        "pg_temp",
        "`lockstep_legacy`, to temporary tables of the same names",
        "lockstep_legacy",
        session=(
            "set search_path = lockstep, public",
            *(f"create temporary table {name} (like {table} including all)" for name, table in TABLES.items()),
        ),
        pair=(
            f"insert into pg_temp.{PROGRESS} select * from {TABLES[PROGRESS]}"
            " where student_id between {first} and {last}",
            f"insert into pg_temp.{LICENSE} select * from {TABLES[LICENSE]}"
            " where user_id between {first} and {last}",
        ),
        tables={PROGRESS: PROGRESS, LICENSE: LICENSE},
    ),
    Rung(
        "child",
        "the owner, to tables that inherit from both, with a copy of the pair in them",
        "lockstep_owner",
        (
            *(f"create table attack.{name} () inherits ({table})" for name, table in TABLES.items()),
            *(f"alter table attack.{name} owner to lockstep_owner" for name in TABLES),
        ),
        pair=(
            f"insert into attack.{PROGRESS} select * from only {TABLES[PROGRESS]}"
            " where student_id between {first} and {last}",
            f"insert into attack.{LICENSE} select * from only {TABLES[LICENSE]}"
            " where user_id between {first} and {last}",
        ),
        tables={name: f"attack.{name}" for name in TABLES},
    ),
)
