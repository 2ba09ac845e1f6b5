"""Every way of writing, as statements of the matrix.

A way is written once for both tables. In its statements stand

    {own}           the table written to; {key} finds the pair's row in it, {range} those of three
    {user} {spec}   its columns of the key
    {columns}       those that a row needs; {row5} and {rows5} are such rows at level 5
    {to5} {to7} …   what sets the level (and, in a license, the highest level out of the way)
    {id} {next}     the user of the pair, and the one after

and {progress} and {license} where both are named. Levels before and after are those of each user.
"""

from collections.abc import Iterator
from dataclasses import dataclass

Levels = tuple[int | None, ...]

PROGRESS, LICENSE, BOTH = "specialization_progress", "user_licenses", "both"


@dataclass(frozen=True)
class Way:
    """A way of writing: what is there before, what is done, what both sides show afterwards."""

    name: str
    target: str
    steps: tuple[str, ...]
    before: Levels = (2,)
    after: tuple[Levels, ...] = ((5,),)
    truncates: bool = False
    tells_level: bool = False
    copied: str = ""


def texts(target: str, tables: dict[str, str], user: int) -> dict[str, str]:
    """What stands for the names in a way's statements."""
    license = target == LICENSE
    user_column, spec_column = ("user_id", "specialization_type") if license else ("student_id", "specialization_id")

    def row(number: int) -> str:
        return f"({number}, 'PLAYER', 5, 8)" if license else f"({number}, 'PLAYER', 5)"

    values = {
        "own": tables[LICENSE if license else PROGRESS],
        "progress": tables[PROGRESS],
        "license": tables[LICENSE],
        "user": user_column,
        "spec": spec_column,
        "columns": f"{user_column}, {spec_column}, current_level" + (", max_achieved_level" if license else ""),
        "key": f"{user_column} = {user} and {spec_column} = 'PLAYER'",
        "range": f"{user_column} between {user} and {user + 2}",
        "row5": row(user),
        "rows5": f"{row(user)}, {row(user + 1)}, {row(user + 2)}",
        "id": str(user),
        "next": str(user + 1),
        "progress_key": f"student_id = {user} and specialization_id = 'PLAYER'",
        "license_key": f"user_id = {user} and specialization_type = 'PLAYER'",
    }
    for level in (2, 5, 6, 7, 99):
        highest = f", max_achieved_level = {max(level, 8)}" if license else ""
        values[f"to{level}"] = f"current_level = {level}{highest}"
        values[f"license_to{level}"] = f"current_level = {level}, max_achieved_level = {max(level, 8)}"
    return values


def one_sided(target: str) -> Iterator[Way]:
    """The ways of writing one of the two tables."""
    upsert = "insert into {own} ({columns}) values {row5} on conflict ({user}, {spec}) do "
    merge = (
        "merge into {own} as target using (values ({id}::bigint, 'PLAYER')) as source (id, spec)"
        " on target.{user} = source.id and target.{spec} = source.spec "
    )
    update = "update {own} set {to5} where {key}"

    yield Way("INSERT", target, ("insert into {own} ({columns}) values {row5}",), (None,))
    yield Way(
        "INSERT of three rows",
        target,
        ("insert into {own} ({columns}) values {rows5}",),
        (None, None, None),
        ((5, 5, 5),),
    )
    yield Way("INSERT … ON CONFLICT DO UPDATE, no row there", target, (upsert + "update set {to5}",), (None,))
    yield Way("INSERT … ON CONFLICT DO UPDATE, a row there", target, (upsert + "update set {to5}",))
    yield Way("INSERT … ON CONFLICT DO NOTHING, no row there", target, (upsert + "nothing",), (None,))
    yield Way("INSERT … ON CONFLICT DO NOTHING, a row there", target, (upsert + "nothing",), (2,), ((2,),))
    yield Way("COPY FROM", target, ("copy {own} ({columns}) from stdin",), (None,), copied="{row5}")
    yield Way("UPDATE by key", target, (update,))
    yield Way("UPDATE by key, to a lower level", target, ("update {own} set {to2} where {key}",), (5,), ((2,),))
    yield Way("UPDATE by range", target, ("update {own} set {to5} where {range}",), (2, 2, 2), ((5, 5, 5),))
    yield Way(
        "UPDATE … FROM",
        target,
        (
            "update {own} as target set {to5} from (values ({id}::bigint)) as source (id)"
            " where target.{user} = source.id and target.{spec} = 'PLAYER'",
        ),
    )
    yield Way("UPDATE to a level that does not exist", target, ("update {own} set {to99} where {key}",), after=((99,),))
    yield Way(
        "UPDATE of the key: to another user",
        target,
        ("update {own} set {user} = {next} where {key}",),
        (2, None),
        ((None, 2),),
    )
    yield Way(
        "UPDATE … WHERE CURRENT OF a cursor",
        target,
        (
            "declare attack cursor for select * from {own} where {key} for update",
            "fetch attack",
            "update {own} set {to5} where current of attack",
            "close attack",
        ),
    )
    yield Way(
        "SELECT … FOR UPDATE, then UPDATE",
        target,
        ("select * from {own} where {key} for update", update),
    )
    yield Way("MERGE that updates", target, (merge + "when matched then update set {to5}",))
    yield Way(
        "MERGE that inserts", target, (merge + "when not matched then insert ({columns}) values {row5}",), (None,)
    )
    yield Way("MERGE that deletes, no history", target, (merge + "when matched then delete",), (1,), ((None,),))
    yield Way("DELETE, no history", target, ("delete from {own} where {key}",), (1,), ((None,),))
    yield Way("DELETE, with history", target, ("delete from {own} where {key}",), (2,), ((None,),))
    yield Way(
        "SAVEPOINT, second UPDATE rolled back to it",
        target,
        (update, "savepoint attack", "update {own} set {to7} where {key}", "rollback to savepoint attack"),
    )
    yield Way(
        "SET CONSTRAINTS ALL IMMEDIATE, then UPDATE",
        target,
        ("set constraints all immediate", update),
    )
    yield Way(
        "UPDATE, then SET CONSTRAINTS ALL IMMEDIATE",
        target,
        (update, "set constraints all immediate"),
    )
    yield Way(
        "PREPARE TRANSACTION, then COMMIT PREPARED",
        target,
        (update, "prepare transaction 'attack'", "commit prepared 'attack'"),
    )
    yield Way(
        "PL/pgSQL: EXCEPTION WHEN OTHERS round each UPDATE, the second fails",
        target,
        (
            "do $$ begin"
            " begin update {own} set {to5} where {key}; exception when others then null; end;"
            " begin update {own} set {to7} where {key}; raise exception 'attack'; exception when others then null; end;"
            " end $$",
        ),
    )
    yield Way("TRUNCATE", target, ("truncate {own}",), after=((None,),), truncates=True)
    yield Way("TRUNCATE … CASCADE", target, ("truncate {own} cascade",), after=((None,),), truncates=True)


