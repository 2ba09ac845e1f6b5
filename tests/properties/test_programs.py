"""Random programs over three sessions, function calls and plain SQL, against a model (B1-B5, B7, B11, C1-C3).

One thread drives all sessions, so a statement that has to wait ends in 55P03 by lock_timeout, and
whether it may, must or must not wait is part of the model; so are 40001 and every refusal. At each
commit a fourth connection looks: no desync, totals and levels as in the model, history unbroken.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any

import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.pairs import Connect, Connection, add_users, desyncs, rows
from tests.properties import model
from tests.properties.model import Gains, Key, Pair, RefusedError, Session, Work, World

SESSIONS = 3

# Few pairs, so that sessions meet. The users' numbers count from the example's first.
PAIRS = [(0, "PLAYER"), (0, "COACH"), (1, "INTERNSHIP")]

Effect = Callable[[Pair | None], Pair | None]


@dataclass(frozen=True)
class At:
    """Where a statement goes: a session, and the transaction around it."""

    session: int
    opens: str  # the isolation level, where the session has no transaction open
    commits: bool  # at once


@dataclass(frozen=True)
class Statement:
    """What is sent, and what the model says that it does to the pair."""

    query: str
    values: Sequence[Any]
    effect: Effect
    role: str = "lockstep_legacy"
    key: Key | None = None
    request: Any = None
    is_replay: bool = False
    is_remark: bool = False


sessions = st.integers(0, SESSIONS - 1)
places = st.builds(
    At,
    sessions,
    opens=st.sampled_from(["read committed", "read committed", "repeatable read", "serializable"]),
    commits=st.sampled_from([True, False, False]),
)
pairs = st.sampled_from(PAIRS)
levels = st.integers(1, 9)
tables = st.sampled_from(["specialization_progress", "user_licenses"])
small = st.integers(-2, 30)
gains = st.builds(
    Gains,
    xp=st.sampled_from([0, 0, 10, 12000, 25000, 100000]),
    sessions=st.integers(0, 20),
    projects=st.integers(0, 1),
    theory=st.sampled_from([0, 0, 0, 0, 0, 45]),
    practice=st.sampled_from([0, 0, 0, 0, 0, 70]),
)
changes = st.builds(
    Gains, xp=st.sampled_from([-500, 0, 0, 500]), sessions=small, theory=st.sampled_from([0, 0, 0, 5, -5])
)
idempotency_keys = st.sampled_from([None, None, "key-1", "key-2"])

FOUND = """
    select
        coalesce(progress.student_id, license.user_id) as user_id,
        coalesce(progress.specialization_id, license.specialization_type) as specialization_id,
        progress.current_level as progress_level,
        license.current_level,
        license.max_achieved_level,
        progress.total_xp,
        progress.completed_sessions,
        progress.completed_projects,
        progress.theory_hours_completed,
        progress.practice_hours_completed,
        license.id
    from lockstep.specialization_progress as progress
    full outer join lockstep.user_licenses as license
        on license.user_id = progress.student_id and license.specialization_type = progress.specialization_id
    where coalesce(progress.student_id, license.user_id) = any (%s)
    """
STEPS = """
    select step.user_license_id, step.from_level, step.to_level, step.route
    from lockstep.license_progressions as step
    where step.user_id = any (%s)
    order by step.user_license_id, step.id
    """

STEPS_OF_TRANSACTIONS = [
    *["commit"] * 2,
    "rollback",
    *["savepoint"] * 2,
    "rollback_to_savepoint",
    "set_constraints_immediate",
]

COLUMNS = {
    "specialization_progress": ("student_id", "specialization_id"),
    "user_licenses": ("user_id", "specialization_type"),
}


class Programs(RuleBasedStateMachine):
    """Each example is a program; its users are its own, its connections everybody's."""

    connections: list[Connection]
    watcher: Connection
    next_user = count(1, 2)

    @initialize(levels=st.tuples(*[st.sampled_from([None, 1, 2]) for _ in PAIRS]))
    def start(self, levels: tuple[int | None, ...]) -> None:
        self.users = [next(self.next_user)]
        self.users.append(self.users[0] + 1)
        add_users(self.watcher, *self.users)
        self.world = World()
        self.sessions = [Session() for _ in range(SESSIONS)]
        for pair, level in zip(PAIRS, levels, strict=True):
            if level:
                self.update_level(At(0, "read committed", commits=True), pair, level, Gains(xp=500), None)

    def teardown(self) -> None:
        for connection in self.connections:
            connection.execute("rollback")

    # Transactions -----------------------------------------------------------------------------

    def at(self, at: At) -> Session:
        """The session, in a transaction."""
        if self.sessions[at.session].isolation is None:
            self.connections[at.session].execute(f"begin isolation level {at.opens}".encode())
            others = [other for other in self.sessions if other.isolation]
            for other in others:
                other.met = True
            self.sessions[at.session] = Session(at.opens, met=bool(others))
        return self.sessions[at.session]

    @rule(
        number=sessions,
        step=st.sampled_from(STEPS_OF_TRANSACTIONS),
    )
    def transaction(self, number: int, step: str) -> None:
        getattr(self, step)(number)

    def commit(self, number: int) -> None:
        session = self.sessions[number]
        if session.isolation is None:
            return
        self.sessions[number] = Session()
        try:
            self.connections[number].execute("commit")
        except psycopg.errors.SerializationFailure:
            assert session.isolation == "serializable"
            assert session.met
            return
        session.commit(self.world)
        self.look_at_what_is_committed()

    def rollback(self, number: int) -> None:
        self.connections[number].execute("rollback")
        self.sessions[number] = Session()

    def savepoint(self, number: int) -> None:
        session = self.sessions[number]
        if session.isolation:
            self.connections[number].execute("savepoint here")
            session.savepoints.append(deepcopy(session.work))

    def rollback_to_savepoint(self, number: int) -> None:
        session = self.sessions[number]
        if session.savepoints:
            self.connections[number].execute("rollback to savepoint here")
            session.work = deepcopy(session.savepoints[-1])

    def set_constraints_immediate(self, number: int) -> None:
        """Both sides agree between statements. Functions go on; plain SQL is refused, as no mirror is asked first."""
        session = self.sessions[number]
        if session.isolation is None:
            return
        try:
            self.connections[number].execute("set constraints all immediate")
        except psycopg.errors.SerializationFailure:
            assert session.isolation == "serializable"
            assert session.met
            self.go_back(number)
        else:
            session.work.immediate = True

    def go_back(self, number: int) -> None:
        """Leave a transaction that failed, or just what came after its savepoint."""
        if self.sessions[number].savepoints:
            self.rollback_to_savepoint(number)
        else:
            self.rollback(number)

    # Function calls ---------------------------------------------------------------------------

    @rule(at=places, pair=pairs, level=levels, change=changes, key=idempotency_keys)
    def update_level(self, at: At, pair: Key, level: int, change: Gains, key: str | None) -> None:
        self.call(
            at,
            pair,
            "update_level",
            (level, change.xp, change.sessions, change.projects, change.theory, change.practice),
            lambda before: model.by_update_level(before, pair[1], level, change),
            key,
        )

    @rule(at=places, pair=pairs, gain=gains, key=idempotency_keys)
    def level_up(self, at: At, pair: Key, gain: Gains, key: str | None) -> None:
        self.call(
            at,
            pair,
            "level_up",
            (gain.xp, gain.sessions, gain.projects, gain.theory, gain.practice),
            lambda before: model.by_level_up(before, pair[1], gain),
            key,
        )

    @precondition(lambda self: self.world.answers)
    @rule(at=places, data=st.data())
    def replay(self, at: At, data: st.DataObject) -> None:
        """A blind retry: the request of a key that is known, word for word."""
        key = data.draw(st.sampled_from(sorted(self.world.answers)))
        (function, specialization, arguments), _ = self.world.answers[key]
        pair = self.users.index(key[0]), specialization
        if function == "level_up":
            self.level_up(at, pair, Gains(*arguments), key[1])
        else:
            self.update_level(at, pair, arguments[0], Gains(*arguments[1:]), key[1])

    @rule(at=places, pair=pairs, source=st.sampled_from(["progress", "license"]))
    def sync_records(self, at: At, pair: Key, source: str) -> None:
        statement = Statement(
            "select * from lockstep.sync_records(%s, %s, %s)",
            [*self.key(pair), source],
            model.by_sync,
            role="lockstep_app",
        )
        answer = self.take(at, pair, statement)
        assert answer is None or answer[0].action == "none"

    def call(
        self, at: At, pair: Key, function: str, arguments: tuple[int, ...], effect: Effect, name: str | None
    ) -> None:
        """Call level_up() or update_level(), and compare what comes back with the model's pair."""
        user, specialization = self.key(pair)
        request = function, specialization, arguments
        key = (user, name) if name else None
        session = self.at(at)
        before = session.pair(self.world, (user, specialization))
        known = session.answer(self.world, key) if key else None

        def replay(pair: Pair | None) -> Pair | None:
            if known and known[0] != request:
                raise RefusedError("LS007")
            return pair

        marks = ", ".join(["%s"] * len(arguments))
        statement = Statement(
            f"select * from lockstep.{function}(%s, %s, {marks}, p_idempotency_key => %s)",
            [user, specialization, *arguments, name],
            replay if known else effect,
            role="lockstep_app",
            key=key,
            request=request,
            is_replay=bool(known),
        )
        found = self.take(at, pair, statement)
        if not found:
            return
        (answer,) = found
        if known:
            assert answer.replayed
            assert answer._replace(replayed=False) == known[1]
            return
        after = effect(before)
        assert after
        assert not answer.replayed
        assert not answer.desync
        assert answer.progress_old_level == answer.license_old_level == (before.level if before else None)
        assert answer.progress_new_level == answer.license_new_level == after.level
        assert answer.progression_created == (after.history != (before.history if before else ()))
        assert (answer.max_achieved_level, answer.total_xp) == (after.highest, after.xp)
        assert (answer.completed_sessions, answer.completed_projects) == (after.sessions, after.projects)
        assert (answer.theory_hours, answer.practice_hours) == (after.theory, after.practice)

    # Plain SQL of an old application ------------------------------------------------------------

    @rule(at=places, pair=pairs, table=tables, level=levels)
    def raw_level(self, at: At, pair: Key, table: str, level: int) -> None:
        user, specialization = COLUMNS[table]
        statement = Statement(
            f"update lockstep.{table} set current_level = %s where {user} = %s and {specialization} = %s returning id",
            [level, *self.key(pair)],
            lambda before: model.by_raw_level(before, pair[1], level),
        )
        self.take(at, pair, statement)

    @rule(at=places, pair=pairs, xp=st.sampled_from([-100, 1, 5000]))
    def raw_xp(self, at: At, pair: Key, xp: int) -> None:
        statement = Statement(
            "update lockstep.specialization_progress set total_xp = total_xp + %s"
            " where student_id = %s and specialization_id = %s returning id",
            [xp, *self.key(pair)],
            lambda before: model.by_raw_xp(before, xp),
        )
        self.take(at, pair, statement)

    @rule(at=places, pair=pairs, table=tables, level=levels)
    def raw_insert(self, at: At, pair: Key, table: str, level: int) -> None:
        statement = Statement(
            f"insert into lockstep.{table} ({', '.join(COLUMNS[table])}, current_level)"
            " values (%s, %s, %s) returning id",
            [*self.key(pair), level],
            lambda before: model.by_raw_insert(before, pair[1], level),
        )
        self.take(at, pair, statement)

    @rule(at=places, pair=pairs, table=tables, level=levels)
    def raw_upsert(self, at: At, pair: Key, table: str, level: int) -> None:
        columns = ", ".join(COLUMNS[table])
        statement = Statement(
            f"insert into lockstep.{table} ({columns}, current_level) values (%s, %s, %s)"
            f" on conflict ({columns}) do update set current_level = excluded.current_level returning id",
            [*self.key(pair), level],
            lambda before: model.by_raw_upsert(before, pair[1], level),
        )
        self.take(at, pair, statement)

    @rule(at=places, pair=pairs, table=tables, level=levels)
    def raw_merge(self, at: At, pair: Key, table: str, level: int) -> None:
        user, specialization = COLUMNS[table]
        statement = Statement(
            f"merge into lockstep.{table} as known using (values (%s::bigint, %s, %s::integer))"
            " as wanted (user_id, specialization_id, level)"
            f" on known.{user} = wanted.user_id and known.{specialization} = wanted.specialization_id"
            " when matched then update set current_level = wanted.level"
            f" when not matched then insert ({user}, {specialization}, current_level)"
            " values (wanted.user_id, wanted.specialization_id, wanted.level)",
            [*self.key(pair), level],
            lambda before: model.by_raw_upsert(before, pair[1], level),
        )
        self.take(at, pair, statement)

    @rule(at=places, pair=pairs, table=tables)
    def raw_delete(self, at: At, pair: Key, table: str) -> None:
        user, specialization = COLUMNS[table]
        statement = Statement(
            f"delete from lockstep.{table} where {user} = %s and {specialization} = %s returning id",
            self.key(pair),
            lambda before: model.by_raw_delete(before, *self.remarks(at, pair)),
        )
        self.take(at, pair, statement)

    @rule(at=places, pair=pairs)
    def raw_remark(self, at: At, pair: Key) -> None:
        """An old client's own history row, said to be of any level."""
        statement = Statement(
            "insert into lockstep.license_progressions (user_license_id, from_level, to_level)"
            " select license.id, 7, 8 from lockstep.user_licenses as license"
            " where license.user_id = %s and license.specialization_type = %s returning id",
            self.key(pair),
            model.unchanged,
            is_remark=True,
        )
        self.take(at, pair, statement)

    # One statement ----------------------------------------------------------------------------

    def key(self, pair: Key) -> Key:
        return self.users[pair[0]], pair[1]

    def remarks(self, at: At, pair: Key) -> tuple[int, int]:
        """How many the session sees, and how many there are."""
        session = self.sessions[at.session]
        key = self.key(pair)
        return session.seen_remarks(self.world, key), session.work.remarks[key] + self.world.remarks[key]

    def take(self, at: At, pair: Key, statement: Statement) -> list[Any] | None:
        """Send a statement; it has to end as the model says. Returns its rows, None after an error."""
        session = self.at(at)
        target = self.key(pair)
        session.touched.add(target[0])
        before = session.pair(self.world, target)
        # A replay reads its key, which never changes, and nothing of the pair.
        meets = [] if statement.is_replay else [target, *([statement.key] if statement.key else [])]
        stale = session.is_stale(self.world, *meets)
        others = [other for other in self.sessions if other is not session]
        may_wait = any(target[0] in other.touched for other in others)
        must_wait = any(
            statement.key in other.work.answers or (before and not statement.is_replay and target in other.work.locked)
            for other in others
        )

        found, sqlstate = self._send(at.session, statement)

        after, expected = self._expect(session, statement, before)
        if sqlstate == "55P03":
            assert may_wait, "waits, and nobody has touched this user"
        elif sqlstate == "40001":
            assert (
                stale
                or session.may_be_stale(self.world, target)
                or (session.isolation == "serializable" and session.met)
            )
        elif stale:
            # It sees the pair as it was: a change of it is refused, and where it sees none, there is none.
            assert sqlstate == "23505" or found == []
        else:
            assert not must_wait, "does not wait for the other's lock"
            assert sqlstate == expected

        if sqlstate:
            self.go_back(at.session)
            return None
        if not stale:
            self._note(session.work, statement, target, before, after, found)
        if at.commits:
            self.commit(at.session)
        return found

    def _expect(self, session: Session, statement: Statement, before: Pair | None) -> tuple[Pair | None, str | None]:
        """The pair after a statement, or the SQLSTATE that refuses it."""
        try:
            after = statement.effect(before)
        except RefusedError as refused:
            return None, refused.sqlstate
        is_raw = statement.role == "lockstep_legacy"
        if is_raw and session.work.immediate and model.level_of(before) != model.level_of(after):
            return None, "23503"
        return after, None

    def _note(
        self,
        work: Work,
        statement: Statement,
        target: Key,
        before: Pair | None,
        after: Pair | None,
        found: list[Any] | None,
    ) -> None:
        """Keep what a statement did, and which locks it holds now."""
        if statement.is_replay or not (before or after):
            return
        work.locked.add(target)
        if statement.is_remark:
            work.remarks[target] += 1
            return
        if before != after or statement.request:
            work.pairs[target] = after
            work.versions[target] += 1
        elif statement.role == "lockstep_legacy":
            work.rewrites[target] += 1
        if statement.key and found:
            work.answers[statement.key] = statement.request, found[0]
            work.versions[statement.key] += 1

    def _send(self, number: int, statement: Statement) -> tuple[list[Any] | None, str | None]:
        connection = self.connections[number]
        connection.execute(f"set local role {statement.role}".encode())
        try:
            if statement.query.startswith("merge"):
                # RETURNING is new in 17.
                connection.execute(statement.query.encode(), statement.values)
                found = [()]
            else:
                found = rows(connection, statement.query, *statement.values)
        except psycopg.Error as error:
            # A RESTRICT key has a code of its own from PostgreSQL 18 on.
            return None, "23503" if error.sqlstate == "23001" else error.sqlstate
        connection.execute("reset role")
        return found, None

    # What is committed ------------------------------------------------------------------------

    def look_at_what_is_committed(self) -> None:
        assert desyncs(self.watcher) == 0
        steps = {
            license: [(step.from_level, step.to_level, step.route) for step in found]
            for license, found in groupby(rows(self.watcher, STEPS, self.users), lambda step: step.user_license_id)
        }
        found = {}
        for row in rows(self.watcher, FOUND, self.users):
            assert row.progress_level == row.current_level
            own = steps.pop(row.id, [])
            history = tuple(step[:2] for step in own if step[2] != "client")
            key = row.user_id, row.specialization_id
            assert len(own) - len(history) == self.world.remarks[key]
            assert [to for _, to in history][:-1] == [origin for origin, _ in history][1:], "the history has a gap"
            assert (history[-1][1] if history else 1) == row.current_level
            found[key] = Pair(
                row.current_level,
                row.max_achieved_level,
                row.total_xp,
                row.completed_sessions,
                row.completed_projects,
                int(row.theory_hours_completed),
                int(row.practice_hours_completed),
                history,
            )
        assert not steps
        assert found == {key: pair for key, pair in self.world.pairs.items() if pair}
        keys = rows(
            self.watcher, "select user_id, key from lockstep.idempotency_keys where user_id = any (%s)", self.users
        )
        assert {tuple(key) for key in keys} == self.world.answers.keys()


@pytest.fixture
def machine(connect: Connect, connection: Connection) -> type[Programs]:
    connections = [connect() for _ in range(SESSIONS)]
    for one in connections:
        one.execute("set lock_timeout = '5ms'")

    class Machine(Programs):
        watcher = connection

    Machine.connections = connections
    return Machine


def test_random_programs_over_three_sessions_do_what_the_model_says(machine: type[Programs]) -> None:
    run_state_machine_as_test(machine)
