"""Revisions, deletion, copies (F5, F7): nothing that was acknowledged is lost."""

import pytest

from tests.pairs import Connect, Connection, call, refused, rows, value
from tests.projects.support import FILE, add_group, count, create, file_of, read, revisions, share, update

pytestmark = pytest.mark.usefixtures("people")


def test_every_version_can_be_read_whole(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="B", file=b"second", file_name="b.sb3")
    update(connection, 1, project.id, 2, description="C")
    assert [file_of(connection, 1, project.id, version) for version in (1, 2, 3)] == [FILE, b"second", b"second"]
    listed = rows(connection, "select * from lockstep.list_revisions(1, %s)", project.id)
    assert [(one.version, one.title, one.description, one.action) for one in listed] == [
        (3, "B", "C", "updated"),
        (2, "B", "", "updated"),
        (1, "Maze", "", "created"),
    ]
    assert call(connection, "read_revision", 1, project.id, 2) == listed[1]
    before = rows(connection, "select * from lockstep.list_revisions(1, %s, 3, 1)", project.id)
    assert before == [listed[1]]


def test_bringing_a_version_back_is_a_new_version(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, title="B", file=b"second", file_name="b.sb3", description="text")
    back = call(connection, "restore_revision", 1, project.id, 1, 2)
    assert (back.version, back.title, back.description, back.file_name) == (3, "Maze", "", "a.sb3")
    assert file_of(connection, 1, project.id) == FILE
    assert [(one.action, one.restored_from) for one in revisions(connection, project.id)] == [
        ("created", None),
        ("updated", None),
        ("reverted", 1),
    ]
    assert update(connection, 1, project.id, 3, title="C").version == 4
    assert revisions(connection, project.id)[-1].restored_from is None


def test_a_version_that_never_was_is_not_found(connection: Connection) -> None:
    project = create(connection)
    for version in (0, 2, None):
        with refused("LS054"):
            call(connection, "restore_revision", 1, project.id, version)
    with refused("LS054"):
        call(connection, "read_revision", 1, project.id, 9)
    with refused("LS054"):
        call(connection, "read_file", 1, project.id, 9)


@pytest.mark.parametrize("role", [None, "lockstep_owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "update lockstep.project_revisions set title = 'another'",
        "delete from lockstep.project_revisions",
        "truncate lockstep.project_revisions",
    ],
)
def test_revisions_are_append_only_for_everybody(
    connection: Connection, connect: Connect, role: str | None, statement: str
) -> None:
    create(connection)
    with refused("LS057"):
        connect(role).execute(statement.encode())


def test_a_project_cannot_be_deleted_from_under_its_revisions(connection: Connection) -> None:
    create(connection)
    with refused("23001", "23503"):
        connection.execute("delete from lockstep.projects")
    with refused("23001", "23503"):
        connection.execute("delete from lockstep.blobs")


def test_a_deleted_project_is_not_found_and_can_be_restored(connection: Connection) -> None:
    project = create(connection)
    call(connection, "delete_project", 1, project.id)
    for function in ("read_project", "read_file", "delete_project", "copy_project"):
        with refused("LS050"):
            call(connection, function, 1, project.id)
    with refused("LS050"):
        update(connection, 1, project.id, 2, title="B")
    assert rows(connection, "select id from lockstep.list_projects(1)") == []
    assert [row.id for row in rows(connection, "select id from lockstep.list_projects(1, p_deleted => true)")] == [
        project.id
    ]
    restored = call(connection, "restore_project", 1, project.id)
    assert (restored.version, restored.deleted_at) == (3, None)
    assert call(connection, "restore_project", 1, project.id).version == 3
    assert [one.action for one in revisions(connection, project.id)] == ["created", "deleted", "restored"]


def test_a_copy_is_a_project_of_its_own_with_the_same_content(connection: Connection) -> None:
    project = create(connection)
    update(connection, 1, project.id, 1, description="text")
    share(connection, project.id, "READ", user_id=2)
    share(connection, project.id, "READ", user_id=3)
    copy = call(connection, "copy_project", 2, project.id)
    assert (copy.user_id, copy.version, copy.title, copy.description) == (2, 1, "Maze", "text")
    assert (copy.copied_from_id, copy.copied_from_version) == (project.id, 2)
    assert call(connection, "copy_project", 2, project.id, "Mine").title == "Mine"
    assert count(connection, "blobs") == 1
    with refused("LS050"):
        read(connection, 3, copy.id)
    update(connection, 2, copy.id, 1, file=b"another")
    assert file_of(connection, 1, project.id) == FILE


