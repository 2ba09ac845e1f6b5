"""Takes a database of an older system over in place, and gives it back.

The old tables move from public into the schema, take the shape of the baseline there, and then every
migration runs on them as on any other database: those clean, repair and quarantine. One transaction:
it is done whole, or nothing is. A dry run is the same transaction, taken back at the end, so what it
reports is what happens; it locks the tables for as long.

The queries are in sql/migrator/takeover and sql/migrator/give_back; most return the statements to run,
because only the catalog knows what stands on the tables. docs/adoption.md says what to expect.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors, sql

from app.loader import Loader, MigrationError, read_sources
from app.migrator import Backend, Migrator, files, is_transactional
from app.words import counted

SHAPED = ("users", "specializations", "specialization_progress", "user_licenses")
LEVELS = ("player_levels", "coach_levels", "internship_levels")

# The migration that makes the level rows. Of the old level tables it knows the names only.
CURRICULUM = "0003-levels"

# How long the old tables are waited for; who waits to lock them makes everybody else wait.
LOCK_TIMEOUT = "5s"


class MissingRightsError(MigrationError):
    """The installer may not do all that it takes; nothing is changed. `remedies`: the SQL that lets them."""

    def __init__(self, missing: list[tuple[str, str]]) -> None:
        self.remedies = [remedy for _, remedy in missing]
        reasons = "".join(f"\n  {what}: {remedy}" for what, remedy in missing)
        super().__init__(f"nothing is changed: rights are missing, which a superuser may give:{reasons}")


@dataclass(frozen=True)
class Line:
    """A line of the report: which part, about what, and what of it."""

    part: str
    subject: str
    detail: str


@dataclass(frozen=True)
class Account:
    """A table's rows, and its XP and levels where it has some: what was found is what is there, and why not."""

    table: str
    found: int
    repaired: int
    quarantined: int
    made: int
    now: int
    xp_found: int
    xp_quarantined: int
    xp_added: int
    xp_now: int
    levels_found: int
    levels_quarantined: int
    levels_added: int
    levels_now: int

    @property
    def kept(self) -> int:
        """Rows that are as they were."""
        return self.found - self.repaired - self.quarantined

    @property
    def adds_up(self) -> bool:
        """Whether rows, XP and levels are accounted for."""
        return (
            self.now == self.kept + self.repaired + self.made
            and self.xp_now == self.xp_found - self.xp_quarantined + self.xp_added
            and self.levels_now == self.levels_found - self.levels_quarantined + self.levels_added
        )

    def row(self) -> dict[str, object]:
        """As the report shows it."""
        return {
            **{"table": self.table, "found": self.found, "kept": self.kept, "repaired": self.repaired},
            **{"quarantined": self.quarantined, "made": self.made, "now": self.now},
            **{"XP found": self.xp_found, "quarantined ": self.xp_quarantined, "by repair": self.xp_added},
            **{"XP now": self.xp_now, "levels found": self.levels_found, "quarantined  ": self.levels_quarantined},
            **{"by repair ": self.levels_added, "levels now": self.levels_now},
            "adds up": "yes" if self.adds_up else "NO",
        }


@dataclass
class Report:
    """What was found and done, and the sums."""

    lines: list[Line] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)

    def add(self, part: str, subject: object, detail: object) -> None:
        """Put a line to it."""
        self.lines.append(Line(part, str(subject), str(detail or "")))


def take_over(migrator: Migrator, *, apply: bool, zone: str = "UTC", lock_timeout: str = LOCK_TIMEOUT) -> Report:
    """Take the old tables in public over, or only find out what that would do.

    `zone`: where the times without a zone were written. Raises MigrationError where there is nothing to
    take over, where it cannot be done, and where the sums do not add up: then nothing is changed.
    """
    report = Report()
    with _desk(migrator, apply, lock_timeout) as backend:
        backend.connection.execute(
            "select set_config(%s, (select name from pg_timezone_names where lower(name) = lower(%s)), true)",
            [f"{migrator.schema}_desk.zone", zone],
        )
        known = "select coalesce(current_setting(%s, true), '') <> ''"
        if backend.connection.execute(known, [f"{migrator.schema}_desk.zone"]).fetchone() != (True,):
            raise MigrationError(f"not a time zone that the server knows: {zone}")
        _TakeOver(migrator, backend, report).run()
    return report


