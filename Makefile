# Every target is thin: the work is in `flask --app app db …`. No absolute path stands here and no
# script of the virtual environment is called by name, so a path with a space in it is fine.

PYTHON ?= python3
PG15BIN ?= /usr/lib/postgresql/15/bin

VENV := .venv/bin/python
DB := $(VENV) -m flask --app app db
SYNC := $(VENV) -m flask --app app sync
QUEUE := $(VENV) -m flask --app app queue
BACKUPS := $(VENV) -m flask --app app backup
DEPLOY := $(VENV) -m flask --app app deploy
ALERTS := $(VENV) -m flask --app app alerts
PIP := $(VENV) -m pip install --quiet --disable-pip-version-check --no-warn-script-location
RUNTIME := .venv/runtime-installed
TOOLS := .venv/tools-installed
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/python -m piptools compile --quiet \
	--upgrade --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --allow-unsafe

.DEFAULT_GOAL := help
.PHONY: help run serve seed demo db-up db-down psql migrate functions migrate-down verify guards \
	take-over give-back take-over-demo \
	backup restore deploy rollback reconcile health monitor drain alerts drill soak schedule unschedule \
	test lint format check docs torture deadlocks load contract bench plots simulate editors adopt-demo \
	lock

help: ## explain every target in a line
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  \1 \2/p' Makefile | \
	while read -r target text; do printf '  make %-15s%s\n' "$$target" "$$text"; done

run: $(RUNTIME) ## set everything up, serve it on 127.0.0.1:8000, and stay in the foreground; Ctrl-C stops it
	@$(DB) run

serve: $(RUNTIME) ## serve HTTP over the logins that LOCKSTEP_HTTP_DSN and LOCKSTEP_HTTP_ADMIN_DSN name
	@$(VENV) -m flask --app app serve

seed: $(RUNTIME) ## set everything up, demo population included, and leave it running
	@$(DB) seed

demo: $(RUNTIME) ## play a season of concurrent level-ups in a scratch database
	@$(DB) demo

db-up: $(RUNTIME) ## start the database; the last line is its DSN
	@$(DB) up

db-down: $(RUNTIME) ## stop the database; the data stay
	@$(DB) down

psql: $(RUNTIME) ## open psql; ARGS are passed on
	@$(DB) psql -- $(ARGS)

migrate: $(RUNTIME) ## apply the pending migrations
	@$(DB) migrate

functions: $(RUNTIME) ## load functions, triggers and views again
	@$(DB) functions

migrate-down: $(RUNTIME) ## roll back one migration, or down to TO=<id>
	@$(DB) migrate-down $(if $(TO),--to $(TO))

take-over: $(RUNTIME) ## take the old tables in public over, in place: ARGS="--dry-run" first, then "--apply"
	@$(DB) take-over $(ARGS)

give-back: $(RUNTIME) ## put tables that were taken over back into public: ARGS="--dry-run" first, then "--apply"
	@$(DB) give-back $(ARGS)

take-over-demo: $(TOOLS) ## take over a made-up school of USERS (20000) with every fault, and give it back; everything added up
	@$(VENV) -m tests.adoption.in_place --users $(or $(USERS),20000)

verify: $(RUNTIME) ## print the deployment report; fails on a failed check
	@$(DB) verify

guards: $(RUNTIME) ## list the guards that are not as installed; fails if there are any
	@$(DB) guards

backup: $(RUNTIME) ## back the database up, with a manifest of what a restored one must add up to
	@$(BACKUPS) create

restore: $(RUNTIME) ## restore FILE=… as a database of its own, INTO=…, and verify it; REPLACE=1 puts it in place, YES=1 asks not
	@$(BACKUPS) restore "$(FILE)" $(if $(INTO),--into "$(INTO)") $(if $(REPLACE),--replace) $(if $(YES),--yes)

deploy: $(RUNTIME) ## back up and prove it, migrate, load functions, verify, call; again: go on; BACKUP=… is one you have
	@$(DEPLOY) run $(if $(BACKUP),--backup "$(BACKUP)")

rollback: $(RUNTIME) ## undo the newest deployment, or go back to TO=…; says first what is lost, and asks unless YES=1
	@$(DEPLOY) rollback $(if $(TO),--to "$(TO)") $(if $(YES),--yes)

reconcile: $(RUNTIME) ## repair what is out of step now, and write a log; for cron or a systemd timer
	@$(SYNC) reconcile

health: $(RUNTIME) ## check and show health; fails when it needs attention
	@$(SYNC) health

monitor: $(RUNTIME) ## record connections, waits and errors every ten seconds, and thresholds that are reached
	@$(VENV) -m flask --app app monitor $(ARGS)

drain: $(RUNTIME) ## apply what waits in the queue, and show how it stands; for cron or a systemd timer
	@$(QUEUE) drain

alerts: $(RUNTIME) ## mail what opened or closed since the last time; for cron or a systemd timer
	@$(ALERTS) deliver

