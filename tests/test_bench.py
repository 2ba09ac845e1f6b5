"""The measurements, small: whether they run at all, and measure what they say."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from bench import desync, plots, queue, simulation
from bench.arena import Arena, Comparison, Sample, arena, rates
from bench.client_side import lockstep_callers, rate, sqlalchemy_callers
from bench.proxy import delaying_proxy
from bench.rows import CHANGE, CHANGE_FLOOR, CLIENT_SIDE
from tests.pairs import add_users, desyncs, rows, value
from tests.support import NEVER, folder_for_servers

pytestmark = pytest.mark.once

KEYS = {"name", "unit", "ours", "floor", "ratio", "target", "ok"}


@pytest.fixture(scope="module")
def place() -> Iterator[Arena]:
    """A small arena, with slices of a second."""
    with arena(folder_for_servers(), 100, 1, 1, {"fsync": "off"}) as made:
        yield made


@pytest.fixture
def connection(place: Arena) -> Iterator[psycopg.Connection]:
    """A session of the superuser in the arena's database."""
    with place.connect() as opened:
        yield opened


def test_the_cost_of_finding_desync_is_measured_beside_its_floor(database: str) -> None:
    said: list[str] = []
    with psycopg.connect(database, autocommit=True) as connection:
        # One check is to read all of it.
        connection.execute("select lockstep.change_setting('health_budget', %s)", [NEVER])
    (_, found) = [list(rows) for rows in desync.bench(database, [2_000, 20_000], 1, said.append)]
    assert all(row.keys() == KEYS for row in found)
    assert all(row["ours"] > 0 and row["floor"] > 0 for row in found)
    assert len({row["name"] for row in found}) == len(found) == 12
    assert "Full Join" in said[-1]
    with psycopg.connect(database, autocommit=True) as connection:
        assert desyncs(connection) == 2
        assert value(connection, "select count(*) from lockstep.user_licenses") == 20_000
        assert value(connection, "select sum(pairs) from lockstep.verified_ranges") == 20_000
        assert value(connection, "select sum(violations) from lockstep.verified_ranges") == 2


def test_the_ratio_is_the_median_of_the_rounds_and_not_of_the_sums() -> None:
    # In one round of three the machine was busy, with both sides.
    taken = Comparison([Sample(80), Sample(9), Sample(90)], [Sample(100), Sample(10), Sample(100)])
    row = rates("a name", taken, 0.85)
    assert (row["ours"], row["floor"], row["ratio"], row["ok"]) == (80, 100, 0.9, True)
    assert not rates("a name", taken, 0.95)["ok"]


STATE = """
select progress.current_level, progress.total_xp, license.current_level as held, license.max_achieved_level,
    (select array_agg(row(history.from_level, history.to_level, history.route))::text
     from {0}.license_progressions as history where history.user_id = license.user_id)
from {0}.specialization_progress as progress
inner join {0}.user_licenses as license on license.user_id = progress.student_id
where progress.student_id = 1
"""


def test_every_floor_writes_what_lockstep_writes(connection: psycopg.Connection) -> None:
    connection.execute("select lockstep.update_level(1, 'PLAYER', 5, 10)")
    for schema in ("floor", "bare"):
        connection.execute(f"select {schema}.change_level(1, 'PLAYER', 5, 10)".encode())
    states = [rows(connection, STATE.format(schema)) for schema in ("lockstep", "floor", "bare")]
    assert states[0] == states[1] == states[2] == [(5, 10, 5, 5, '{"(1,5,function)"}')]


def test_the_floors_have_the_rules_that_are_said_of_them(connection: psycopg.Connection) -> None:
    kinds = "select coalesce(string_agg(contype::text, '' order by contype), '') from pg_constraint"
    own = " where contype in ('c', 'f') and connamespace = %s::regnamespace"
    assert value(connection, kinds + own, "floor") == "cccfffffffff"
    assert value(connection, kinds + own, "bare") == ""
    triggers = (
        "select count(*) from pg_trigger where not tgisinternal"
        " and tgrelid in (select oid from pg_class where relnamespace in ('floor'::regnamespace, 'bare'::regnamespace))"
    )
    assert value(connection, triggers) == 0


def test_a_comparison_changes_levels_on_both_sides_and_counts_their_cpu(
    place: Arena, connection: psycopg.Connection
) -> None:
    history = "select count(*) from {}.license_progressions"
    before = [value(connection, history.format(schema)) for schema in ("lockstep", "floor")]
    taken = place.compare(place.pgbench(CHANGE, role="lockstep_app"), place.pgbench(CHANGE_FLOOR.format("floor")))
    changed = [value(connection, history.format(schema)) for schema in ("lockstep", "floor")]
    assert all(after > earlier for after, earlier in zip(changed, before, strict=True))
    assert len(taken.ours) == len(taken.floor) == 1
    assert all(sample.rate > 0 and sample.cpu > 0 for sample in taken.ours + taken.floor)
    assert place.desyncs() == 0


