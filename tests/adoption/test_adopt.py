"""`flask adopt` on the database of an older school: everything is accounted for, and nothing is overwritten."""

from collections import Counter
from typing import Any

import psycopg
import pytest

from app.adoption.adopt import Result, differences
from app.adoption.source import AdoptionError
from tests.adoption.conftest import OWN, Adopt, checksum
from tests.adoption.legacy import Manifest
from tests.pairs import Connection, desyncs, one, refused, rows, update_level, value


def counted(plan: list[dict[str, Any]], table: str, outcome: str | None = None, reason: str | None = None) -> int:
    """Rows of a plan, or of sums."""
    return sum(
        row["rows"]
        for row in plan
        if row["table_name"] == table
        and outcome in (None, row["outcome"])
        and (reason is None or reason in row["reasons"].split(", "))
    )


def outcomes(connection: Connection) -> Counter[tuple[str, str]]:
    """How many rows of which table had which outcome, as the ledger has it."""
    found = rows(connection, "select table_name, outcome, count(*) as n from lockstep.adopted_rows group by 1, 2")
    return Counter({(row.table_name, row.outcome): row.n for row in found})


def planned(result: Result) -> Counter[tuple[str, str]]:
    total: Counter[tuple[str, str]] = Counter()
    for row in result.plan:
        total[row["table_name"], row["outcome"]] += row["rows"]
    return total


def test_a_dry_run_changes_nothing_and_says_what_the_real_one_then_does(
    connection: Connection, school: Manifest, take: Adopt
) -> None:
    before = checksum(connection, "lockstep")
    dry = take(apply=False)
    assert checksum(connection, "lockstep") == before
    done = take()
    assert done.plan == dry.plan
    assert outcomes(connection) == planned(dry)


def test_each_row_level_and_point_of_xp_that_is_not_accounted_for_is_a_difference(
    connection: Connection, school: Manifest, take: Adopt
) -> None:
    result = take()
    table = "specialization_progress"
    row = next(row for row in result.sums if row["table_name"] == table)
    for figure in ("rows", "level_found", "xp_found"):
        row[figure] -= 1
        (difference,) = differences(result)
        assert difference.startswith(f"{table}: "), figure
        row[figure] += 1
    assert differences(result) == []


def test_every_row_and_every_planted_fault_is_accounted_for(
    connection: Connection, school: Manifest, take: Adopt
) -> None:
    result = take()
    faults = school.faults
    assert result.differences == []
    for table, count in school.rows.items():
        assert counted(result.sums, table) == counted(result.plan, table) == count, table
    assert sum(row["xp_found"] for row in result.sums) == school.sums["specialization_progress.total_xp"]

    def of(table: str, reason: str) -> int:
        return counted(result.plan, table, reason=reason)

    progress, license, history = "specialization_progress", "user_licenses", "license_progressions"
    impossible_internships = faults["internship_above_rows"]
    assert {
        "same_mail": of("users", "same_mail"),
        "no_mail": of("users", "no_mail"),
        "unknown_role": of("users", "unknown_role"),
        "progress twice": of(progress, "duplicate"),
        "license twice": of(license, "duplicate"),
        "progress of nobody": of(progress, "no_user"),
        "license of nobody": of(license, "no_user"),
        "progress in nothing": of(progress, "no_specialization"),
        "license in nothing": of(license, "no_specialization"),
        "license missing": of(progress, "missing_side"),
        "progress missing": of(license, "missing_side"),
        "progress impossible": of(progress, "impossible_level"),
        "license impossible": of(license, "impossible_level"),
        "below 0": of(progress, "negative_figure"),
        "no figure": of(progress, "missing_figure"),
        "cap": of("specializations", "max_levels_differ"),
        "history of no license": of(history, "no_license"),
        "history of a license left out": of(history, "license_in_quarantine"),
        "history by nobody": of(history, "no_actor"),
        "history impossible": of(history, "impossible_level"),
    } == {
        "same_mail": faults["user_same_mail"],
        "no_mail": faults["user_no_mail"],
        "unknown_role": faults["user_unknown_role"],
        "progress twice": faults["progress_twice"] + faults["pair_of_same_mail"],
        "license twice": faults["license_twice"] + faults["pair_of_same_mail"],
        "progress of nobody": faults["progress_of_nobody"],
        "license of nobody": faults["license_of_nobody"],
        "progress in nothing": faults["progress_unknown_specialization"],
        "license in nothing": faults["license_unknown_specialization"],
        "license missing": faults["missing_license"],
        "progress missing": faults["missing_progress"],
        "progress impossible": impossible_internships
        + sum(faults[f"progress_level_{kind}"] for kind in ("zero", "above", "null")),
        "license impossible": impossible_internships
        + sum(faults[f"license_level_{kind}"] for kind in ("zero", "above", "null")),
        "below 0": sum(faults[f"negative_{kind}"] for kind in ("xp", "sessions", "projects", "hours")),
        "no figure": faults["null_xp"] + faults["hours_not_a_number"],
        "cap": faults["cap_above_rows"],
        "history of no license": faults["history_of_no_license"],
        "history of a license left out": faults["history_of_nobody"],
        "history by nobody": faults["history_by_nobody"],
        "history impossible": faults["history_impossible_level"] + faults["history_null_level"],
    }
    for side, fault in ((progress, "license_higher"), (license, "progress_higher")):
        ids = school.where[fault]
        assert (
            len(ids)
            == faults[fault]
            == value(
                connection,
                "select count(*) from lockstep.adopted_rows as adopted"
                " inner join lockstep.adopted_rows as other using (user_id, specialization_id)"
                " where adopted.table_name = %s and adopted.reasons = '{desync}'"
                " and other.table_name <> adopted.table_name and other.source_id::integer = any(%s)"
                " and other.table_name <> 'license_progressions'",
                side,
                ids,
            )
        )


