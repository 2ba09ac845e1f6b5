"""Loads functions, triggers, policies and views: all of them, or none, every time.

sql/functions and sql/views hold one function or view a file; a function's triggers and policies
stand in its file. They are no migrations: the files as they are now are what the database gets.
They belong to the loader alone: a migration makes none, and what no file defines is dropped.
What was loaded is kept, by version of the schema, so that going down can load it again.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from app.schema import rename
from app.settings import PROJECT

# Tables that traffic takes one after the other: a load takes both before anything else, in the order that everybody
# keeps, or it would hold the second while somebody who has the first waits for it.
COUPLED_TABLES = "lockstep.specialization_progress", "lockstep.user_licenses"

TABLES = """
select format('lockstep.%I', class.relname) from pg_catalog.pg_class as class
where class.relnamespace = 'lockstep'::regnamespace and class.relkind = 'r'
"""

# What `create or replace` refuses to replace: then everything is dropped first.
NOT_REPLACEABLE = (
    errors.InvalidFunctionDefinition,  # a parameter's name, a return type
    errors.InvalidTableDefinition,  # a view's columns
    errors.WrongObjectType,  # a function that becomes a procedure
    errors.DuplicateObject,  # a trigger that becomes a constraint trigger
    errors.AmbiguousFunction,  # an old signature beside the new one
)


class MigrationError(Exception):
    """A migration, a function or a view cannot be put in as its file stands."""


@dataclass(frozen=True)
class Source:
    """A file of sql/views or sql/functions."""

    kind: str
    name: str
    text: str

    @property
    def file(self) -> str:
        """Its path below sql/."""
        return f"{self.kind}/{self.name}.sql"

    @property
    def after(self) -> list[str]:
        """The names in a line `-- after: name, name`: those are loaded before this one."""
        return re.findall(r"\w+", " ".join(re.findall(r"(?m)^-- after:(.*)$", self.text)))


def statements(text: str) -> list[str]:
    """The statements of a file, split at the semicolons that stand in no string, body or comment."""
    found = [""]
    for piece in _PIECE.finditer(text):
        found[-1] += piece[0]
        if piece[0] == ";":
            found.append("")
    # A comment at the end is no statement.
    return [one for one in found if re.sub(r"--[^\n]*|\s", "", one)]


_PIECE = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|;|[^$'\"\-;]+|.", re.DOTALL)


def for_citus(source: Source) -> Source:
    """The same for a database cut by Citus, which takes no volatile function in an UPDATE.

    The clock of such a statement is that of its beginning; what more there is to change stands in sql/citus/functions.
    """
    path = PROJECT / "sql" / "citus" / source.file
    text = path.read_text("utf-8") if path.exists() else source.text
    update = r"\bupdate lockstep\.[^;]*;"
    text = re.sub(update, lambda found: found[0].replace("clock_timestamp()", "statement_timestamp()"), text)
    return Source(source.kind, source.name, text)


def read_sources(root: Path) -> list[Source]:
    """The files to load: views, then functions, by name; each after those that it names."""
    sources = [
        Source(kind, path.stem, path.read_text("utf-8"))
        for kind in ("views", "functions")
        for path in sorted((root / kind).glob("*.sql"))
    ]
    by_name = {source.name: source for source in sources}
    if len(by_name) < len(sources):
        raise MigrationError("a view and a function have the same name")
    ordered: dict[str, Source] = {}

    def put(name: str, *wanted_by: str) -> None:
        if name not in by_name or name in wanted_by:
            what = "goes in a circle" if name in by_name else "names no file"
            raise MigrationError(f"-- after: {what}: {' -> '.join((*wanted_by, name))}")
        if name not in ordered:
            for earlier in by_name[name].after:
                put(earlier, *wanted_by, name)
            ordered[name] = by_name[name]

    for source in sources:
        put(source.name)
    return list(ordered.values())


class Loader:
    """Runs SQL in one schema, over a connection in autocommit mode that has it on its path."""

    def __init__(self, connection: psycopg.Connection[Any], schema: str, say: Callable[[str], None]) -> None:
        self.connection, self.schema, self.say = connection, schema, say
        # It hands a statement on to its nodes with all that was sent beside it, and they take one.
        self.singly = connection.execute("select from pg_extension where extname = 'citus'").rowcount > 0

    def run(self, name: str, text: str) -> psycopg.Cursor[Any]:
        """Run a string of statements, split by the server and by no parser of ours, but for Citus.

        Raises MigrationError, with the file's name and, where the server says it, the line.
        """
        text = rename(text, self.schema)
        before = 0
        try:
            for statement in statements(text) if self.singly else [text]:
                cursor = self.connection.execute(statement.encode(), prepare=False)
                before += len(statement)
            return cursor
        except psycopg.Error as error:
            if error.diag.statement_position:
                name += f":{text.count(chr(10), 0, before + int(error.diag.statement_position)) + 1}"
            raise MigrationError(f"{name}: {error}") from error

    def run_file(self, name: str) -> None:
        """Run a file of sql/, by its path."""
        self.run(name, (PROJECT / "sql" / name).read_text("utf-8"))

    def run_own(self, name: str) -> list[Any]:
        """Run one of sql/migrator, a query; return its rows."""
        file = f"migrator/{name}.sql"
        return self.run(file, (PROJECT / "sql" / file).read_text("utf-8")).fetchall()

    def load(self, sources: list[Source], version: str, prepare: Callable[[], None] = lambda: None) -> None:
        """Make the sources, in this order, the functions, triggers, policies and views there are.

        The version is remembered with them. In one transaction, which begins with `prepare`: an error leaves all as
        it was.
        """
        broken = self.broken_guards()

        def begin() -> None:
            prepare()
            self.lock_tables()

        try:
            with self.connection.transaction():
                begin()
                self.put_in(sources, version, broken)
        except MigrationError as error:
            if not isinstance(error.__cause__, NOT_REPLACEABLE):
                raise
            with self.connection.transaction():
                begin()
                self.drop_undefined()
                self.put_in(sources, version, broken)

    def put_in(self, sources: list[Source], version: str, broken: list[str] | None) -> None:
        """As load(), in the caller's transaction; in no savepoint, which has an xmin of its own."""
        # Bodies are not checked, or the order of the files would matter more.
        self.connection.execute("set local check_function_bodies = off")
        for source in sources:
            self.run(source.file, for_citus(source).text if self.singly else source.text)
        if self.singly and self._has("lock_progress_first"):
            # Its policies call a volatile function: the hook is for raw SQL on one server.
            self.run("migrator", "alter table lockstep.user_licenses disable row level security")
            self.run_file("citus/rights.sql")
        for statement in self.drop_undefined():
            self.say(f"no file defines it any more: {statement}")
        self.set_owners()
        self.set_search_path()
        self.arm_keys()
        self.record_guards(broken)
        self.connection.execute("delete from loaded_sources where version = %s", [version])
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "insert into loaded_sources (version, position, kind, name, source) values (%s, %s, %s, %s, %s)",
                [
                    (version, position, source.kind, source.name, source.text)
                    for position, source in enumerate(sources, 1)
                ],
            )

    def refresh_plans(self) -> None:
        """Have every session plan its calls anew, once this transaction is committed."""
        for (statement,) in [] if self.singly else self.run_own("refresh_plans"):
            self.run("migrator", statement)

    def rearm(self) -> None:
        """Put right what a restore does not bring back; in the caller's transaction."""
        self.set_search_path()
        self.arm_keys()

    def broken_guards(self) -> list[str] | None:
        """To be asked before a change: which guards are not as installed. None: it cannot be told."""
        if not self._has("broken_guards"):
            return []
        try:
            return list(self.run("migrator", "select lockstep.broken_guards()").fetchall()[0][0])
        except MigrationError as error:
            self.say(str(error))
            return None

    def record_guards(self, broken: list[str] | None) -> None:
        """Take what the change has left as installed: but not what was broken before it.

        Functions of an older version may fail on a newer schema: then the sentinel has the word.
        """
        if broken is not None and self._has("record_guards"):
            query = f"select {self.schema}.record_guards(%s)".encode()
            try:
                with self.connection.transaction():
                    self.connection.execute(query, [broken])
            except psycopg.Error as error:
                self.say(f"guards are not recorded: {error}")

    def stored(self, version: str) -> list[Source]:
        """What was loaded last at this version."""
        rows = self.connection.execute(
            "select kind, name, source from loaded_sources where version = %s order by position",
            [version],
        )
        return [Source(*row) for row in rows]

    def drop_undefined(self) -> list[str]:
        """Drop each function, trigger, policy and view that this transaction has not defined."""
        statements = [row[0] for row in self.run_own("undefined_objects")]
        for statement in statements:
            self.run("migrator", statement)
        return [statement for statement in statements if statement.startswith("drop")]

    def set_owners(self) -> None:
        """Give what the schema holds to its roles; lend them CREATE, which a new owner needs."""
        for role, may_create, statements in self.run_own("wrong_owners"):
            if not may_create:
                create = f"create on schema {self.schema}"
                statements = f"grant {create} to {role}; {statements}; revoke {create} from {role}"
            self.run("migrator", statements)

    def set_search_path(self) -> None:
        """Let sessions of the database find the tables by their names alone, unless it has another path."""
        for database, may_set, setting in self.run_own("search_path"):
            if setting is None and may_set:
                # Not by run(): the database may be called `lockstep`, whatever the school is.
                names = sql.Identifier(database), sql.Identifier(self.schema)
                self.connection.execute(sql.SQL("alter database {} set search_path = {}, public").format(*names))
            elif self.schema not in re.findall(r"\w+", setting or ""):
                self.say(f"left as it is, without {self.schema}: search_path of {database}")

    def lock_tables(self, tables: Iterable[str] = COUPLED_TABLES) -> None:
        """Take tables for this transaction alone, one after the other, as far as they are there."""
        there = [
            table for table in tables if self.run("migrator", f"select to_regclass('{table}')").fetchone() != (None,)
        ]
        if there:
            self.run("migrator", f"lock table {', '.join(there)} in access exclusive mode")

    def lock_everything(self) -> None:
        """Take every table, the coupled ones first: what goes down drops the triggers of most of them."""
        others = sorted(name for (name,) in self.run("migrator", TABLES) if name not in COUPLED_TABLES)
        self.lock_tables([*COUPLED_TABLES, *others])

    def arm_keys(self) -> None:
        """Have the keys fire ALWAYS, or say why they cannot."""
        if self._has("arm_keys"):
            for row in self.run("migrator", "select lockstep.arm_keys()").fetchall():
                self.say(str(row[0]))

    def _has(self, function: str) -> bool:
        name = f"{self.schema}.{function}"
        return self.connection.execute("select to_regproc(%s)", [name]).fetchone() != (None,)