def test_a_purge_takes_what_was_deleted_long_ago_whole_and_nothing_else(
    connection: Connection, connect: Connect
) -> None:
    gone, kept, alive = (create(connection, file=name.encode(), title=name) for name in ("gone", "kept", "alive"))
    share(connection, gone.id, "READ", user_id=2)
    for project in (gone, kept):
        call(connection, "delete_project", 1, project.id)
    connection.execute("update lockstep.projects set deleted_at = now() - interval '31 days' where id = %s", [gone.id])
    connection.execute("update lockstep.projects set deleted_at = now() - interval '29 days' where id = %s", [kept.id])
    admin = connect("lockstep_admin")
    assert call(admin, "purge_projects")[0] == 1
    assert call(admin, "purge_projects")[0] == 0
    assert call(admin, "sweep_blobs")[0] == 1
    assert {row.id for row in rows(connection, "select id from lockstep.projects")} == {kept.id, alive.id}
    assert count(connection, "project_shares") == 0
    assert revisions(connection, gone.id) == []
    assert {bytes(row.content) for row in rows(connection, "select content from lockstep.blobs")} == {b"kept", b"alive"}


def test_the_scheduled_job_purges_and_sweeps(connection: Connection, connect: Connect) -> None:
    project = create(connection)
    call(connection, "delete_project", 1, project.id)
    connection.execute("update lockstep.projects set deleted_at = now() - interval '31 days'")
    connect("lockstep_admin").execute("call lockstep.reconcile()")
    assert (count(connection, "projects"), count(connection, "blobs")) == (0, 0)


# Who may do what ------------------------------------------------------------------------------


def attempts(connection: Connection, actor: int, project: int) -> dict[str, str | None]:
    """What happens to an actor who tries everything, rolled back each time."""
    calls = {
        "read": "select lockstep.read_project({0}, {1})",
        "file": "select lockstep.read_file({0}, {1})",
        "revisions": "select lockstep.list_revisions({0}, {1})",
        "copy": "select lockstep.copy_project({0}, {1})",
        "update": "select lockstep.update_project({0}, {1}, p_title => 'new')",
        "revert": "select lockstep.restore_revision({0}, {1}, 1)",
        "shares": "select lockstep.list_shares({0}, {1})",
        "share": "select lockstep.share_project({0}, {1}, 'READ', p_user_id => 9)",
        "delete": "select lockstep.delete_project({0}, {1})",
        "restore": "select lockstep.restore_project({0}, {1})",
    }
    found: dict[str, str | None] = {}
    for name, statement in calls.items():
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(statement.format(actor, project).encode())
            found[name] = None
        except Exception as error:
            found[name] = getattr(error, "sqlstate", str(error))
    return found


NEEDS = {
    **dict.fromkeys(("read", "file", "revisions", "copy"), "READ"),
    **dict.fromkeys(("update", "revert"), "WRITE"),
    **dict.fromkeys(("shares", "share", "delete", "restore"), "ADMIN"),
}
RANKS = ["READ", "WRITE", "ADMIN"]


@pytest.mark.parametrize("permission", [None, *RANKS])
@pytest.mark.parametrize("by_group", [False, True])
def test_each_permission_allows_just_what_it_says(
    connection: Connection, permission: str | None, by_group: bool
) -> None:
    project = create(connection)
    if permission and by_group:
        share(connection, project.id, permission, group_id=add_group(connection, "team", 1, 2, 3))
    elif permission:
        share(connection, project.id, permission, user_id=2)
    expected = {
        name: None
        if permission and RANKS.index(permission) >= RANKS.index(needed)
        else ("LS051" if permission else "LS050")
        for name, needed in NEEDS.items()
    }
    assert attempts(connection, 2, project.id) == expected
    assert set(attempts(connection, 1, project.id).values()) == {None}


def test_of_several_permissions_the_highest_counts(connection: Connection) -> None:
    project = create(connection)
    share(connection, project.id, "READ", user_id=2)
    share(connection, project.id, "WRITE", group_id=add_group(connection, "team", 1, 2))
    share(connection, project.id, "READ", group_id=add_group(connection, "class", 1, 2))
    assert read(connection, 2, project.id).permission == "WRITE"
    (listed,) = rows(connection, "select * from lockstep.list_projects(2)")
    assert (listed.id, listed.permission) == (project.id, "WRITE")