def test_what_came_over_is_in_step_and_every_guard_stands(
    connection: Connection, school: Manifest, take: Adopt
) -> None:
    result = take()
    assert desyncs(connection) == 0
    assert value(connection, "select count(*) from lockstep.guard_status where status <> 'intact'") == 0
    here = one(
        connection,
        "select count(*) as pairs, sum(total_xp) as xp, sum(current_level) as levels"
        " from lockstep.specialization_progress",
    )
    kept = [row for row in result.sums if row["table_name"] == "specialization_progress"]
    assert here.xp == sum(row["xp_kept"] for row in kept)
    made = school.faults["missing_progress"]
    assert here.pairs == made + sum(row["rows"] for row in kept if row["outcome"] in ("imported", "repaired"))
    # The history of each pair ends at its level; a pair at level 1 needs none.
    assert (
        rows(
            connection,
            """
        select pair.user_id
        from lockstep.adopted_pairs_here as pair
        where pair.current_level <> coalesce((
            select progression.to_level from lockstep.license_progressions as progression
            where progression.user_license_id = pair.license_id
            order by progression.id desc limit 1
        ), 1)
        """,
        )
        == []
    )
    assert {row.route for row in rows(connection, "select distinct route from lockstep.license_progressions")} == {
        "import"
    }
    # And it is a living database: the next change is coupled.
    user = value(connection, "select min(user_id) from lockstep.adopted_pairs_here where specialization_id = 'PLAYER'")
    assert update_level(connection, user, "PLAYER", 7).license_new_level == 7


