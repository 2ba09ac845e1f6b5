"""Taking over in place on a rented server: no superuser, but who owns the database and may make roles."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.migrator import Migrator, dump
from app.postgres import Server
from app.takeover import MissingRightsError
from tests.adoption import legacy
from tests.adoption.test_in_place import AROUND, Old, contents, told
from tests.conftest import WORKER
from tests.pairs import Connection, rows, value

# Roles belong to the cluster, and the tests' superuser has made those of `lockstep` there: this school has its own.
SCHOOL = f"rented_{WORKER}"
TENANT, APP = f"tenant_{WORKER}", f"tenant_{WORKER}_app"


class Rented(Old):
    """An older database that its tenant takes over, into a school of another name."""

    def migrator(self) -> Migrator:
        return Migrator(self.tenant(), schema=SCHOOL, say=lambda _: None)

    def tenant(self) -> str:
        return make_conninfo(self.dsn, user=TENANT, password="rent")


@contextmanager
def rented(server: Server, admin: Connection, owns: bool) -> Iterator[Rented]:
    """`owns`: the tenant owns the database and all in it, and made the application's role; else the tables alone."""
    name = f"old_{WORKER}_rented"
    admin.execute(f"create role {TENANT} login password 'rent' {'createrole' if owns else ''}".encode())
    admin.execute(f"create database {name} {f'owner {TENANT}' if owns else ''}".encode())
    old = Rented(server.dsn_for(name), APP, legacy.Manifest())
    around = AROUND.format(role=APP, database=name)
    try:
        with old.connect() as superuser, psycopg.connect(old.tenant(), autocommit=True) as tenant:
            superuser.execute(f"grant create on schema public to {TENANT}".encode())
            old.manifest = legacy.build(tenant, users=200)
            (tenant if owns else superuser).execute(f"create role {APP} login".encode())
            if owns:
                tenant.execute(around.replace(f"alter table users owner to {APP};", "").encode())
            else:
                superuser.execute(f"revoke create on schema public from {TENANT}".encode())
                superuser.execute(around.encode())
        yield old
    finally:
        admin.execute(f"drop database {name} with (force)".encode())
        made = rows(
            admin, "select rolname from pg_roles where starts_with(rolname, %s) order by oid desc", f"{SCHOOL}_"
        )
        for role in [*(row.rolname for row in made), APP, TENANT]:
            admin.execute(f"drop owned by {role}; drop role {role}".encode())


def test_the_tenant_takes_over_and_gives_back_as_a_superuser_does(
    server: Server, admin: Connection, pgbin: Path
) -> None:
    with rented(server, admin, owns=True) as old:
        before = dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)
        report = old.take_over()
        assert len(report.accounts) == 5
        assert all(account.adds_up for account in report.accounts)
        assert {APP, TENANT} <= told(report, "rights").keys()
        with old.connect() as connection:
            assert value(connection, f"select count(*) from {SCHOOL}.desync") == 0
            found = rows(connection, f"select kind, status from {SCHOOL}.guard_status where status <> 'intact'")
            assert found == []
        with old.connect(APP) as client:
            assert value(client, "select count(*) from leaders") > 0
            client.execute("update specialization_progress set current_level = 2 where current_level = 1")
            client.execute("update specialization_progress set current_level = 1 where current_level = 2")
        with old.connect() as connection:
            assert value(connection, f"select count(*) from {SCHOOL}.desync") == 0
        assert dump(old.dsn, pgbin / "pg_dump", "public") != before[0]
        old.give_back()
        assert dump(old.dsn, pgbin / "pg_dump", "public") == before[0]


def test_rights_that_are_missing_are_named_with_what_gives_them_before_anything_is_changed(
    server: Server, admin: Connection, pgbin: Path
) -> None:
    with rented(server, admin, owns=False) as old:
        before = dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)
        with pytest.raises(MissingRightsError) as refused:
            old.take_over()
        with old.connect() as superuser:
            assert value(superuser, f"select to_regnamespace('{SCHOOL}') is null")
            assert (dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)) == before
            # Together they are enough.
            assert len(refused.value.remedies) > 5
            for remedy in refused.value.remedies:
                superuser.execute(remedy.encode())
        owned = dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)
        assert all(account.adds_up for account in old.take_over().accounts)
        old.give_back()
        assert (dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)) == owned
