"""Figures of the database in /metrics, what asks for them, and what a process tells the database."""

import json
from typing import Any

import promql_parser
import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.http import metrics, service
from app.settings import PROJECT
from tests.http.conftest import Call, Connection, People
from tests.pairs import Connect, background, plant, rows, value
from tests.support import wait_until_blocked

FOLDER = PROJECT / "deploy" / "monitoring"
RULES = yaml.safe_load((FOLDER / "prometheus-rules.yml").read_text("utf-8"))
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))

# What Grafana puts in before it asks.
VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}

# A metric and labels that Prometheus makes itself.
OF_PROMETHEUS = {"up"}
ADDED = {"instance", "job"}

Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture(autouse=True)
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no answer of the database be kept for the next scrape."""
    monkeypatch.setattr(service, "FRESH", 0)


def scrape(call: Call) -> dict[Sample, float]:
    """What /metrics says, by name and labels."""
    answer = call(None, "GET", "/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


@pytest.fixture
def busy(connection: Connection, people: People, call: Call) -> None:
    """A database where there is something to see: desync of each kind, runs, a queue, breaches, requests."""
    for level, name in enumerate(("ann", "bob", "carl", "dora"), start=1):
        connection.execute("select lockstep.update_level(%s, 'PLAYER', %s)", [people[name], level])
    plant(connection, 5, 2, user=people["ann"])
    connection.execute("call lockstep.reconcile()")
    plant(connection, 5, 2, user=people["ann"])
    plant(connection, 5, None, user=people["bob"])
    plant(connection, None, 3, user=people["carl"])
    plant(connection, None, 3, user=people["dora"])
    connection.execute("select lockstep.check_health()")
    connection.execute("select lockstep.enqueue_level_up(%s, 'PLAYER', 5)", [people["iris"]])
    connection.execute("select lockstep.note_lock_breach(%s, 'PLAYER', 'client', '1 s')", [people["ann"]])
    connection.execute("select lockstep.change_setting('connections_limit', '1')")
    connection.execute("select lockstep.sample_monitoring()")
    call("iris", "GET", "/api/v1/specializations")
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER/xp"
    for xp in (1, 2):
        call("iris", "POST", path, json={"xp_gained": xp}, headers={"Idempotency-Key": "once"})


# Figures --------------------------------------------------------------------------------------

# By the name of a metric: a query for its labels, as an object, and its value, from the views that people read.
VIEWS = {
    "lockstep_desync_pairs_by_type": """
        select jsonb_build_object('issue_type', issue_type), count(*) from lockstep.desync group by issue_type
    """,
    "lockstep_runs": """
        select jsonb_build_object('kind', kind, 'status', status), count(*) from lockstep.runs group by kind, status
    """,
    "lockstep_newest_run_pairs": """
        select jsonb_build_object('outcome', outcome), pairs
        from (select * from lockstep.runs order by run_id desc limit 1) as run
        cross join lateral (
            values ('found', issues_found), ('synced', synced_count), ('failed', failed_count),
            ('skipped', skipped_count)
        ) as counted (outcome, pairs)
    """,
    "lockstep_queue_entries": """
        select jsonb_build_object('state', state), entries
        from lockstep.queue_status
        cross join lateral (
            values ('waiting', backlog - retrying), ('retrying', retrying), ('set_aside', set_aside)
        ) as counted (state, entries)
    """,
    "lockstep_connections_limit": "select '{}'::jsonb, value from lockstep.settings where name = 'connections_limit'",
    "lockstep_server_connections_limit": "select distinct '{}'::jsonb, server_limit from lockstep.pool_usage",
    "lockstep_lock_budget_seconds": "select '{}'::jsonb, 0.1",
    "lockstep_lock_waits": "select '{}'::jsonb, count(*) from lockstep.lock_waits",
    "lockstep_lock_breaches": """
        select jsonb_build_object('source', source), count(breaches)
        from unnest(array['client', 'http', 'queue']) as source left join lockstep.breaches using (source)
        group by source
    """,
    "lockstep_breaches": """
        select jsonb_build_object('kind', kind.name, 'state', state.name), count(breach.breach_id)
        from unnest(array['connections', 'error_rate', 'lock_wait', 'statement_regression']) as kind (name)
        cross join unnest(array['open', 'ended']) as state (name)
        left join lockstep.threshold_breaches as breach
            on breach.kind = kind.name and (breach.ended_at is null) = (state.name = 'open')
        group by kind.name, state.name
    """,
    "lockstep_incidents_open": """
        select jsonb_build_object('kind', known.kind, 'severity', known.severity), count(incident.incident_id)
        from lockstep.incident_kinds as known
        left join lockstep.incidents as incident on incident.kind = known.kind and incident.closed_at is null
        group by known.kind, known.severity
    """,
    "lockstep_statements_regressed": "select '{}'::jsonb, count(*) from lockstep.statement_stats where regressed",
    "lockstep_last_sample_timestamp_seconds": """
        select '{}'::jsonb, extract(epoch from max(sampled_at)) from lockstep.samples
    """,
}

# These change from one look to the next, and have a test of their own.
LIVE = {
    *("lockstep_connections", "lockstep_server_connections", "lockstep_oldest_transaction_age_seconds"),
    *("lockstep_lock_wait_longest_seconds", "lockstep_queue_oldest_age_seconds"),
}


def test_each_figure_of_the_database_equals_the_view_that_people_read(
    busy: None, call: Call, connection: Connection
) -> None:
    assert VIEWS.keys() | LIVE == metrics.FIGURES.keys()
    # The scrape and the views see the same state: nobody is at work in between.
    found = scrape(call)
    for name, query in VIEWS.items():
        expected = {labelled(name, **labels): float(number) for labels, number in rows(connection, query)}
        assert expected, name
        assert {key: number for key, number in found.items() if key[0] == name} == pytest.approx(expected), name
    assert found[labelled("lockstep_desync_pairs_by_type", issue_type="missing_progress")] == 2
    assert found[labelled("lockstep_breaches", kind="connections", state="open")] == 1
    assert found[labelled("lockstep_incidents_open", kind="connections", severity="warning")] == 1
    assert found[labelled("lockstep_queue_entries", state="waiting")] == 1


def test_connections_and_waits_are_those_of_the_views(
    call: Call, connection: Connection, connect: Connect, people: People
) -> None:
    holder, waiter = connect(application_name="holder"), connect(application_name="waiter")
    holder.execute("begin")
    holder.execute("select from lockstep.users for update")
    with background(waiter, "select from lockstep.users for update"):
        wait_until_blocked(connection, waiter.info.backend_pid, holder.info.backend_pid)
        found = scrape(call)
        usage = rows(connection, "select * from lockstep.pool_usage where application_name in ('holder', 'waiter')")
        waited = value(connection, "select extract(epoch from waited) from lockstep.lock_waits")
        age = value(connection, "select extract(epoch from max(oldest_age)) from lockstep.pool_usage")
        holder.execute("rollback")
    assert len(usage) == 2
    for row in usage:
        for state, number in {
            "active": row.active,
            "idle": row.idle,
            "idle in transaction": row.idle_in_transaction,
            "other": 0,
        }.items():
            assert found[labelled("lockstep_connections", application=row.application_name, state=state)] == number
    assert found[labelled("lockstep_lock_waits")] == 1
    assert 0 < found[labelled("lockstep_lock_wait_longest_seconds")] <= waited
    assert 0 < found[labelled("lockstep_oldest_transaction_age_seconds")] <= age
    total = sum(number for (name, _), number in found.items() if name == "lockstep_connections")
    assert 3 <= total <= found[labelled("lockstep_server_connections")]


def test_a_client_cannot_make_figures_without_end_by_its_name(call: Call, connect: Connect) -> None:
    for number in range(22):
        connect(application_name=f"name {number}")
    names = {dict(labels)["application"] for name, labels in scrape(call) if name == "lockstep_connections"}
    assert len(names) == 21
    assert "(others)" in names


def test_a_scrape_of_the_figures_reads_no_pair_but_that_of_a_waited_row(connection: Connection) -> None:
    plan = "\n".join(line for (line,) in connection.execute("explain select * from lockstep.figures").fetchall())
    assert "verified_ranges" in plan
    assert "specialization_progress" not in plan
    assert "user_licenses" not in plan


# What asks for them ---------------------------------------------------------------------------


def expressions() -> dict[str, str]:
    """Every expression of the rules and of the dashboard, by where it stands."""
    found = {rule["alert"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"]}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"]
            for variable, stands_for in VARIABLES.items():
                text = text.replace(variable, stands_for)
            found[f"{panel['title']} {target['refId']}"] = text
    return found


def selectors(expression: str) -> list[Any]:
    """The metrics that an expression asks for, with their matchers."""
    nodes: list[Any] = []
    promql_parser.walk(promql_parser.parse(expression), nodes.append)
    return [node for node in nodes if isinstance(node, promql_parser.VectorSelector)]


def unknown(expression: str, served: dict[str, set[str]]) -> list[str]:
    """What an expression asks for that is not served: a metric, or a label of it."""
    problems = []
    for selector in selectors(expression):
        if selector.name not in served.keys() | OF_PROMETHEUS:
            problems.append(selector.name)
            continue
        labels = {matcher.name for matcher in selector.matchers.matchers}
        problems += [f"{selector.name}.{label}" for label in labels - served.get(selector.name, set()) - ADDED]
    return problems


def test_rules_and_dashboard_ask_for_metrics_and_labels_that_are_served(busy: None, call: Call) -> None:
    served: dict[str, set[str]] = {}
    for name, labels in scrape(call):
        served.setdefault(name, set()).update(dict(labels))
    asked = expressions()
    assert len(asked) > 40
    assert {place: problems for place, text in asked.items() if (problems := unknown(text, served))} == {}
    assert unknown('rate(lockstep_no_such_total[5m]) > lockstep_runs{nothing="1"}', served) == [
        "lockstep_no_such_total",
        "lockstep_runs.nothing",
    ]
    # What the database serves and nobody looks at would be there for nothing.
    looked_at = {selector.name for text in asked.values() for selector in selectors(text)}
    assert metrics.FIGURES.keys() - looked_at == {"lockstep_last_sample_timestamp_seconds"}


def test_a_rule_has_all_that_prometheus_and_a_person_need() -> None:
    assert RULES.keys() == {"groups"}
    (group,) = RULES["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) > 15
    for rule in group["rules"]:
        assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"].keys() <= {"summary", "description"}
        promql_parser.parse_duration(rule.get("for", "1m"))


def test_the_dashboard_has_no_source_of_its_own_and_its_panels_do_not_overlap() -> None:
    source = {"type": "prometheus", "uid": "${datasource}"}
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "instance"}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["datasource"] == source
            assert all(target["datasource"] == source for target in panel["targets"])
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


# What a process tells the database ------------------------------------------------------------


@pytest.fixture
def told(app: Flask) -> Any:
    """Tell the database what was answered; what other tests have left is forgotten first."""
    metrics._untold = metrics.Answered()
    return lambda: metrics.note_requests(app.extensions["lockstep.database"])


def test_a_process_tells_the_database_its_answers_and_no_probe_counts(
    call: Call, connection: Connection, people: People, told: Any
) -> None:
    assert told() is False
    path = f"/api/v1/users/{people['ann']}/progress/PLAYER/xp"
    for xp in (1, 2):
        call("iris", "POST", path, json={"xp_gained": xp}, headers={"Idempotency-Key": "once"})
    for probe in ("/healthz", "/readyz", "/metrics"):
        call(None, "GET", probe)
    connection.execute("alter function lockstep.list_specializations() rename to gone")
    assert call("ann", "GET", "/api/v1/specializations").status_code == 500
    assert told() is True
    assert told() is False
    (noted,) = rows(connection, "select * from lockstep.request_counts")
    assert (noted.requests, noted.errors, noted.conflicts) == (3, 1, 1)
    assert noted.codes == {"idempotency_key_reused": 1, "database_error": 1}
    assert value(connection, "select errors from lockstep.sample_monitoring()") == 1


def test_what_could_not_be_told_is_told_the_next_time(call: Call, connection: Connection, told: Any) -> None:
    name = "lockstep.note_requests(text, bigint, bigint, bigint, bigint, jsonb)"
    call("ann", "GET", "/api/v1/specializations")
    connection.execute(f"revoke execute on function {name} from lockstep_app".encode())
    assert told() is False
    call("ann", "GET", "/api/v1/specializations")
    connection.execute(f"grant execute on function {name} to lockstep_app".encode())
    assert told() is True
    assert value(connection, "select requests from lockstep.request_counts") == 2


# The catalogue --------------------------------------------------------------------------------


def test_the_catalogue_has_a_tag_and_is_not_sent_again_to_who_has_it(call: Call, connection: Connection) -> None:
    first = call("ann", "GET", "/api/v1/specializations")
    assert first.headers["Cache-Control"] == "private, max-age=60"
    tag = first.headers["ETag"]
    again = call("bob", "GET", "/api/v1/specializations", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    other = call("bob", "GET", "/api/v1/specializations", headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.json) == (200, first.json)
    connection.execute("update lockstep.specializations set icon = 'new' where id = 'PLAYER'")
    changed = call("ann", "GET", "/api/v1/specializations", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_a_refusal_is_kept_by_nobody(call: Call) -> None:
    refused = call(None, "GET", "/api/v1/specializations", headers={"If-None-Match": "*"})
    assert (refused.status_code, refused.headers["Cache-Control"]) == (401, "no-store")