def test_a_row_comes_over_with_its_times_its_history_and_the_columns_that_have_no_place_here(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    there = one(
        old,
        """
        select progression.*, license.user_id, license.specialization_type
        from public.license_progressions as progression
        inner join public.user_licenses as license on license.id = progression.user_license_id
        where license.user_id < 5000000
        order by progression.id limit 1
        """,
    )
    take(timezone="Europe/Budapest")
    here = one(
        connection,
        "select progression.*, license.specialization_type from lockstep.license_progressions as progression"
        " inner join lockstep.user_licenses as license on license.id = progression.user_license_id"
        " where progression.user_id = %s and license.specialization_type = %s order by progression.id limit 1",
        there.user_id,
        there.specialization_type,
    )
    assert (here.from_level, here.to_level, here.advanced_by) == (there.from_level, there.to_level, there.advanced_by)
    assert value(connection, "select %s::timestamptz at time zone 'Europe/Budapest'", here.advanced_at) == (
        there.advanced_at
    )
    person = one(old, "select * from public.users where phone is not null order by id limit 1")
    kept = one(
        connection,
        "select user_id, extra from lockstep.adopted_rows where table_name = 'users' and source_id = %s",
        str(person.id),
    )
    assert kept.user_id == person.id
    assert kept.extra == {"phone": person.phone, "date_of_birth": person.date_of_birth.isoformat()}


def test_what_cannot_come_over_stands_whole_in_quarantine(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    take()
    for id in school.where["progress_of_nobody"]:
        there = value(old, "select to_jsonb(t) from public.specialization_progress as t where id = %s", id)
        found = one(
            connection,
            "select reasons, content, user_id from lockstep.adoption_quarantine"
            " where table_name = 'specialization_progress' and source_id = %s",
            str(id),
        )
        assert (found.content, found.user_id) == (there, None)
        assert "no_user" in found.reasons


def test_the_source_is_only_read_by_a_role_that_may_do_nothing_else(
    old: Connection, school: Manifest, take: Adopt, empty_database: str, admin: Connection
) -> None:
    before = checksum(old, "public")
    admin.execute("drop role if exists adoption_reader")
    admin.execute("create role adoption_reader login password 'reads'")
    try:
        old.execute("grant select on all tables in schema public to adoption_reader")
        source = psycopg.conninfo.make_conninfo(empty_database, user="adoption_reader", password="reads")
        result = take(source=source)
        assert result.differences == []
        assert checksum(old, "public") == before
    finally:
        old.execute("drop owned by adoption_reader")
        admin.execute("drop role adoption_reader")


def test_a_second_adoption_does_nothing(connection: Connection, school: Manifest, take: Adopt) -> None:
    take()
    before = checksum(connection, "lockstep", without=("adoption_runs",))
    again = take()
    assert {row["outcome"] for row in again.plan} == {"unchanged"}
    assert again.differences == []
    assert checksum(connection, "lockstep", without=("adoption_runs",)) == before


def test_a_later_adoption_brings_what_changed_and_leaves_what_was_changed_here(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    take()
    first, second = (
        row.user_id
        for row in rows(
            connection,
            """
            select progress.user_id
            from lockstep.adopted_rows as progress
            inner join lockstep.adopted_rows as license using (user_id, specialization_id)
            where progress.table_name = 'specialization_progress' and progress.outcome = 'imported'
                and license.table_name = 'user_licenses' and license.outcome = 'imported'
                and progress.specialization_id = 'PLAYER' and progress.level_kept < 5
            order by 1 limit 2
            """,
        )
    )
    for table, key, specialization in (
        ("specialization_progress", "student_id", "specialization_id"),
        ("user_licenses", "user_id", "specialization_type"),
    ):
        old.execute(
            f"update public.{table} set current_level = 6"
            f" where {key} = any(%s) and {specialization} = 'PLAYER'".encode(),
            [[first, second]],
        )
    old.execute("update public.specialization_progress set total_xp = total_xp + 7 where student_id = %s", [first])
    old.execute("insert into public.users (name, email, role) values ('New', 'new@school.example', 'student')")
    old.execute("update public.users set name = 'Renamed' where id = any(%s)", [[first, second]])
    connection.execute("update lockstep.users set name = 'Renamed here' where id = %s", [second])
    update_level(connection, second, "PLAYER", 2, 55)
    xp = value(
        connection,
        "select total_xp from lockstep.specialization_progress where student_id = %s and specialization_id = 'PLAYER'",
        first,
    )
    result = take()
    assert result.differences == []
    assert counted(result.plan, "users", "imported") == 2
    assert counted(result.plan, "users", "conflict", "changed_here") == 1
    assert outcomes(connection)["users", "conflict"] == 1
    names = rows(connection, "select name from lockstep.users where id = any(%s) order by id", [first, second])
    assert names == [("Renamed",), ("Renamed here",)]
    assert counted(result.plan, "specialization_progress", "conflict", "changed_here") == 1
    assert counted(result.plan, "user_licenses", "conflict") == 1
    changed = one(
        connection,
        "select * from lockstep.specialization_progress where student_id = %s and specialization_id = 'PLAYER'",
        first,
    )
    assert (changed.current_level, changed.total_xp) == (6, xp + 7)
    assert (
        value(
            connection,
            "select current_level from lockstep.user_licenses where user_id = %s and specialization_type = 'PLAYER'",
            second,
        )
        == 2
    )
    assert desyncs(connection) == 0
    again = take()
    assert {row["outcome"] for row in again.plan} == {"unchanged"}


@pytest.mark.parametrize(
    ("direction", "progress_higher", "license_higher"),
    [("progress_to_license", 4, 2), ("license_to_progress", 2, 5), ("to_higher_level", 4, 5)],
)
def test_pairs_out_of_step_are_repaired_in_the_direction_that_is_asked_for(
    connection: Connection,
    school: Manifest,
    take: Adopt,
    direction: str,
    progress_higher: int,
    license_higher: int,
) -> None:
    take(direction=direction)
    for table, fault, level in (
        ("specialization_progress", "progress_higher", progress_higher),
        ("user_licenses", "license_higher", license_higher),
    ):
        found = rows(
            connection,
            "select distinct here.current_level from lockstep.adopted_rows as adopted"
            " inner join lockstep.adopted_pairs_here as here using (user_id, specialization_id)"
            " where adopted.table_name = %s and adopted.source_id::integer = any(%s)",
            table,
            school.where[fault],
        )
        assert [row.current_level for row in found] == [level]
    assert desyncs(connection) == 0


def test_somebody_here_already_is_found_by_their_address_and_their_pair_is_not_overwritten(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    there = one(
        old,
        "select progress.student_id as id, lower(email) as email, specialization_id"
        " from public.specialization_progress as progress inner join public.users as u on u.id = student_id"
        " where email is not null and progress.current_level > 1 order by progress.id limit 1",
    )
    connection.execute("select setval('lockstep.users_id_seq', 100000)")
    here = value(
        connection, "insert into lockstep.users (email, name) values (upper(%s), 'Here') returning id", there.email
    )
    update_level(connection, here, there.specialization_id, 1, 3)
    # And somebody else has the id of another.
    taken = there.id + 1
    connection.execute("insert into lockstep.users (id, email) values (%s, 'other@here.example')", [taken])
    result = take()
    assert result.differences == []
    assert counted(result.plan, "users", "merged", "same_mail_here") == 1
    assert counted(result.plan, "specialization_progress", "conflict", "pair_here") == 1
    assert (
        value(
            connection,
            "select total_xp from lockstep.specialization_progress where student_id = %s and specialization_id = %s",
            here,
            there.specialization_id,
        )
        == 3
    )
    assert value(connection, "select email from lockstep.users where id = %s", taken) == "other@here.example"
    moved = value(
        connection,
        "select user_id from lockstep.adopted_rows where table_name = 'users' and source_id = %s",
        str(taken),
    )
    assert moved not in (taken, here)


def test_a_database_that_is_neither_kind_is_refused(old: Connection, take: Adopt) -> None:
    with pytest.raises(AdoptionError):
        take()
    old.execute("create table public.users (id integer); create table public.specialization_progress (id integer)")
    with pytest.raises(AdoptionError):
        take()


def test_only_one_adoption_at_a_time(connection: Connection, school: Manifest, take: Adopt) -> None:
    connection.execute("select pg_advisory_lock(hashtextextended('lockstep adoption', 0))")
    with pytest.raises(AdoptionError):
        take()


def test_a_time_zone_that_nobody_knows_changes_nothing(connection: Connection, school: Manifest, take: Adopt) -> None:
    with refused("22023"):
        take(timezone="Europe/Atlantis")
    assert value(connection, "select count(*) from lockstep.users") == 0


def test_somebody_erased_does_not_come_back_with_the_next_adoption(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    take()
    connection.execute("insert into lockstep.users (id, email, role) values (%s, 'a@b.example', 'admin')", [90_000])
    person = one(
        old,
        "select u.id, u.name, l.instructor_notes as notes from public.users as u"
        " inner join public.user_licenses as l on l.user_id = u.id where instructor_notes is not null"
        " and u.email is not null order by u.id desc limit 1",
    )
    export = value(connection, "select lockstep.export_user(90000, %s)::text", person.id)
    assert '"adopted_rows": [' in export
    connection.execute("select lockstep.erase_user(90000, %s)", [person.id])
    old.execute("update public.users set name = name || ' II' where id = %s", [person.id])
    old.execute("update public.user_licenses set instructor_notes = 'More of them' where user_id = %s", [person.id])
    result = take()
    assert result.differences == []
    words = [person.name, person.notes, "More of them"]
    for table in ("users", "user_licenses", "adopted_rows", "adoption_staging", "adoption_pairs"):
        text = value(connection, f"select coalesce(string_agg(t::text, ' '), '') from lockstep.{table} as t")
        assert [word for word in words if word in text] == [], table


def erase(connection: Connection, user: int) -> None:
    connection.execute(
        "insert into lockstep.users (id, email, role) values (90000, 'a@b.example', 'admin') on conflict do nothing"
    )
    connection.execute("select lockstep.erase_user(90000, %s)", [user])


def test_nothing_of_somebody_erased_is_left_in_the_ledger_from_that_moment(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    old.execute("update public.users set role = 'parent', phone = '+36 99 unlisted' where id = 40")
    take()
    text = "select string_agg(t::text, ' ') from lockstep.adopted_rows as t where user_id = 40"
    assert "Person 000040" in value(connection, text)
    assert "+36 99 unlisted" in value(connection, text)
    erase(connection, 40)
    assert "Person 000040" not in value(connection, text)
    assert "+36 99 unlisted" not in value(connection, text)
    assert {
        row.outcome for row in rows(connection, "select outcome from lockstep.adopted_rows where user_id = 40")
    } == {"erased"}


def test_what_the_source_has_anew_of_somebody_erased_does_not_come_over(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    take()
    pairs = "select specialization from lockstep.pairs where user_id = 40 order by 1"
    before = rows(connection, pairs)
    free = value(
        connection,
        "select min(id) from lockstep.specializations where id not in"
        " (select specialization from lockstep.pairs where user_id = 40)",
    )
    erase(connection, 40)
    old.execute("insert into public.specialization_progress (student_id, specialization_id) values (40, %s)", [free])
    license = value(
        old,
        "insert into public.user_licenses (user_id, specialization_type, instructor_notes)"
        " values (40, %s, 'A word about them') returning id",
        free,
    )
    old.execute(
        "insert into public.license_progressions (user_license_id, to_level, advancement_reason)"
        " values (%s, 1, 'A word about them')",
        [license],
    )
    result = take()
    assert result.differences == []
    for table in ("specialization_progress", "user_licenses", "license_progressions"):
        assert counted(result.plan, table, "erased") == 1, table
        text = value(connection, f"select coalesce(string_agg(t::text, ' '), '') from lockstep.{table} as t")
        assert "A word about them" not in text
    assert "A word about them" not in value(
        connection, "select string_agg(t::text, ' ') from lockstep.adopted_rows as t"
    )
    assert rows(connection, pairs) == before
    assert {row["outcome"] for row in take().plan} == {"unchanged"}


def test_columns_that_a_table_has_no_place_for_are_kept_whatever_another_table_has(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    old.execute(
        "alter table public.users add title text, add username text, add level integer, add display_name text;"
        "update public.users set title = 'Dr', username = 'forty', level = 7, display_name = 'Forty' where id = 40;"
        "update public.users set name = null, username = 'fifty', display_name = 'Fifty' where id = 50"
    )
    take()
    extra = "select extra - '{phone,date_of_birth}'::text[] from lockstep.adopted_rows where table_name = 'users'"
    assert value(connection, f"{extra} and source_id = '40'") == {
        "title": "Dr",
        "level": 7,
        "username": "forty",
        "display_name": "Forty",
    }
    # What came over in the place of the name is not kept twice.
    assert value(connection, "select name from lockstep.users where id = 50") == "Fifty"
    assert value(connection, f"{extra} and source_id = '50'") == {"title": None, "level": None, "username": "fifty"}


def test_a_figure_that_there_is_no_place_for_is_cut_and_said(
    old: Connection, connection: Connection, school: Manifest, take: Adopt
) -> None:
    old.execute("update public.specialization_progress set theory_hours_completed = 12.345 where id = 40")
    result = take()
    assert counted(result.plan, "specialization_progress", "repaired", "figure_cut") == 1
    user = value(old, "select student_id from public.specialization_progress where id = 40")
    hours = "select max(theory_hours_completed)::text from lockstep.specialization_progress where student_id = %s"
    assert value(connection, hours, user) in ("12.34", "12.35")


def test_no_staged_row_is_left_behind(connection: Connection, school: Manifest, take: Adopt) -> None:
    take(apply=False)
    take()
    assert [value(connection, f"select count(*) from lockstep.{table}") for table in OWN[2:]] == [0, 0]
