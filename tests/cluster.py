"""A school on a Citus cluster under the tests: LOCKSTEP_TEST_CITUS beside LOCKSTEP_TEST_DSN.

It is `rows` or `school`: how `flask school distribute` puts it there. The given server is the coordinator. It holds
the shards, too, unless LOCKSTEP_TEST_WORKERS names nodes that do (`host:port host:port`, with the DSN's login).
A node is known by host and port, and is asked in the database of the same name: where every node's database is
cloned, the clones are a cluster again.
"""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import schools
from tests.given import given

VARIANT = "LOCKSTEP_TEST_CITUS"
WORKERS = "LOCKSTEP_TEST_WORKERS"

# Of a table that is cut. Citus makes 32 unless told: here they would only take time.
SHARDS = 4

Connection = psycopg.Connection[Any]

# What `alter database … set` says of Citus; such a value has no quotes in it.
SETTINGS = """
select split_part(setting, '=', 1), split_part(setting, '=', 2)
from pg_db_role_setting as stored
inner join pg_database as db on db.oid = stored.setdatabase
cross join lateral unnest(stored.setconfig) as setting
where db.datname = %s and stored.setrole = 0 and setting like 'citus.%%'
"""


def variant() -> str | None:
    """How the school of this run is distributed; None where it stands on one server as usual."""
    chosen = os.environ.get(VARIANT) or None
    if chosen and (chosen not in ("rows", "school") or not given()):
        raise ValueError(f"{VARIANT} is rows or school, and goes with a server that is given")
    return chosen


def on_cluster(*sqlstates: str) -> tuple[str, ...]:
    """The SQLSTATEs that only Citus refuses with; none where the school stands on one server."""
    return sqlstates if variant() else ()


def unnumbered(text: str) -> str:
    """A text without the numbers of shards that names end in on a cluster."""
    return re.sub(r"(?<=\w)_10\d{4}\b", "", text) if variant() else text


def workers() -> list[tuple[str, int]]:
    """The nodes besides the coordinator."""
    named = [node.rpartition(":") for node in os.environ.get(WORKERS, "").split()]
    return [(host, int(port)) for host, _, port in named] if variant() else []


@contextmanager
def nodes(admin: Connection, database: str = "postgres") -> Iterator[list[Connection]]:
    """A superuser's connection to every node; the first is the given one, to the coordinator."""
    with ExitStack() as stack:
        dsns = [make_conninfo(given() or "", host=host, port=port, dbname=database) for host, port in workers()]
        yield [admin, *(stack.enter_context(psycopg.connect(dsn, autocommit=True)) for dsn in dsns)]


def build(dsn: str) -> None:
    """Make the school of this run's variant in a database that is empty on every node."""
    parts = conninfo_to_dict(dsn)
    host, port, name = str(parts["host"]), int(str(parts["port"])), str(parts["dbname"])
    with psycopg.connect(dsn, autocommit=True) as coordinator, nodes(coordinator, name) as all_nodes:
        for node in all_nodes:
            node.execute("create extension citus")
        shards = sql.SQL("alter database {} set citus.shard_count = {}")
        coordinator.execute(shards.format(sql.Identifier(name), sql.Literal(SHARDS)))
        coordinator.execute("select citus_set_coordinator_host(%s, %s)", [host, port])
        for worker in workers():
            coordinator.execute("select citus_add_node(%s, %s)", worker)
        coordinator.execute(
            "select citus_set_node_property(%s, %s, 'shouldhaveshards', %s)", [host, port, not workers()]
        )
    schools.distribute(dsn, "lockstep", rows=variant() == "rows")


def leave(node: Connection, name: str) -> None:
    """End who is in a database, the cluster's own worker: else it is neither copied nor dropped."""
    node.execute("select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = %s", [name])


def settle(node: Connection, name: str, template: str) -> None:
    """Give a clone the settings of Citus that the template has on this node."""
    for setting, value in node.execute(SETTINGS, [template]).fetchall():
        alter = sql.SQL("alter database {} set {} = {}")
        node.execute(alter.format(sql.Identifier(name), sql.SQL(setting), sql.Literal(value)))