def test_a_call_that_fails_ends_the_measurement(place: Arena) -> None:
    with pytest.raises(RuntimeError, match="level does not exist"):
        place.pgbench("select lockstep.update_level(:user, 'PLAYER', 99);", role="lockstep_app")(1)


def test_the_client_side_way_changes_both_records_in_sql_and_by_sqlalchemy(
    place: Arena, connection: psycopg.Connection
) -> None:
    place.pgbench(CLIENT_SIDE.format("floor"))(2)
    with sqlalchemy_callers(place.dsn, 2) as caller:
        calls, held = rate(caller, 2, 0.2, place.pairs, 3)
        assert caller()(7, 6) > 0
    assert calls > 0
    assert min(held) > 0
    state = rows(connection, STATE.format("floor").replace("student_id = 1", "student_id = 7"))
    assert (state[0].current_level, state[0].held) == (6, 6)


def test_our_client_is_driven_by_threads_too(place: Arena) -> None:
    with lockstep_callers(place.dsn) as caller:
        assert rate(caller, 2, 0.2, place.pairs, 4)[0] > 0


def test_the_proxy_keeps_back_what_is_sent(place: Arena) -> None:
    parts = urlsplit(place.dsn)
    assert parts.hostname is not None
    assert parts.port is not None
    with (
        delaying_proxy(parts.hostname, parts.port, 20) as port,
        psycopg.connect(place.dsn.replace(f":{parts.port}/", f":{port}/"), autocommit=True) as far,
    ):
        started = time.perf_counter()
        far.execute("select 1")
        assert time.perf_counter() - started >= 0.02


def test_the_plots_are_drawn_from_the_figures_that_there_are(tmp_path: Path) -> None:
    clients = [
        {"name": name, "clients": count, "rate": 10.0, "p50": 1.0, "p90": 2.0, "p99": 3.0}
        for name in ("ours", "client-side")
        for count in (1, 10)
    ]
    drawn = plots.draw({"clients": clients, "sizes": []}, tmp_path / "plots")
    assert [path.name for path in drawn] == ["throughput.png", "latency.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_the_cost_of_batches_and_of_the_queue_is_measured_beside_its_floor(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        add_users(connection, *range(1, 101))
        rows = queue.rows(database, queue.Size(items=100, pairs=10, rounds=2, singles=100))
        assert all(row.keys() == {"name", "unit", "ours", "floor", "ratio", "target", "ok"} for row in rows)
        assert all(row["ours"] > 0 and row["floor"] > 0 for row in rows)
        assert value(connection, "select backlog from lockstep.queue_status") == 0
        assert desyncs(connection) == 0


def test_a_simulated_school_is_measured_whole_and_in_step(place: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "KINDS", {"read": simulation.READ})
    kinds = {figures["call"]: figures for figures in simulation.measure(place, simulation.Day())}
    assert kinds.keys() == {"read", "a day's mix"}
    assert all(figures["rate"] > 0 and figures["cpu"] > 0 and figures["p99"] > 0 for figures in kinds.values())
    assert place.desyncs() == 0


def test_a_school_is_loaded_with_every_guard_on_again(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("select lockstep.record_guards(lockstep.broken_guards())")
        simulation.load(connection, 50)
        counts = [
            value(connection, f"select count(*) from lockstep.{table}")
            for table in ("users", "specialization_progress", "user_licenses")
        ]
        assert counts == [50, 50, 50]
        assert desyncs(connection) == 0
        assert value(connection, "select count(*) from lockstep.guard_status where status <> 'intact'") == 0
        connection.execute("select lockstep.update_level(50, 'PLAYER', 3)")


def test_the_model_waits_where_all_cores_are_busy_and_settles_after_an_outage() -> None:
    cpu, weights = {"read": 1000.0}, {"read": 1.0}
    # One core for a millisecond a call: an arrival each two of them waits for nobody, two at once for one.
    assert simulation.waits([0.0, 0.0, 0.005], 1, iter([0.001] * 3)) == pytest.approx([0.001, 0.002, 0.001])
    assert simulation.waits([0.0, 0.0], 2, iter([0.001] * 2)) == [0.001, 0.001]
    idle, busy = (simulation.minute("same", 800, cores, weights, cpu) for cores in (4, 1))
    assert idle["busy"] == 0.2
    assert busy["p99"] > idle["p99"]
    away = simulation.minute("same", 800, 1, weights, cpu, outage=30.0)
    assert 30_000 < away["longest"] < 60_000
    assert away["settled"] > 1
    assert simulation.enough_cores(2400, weights, cpu) == 4
