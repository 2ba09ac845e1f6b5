"""Runs every way of writing on every rung, and says what became of it."""

from dataclasses import dataclass

import psycopg
from psycopg.pq import TransactionStatus

from tests.guarantees.hostile import Connection, Hostile, kinds_named, run
from tests.guarantees.rungs import Rung
from tests.guarantees.ways import BOTH, LICENSE, PROGRESS, WAYS, Way, texts
from tests.pairs import add_users

# A side of a pair: the levels of its rows, of which there is one, or none, unless somebody made more.
Side = tuple[int, ...]
State = dict[int, tuple[Side, Side]]

COUPLED, NO_HISTORY, SEEN, NAMED = "coupled", "coupled°", "**seen**", "**named**"
SAME, NO_EFFECT, UNDETECTED = "same", "no effect", "UNDETECTED"

PEOPLE = 10  # numbers of users that a way has for itself

SNAPSHOT = (PROGRESS, LICENSE, "license_progressions")


@dataclass(frozen=True)
class Column:
    """What a rung gave: for each way its outcome, and what the sentinel names (kind and status)."""

    rung: Rung
    outcomes: tuple[str, ...]
    guards: tuple[str, ...]


def climb(hostile: Hostile, rung: Rung) -> Column:
    """Try every way on this rung, each on a pair of its own."""
    with (
        rung.database(hostile) as database,
        hostile.connect(database) as observer,
        hostile.connect(database) as writer,
    ):
        run(observer, "set search_path = lockstep, public")
        prepare(observer, writer, rung)
        guards = kinds_named(observer)
        outcomes = tuple(
            Cell(observer, writer, rung, way, PEOPLE * number, bool(guards)).outcome()
            for number, way in enumerate(WAYS, 1)
        )
        assert kinds_named(observer) == guards, f"{rung.name}: the writing itself changed what the sentinel names"
        return Column(rung, outcomes, guards)


def prepare(observer: Connection, writer: Connection, rung: Rung) -> None:
    """Make the people and pairs of all cells; then take away what this rung takes away."""
    run(observer, "create schema attack", "grant all on schema attack to public")
    people = [PEOPLE * number + n for number in range(1, len(WAYS) + 1) for n in range(3)]
    add_users(observer, *people)
    pairs = [
        (PEOPLE * number + n, level)
        for number, way in enumerate(WAYS, 1)
        for n, level in enumerate(way.before)
        if level is not None
    ]
    observer.execute(
        "select update_level(id, 'PLAYER', level) from unnest(%s::bigint[], %s::integer[]) as pair (id, level)",
        [[user for user, _ in pairs], [level for _, level in pairs]],
    )
    for table in SNAPSHOT:
        run(observer, f"create table attack.saved_{table} as table lockstep.{table}")
    run(observer, *rung.breaks)
    if rung.role:
        run(writer, f"set role {rung.role}")
    run(writer, *rung.session)


def restore(observer: Connection) -> None:
    """Give a truncated database its pairs back."""
    with observer.transaction():
        run(observer, "set local session_replication_role = replica")
        run(observer, *(f"delete from lockstep.{table}" for table in reversed(SNAPSHOT)))
        run(observer, *(f"insert into lockstep.{table} table attack.saved_{table}" for table in SNAPSHOT))


@dataclass(frozen=True)
class Cell:
    """One way on one rung."""

    observer: Connection
    writer: Connection
    rung: Rung
    way: Way
    user: int
    sentinel_speaks: bool

    def outcome(self) -> str:
        """Write, and say what became of it."""
        side = PROGRESS if self.way.target == BOTH else self.way.target
        for statement in self.rung.pair:
            last = self.user + len(self.way.before) - 1
            run(self.writer, statement.format(first=self.user, last=last, side=side))
        before, recorded = self.state(), self.history()
        sqlstate = self.write()
        after = self.state()
        verdict = sqlstate or self.judge(before, after, recorded)
        assert not sqlstate or before == after, f"refused with {sqlstate}, and yet {before} became {after}: {self.way}"
        if self.way.truncates and not sqlstate:
            restore(self.observer)
        return verdict

    def write(self) -> str | None:
        """Run the way's statements in one transaction; return the SQLSTATE that refused it, if any."""
        values = texts(self.way.target, self.rung.tables, self.user)
        try:
            run(self.writer, "begin", *self.rung.first)
            for step in self.way.steps:
                if self.way.copied:
                    row = self.way.copied.format(**values).strip("()").replace("'", "").replace(", ", "\t")
                    with self.writer.cursor().copy(step.format(**values).encode()) as copy:
                        copy.write(row + "\n")
                else:
                    run(self.writer, step.format(**values))
            run(self.writer, *self.rung.then)
            if self.writer.info.transaction_status != TransactionStatus.IDLE:
                run(self.writer, "commit")
        except psycopg.Error as error:
            if self.writer.info.transaction_status != TransactionStatus.IDLE:
                run(self.writer, "rollback")
            # Up to PostgreSQL 17 a RESTRICT key says 23503 too.
            return "23503" if error.sqlstate == "23001" else error.sqlstate
        return None

    def judge(self, before: State, after: State, recorded: dict[int, int]) -> str:
        """What it means that the transaction committed."""
        if apart := {user for user, (progress, license) in after.items() if progress != license}:
            if apart <= self.seen():
                return SEEN
            return NAMED if self.sentinel_speaks else UNDETECTED
        levels = tuple(progress for progress, _ in after.values())
        if levels not in [tuple(() if level is None else (level,) for level in wanted) for wanted in self.way.after]:
            if self.sentinel_speaks:
                return NAMED
            assert after == before, f"{self.rung.name}, {self.way.name}: {before} became {after}"
            return NO_EFFECT
        if after == before:
            return SAME
        changed = {user for user in after if after[user] != before[user]}
        now = self.history()
        unrecorded = {
            user for user in changed if after[user][0] not in [(), (1,)] and now.get(user, 0) == recorded.get(user, 0)
        }
        level = f" at {levels[0][0]}" if self.way.tells_level else ""
        # What TRUNCATE empties takes the history along.
        return (NO_HISTORY if unrecorded or self.way.truncates else COUPLED) + level

    def state(self) -> State:
        """Both sides of each user of the cell, as the tables have them: not by any view of ours."""
        rows = self.observer.execute(
            """
            select
                person.id,
                array(
                    select distinct current_level from lockstep.specialization_progress
                    where student_id = person.id order by current_level
                ),
                array(
                    select distinct current_level from lockstep.user_licenses
                    where user_id = person.id order by current_level
                )
            from unnest(%s::bigint[]) as person (id)
            order by person.id
            """,
            [self.users],
        )
        return {user: (tuple(progress), tuple(license)) for user, progress, license in rows}

    def seen(self) -> set[int]:
        """Which of the users the desync view shows."""
        rows = self.observer.execute("select user_id from desync where user_id = any(%s)", [self.users])
        return {user for (user,) in rows}

    def history(self) -> dict[int, int]:
        """How many level changes of each user are recorded."""
        rows = self.observer.execute(
            "select user_id, count(*) from lockstep.license_progressions"
            " where user_id = any(%s) and route <> 'client' group by user_id",
            [self.users],
        )
        return dict(rows)

    @property
    def users(self) -> list[int]:
        return [self.user + n for n in range(len(self.way.before))]