def give_back(migrator: Migrator, *, apply: bool, lock_timeout: str = LOCK_TIMEOUT) -> Report:
    """Put the tables back into public, shaped and filled as they were, or only say what that would lose.

    What was written since stays as it is now. Raises MigrationError where nothing was taken over.
    """
    report = Report()
    with _desk(migrator, apply, lock_timeout) as backend:
        _GiveBack(migrator, backend, report).run()
    return report


@contextmanager
def _desk(migrator: Migrator, apply: bool, lock_timeout: str) -> Iterator[Backend]:
    """The only migrator of the schema, in one transaction, which is taken back unless `apply`."""
    with (
        Backend(migrator.dsn, migrator.schema, migrator.say) as backend,
        backend.lock(migrator.lock_timeout),
        backend.transaction(rollback_on_exit=not apply),
    ):
        backend.connection.execute("select set_config('lock_timeout', %s, true)", [lock_timeout])
        try:
            yield backend
        except errors.LockNotAvailable as error:
            raise MigrationError(
                f"after {lock_timeout} somebody still holds one of the tables; end that, or give it longer: {error}"
            ) from error
        except psycopg.Error as error:
            raise MigrationError(f"nothing is changed: {error}") from error


class _Desk:
    """What both directions need: run a file of theirs, and the statements that it returns."""

    folder: str

    def __init__(self, migrator: Migrator, backend: Backend, report: Report) -> None:
        self.migrator, self.backend, self.report = migrator, backend, report
        self.loader, self.connection, self.schema = backend.loader, backend.connection, migrator.schema

    def rows(self, name: str) -> list[Any]:
        return self.loader.run_own(f"{self.folder}/{name}")

    def do(self, name: str) -> None:
        """Run a file that returns nothing."""
        self.loader.run_file(f"migrator/{self.folder}/{name}.sql")

    def execute(self, statement: str) -> None:
        """Run what a file has returned, which names the schema already."""
        self.connection.execute(statement.encode(), prepare=False)

    def try_to(self, statement: str) -> str | None:
        """Run it if it can be run; return why not."""
        try:
            with self.connection.transaction():
                self.execute(statement)
        except psycopg.Error as error:
            return str(error).partition("\n")[0]
        return None

    def use_path(self, *schemas: str) -> None:
        """The catalog prints names as the path has them: all of them written out with pg_catalog alone."""
        self.execute(f"set local search_path = {', '.join(schemas)}")

    def make_model(self) -> None:
        """The baseline as its migration makes it, in a schema beside: what the tables are to look like."""
        baseline = next(iter(self.migrator.migrations().values()))
        model = f"{self.schema}_model"
        self.execute(f"create schema {model}")
        Loader(self.connection, model, self.migrator.say).run("baseline", files(baseline)[0].read_text("utf-8"))

    def drop_model(self) -> None:
        self.execute(f"drop schema {self.schema}_model cascade")

    def value(self, query: str | sql.Composed, *parameters: object) -> Any:
        """The first value of the first row; None without one."""
        text = query.encode() if isinstance(query, str) else query
        row = self.connection.execute(text, parameters or None).fetchone()
        return row and row[0]

    def count(self, table: str) -> int:
        return int(self.value(sql.SQL("select count(*) from {}").format(sql.Identifier(self.schema, table))))

    def quote(self, name: str) -> str:
        return sql.Identifier(name).as_string(self.connection)

    def say(self, text: str) -> None:
        self.migrator.say(text)