def two_sided() -> Iterator[Way]:
    """The ways of writing both tables in one transaction, and the functions."""
    progress, license = (
        "update {progress} set {to%s} where {progress_key}",
        ("update {license} set {license_to%s} where {license_key}"),
    )
    insert_progress = "insert into {progress} (student_id, specialization_id, current_level) values ({id}, 'PLAYER', 5)"
    insert_license = (
        "insert into {license} (user_id, specialization_type, current_level, max_achieved_level)"
        " values ({id}, 'PLAYER', 5, 8)"
    )
    cte = f"with first as ({progress % 5}) "

    def both(name: str, *steps: str, before: Levels = (2,), after: tuple[Levels, ...] = ((5,),)) -> Way:
        return Way(name, BOTH, steps, before, after, tells_level=len(after) > 1)

    yield both("one statement (CTE) updates both, agreeing", cte + license % 5)
    yield both("one statement (CTE) updates both, contradicting", cte + license % 6, after=((5,), (6,)))
    yield both(
        "the same, agreeing, after SET CONSTRAINTS ALL IMMEDIATE", "set constraints all immediate", cte + license % 5
    )
    yield both(
        "one statement (CTE) inserts both", f"with first as ({insert_progress}) {insert_license}", before=(None,)
    )
    yield both("INSERT progress, then INSERT license", insert_progress, insert_license, before=(None,))
    yield both(
        "INSERT progress, then INSERT license ON CONFLICT DO UPDATE",
        insert_progress,
        insert_license + " on conflict (user_id, specialization_type) do update set {license_to5}",
        before=(None,),
    )
    yield both("UPDATE progress, then UPDATE license, agreeing", progress % 5, license % 5)
    yield both("UPDATE progress to 6, then license to 7", progress % 6, license % 7, after=((7,), (6,)))
    yield both("UPDATE license to 7, then progress to 6", license % 7, progress % 6, after=((7,), (6,)))
    yield both(
        "level + 1 in progress, then level + 1 in license",
        "update {progress} set current_level = current_level + 1 where {progress_key}",
        "update {license} set current_level = current_level + 1, max_achieved_level = 8 where {license_key}",
        after=((4,), (3,)),
    )
    yield both(
        "UPDATE progress, UPDATE license rolled back to a SAVEPOINT",
        progress % 5,
        "savepoint attack",
        license % 5,
        "rollback to savepoint attack",
    )
    yield both(
        "DELETE license, then DELETE progress, no history",
        "delete from {license} where {license_key}",
        "delete from {progress} where {progress_key}",
        before=(1,),
        after=((None,),),
    )
    yield both("update_level()", "select lockstep.update_level({id}, 'PLAYER', 5)")
    yield both("level_up(), a first XP", "select lockstep.level_up({id}, 'PLAYER', 1)", before=(None,), after=((1,),))
    yield Way("TRUNCATE of both", BOTH, ("truncate {progress}, {license}",), after=((None,),), truncates=True)
    yield Way(
        "TRUNCATE of both and the history",
        BOTH,
        ("truncate {progress}, {license}, lockstep.license_progressions",),
        after=((None,),),
        truncates=True,
    )


WAYS = (*one_sided(PROGRESS), *one_sided(LICENSE), *two_sided())