def test_a_grant_raises_and_never_lowers_and_is_taken_back_by_unsharing(connection: Connection) -> None:
    project = create(connection)
    assert share(connection, project.id, "WRITE", user_id=2).permission == "WRITE"
    assert share(connection, project.id, "READ", user_id=2).permission == "WRITE"
    assert share(connection, project.id, "ADMIN", user_id=2).permission == "ADMIN"
    assert count(connection, "project_shares") == 1
    assert call(connection, "unshare_project", 1, project.id, 2).permission == "ADMIN"
    with refused("LS059"):
        call(connection, "unshare_project", 1, project.id, 2)
    with refused("LS050"):
        read(connection, 2, project.id)


def test_who_it_was_shared_with_may_leave(connection: Connection) -> None:
    project = create(connection)
    share(connection, project.id, "READ", user_id=2)
    share(connection, project.id, "READ", user_id=3)
    with refused("LS051"):
        call(connection, "unshare_project", 2, project.id, 3)
    call(connection, "unshare_project", 2, project.id, 2)
    assert [row.user_id for row in rows(connection, "select user_id from lockstep.list_shares(1, %s)", project.id)] == [
        3
    ]


def test_a_share_is_with_one_user_or_one_group_that_exists_and_not_with_the_owner(connection: Connection) -> None:
    project = create(connection)
    group = add_group(connection, "team", 1)
    other = add_group(connection, "others", 2)
    for grantee in ({}, {"user_id": 2, "group_id": group}, {"user_id": 1}):
        with refused("LS006"):
            share(connection, project.id, "READ", **grantee)
    with refused("LS001"):
        share(connection, project.id, "READ", user_id=99)
    for nobodys in (other, other + 1):
        with refused("LS045"):
            share(connection, project.id, "READ", group_id=nobodys)
    with refused("22P02"):
        share(connection, project.id, "OWN", user_id=2)


def test_who_leaves_a_group_or_is_deactivated_has_nothing_any_more(connection: Connection) -> None:
    project = create(connection)
    share(connection, project.id, "ADMIN", group_id=add_group(connection, "team", 1, 2, 3))
    connection.execute("delete from lockstep.group_members where user_id = 2")
    connection.execute("update lockstep.users set is_active = false where id = 3")
    for actor in (2, 3):
        with refused("LS050"):
            read(connection, actor, project.id)


def test_an_admin_may_everything_and_an_instructor_reads_what_their_students_build(connection: Connection) -> None:
    connection.execute("update lockstep.users set role = 'admin' where id = 8")
    connection.execute("update lockstep.users set role = 'instructor' where id in (6, 7)")
    add_group(connection, "class", 1, 7)
    project = create(connection)
    assert [read(connection, actor, project.id).permission for actor in (7, 8)] == ["READ", "ADMIN"]
    with refused("LS050"):
        read(connection, 6, project.id)
    with refused("LS050"):
        read(connection, 8, project.id + 1)
    assert rows(connection, "select id from lockstep.list_projects(7)") == []
    for actor in (7, 8):
        assert [
            row.id for row in rows(connection, "select id from lockstep.list_projects(%s, p_user_id => 1)", actor)
        ] == [project.id]


def test_a_list_goes_on_from_before_a_given_id(connection: Connection) -> None:
    ids = [create(connection, title=str(number)).id for number in range(5)]
    first = rows(connection, "select id from lockstep.list_projects(1, p_limit => 2)")
    then = rows(connection, "select id from lockstep.list_projects(1, p_limit => 9, p_before_id => %s)", first[-1].id)
    assert [row.id for row in first + then] == ids[::-1]


def test_what_was_taken_back_while_a_writer_waited_is_not_there_any_more(
    connection: Connection, connect: Connect
) -> None:
    from tests.pairs import background
    from tests.support import wait_until_blocked

    project = create(connection)
    share(connection, project.id, "WRITE", user_id=2)
    owner, writer = connect(), connect()
    owner.execute("begin")
    call(owner, "unshare_project", 1, project.id, 2)
    statement = "select * from lockstep.update_project(2, %s, p_title => 'late')"
    with background(writer, statement, project.id) as late:
        wait_until_blocked(connection, writer.info.backend_pid, owner.info.backend_pid)
        owner.execute("commit")
        with refused("LS050"):
            late.result()
    assert value(connection, "select title from lockstep.projects") == "Maze"