class _TakeOver(_Desk):
    folder = "takeover"

    def run(self) -> None:
        names = self.refuse_what_cannot_be()
        self.backend.bootstrap()
        self.make_model()
        self.do("begin")
        self.find()
        self.say(f"moving {', '.join(names)}")
        views = self.move()
        before = self.measure()
        self.shape()
        self.use_path(self.schema, "public")
        for migration in self.migrator.migrations().values():
            self.backend.apply_one(migration)
            # A file ends with its checks made at once: the next one begins like in a transaction of its own.
            self.execute("set constraints all deferred")
            if migration.id == CURRICULUM:
                self.keep_levels()
        self.finish(views)
        self.account(before)

    def refuse_what_cannot_be(self) -> list[str]:
        """Return the names of the tables, which are locked from here on."""
        if self.backend.is_bootstrapped():
            raise MigrationError(f"the schema {self.schema} is there already: flask --app app adopt reads them over")
        old = self.loader.run_own("old_tables")
        names = [name for _, name, _ in old]
        if absent := [name for name in SHAPED if name not in names]:
            raise MigrationError(f"there is nothing to take over: public has no {', '.join(absent)}")
        if strange := [name for _, name, kind in old if kind != "r"]:
            raise MigrationError(f"no plain tables: {', '.join(strange)}; flask --app app adopt copies them instead")
        if late := [id for id, one in self.migrator.migrations().items() if not is_transactional(one)]:
            raise MigrationError(f"cannot run in a transaction: {', '.join(late)}")
        self.use_path("pg_catalog")
        if missing := self.rows("missing"):
            raise MissingRightsError(missing)
        if blocks := self.rows("blocks"):
            bound = ", ".join(name for (name,) in blocks)
            raise MigrationError(
                f"nothing is changed: these are bound to columns that change their types: {bound}; drop them, and make"
                " them again afterwards (a function with its body as a string is not bound)"
            )
        self.use_path(self.schema, "public")
        self.execute(f"lock table {', '.join(table for table, _, _ in old)} in access exclusive mode")
        for name in (*SHAPED, "license_progressions"):
            if name in names:
                twice = self.value(
                    sql.SQL(
                        "select count(*) from (select from {} group by id having count(*) > 1 or id is null) as twice"
                    ).format(sql.Identifier("public", name))
                )
                if twice:
                    raise MigrationError(f"{name}: {twice} ids are missing or stand twice; give those rows their own")
        return names

    def find(self) -> None:
        self.use_path("pg_catalog")
        self.do("find")
        for name in ("found", "breaks"):
            for line in self.rows(name):
                self.report.add(*line)
        self.look_into("pg_stat_statements", "statements_seen")
        self.look_into("pg_cron", "jobs")

    def look_into(self, extension: str, name: str) -> None:
        """Put to the report what an extension knows of the old SQL, where it is installed."""
        where = "select nspname from pg_extension as e inner join pg_namespace as n on n.oid = extnamespace"
        schema = self.value(f"{where} where extname = %s", extension)
        if schema is None:
            self.report.add("unknown", extension, "is not installed, so nothing is known from there")
            return
        try:
            with self.connection.transaction():
                self.use_path("pg_catalog", sql.Identifier(schema).as_string(self.connection))
                for subject, detail in self.rows(name):
                    self.report.add("breaks", subject, detail)
        except MigrationError as error:  # where it is not preloaded
            self.report.add("unknown", extension, str(error).partition("\n")[0])
        self.use_path("pg_catalog")

    def move(self) -> list[tuple[str, str]]:
        """Return how each view over the tables is made again, the lowest first."""
        for step, statement in self.rows("move"):
            if step == 0:
                self.execute(statement)
        views: list[tuple[str, str]] = []
        for drop, again, name in self.rows("views"):
            self.execute(drop)
            views.insert(0, (name, again))
        # Asked again: by now the catalog prints where everything is.
        for step, statement in self.rows("move"):
            if step > 0:
                self.execute(statement)
        return views

    def measure(self) -> dict[str, tuple[int, int, int]]:
        """Rows, XP and levels by table; none for a table that is not there yet."""
        missing = self.value("select to_regclass(%s) is null", f"{self.schema}.license_progressions")
        if missing:
            self.execute(f"create table {self.schema}.license_progressions ()")
        found = {name: (int(rows), int(xp or 0), int(levels or 0)) for name, rows, xp, levels in self.rows("count")}
        if missing:
            self.execute(f"drop table {self.schema}.license_progressions")
        return found

    def shape(self) -> None:
        steps = self.rows("shape")
        for wanted in (1, 2):
            for step, statement in steps:
                if step == wanted:
                    self.execute(statement)
            if wanted == 1:
                self.do("hours")
        self.do("clean")
        for (statement,) in self.rows("keys"):
            self.execute(statement)
        for name in (*SHAPED, "license_progressions"):
            self.try_to(f"analyze {self.schema}.{name}")

    def keep_levels(self) -> None:
        """Have the school's own level rows for its curriculum, before anybody's level is compared with it."""
        for (statement,) in self.rows("level_rows"):
            self.execute(statement)
        self.do("levels")
        for line in self.rows("levels_told"):
            self.report.add(*line)

    def finish(self, views: list[tuple[str, str]]) -> None:
        self.do("finish")
        for (statement,) in self.rows("not_null"):
            self.execute(statement)
        self.drop_model()
        remember = sql.SQL("insert into {} (step, kind, name, undo) values (90, %s, %s, %s)").format(
            sql.Identifier(self.schema, "taken_over")
        )
        for statement, undo, told in self.rows("roles"):
            self.execute(statement)
            if undo:
                self.connection.execute(remember, ["setting", told or statement, undo])
            if told:
                self.report.add("rights", *told.split(": ", 1))
        for name, again in views:
            if reason := self.try_to(again):
                self.report.add("breaks", f"view {name}", f"could not be made again: {reason}")
        for database, may_set, setting in self.loader.run_own("search_path"):
            if may_set and setting is None:
                undo = sql.SQL("alter database {} reset search_path").format(sql.Identifier(database))
                self.connection.execute(remember, ["setting", "search_path", undo.as_string(self.connection)])
        zone = self.value("select current_setting(%s)", f"{self.schema}_desk.zone")
        self.connection.execute(
            sql.SQL("insert into {} (step, kind, name) values (0, 'zone', %s)").format(
                sql.Identifier(self.schema, "taken_over")
            ),
            [zone],
        )
        self.loader.put_in(read_sources(self.migrator.root), self.backend.version(), [])

    def account(self, before: dict[str, tuple[int, int, int]]) -> None:
        after = self.measure()
        ((written,),) = self.rows("written")
        for table, quarantined, made, repaired, xp_out, xp_added, levels_out, levels_added in self.rows("accounted"):
            found, now = before[table], after[table]
            made += written if table == "license_progressions" else 0
            self.report.accounts.append(
                Account(
                    *(table, found[0], repaired, quarantined, made, now[0]),
                    *(found[1], int(xp_out), int(xp_added), now[1]),
                    *(found[2], int(levels_out), int(levels_added), now[2]),
                )
            )
        for line in self.rows("cleaned"):
            part, table, reason, rows = line
            self.report.add(part, table, f"{rows}: {reason}")
        if any(line.part == "quarantined" for line in self.report.lines):
            self.report.add("see", "flask --app app db quarantine", "what did not come over, row by row, and why")
        if wrong := [account for account in self.report.accounts if not account.adds_up]:
            raise MigrationError(f"nothing is changed: the sums do not add up: {wrong}")


