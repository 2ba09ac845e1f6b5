"""Locks in one order, everywhere, as far as the text of the functions shows it.

A function is read from top to bottom, with the functions that it calls in their places: whatever
locks a license comes after something that has locked progress.
"""

import re
from collections.abc import Iterator, Mapping

import pytest

from tests.contract.sources import BODIES, FUNCTIONS, PROCEDURES

PROGRESS, LICENSE = "specialization_progress", "user_licenses"
KEYS = {
    PROGRESS: (r"student_id =", r"specialization_id ="),
    LICENSE: (r"user_id =", r"specialization_type ="),
}

# Triggers of progress hold its row; those of a license come after the lock-order hook.
PROGRESS_IS_HELD = {"mirror_progress", "mirror_license"}

# A join locks the tables that its clauses name, in the order of the clauses.
OF = re.compile(r"\bfor no key update of (\w+)")

# A content never changes, so nothing is to be had by updating it: who refers to it shares it, as a foreign
# key does, and only a sweep has it alone.
BLOBS = {"store_blob": "for key share", "sweep_blobs": "for update"}

STRENGTH = re.compile(r"\bfor (?:no key update|update|key share|share)\b")
FORBIDDEN = re.compile(r"\bfor (?:update|key share|share)\b|\block table\b|\bpg_(?:try_)?advisory\w*")
EVENT = re.compile(
    r"(?:\b(?P<write>update|insert into|delete from) |(?P<from>\bfrom )|\b)lockstep\.(?P<name>\w+)(?P<call>\()?"
)


def statements(body: str) -> list[str]:
    """Split a body at the semicolons that stand in no string."""
    return re.sub(r"'(?:[^']|'')*'", "''", body).split(";")


def locked_tables(statement: str) -> list[str]:
    """Return the tables whose rows a locking statement locks, in its order."""
    aliases = {alias: table for table, alias in re.findall(r"\blockstep\.(\w+) as (\w+)", statement)}
    named = [aliases[alias] for alias in OF.findall(statement)]
    return named or re.findall(r"\b(?:from|join) lockstep\.(\w+)", statement)


def locks(name: str, bodies: Mapping[str, str]) -> Iterator[str]:
    """Yield the tables whose rows a function locks, in the order of its text, calls included."""
    for statement in statements(bodies[name]):
        locking = STRENGTH.search(statement)
        for event in EVENT.finditer(statement):
            if event["call"] and event["name"] in bodies and not event["write"]:
                # A function that calls itself locks nothing that it does not lock anyway.
                yield from locks(event["name"], bodies) if event["name"] != name else ()
            elif event["write"] or (locking and event["from"] and not OF.search(statement)):
                yield event["name"]
        if OF.search(statement):
            yield from locked_tables(statement)


def is_in_order(name: str, bodies: Mapping[str, str]) -> bool:
    """Say whether no license is locked before progress is."""
    held = name in PROGRESS_IS_HELD
    for table in locks(name, bodies):
        held = held or table == PROGRESS
        if table == LICENSE and not held:
            return False
    return True


def problems(body: str) -> list[str]:
    """Return the locking statements of a body that lock otherwise than all the others do."""
    found = [statement for statement in statements(body) if FORBIDDEN.search(statement)]
    for statement in statements(body):
        if STRENGTH.search(statement):
            tables = locked_tables(statement)
            one_key = all(re.search(key, statement) for table in tables for key in KEYS.get(table, ()))
            in_order = len(tables) == 1 or (OF.search(statement) and tables == [PROGRESS, LICENSE])
            if not in_order or not (one_key or "order by" in statement):
                found.append(statement)
    return found


LOCKING = [name for name, body in BODIES.items() if STRENGTH.search(body)]


def test_there_are_locks_to_check() -> None:
    assert {"lock_pair", "lock_progress_first", "mirror_progress", "mirror_license"} <= set(LOCKING)
    for caller in ("update_level", "level_up", "sync_records"):
        assert {PROGRESS, LICENSE, "users"} <= set(locks(caller, BODIES))


@pytest.mark.parametrize("name", BODIES)
def test_progress_is_locked_before_a_license(name: str) -> None:
    assert is_in_order(name, BODIES)


@pytest.mark.parametrize("name", BODIES)
def test_a_lock_is_for_no_key_update_of_one_row_or_of_rows_in_order(name: str) -> None:
    body = BODIES[name]
    if name in BLOBS:
        assert [re.findall(r"from lockstep\.(\w+)", found) for found in problems(body)] == [["blobs"]]
        body = body.replace(BLOBS[name], "for no key update")
    assert problems(body) == []


def test_a_project_is_locked_before_a_blob() -> None:
    first = {}
    for name in BODIES.keys() - PROCEDURES:
        order = [table for table in locks(name, BODIES) if table in ("projects", "blobs")]
        if {"projects", "blobs"} <= set(order):
            first[name] = order[0]
    assert {"update_project", "erase_projects"} <= first.keys()
    # What makes a project locks no other row of projects: its own nobody can see yet.
    assert [name for name, table in first.items() if table == "blobs"] == ["create_project"]


@pytest.mark.parametrize("name", LOCKING)
def test_a_function_that_locks_says_so_in_its_comment(name: str) -> None:
    assert re.search(r"\b[Ll]ocks\b", FUNCTIONS[name].partition("comment on function")[2])


JOINED = """
select from lockstep.specialization_progress as progress
inner join lockstep.user_licenses as license
on license.user_id = progress.student_id and license.specialization_type = progress.specialization_id
where progress.student_id = 1 and progress.specialization_id = 'A'
for no key update of progress for no key update of license;
"""
FIRST_PROGRESS = """
perform from lockstep.specialization_progress as progress
where student_id = 1 and specialization_id = 'A' for no key update;
"""
FIRST_LICENSE = """
perform from lockstep.user_licenses as license
where user_id = 1 and specialization_type = 'A' for no key update;
"""


@pytest.mark.parametrize(
    "body",
    [
        FIRST_LICENSE + FIRST_PROGRESS,
        "perform lockstep.other();" + FIRST_PROGRESS,
        "update lockstep.user_licenses set is_active = false;" + FIRST_PROGRESS,
        "with a as (delete from lockstep.user_licenses) update lockstep.specialization_progress set x = 1;",
        JOINED.replace("of progress for no key update of license", "of license for no key update of progress"),
    ],
)
def test_the_wrong_order_would_be_noticed(body: str) -> None:
    assert is_in_order("one", {"one": FIRST_PROGRESS + FIRST_LICENSE, "other": FIRST_LICENSE})
    assert is_in_order("one", {"one": JOINED})
    assert not is_in_order("one", {"one": body, "other": FIRST_LICENSE})


@pytest.mark.parametrize(
    "body",
    [
        FIRST_PROGRESS.replace("no key update", "update"),
        FIRST_PROGRESS.replace("no key update", "share"),
        FIRST_PROGRESS.replace(" and specialization_id = 'A'", ""),
        "lock table lockstep.users;",
        "perform pg_advisory_xact_lock(1);",
        "select from lockstep.specialization_progress as p join lockstep.user_licenses as l on true for no key update;",
        JOINED.replace("of progress for no key update of license", ""),
        JOINED.replace("of progress for no key update of license", "of license for no key update of progress"),
        JOINED.replace("license.user_id = progress.student_id", "true"),
    ],
)
def test_another_kind_of_lock_would_be_noticed(body: str) -> None:
    assert problems(FIRST_PROGRESS) == problems(JOINED) == []
    assert problems(body)
