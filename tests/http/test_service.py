"""Probes, figures for Prometheus, the docs page, and pages of other origins."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.http import service
from app.settings import ServiceSettings, Settings
from tests.http.conftest import Call, Connection, People
from tests.pairs import plant


@pytest.fixture(autouse=True)
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no answer of the database be kept for the next probe."""
    monkeypatch.setattr(service, "FRESH", 0)


def figures(call: Call, **options: Any) -> dict[tuple[str, ...], float]:
    """What /metrics says, by name and the values of the labels."""
    answer = call(None, "GET", "/metrics", **options)
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


# Probes ---------------------------------------------------------------------------------------


def test_a_process_that_answers_is_healthy_and_one_that_can_serve_is_ready(call: Call) -> None:
    assert call(None, "GET", "/healthz").json == {"status": "ok"}
    checks = {"database": "ok", "migrations": "ok", "guards": "ok"}
    assert call(None, "GET", "/readyz").json == {"status": "ready", "checks": checks}


@pytest.mark.parametrize(
    ("damage", "failed"),
    [
        ("alter table lockstep.user_licenses disable trigger mirror_update", "guards"),
        ("delete from lockstep.schema_migrations where migration_id > '0012'", "migrations"),
        ("revoke execute on function lockstep.read_service_state() from lockstep_app", "database"),
    ],
)
def test_what_makes_it_unready_is_named(call: Call, connection: Connection, damage: str, failed: str) -> None:
    connection.execute(damage.encode())
    answer = call(None, "GET", "/readyz")
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["code"] == "not_ready"
    assert [name for name, outcome in answer.json["checks"].items() if outcome == "fail"] == [failed]
    assert call(None, "GET", "/healthz").status_code == 200