drill: $(RUNTIME) ## break something in a scratch database, look at it and mend it: NAME=deadlock, or all
	@$(VENV) -m flask --app app drill $(or $(NAME),all)

schedule: $(RUNTIME) ## have pg_cron reconcile, check health and drain the queue, on its schedule
	@$(SYNC) schedule

unschedule: $(RUNTIME) ## take these jobs out of pg_cron
	@$(SYNC) unschedule

test: $(TOOLS) ## run every test on the embedded PostgreSQL, or on that of DSN (with CITUS=rows or school, on a cluster); ARGS go to pytest
	@$(if $(DSN),LOCKSTEP_TEST_DSN="$(DSN)") $(if $(CITUS),LOCKSTEP_TEST_CITUS="$(CITUS)" LOCKSTEP_TEST_WORKERS="$(WORKERS)") \
		$(VENV) -m pytest -n auto --maxprocesses 4 $(ARGS)

lint: $(TOOLS) ## check style and types of Python, style of SQL, and what migrations do to a database at work
	@$(VENV) -m ruff check --quiet
	@$(VENV) -m ruff format --check --quiet
	@$(VENV) -m mypy --no-error-summary
	@$(VENV) -m sqlfluff lint --disable-progress-bar $(filter-out sql/migrator,$(wildcard sql/*))
	@.venv/bin/squawk sql/migrations/*.sql >&2

format: $(TOOLS) ## rewrite Python in the style that lint asks for
	@$(VENV) -m ruff check --fix --quiet
	@$(VENV) -m ruff format --quiet

check: export CI = true
check: ## what CI does: tests, lint, the tests again on PostgreSQL 15, and those of HTTP through PgBouncer
	@test -x $(PG15BIN)/postgres || { echo "no PostgreSQL 15 in $(PG15BIN): set PG15BIN" >&2; exit 1; }
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory lint
	@LOCKSTEP_PGBIN=$(PG15BIN) $(MAKE) --no-print-directory test \
		ARGS='--ignore=tests/http -m "not once"'
	@LOCKSTEP_PGBIN=$(PG15BIN) LOCKSTEP_TEST_PGBOUNCER=1 $(MAKE) --no-print-directory test ARGS=tests/http

docs: $(TOOLS) ## write the generated documents anew: README's sessions, schema.sql, guarantees.md, figures
	@LOCKSTEP_WRITE=1 $(VENV) -m pytest -q tests/docs tests/guarantees tests/http/test_readme.py
	@LOCKSTEP_WRITE=1 LOCKSTEP_PGBIN=$(PG15BIN) $(VENV) -m pytest -q tests/docs/test_schema.py

torture: $(TOOLS) ## kill the server under load, CYCLES times (100), and add everything up
	@$(VENV) -m tests.torture.crash --cycles $(or $(CYCLES),100)

deadlocks: $(TOOLS) ## a million calls on hot pairs, and hostile raw SQL beside them
	@$(VENV) -m tests.torture.deadlock $(ARGS)

load: $(TOOLS) ## ask the service from CLIENTS connections (200) for SECONDS (60), and add everything up
	@$(VENV) -m tests.torture.http --clients $(or $(CLIENTS),200) --seconds $(or $(SECONDS),60)

soak: $(TOOLS) ## live through a day of traffic and jobs in MINUTES (20), and look for what is left behind
	@$(VENV) -m tests.torture.soak --minutes $(or $(MINUTES),20)

contract: $(TOOLS) ## ask every route of the served document for answers that it does not promise; EXAMPLES of each (300)
	@EXAMPLES=$(or $(EXAMPLES),300) $(VENV) -m pytest tests/http/test_contract.py

bench: $(TOOLS) ## measure every row of the table of speeds beside its floor; ARGS=--quick: three minutes
	@$(VENV) -m bench $(ARGS)

plots: $(TOOLS) ## measure what bench/plots/ shows, and draw it; ARGS go to the measuring
	@$(VENV) -m bench.curves $(ARGS)
	@$(VENV) -m bench.plots

simulate: $(TOOLS) ## ten million users on one server, measured, and their busiest minute, computed (12 GB); ARGS
	@$(VENV) -m bench.simulation --users 10000000 $(ARGS)

editors: $(TOOLS) ## 100 clients editing 20 projects over HTTP for 60 s; every acknowledged version is read again
	@$(VENV) -m tests.torture.editors $(ARGS)

adopt-demo: $(TOOLS) ## take over an older school of USERS users (20,000) with every fault, and add everything up
	@$(VENV) -m tests.adoption.demo --users $(or $(USERS),20000)

lock: ## write requirements*.txt anew from requirements*.in
	@$(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip install --quiet pip-tools
	@$(COMPILE) -o requirements.txt requirements.in
	@$(COMPILE) -o requirements-dev.txt requirements-dev.in
	@rm -r .venv-lock

$(RUNTIME): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer: PYTHON=")'
	@echo "installing what Lockstep runs on into .venv" >&2
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.txt
	@touch $@

$(TOOLS): requirements-dev.txt $(RUNTIME)
	@echo "installing what its tests need into .venv" >&2
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@