class _GiveBack(_Desk):
    folder = "give_back"

    def run(self) -> None:
        if not self.backend.is_bootstrapped() or not self.was_taken_over():
            raise MigrationError("there is nothing to give back: this database was not taken over in place")
        self.execute(f"lock table {', '.join(f'{self.schema}.{name}' for name in SHAPED)} in access exclusive mode")
        self.do("begin")
        self.lose()
        self.use_path("pg_catalog")
        drops = [row for row in self.again() if row[0] in ("view", "materialized view")]
        for kind, name, _ in reversed(drops):
            self.execute(f"drop {kind} if exists {name}")
        self.use_path(self.schema, "public")
        self.loader.drop_undefined()
        self.make_model()
        for (statement,) in self.rows("free"):
            self.execute(statement)
        self.do("forget")
        self.roll_back()
        last = {table: id for table, id in self.rows("last_ids") if id is not None}
        for (statement,) in self.rows("unshape"):
            self.execute(statement)
        self.do("unclean")
        self.reshape()
        self.do("hours")
        self.drop_model()
        self.move_back(last)
        self.drop_schema()

    def was_taken_over(self) -> bool:
        there = self.value("select to_regclass(%s)", f"{self.schema}.taken_over")
        return there is not None and bool(self.rows("was_taken_over")[0][0])

    def again(self) -> list[Any]:
        return self.rows("again")

    def lose(self) -> None:
        for line in self.rows("losses"):
            self.report.add(*line)
        for (table,) in self.rows("others"):
            if rows := self.count(table):
                self.report.add("lost", table, counted(rows, "row"))

    def roll_back(self) -> None:
        """Down to the baseline, which is the shape the tables came in with."""
        migrations = self.migrator.migrations()
        applied = [migrations[id] for id in self.backend.applied()]
        for migration in reversed(applied[1:]):
            self.say(f"rolling back {migration.id}")
            self.backend.run_file(files(migration)[1])
            self.execute("set constraints all deferred")

    def columns(self) -> list[dict[str, Any]]:
        rows = self.connection.execute(
            "select detail from desk_found where kind = 'column' and detail ->> 'table' = any(%s)",
            [[*SHAPED, "license_progressions"]],
        )
        return [detail for (detail,) in rows]

    def reshape(self) -> None:
        """Types as they were, where what was written since still fits."""
        (zone,) = self.connection.execute("select name from desk_found where kind = 'zone'").fetchone()
        types = {
            (table, column): kind
            for table, column, kind in self.connection.execute(
                "select class.relname, att.attname, format_type(att.atttypid, att.atttypmod) from pg_attribute as att"
                " inner join pg_class as class on class.oid = att.attrelid where att.attnum > 0"
                " and class.relnamespace = to_regnamespace(%s)",
                [self.schema],
            )
        }
        for found in self.columns():
            table, column, was = found["table"], found["column"], found["type"]
            now = types[table, column]
            if was == now:
                continue
            name = f"{self.schema}.{table}"
            quoted = self.quote(column)
            using = f"{quoted}::{was}"
            if now == "timestamp with time zone":
                using = f"({quoted} at time zone {sql.Literal(zone).as_string(self.connection)})::{was}"
            # A cast to a shorter type of text cuts it off, silently.
            elif "character" in was and self.value(
                sql.SQL("select exists (select from {} where {}::{}::text <> {}::text)").format(
                    sql.Identifier(self.schema, table), sql.Identifier(column), sql.SQL(was), sql.Identifier(column)
                )
            ):
                self.report.add(
                    "stays", f"column {table}.{column}", f"{now}: what stands there does not fit into {was}"
                )
                continue
            if reason := self.try_to(f"alter table {name} alter column {quoted} type {was} using {using}"):
                self.report.add("stays", f"column {table}.{column}", f"{now}: {reason}")

    def move_back(self, last: dict[str, int]) -> None:
        moved = [name for kind, name, _ in self.again() if kind == "table"]
        for name in moved:
            self.execute(f"alter table {self.schema}.{name} set schema public")
        self.use_path("pg_catalog")
        for (statement,) in self.rows("rights"):
            self.execute(statement)
        again = self.again()
        for kind, name, undo in again:
            if kind in ("table", "sequence"):
                self.make_again(kind, name, undo)
        for table, id in last.items():
            if sequence := self.value("select pg_get_serial_sequence(%s, 'id')", f"public.{table}"):
                self.value("select setval(%s, %s)", sequence, id)
        for found in self.columns():
            table, column = f"public.{found['table']}", self.quote(found["column"])
            alter = f"alter table {table} alter column {column}"
            if found["default"] and found["is_known"]:
                self.make_again("default of", f"{table}.{column}", f"{alter} set default {found['default']}")
            if found["not_null"]:
                self.make_again("not null of", f"{table}.{column}", f"{alter} set not null")
            if found["comment"]:
                comment = sql.Literal(found["comment"]).as_string(self.connection)
                self.execute(f"comment on column {table}.{column} is {comment}")
        for kind, name, undo in again:
            if kind not in ("table", "sequence"):
                self.make_again(kind, name, undo)

    def make_again(self, kind: str, name: str, statement: str) -> None:
        reason = self.try_to(statement)
        if reason and kind == "foreign key" and not statement.endswith("NOT VALID"):
            # Rows stood there that it does not allow: so they do again.
            reason = self.try_to(f"{statement} not valid")
        if reason:
            self.report.add("lost", f"{kind} {name}", reason)

    def drop_schema(self) -> None:
        for table in ("loaded_sources", "schema_migrations", "schema_migration_log", "schema_migration_format"):
            self.execute(f"drop table {self.schema}.{table}")
        self.execute(f"drop table if exists {self.schema}.yoyo_lock")
        self.execute(f"drop schema {self.schema}")
