"""The measurements, small: whether they run at all, and measure what they say."""

import psycopg

from bench import desync
from tests.pairs import desyncs, value


def test_the_cost_of_finding_desync_is_measured_beside_its_floor(database: str) -> None:
    said: list[str] = []
    (_, rows) = [list(rows) for rows in desync.bench(database, [2_000, 20_000], 1, said.append)]
    assert all(row.keys() == {"name", "unit", "ours", "floor", "ratio", "target", "ok"} for row in rows)
    assert all(row["ours"] > 0 and row["floor"] > 0 for row in rows)
    assert len({row["name"] for row in rows}) == len(rows) == 12
    assert "Full Join" in said[-1]
    with psycopg.connect(database, autocommit=True) as connection:
        assert desyncs(connection) == 2
        assert value(connection, "select count(*) from lockstep.user_licenses") == 20_000
        assert value(connection, "select sum(pairs) from lockstep.verified_ranges") == 20_000
        assert value(connection, "select sum(violations) from lockstep.verified_ranges") == 2