def test_probes_ask_the_database_once_in_a_while_only(
    call: Call, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FRESH", 3600)
    assert call(None, "GET", "/readyz").status_code == 200
    connection.execute("alter table lockstep.user_licenses disable trigger mirror_update")
    assert call(None, "GET", "/readyz").status_code == 200


# Figures --------------------------------------------------------------------------------------


def test_figures_of_the_database_equal_the_views(call: Call, connection: Connection, people: People) -> None:
    before = figures(call)
    assert before["lockstep_up",] == 1
    assert before["lockstep_health", "unknown"] == 1
    assert ("lockstep_consistency_percent",) not in before
    for level, name in enumerate(("ann", "bob", "carl"), start=1):
        connection.execute("select lockstep.update_level(%s, 'PLAYER', %s)", [people[name], level])
    plant(connection, 5, 2, user=people["ann"])
    connection.execute("select lockstep.check_health()")
    connection.execute("call lockstep.reconcile()")
    connection.execute("select lockstep.check_health()")
    plant(connection, 5, 2, user=people["bob"])
    connection.execute("select lockstep.check_health()")
    connection.execute("alter table lockstep.users disable trigger all")
    after = figures(call)
    row = connection.execute(
        "select consistency_rate, extract(epoch from oldest_unverified), extract(epoch from last_check),"
        " extract(epoch from last_run), broken_guards, requires_attention,"
        " (select sum(violations) from lockstep.ranges), (select sum(pairs) from lockstep.ranges)"
        " from lockstep.health"
    ).fetchone()
    names = (
        "lockstep_consistency_percent",
        "lockstep_oldest_unverified_timestamp_seconds",
        "lockstep_last_check_timestamp_seconds",
        "lockstep_last_run_timestamp_seconds",
        "lockstep_broken_guards",
        "lockstep_requires_attention",
        "lockstep_desync_pairs",
        "lockstep_pairs",
    )
    assert row is not None
    assert [after[name,] for name in names] == [pytest.approx(float(value)) for value in row]
    assert after["lockstep_desync_pairs",] == 1
    assert after["lockstep_broken_guards",] > 0
    assert after["lockstep_newest_run", "success"] == 1
    assert after["lockstep_health", "critical"] == 1


def test_requests_are_counted_and_conflicts_apart_from_errors(call: Call, people: People) -> None:
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER/xp"
    route = "/api/v1/users/<user_id>/progress/<specialization>/xp"
    before = figures(call)
    for xp in (1, 2):
        call("iris", "POST", path, json={"xp_gained": xp}, headers={"Idempotency-Key": "once"})
    call(None, "GET", "/nothing/here")
    call(None, "BREW", "/healthz")
    after = figures(call)

    def more(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert more("lockstep_http_requests_total", "POST", route, "200") == 1
    assert more("lockstep_http_requests_total", "POST", route, "409") == 1
    assert more("lockstep_http_conflicts_total", "idempotency_key_reused") == 1
    assert more("lockstep_http_request_seconds_count", "POST", route) == 2
    assert more("lockstep_http_requests_total", "GET", "none", "404") == 1
    assert sum(value for key, value in after.items() if key[:2] == ("lockstep_http_requests_total", "BREW")) == 0


def test_figures_of_the_pools_equal_what_psycopg_counts(app: Flask, call: Call, people: People) -> None:
    call("ann", "GET", "/api/v1/me")
    found = figures(call)
    for name, pool in app.extensions["lockstep.database"].pools.items():
        assert found["lockstep_pool_size", name] == pool.get_stats()["pool_size"]
        assert found["lockstep_pool_waiting", name] == 0


def test_a_database_that_is_down_leaves_the_figures_of_the_process(call: Call, connection: Connection) -> None:
    connection.execute("revoke execute on function lockstep.read_service_state() from lockstep_app")
    found = figures(call)
    assert found["lockstep_up",] == 0
    assert ("lockstep_desync_pairs",) not in found
    assert ("lockstep_pool_size", "app") in found


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
def test_figures_are_for_this_machine_and_not_for_what_a_proxy_passes_on(call: Call, header: str) -> None:
    assert call(None, "GET", "/metrics", headers={header: "for=127.0.0.1"}).status_code == 401
    assert call(None, "GET", "/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 401


def test_figures_are_for_whoever_knows_the_token_where_one_is_set(settings: Settings) -> None:
    app = create_app(replace(settings, service=ServiceSettings(metrics_token="of-metrics")))
    client = app.test_client()
    try:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer of-metric"}).status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer of-metrics"}).status_code == 200
    finally:
        app.extensions["lockstep.database"].close()


def test_a_scrape_reads_no_pair(connection: Connection) -> None:
    plan = connection.execute("explain select * from lockstep.service_state").fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "verified_ranges" in text
    assert not re.search(r"on (specialization_progress|user_licenses)\b", text)


# The docs page --------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/openapi/", "/openapi/swagger"])
def test_the_docs_page_is_whole_and_asks_nobody_else(call: Call, address: str) -> None:
    page = call(None, "GET", address)
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!DOCTYPE html>", "")
    assert not re.search(r"<script>|<style|\son\w+=|javascript:", page.text)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert not re.search(r"https?:|\*|unsafe-eval", policy)
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(parts) == 4
    for part in parts:
        found = call(None, "GET", urljoin("/openapi/", part))
        assert found.status_code == 200, part
        found.close()
    assert call(None, "GET", "/openapi/openapi.json").status_code == 200


# Other origins --------------------------------------------------------------------------------


OURS, THEIRS = "https://console.example.org", "https://console.example.org.evil.example"


@pytest.fixture
def open_to_ours(settings: Settings) -> Any:
    """A client of an application that lists one origin."""
    app = create_app(replace(settings, service=ServiceSettings(origins=frozenset({OURS}))))
    yield app.test_client()
    app.extensions["lockstep.database"].close()


def cors(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("Access-Control")}


def test_no_page_of_another_origin_may_call_by_default(call: Call) -> None:
    ask = {"Origin": OURS, "Access-Control-Request-Method": "GET"}
    assert cors(call(None, "GET", "/healthz", headers=ask)) == {}
    assert cors(call(None, "OPTIONS", "/api/v1/specializations", headers=ask)) == {}


def test_pages_of_a_listed_origin_may_call_without_credentials_and_no_others(open_to_ours: Any) -> None:
    ask = {"Origin": OURS, "Access-Control-Request-Method": "POST"}
    before = open_to_ours.options("/api/v1/specializations", headers=ask)
    assert before.status_code == 204
    assert before.headers["Access-Control-Allow-Origin"] == OURS
    assert "Idempotency-Key" in before.headers["Access-Control-Allow-Headers"]
    refused = open_to_ours.get("/api/v1/specializations", headers={"Origin": OURS})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == OURS
    assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"]
    for origin in (THEIRS, "null", OURS.upper(), "http://console.example.org"):
        for answer in (
            open_to_ours.options("/healthz", headers={**ask, "Origin": origin}),
            open_to_ours.get("/healthz", headers={"Origin": origin}),
        ):
            assert cors(answer) == {}
            assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in before.headers


@pytest.mark.parametrize("origin", ["*", "example.org", "https://example.org/", "https://*.example.org", "null"])
def test_what_is_no_origin_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Settings.from_environment({"LOCKSTEP_CORS_ORIGINS": f"{OURS}, {origin}"})


def test_every_answer_carries_the_security_headers(call: Call) -> None:
    for path in ("/healthz", "/nothing", "/openapi/", "/api/v1/specializations"):
        headers = call(None, "GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
