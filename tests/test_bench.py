"""The measurements, small: whether they run at all, and measure what they say."""

import psycopg

from bench import desync, queue
from tests.pairs import add_users, desyncs, value


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


def test_the_cost_of_batches_and_of_the_queue_is_measured_beside_its_floor(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        add_users(connection, *range(1, 101))
        rows = queue.rows(database, items=100, pairs=10, rounds=2, singles=10)
        assert all(row.keys() == {"name", "unit", "ours", "floor", "ratio", "target", "ok"} for row in rows)
        assert all(row["ours"] > 0 and row["floor"] > 0 for row in rows)
        assert value(connection, "select backlog from lockstep.queue_status") == 0
        assert desyncs(connection) == 0
