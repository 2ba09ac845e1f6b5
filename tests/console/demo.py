"""A demo database that has something to show on every page: what the pictures of the console are made of."""

from psycopg.types.json import Jsonb

from tests.pairs import Connection, call, plant

# Kinds of desync: levels of progress and license by force, of which specialization.
PLANTED = ((4, 2, "PLAYER"), (2, 5, "PLAYER"), (3, None, "PLAYER"), (None, 2, "COACH"), (6, 3, "COACH"))


def dress(connection: Connection) -> None:
    """Give a seeded database a week of checks, some runs, pairs out of step, and entries that were set aside."""
    students = [
        id for (id,) in connection.execute("select id from lockstep.users where role = 'student' order by id limit 20")
    ]
    connection.execute("select lockstep.check_health()")
    connection.execute(
        """
        insert into lockstep.health_checks
            (checked_at, status, consistency_rate, total_checked, total_violations, oldest_unverified)
        select moment, case when rate >= 99 then 'healthy' else 'degraded' end, rate, 241,
            round((100 - rate) * 2.41), moment - interval '4 minutes'
        from generate_series(now() - interval '6 days 20 hours', now() - interval '5 minutes', interval '30 minutes')
            as moment
        cross join lateral (
            select case
                when extract(epoch from now() - moment) between 200000 and 230000 then 98.755
                when extract(epoch from now() - moment) between 400000 and 410000 then 99.585
                else 100
            end::numeric as rate
        ) as seen
        """
    )
    plant(connection, 5, 3, students[10])
    run = call(connection, "plan_sync", "to_higher_level", requested_by=None, reason="After the import of 3 September")
    connection.execute("call lockstep.apply_sync(%s)", [run.id])
    undo = call(connection, "plan_undo", run.id, reason="Wrong side: the license is right")
    connection.execute("call lockstep.apply_sync(%s)", [undo.id])
    connection.execute("call lockstep.reconcile()")
    for student, (progress, license, specialization) in zip(students, PLANTED, strict=False):
        plant(connection, progress, license, student, specialization)
    connection.execute("select lockstep.check_health()")
    closed = call(connection, "note_incident", "lock_wait", "PLAYER", Jsonb({"waits": 3, "longest": "240 ms"}))
    connection.execute(
        "select lockstep.close_incident(kind, subject) from lockstep.incidents where incident_id = %s", closed
    )
    connection.execute("select lockstep.check_incidents()")
    for student in students[5:8]:
        connection.execute("select lockstep.enqueue_level_up(%s, 'PLAYER', p_theory_hours => 2)", [student])
    connection.execute(
        "update lockstep.queued_level_ups set set_aside_at = now(), attempts = 3, error_code = 'LS005',"
        " error = 'hours do not belong to this specialization' where user_id <> %s",
        [students[7]],
    )
