"""`flask adopt` on projects and assets: rows and the files on disk, each accounted for."""

import hashlib
from pathlib import Path

import pytest

from app.adoption.source import AdoptionError
from tests.adoption.conftest import Adopt, checksum
from tests.adoption.legacy import Manifest
from tests.adoption.test_adopt import counted, erase, outcomes, planned
from tests.http.files import png, sb3
from tests.pairs import Connection, one, refused, rows, value


def test_every_project_asset_and_membership_is_accounted_for(
    old: Connection, connection: Connection, makers: Manifest, take: Adopt, tmp_path: Path
) -> None:
    before = checksum(old, "public"), checksum(connection, "lockstep")
    dry = take(apply=False, folder=tmp_path)
    assert checksum(connection, "lockstep") == before[1]
    done = take(folder=tmp_path)
    assert checksum(old, "public") == before[0]
    assert (done.plan, outcomes(connection)) == (dry.plan, planned(dry))
    assert done.differences == []
    for table, count in makers.rows.items():
        assert counted(done.sums, table) == count, table
    assert sum(row["bytes"] for row in done.sums) == makers.sums["bytes"]
    for table, reason, outcome in (
        ("users", "same_mail", "merged"),
        ("groups", "same_name", "merged"),
        ("groups", "no_name", "quarantined"),
        ("user_groups", "no_user", "quarantined"),
        ("user_groups", "no_group", "quarantined"),
        ("projects", "no_file", "quarantined"),
        ("projects", "not_a_project_file", "quarantined"),
        ("projects", "path_leads_out", "quarantined"),
        ("projects", "no_owner", "quarantined"),
        ("projects", "no_title", "repaired"),
        ("assets", "no_file", "quarantined"),
        ("assets", "md5_differs", "quarantined"),
        ("assets", "not_an_asset", "quarantined"),
        ("assets", "no_owner", "repaired"),
    ):
        assert counted(done.plan, table, outcome, reason) == 1, (table, reason)
    assert counted(done.plan, "user_groups", "merged", "duplicate") == makers.faults["member_twice"]
    members = value(connection, "select count(*) from lockstep.group_members")
    assert members == counted(done.sums, "user_groups", "imported")


def test_a_project_comes_over_as_version_1_with_its_file_and_its_first_revision(
    connection: Connection, makers: Manifest, take: Adopt, tmp_path: Path
) -> None:
    take(folder=tmp_path, timezone="Europe/Budapest")
    project = one(connection, "select * from lockstep.projects where title = 'Maze 3'")
    file = (tmp_path / "projects" / "p3.sb3").read_bytes()
    assert (project.version, project.file_name) == (1, "p3.sb3")
    assert project.file_sha256 == hashlib.sha256(file).digest()
    assert value(connection, "select content from lockstep.blobs where sha256 = %s", project.file_sha256) == file
    (revision,) = rows(connection, "select * from lockstep.project_revisions where project_id = %s", project.id)
    assert (revision.version, revision.action, revision.file_sha256) == (1, "created", project.file_sha256)
    owner = one(connection, "select email, name from lockstep.users where id = %s", project.user_id)
    assert owner == ("maker3@school.example", "Maker3")
    asset = one(connection, "select * from lockstep.assets where id = md5(%s)", png(3))
    assert (asset.type, asset.format, asset.created_by) == ("costume", "png", project.user_id)
    assert value(
        connection,
        "select extra from lockstep.adopted_rows where target_id = %s and table_name = 'projects'",
        str(project.id),
    ) == {"is_public": True}


def test_a_later_adoption_brings_changed_files_and_leaves_projects_that_were_changed_here(
    connection: Connection, makers: Manifest, take: Adopt, tmp_path: Path
) -> None:
    take(folder=tmp_path)
    assert {row["outcome"] for row in take(folder=tmp_path).plan} == {"unchanged"}
    for name in ("p1", "p2"):
        (tmp_path / "projects" / f"{name}.sb3").write_bytes(sb3(changed=name))
    (tmp_path / "projects" / "gone.sb3").write_bytes(sb3(found="again"))
    second = one(connection, "select * from lockstep.projects where title = 'Maze 2'")
    connection.execute(
        "select lockstep.update_project(%s, %s, p_description => 'Worked on here')", [second.user_id, second.id]
    )
    result = take(folder=tmp_path)
    assert result.differences == []
    assert counted(result.plan, "projects", "conflict", "changed_here") == 1
    assert counted(result.plan, "projects", "unchanged") == makers.rows["projects"] - 3
    first = one(connection, "select * from lockstep.projects where title = 'Maze 1'")
    assert (first.version, first.file_sha256) == (2, hashlib.sha256(sb3(changed="p1")).digest())
    assert one(connection, "select * from lockstep.projects where id = %s", second.id).version == 2
    assert [
        row.source_id
        for row in rows(
            connection,
            "select source_id from lockstep.adopted_rows where table_name = 'projects' and outcome = 'conflict'",
        )
    ] == ["p2"]
    assert value(connection, "select count(*) from lockstep.projects where title = 'Gone'") == 1


