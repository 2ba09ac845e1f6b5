"""The older databases that the other tests take over are as their manifest says."""

import random

import psycopg
import pytest

from tests.adoption import legacy
from tests.pairs import Connection, value


@pytest.mark.parametrize("constrained", [False, True], ids=["loose", "constrained"])
def test_an_older_database_holds_what_its_manifest_says(
    postgresql: psycopg.Connection[tuple[object, ...]], constrained: bool
) -> None:
    manifest = legacy.build(postgresql, users=200, constrained=constrained)
    for table, count in manifest.rows.items():
        assert value(postgresql, f"select count(*) from public.{table}") == count, table
    for name, total in manifest.sums.items():
        table, column = name.split(".")
        assert value(postgresql, f"select sum({column}) from public.{table}") == total, name
    assert _desyncs(postgresql) == sum(manifest.faults[name] for name in ("progress_higher", "license_higher"))
    left_out = legacy.ONLY_LOOSE if constrained else set()
    assert {*legacy.FAULTS, *legacy.LOOSE_FAULTS} - left_out <= manifest.faults.keys()
    assert not left_out & manifest.faults.keys()


def test_the_same_seed_builds_the_same_database() -> None:
    first, again = (legacy.World(200, random.Random(7), False) for _ in range(2))
    first.fill()
    again.fill()
    assert first.tables == again.tables


def _desyncs(connection: Connection) -> int:
    """Pairs of possible levels that differ, each side there once."""
    found: int = value(
        connection,
        """
        select count(*)
        from (
            select student_id, specialization_id, min(current_level) as level, max(total_xp) as xp
            from public.specialization_progress group by 1, 2
        ) as progress
        inner join (
            select user_id, specialization_type, max(current_level) as level
            from public.user_licenses group by 1, 2
        ) as license on (user_id, specialization_type) = (student_id, specialization_id)
        where progress.level <> license.level
            and progress.level between 1 and 8
            and license.level between 1 and 8
        """,
    )
    return found