def test_a_content_that_shares_its_md5_with_another_one_here_is_quarantined(
    connection: Connection, makers: Manifest, take: Adopt, tmp_path: Path
) -> None:
    # No two contents with one MD5 are at hand, so the row lies: as if another content had been first.
    other = value(connection, "insert into lockstep.blobs values (sha256('other'), 'other') returning sha256")
    connection.execute(
        "insert into lockstep.assets (id, sha256, type, format) values (md5(%s), %s, 'costume', 'png')", [png(1), other]
    )
    result = take(folder=tmp_path)
    assert result.differences == []
    assert counted(result.plan, "assets", "quarantined", "id_taken_here") == 1


def test_both_kinds_of_tables_in_one_database_are_adopted_together(
    old: Connection, connection: Connection, school: Manifest, take: Adopt, tmp_path: Path
) -> None:
    old.execute(
        "create table public.projects (id integer primary key, name text, user_id integer, created_at text);"
        "insert into public.projects values (1, 'Maze', 20, '2023-02-03 04:05:06'), (2, 'Race', 20, 'last week')"
    )
    for number in (1, 2):
        (tmp_path / f"{number}.sb3").write_bytes(sb3(number=number))
    result = take(folder=tmp_path)
    assert result.differences == []
    assert counted(result.plan, "users") == school.rows["users"]
    assert rows(connection, "select title, user_id, version from lockstep.projects order by title") == [
        ("Maze", 20, 1),
        ("Race", 20, 1),
    ]


def test_what_the_source_has_anew_of_a_maker_who_was_erased_does_not_come_over(
    old: Connection, connection: Connection, makers: Manifest, take: Adopt, tmp_path: Path
) -> None:
    take(folder=tmp_path)
    owner = value(connection, "select id from lockstep.users where email = 'maker3@school.example'")
    erase(connection, owner)
    there = value(old, "select id from public.users where email = 'maker3@school.example'")
    old.execute("insert into public.projects (id, title, owner_id) values ('again', 'Once again', %s)", [there])
    (tmp_path / "projects" / "again.sb3").write_bytes(sb3(number=77))
    old.execute("insert into public.user_groups values (%s, 2)", [there])
    result = take(folder=tmp_path)
    assert result.differences == []
    assert counted(result.plan, "projects", "erased") == counted(result.plan, "user_groups", "erased") == 1
    assert value(connection, "select count(*) from lockstep.projects where title = 'Once again'") == 0
    assert value(connection, "select count(*) from lockstep.group_members where user_id = %s", owner) == 0
    assert {row["outcome"] for row in take(folder=tmp_path).plan} == {"unchanged"}


def test_bytes_that_did_not_arrive_are_a_difference_and_files_that_no_row_names_are_told(
    connection: Connection, makers: Manifest, take: Adopt, tmp_path: Path
) -> None:
    (tmp_path / "projects" / "nobodys.sb3").write_bytes(sb3(number=99))
    (tmp_path / "thumbs").mkdir()
    (tmp_path / "thumbs" / "1.png").write_bytes(png(1))
    assert take(apply=False, folder=tmp_path).unnamed == ["projects/nobodys.sb3", "thumbs/1.png"]
    # Somebody's trigger has each project point at another content.
    connection.execute("insert into lockstep.blobs values (sha256('other'), 'other')")
    connection.execute(
        "create function public.swap() returns trigger language plpgsql as"
        " 'begin new.file_sha256 := sha256(''other''); return new; end';"
        "create trigger swap before insert on lockstep.projects for each row when (new.title = 'Maze 3')"
        " execute function public.swap()"
    )
    result = take(folder=tmp_path)
    assert len(result.differences) == 1
    assert "projects" in result.differences[0]


def test_a_file_that_changed_or_went_after_the_plan_stops_the_adoption_and_the_next_one_goes_on(
    connection: Connection, makers: Manifest, take: Adopt, tmp_path: Path
) -> None:
    for number, change in enumerate((lambda path: path.write_bytes(sb3(changed=1)), lambda path: path.unlink()), 3):
        path = tmp_path / "projects" / f"p{number}.sb3"
        with refused("LS096"):
            take(folder=tmp_path, report=lambda result, path=path, change=change: change(path))
    result = take(folder=tmp_path)
    assert result.differences == []
    assert counted(result.plan, "projects", "quarantined", "no_file") == 2
    project = one(connection, "select * from lockstep.projects where title = 'Maze 3'")
    assert project.file_sha256 == hashlib.sha256(sb3(changed=1)).digest()


def test_a_source_with_files_is_refused_without_its_folder(makers: Manifest, take: Adopt) -> None:
    with pytest.raises(AdoptionError):
        take()
