"""Builds the tables of an older school system, with every fault such a database was found with.

    with psycopg.connect(dsn) as connection:
        manifest = legacy.build(connection, users=20_000)

Keys are serial, times are naive, `users` and the two coupled tables have columns that Lockstep does not know.
Every fault stands on a user of its own, so the manifest accounts for every row.
"""

import csv
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

Row = dict[str, Any]

CURRICULUM = Path(__file__).parents[2] / "sql" / "curriculum"
SAID = {"PLAYER": 8, "COACH": 8, "INTERNSHIP": 5}  # what each specialization says of itself: the last one lies
ROWS = {"PLAYER": 8, "COACH": 8, "INTERNSHIP": 3}  # the level rows that there are

# Orphans point at ids from here on: nobody has them.
NOBODY = 5_000_000
NO_LICENSE = 7_000_000
NO_SPECIALIZATION = "GOALKEEPER"

# Fault -> users out of a thousand that have it (at least two of each).
FAULTS = {
    # People.
    "user_same_mail": 4,  # a second row of one person: the mail in capitals
    "user_no_mail": 2,  # null
    "user_unknown_role": 1,  # a role that nobody knows
    # One side of a pair that is right otherwise.
    "progress_higher": 10,
    "license_higher": 10,
    "missing_license": 6,
    "missing_progress": 6,
    "progress_level_zero": 1,
    "progress_level_above": 1,
    "progress_level_null": 1,
    "license_level_zero": 1,
    "license_level_above": 1,
    "license_level_null": 1,
    "internship_above_rows": 5,  # both sides at 4 or 5: the cap of 5 let them
    "max_achieved_below": 2,
    "max_achieved_null": 1,
    "negative_xp": 2,
    "null_xp": 1,
    "negative_sessions": 1,
    "negative_projects": 1,
    "negative_hours": 1,
    "hours_not_a_number": 1,
    # History.
    "history_of_no_license": 3,
    "history_by_nobody": 2,  # advanced_by names no user
    "history_impossible_level": 1,
    "history_null_level": 1,
}

# What a database with keys and unique constraints cannot hold.
LOOSE_FAULTS = {
    "progress_twice": 8,
    "license_twice": 8,
    "progress_of_nobody": 4,
    "license_of_nobody": 4,
    "progress_unknown_specialization": 2,
    "license_unknown_specialization": 2,
}
ONLY_LOOSE = {*LOOSE_FAULTS, "history_of_no_license", "history_by_nobody"}

COLUMNS = {
    "users": """
        id serial primary key, name varchar(255), email varchar(255) unique, role varchar(20),
        is_active boolean default true, phone varchar(32), date_of_birth date,
        created_at timestamp default now(), updated_at timestamp default now()
    """,
    "specializations": """
        id varchar(50) primary key, name varchar(100), icon varchar(10), description text, max_levels integer,
        is_active boolean default true, created_at timestamp default now()
    """,
    "player_levels": """
        id integer primary key, name varchar(100), name_en varchar(100), color varchar(20),
        required_xp integer, required_sessions integer
    """,
    "coach_levels": """
        id integer primary key, name varchar(100), name_en varchar(100), required_xp integer,
        required_sessions integer, theory_hours integer, practice_hours integer
    """,
    "internship_levels": """
        id integer primary key, name varchar(100), name_en varchar(100), required_xp integer,
        required_sessions integer, total_hours integer
    """,
    "specialization_progress": """
        id serial primary key, student_id integer, specialization_id varchar(50), current_level integer default 1,
        total_xp integer default 0, completed_sessions integer default 0, completed_projects integer default 0,
        theory_hours_completed double precision default 0, practice_hours_completed double precision default 0,
        last_activity timestamp, achievement_points integer, created_at timestamp default now(),
        updated_at timestamp default now()
    """,
    "user_licenses": """
        id serial primary key, user_id integer, specialization_type varchar(50), current_level integer default 1,
        max_achieved_level integer default 1, started_at timestamp, last_advanced_at timestamp,
        is_active boolean default true, instructor_notes text, badge_color varchar(20),
        created_at timestamp default now(), updated_at timestamp default now()
    """,
    "license_progressions": """
        id serial primary key, user_license_id integer, from_level integer, to_level integer, advanced_by integer,
        advancement_reason text, requirements_met text, advanced_at timestamp default now()
    """,
}
TABLES = tuple(COLUMNS)
SERIAL = ("users", "specialization_progress", "user_licenses", "license_progressions")

# Two of a pair, which overlap: how one was added without the other being seen.
UNIQUE = """
alter table specialization_progress add constraint unique_student_specialization
unique (student_id, specialization_id);
alter table specialization_progress add constraint uq_specialization_progress_spec_student
unique (specialization_id, student_id);
alter table user_licenses add constraint unique_user_license unique (user_id, specialization_type);
alter table user_licenses add constraint user_licenses_user_id_specialization_type_key
unique (user_id, specialization_type);
alter table specialization_progress add constraint specialization_progress_student_id_fkey
foreign key (student_id) references users (id) on delete cascade;
alter table specialization_progress add constraint specialization_progress_specialization_id_fkey
foreign key (specialization_id) references specializations (id) on delete cascade;
alter table user_licenses add constraint user_licenses_user_id_fkey
foreign key (user_id) references users (id) on delete cascade;
alter table user_licenses add constraint user_licenses_specialization_type_fkey
foreign key (specialization_type) references specializations (id) on delete cascade;
alter table license_progressions add constraint license_progressions_user_license_id_fkey
foreign key (user_license_id) references user_licenses (id) on delete cascade;
alter table license_progressions add constraint license_progressions_advanced_by_fkey
foreign key (advanced_by) references users (id) on delete cascade;
"""

# Keys that came late, over the orphans that were there, and one that never came (to the specialization).
LOOSE = """
alter table specialization_progress add constraint specialization_progress_student_id_fkey
foreign key (student_id) references users (id) on delete cascade not valid;
alter table user_licenses add constraint user_licenses_user_id_fkey
foreign key (user_id) references users (id) on delete cascade not valid;
alter table license_progressions add constraint license_progressions_user_license_id_fkey
foreign key (user_license_id) references user_licenses (id) on delete cascade not valid;
create index ix_specialization_progress_student_id on specialization_progress (student_id);
create index ix_user_licenses_user_id on user_licenses (user_id);
"""


@dataclass
class Manifest:
    """What was built: rows by table, sums by `table.column` (null counts 0), faults by name.

    `where` says on which ids each fault stands: of users for people, else of the row that has it.
    Besides the faults it counts what comes with them: pair_of_same_mail, history_of_loser, history_of_nobody.
    """

    rows: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    where: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def build(
    connection: psycopg.Connection[Any],
    users: int = 300,
    seed: int = 1,
    constrained: bool = False,
    schema: str = "public",
) -> Manifest:
    """Make and fill the tables in a schema that has none of these names, in one transaction.

    `constrained`: with two unique constraints a pair and every key, so without duplicates and orphans;
    otherwise with neither. At least 200 users, to have one for each fault.
    """
    world = World(users, random.Random(seed), constrained)
    world.fill()
    with connection.transaction():
        before = connection.execute("select current_setting('search_path')").fetchone()
        connection.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(schema)))
        for table, columns in COLUMNS.items():
            connection.execute(f"create table {table} ({columns})".encode())
            _copy(connection, table, world.tables[table])
        connection.execute((UNIQUE if constrained else LOOSE).encode())
        for table in SERIAL:
            connection.execute(
                f"select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))".encode()
            )
        connection.execute("select set_config('search_path', %s, true)", before)
    return world.manifest()


def _copy(connection: psycopg.Connection[Any], table: str, rows: list[Row]) -> None:
    names = list(rows[0])
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    command = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), listed)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


class World:
    """A school in the making."""

    def __init__(self, users: int, chance: random.Random, constrained: bool) -> None:
        if users < 200:
            raise ValueError("fewer users than faults")
        self.count = users
        self.chance = chance
        self.constrained = constrained
        self.tables: dict[str, list[Row]] = {table: [] for table in TABLES}
        self.levels = _levels()
        self.where: dict[str, list[int]] = defaultdict(list)
        self.start = datetime(2022, 9, 1, 8)
        self.last_id: Counter[str] = Counter()
        self.taken: dict[int, set[str]] = defaultdict(set)  # user -> specializations
        self.dropped: set[tuple[str, int]] = set()  # table, id

    def fill(self) -> None:
        """Everybody, right; then the faults, one a user."""
        self.add_curriculum()
        staff = max(4, self.count // 50)
        for n in range(1, self.count + 1):
            self.add_user(n, "instructor" if n <= staff else "student")
        self.tables["users"][0]["role"] = "admin"
        self.staff = staff
        victims = self.choose_victims(staff)
        for n in range(staff + 1, self.count + 1):
            fault = victims.get(n)
            specializations = self.chance.sample(list(SAID), self.chance.choice((1, 1, 2)))
            if fault == "internship_above_rows":
                specializations = ["INTERNSHIP"]
            elif fault in ("progress_higher", "license_higher", "missing_license"):
                specializations = [self.chance.choice(("PLAYER", "COACH"))]
            pairs = [self.add_pair(n, specialization) for specialization in specializations]
            if fault is not None:
                getattr(self, fault)(n, *pairs[0])
        if not self.constrained:
            for fault in ("progress_of_nobody", "license_of_nobody"):
                for number in range(self.how_many(fault, LOOSE_FAULTS[fault])):
                    getattr(self, fault)(number)
        self.drop()

    def drop(self) -> None:
        """Take out what was deleted there, a license's history with it: the keys cascade. The ids leave a gap."""
        for table in ("specialization_progress", "user_licenses", "license_progressions"):
            self.tables[table] = [
                row
                for row in self.tables[table]
                if (table, row["id"]) not in self.dropped
                and ("history_of", row.get("user_license_id")) not in self.dropped
            ]

    def how_many(self, fault: str, share: int) -> int:
        return max(2, self.count * share // 1000)

    def choose_victims(self, staff: int) -> dict[int, str]:
        """Which user has which fault."""
        wanted = {**FAULTS, **LOOSE_FAULTS}
        faults = [
            fault
            for fault, share in wanted.items()
            if not fault.endswith("_of_nobody") and not (self.constrained and fault in ONLY_LOOSE)
            for _ in range(self.how_many(fault, share))
        ]
        users = self.chance.sample(range(staff + 1, self.count + 1), len(faults))
        return dict(zip(users, faults, strict=True))

    def manifest(self) -> Manifest:
        manifest = Manifest()
        for table, rows in self.tables.items():
            manifest.rows[table] = len(rows)
            for column in SUMMED.get(table, ()):
                manifest.sums[f"{table}.{column}"] = sum(row[column] or 0 for row in rows)
        manifest.where = dict(self.where)
        manifest.faults = Counter({fault: len(ids) for fault, ids in self.where.items()})
        manifest.faults["cap_above_rows"] = 1
        return manifest

    # What is right ----------------------------------------------------------------------------

    def add_curriculum(self) -> None:
        for id, name, icon, description in (
            ("PLAYER", "GanCuju Player", "⚽", "Plays"),
            ("COACH", "LFA Football Coach", "👨‍🏫", "Coaches"),
            ("INTERNSHIP", "Startup Spirit Intern", "🚀", "Works"),
        ):
            self.tables["specializations"].append(
                {
                    "id": id,
                    "name": name,
                    "icon": icon,
                    "description": description,
                    "max_levels": SAID[id],
                    "is_active": True,
                    "created_at": self.start,
                }
            )
        for table, names in (
            ("player_levels", ("name", "name_en", "color", "required_xp", "required_sessions")),
            ("coach_levels", ("name", "name_en", "required_xp", "required_sessions", "theory_hours", "practice_hours")),
            ("internship_levels", ("name", "name_en", "required_xp", "required_sessions", "total_hours")),
        ):
            for row in self.levels[table.removesuffix("_levels").upper()]:
                self.tables[table].append({"id": int(row["level"]), **{name: row[name] for name in names}})

    def add_user(self, id: int, role: str, **given: object) -> Row:
        made = self.moment(0, 400)
        row = {
            "id": id,
            "name": f"Person {id:06d} Example",
            "email": f"person{id:06d}@school.example",
            "role": role,
            "is_active": self.chance.random() > 0.03,
            "phone": self.chance.choice((None, f"+36 1 555 {id % 10000:04d}")),
            "date_of_birth": (self.start - timedelta(days=self.chance.randrange(3000, 9000))).date(),
            "created_at": made,
            "updated_at": made,
            **given,
        }
        self.tables["users"].append(row)
        return row

    def add_pair(self, user: int, specialization: str) -> tuple[Row, Row]:
        """A progress row, its license, and the history of each level that was reached."""
        rows = self.levels[specialization]
        self.taken[user].add(specialization)
        level = min(int(self.chance.expovariate(0.5)) + 1, len(rows))
        begun = self.moment(400, 500)
        coach = specialization == "COACH"
        progress: Row = {
            "id": self.next("specialization_progress"),
            "student_id": user,
            "specialization_id": specialization,
            "current_level": level,
            "total_xp": (int(rows[level - 1]["required_xp"]) if level > 1 else 0) + self.chance.randrange(2000),
            "completed_sessions": int(rows[level - 1]["required_sessions"]) if level > 1 else 3,
            "completed_projects": self.chance.randrange(5),
            "theory_hours_completed": self.chance.randrange(120) / 2 if coach else 0,
            "practice_hours_completed": self.chance.randrange(120) / 2 if coach else 0,
            "last_activity": begun + timedelta(days=30 * level),
            "achievement_points": self.chance.randrange(100),
            "created_at": begun,
            "updated_at": begun + timedelta(days=30 * level),
        }
        license: Row = {
            "id": self.next("user_licenses"),
            "user_id": user,
            "specialization_type": specialization,
            "current_level": level,
            "max_achieved_level": min(level + (self.chance.random() < 0.05), len(rows)),
            "started_at": begun,
            "last_advanced_at": begun + timedelta(days=30 * level) if level > 1 else None,
            "is_active": True,
            "instructor_notes": self.chance.choice((None, None, f"Notes on {user}")),
            "badge_color": self.chance.choice((None, "gold")),
            "created_at": begun,
            "updated_at": begun + timedelta(days=30 * level),
        }
        self.tables["specialization_progress"].append(progress)
        self.tables["user_licenses"].append(license)
        for reached in range(2, level + 1):
            self.add_progression(license["id"], reached - 1, reached, begun + timedelta(days=30 * reached))
        return progress, license

    def add_progression(
        self, license: int, from_level: int | None, to_level: int | None, at: datetime, by: int | None = None
    ) -> int:
        id = self.next("license_progressions")
        self.tables["license_progressions"].append(
            {
                "id": id,
                "user_license_id": license,
                "from_level": from_level,
                "to_level": to_level,
                "advanced_by": by or self.chance.randint(1, self.staff),
                "advancement_reason": self.chance.choice(("Assessment", "Tournament", None)),
                "requirements_met": self.chance.choice((None, "xp, sessions")),
                "advanced_at": at,
            }
        )
        return id

    def next(self, table: str) -> int:
        self.last_id[table] += 1
        return self.last_id[table]

    def moment(self, earliest: int, latest: int) -> datetime:
        """Some time between these days of the school."""
        return self.start + timedelta(
            days=self.chance.randrange(earliest, latest), seconds=self.chance.randrange(36_000)
        )

    # What is not ------------------------------------------------------------------------------

    def user_same_mail(self, user: int, progress: Row, license: Row) -> None:
        """A second sign-up of the same person: a pair of the same specialization, or of one more."""
        again = self.count + 1 + len(self.where["user_same_mail"])
        self.add_user(again, "student", email=f"Person{user:06d}@School.Example", phone=None)
        self.where["user_same_mail"].append(again)
        free = sorted(SAID.keys() - self.taken[user])
        if again % 2 and free:
            self.add_pair(again, free[0])
            return
        other, other_license = self.add_pair(again, progress["specialization_id"])
        other["total_xp"] = 150
        other["current_level"] = other_license["current_level"] = other_license["max_achieved_level"] = 1
        self.dropped.add(("history_of", other_license["id"]))
        self.where["pair_of_same_mail"].append(other["id"])

    def user_no_mail(self, user: int, progress: Row, license: Row) -> None:
        self.tables["users"][user - 1]["email"] = None
        self.where["user_no_mail"].append(user)

    def user_unknown_role(self, user: int, progress: Row, license: Row) -> None:
        self.tables["users"][user - 1]["role"] = "parent"
        self.where["user_unknown_role"].append(user)

    def progress_higher(self, user: int, progress: Row, license: Row) -> None:
        self.set_levels(progress, license, 4, 2)
        self.where["progress_higher"].append(progress["id"])

    def license_higher(self, user: int, progress: Row, license: Row) -> None:
        self.set_levels(progress, license, 2, 5)
        self.where["license_higher"].append(license["id"])

    def missing_license(self, user: int, progress: Row, license: Row) -> None:
        self.drop_license(license)
        self.where["missing_license"].append(progress["id"])

    def missing_progress(self, user: int, progress: Row, license: Row) -> None:
        self.dropped.add(("specialization_progress", progress["id"]))
        self.where["missing_progress"].append(license["id"])

    def progress_level_zero(self, user: int, progress: Row, license: Row) -> None:
        self.change("progress_level_zero", progress, current_level=0)

    def progress_level_above(self, user: int, progress: Row, license: Row) -> None:
        self.change("progress_level_above", progress, current_level=99)

    def progress_level_null(self, user: int, progress: Row, license: Row) -> None:
        self.change("progress_level_null", progress, current_level=None)

    def license_level_zero(self, user: int, progress: Row, license: Row) -> None:
        self.change("license_level_zero", license, current_level=0)

    def license_level_above(self, user: int, progress: Row, license: Row) -> None:
        self.change("license_level_above", license, current_level=12, max_achieved_level=12)

    def license_level_null(self, user: int, progress: Row, license: Row) -> None:
        self.change("license_level_null", license, current_level=None)

    def internship_above_rows(self, user: int, progress: Row, license: Row) -> None:
        level = self.chance.choice((4, 5))
        license["max_achieved_level"] = level
        self.set_levels(progress, license, level, level)
        self.where["internship_above_rows"].append(progress["id"])

    def max_achieved_below(self, user: int, progress: Row, license: Row) -> None:
        self.set_levels(progress, license, 3, 3)
        self.change("max_achieved_below", license, max_achieved_level=1)

    def max_achieved_null(self, user: int, progress: Row, license: Row) -> None:
        self.change("max_achieved_null", license, max_achieved_level=None)

    def negative_xp(self, user: int, progress: Row, license: Row) -> None:
        self.change("negative_xp", progress, total_xp=-500)

    def null_xp(self, user: int, progress: Row, license: Row) -> None:
        self.change("null_xp", progress, total_xp=None)

    def negative_sessions(self, user: int, progress: Row, license: Row) -> None:
        self.change("negative_sessions", progress, completed_sessions=-3)

    def negative_projects(self, user: int, progress: Row, license: Row) -> None:
        self.change("negative_projects", progress, completed_projects=-1)

    def negative_hours(self, user: int, progress: Row, license: Row) -> None:
        self.change("negative_hours", progress, theory_hours_completed=-2.5)

    def hours_not_a_number(self, user: int, progress: Row, license: Row) -> None:
        self.change("hours_not_a_number", progress, practice_hours_completed="NaN")

    def progress_twice(self, user: int, progress: Row, license: Row) -> None:
        """The loser: less XP, and no higher level."""
        again = progress | {"id": self.next("specialization_progress"), "total_xp": progress["total_xp"] // 2}
        self.tables["specialization_progress"].append(again)
        self.where["progress_twice"].append(again["id"])

    def license_twice(self, user: int, progress: Row, license: Row) -> None:
        """The loser has a lower level, and history of its own."""
        self.set_levels(progress, license, 3, 3)
        again = license | {"id": self.next("user_licenses"), "current_level": 1, "max_achieved_level": 1}
        self.tables["user_licenses"].append(again)
        self.where["license_twice"].append(again["id"])
        moved = self.add_progression(again["id"], 2, 1, self.moment(600, 700))
        self.where["history_of_loser"].append(moved)

    def progress_of_nobody(self, number: int) -> None:
        progress, license = self.add_pair(NOBODY + number, "PLAYER")
        self.drop_license(license)
        self.where["progress_of_nobody"].append(progress["id"])

    def license_of_nobody(self, number: int) -> None:
        """With history, which goes where the license goes."""
        progress, license = self.add_pair(NOBODY + 1000 + number, "COACH")
        self.dropped.add(("specialization_progress", progress["id"]))
        self.where["license_of_nobody"].append(license["id"])
        self.where["history_of_nobody"] += [
            row["id"] for row in self.tables["license_progressions"][-8:] if row["user_license_id"] == license["id"]
        ]

    def progress_unknown_specialization(self, user: int, progress: Row, license: Row) -> None:
        again = progress | {"id": self.next("specialization_progress"), "specialization_id": NO_SPECIALIZATION}
        self.tables["specialization_progress"].append(again)
        self.where["progress_unknown_specialization"].append(again["id"])

    def license_unknown_specialization(self, user: int, progress: Row, license: Row) -> None:
        again = license | {"id": self.next("user_licenses"), "specialization_type": NO_SPECIALIZATION}
        self.tables["user_licenses"].append(again)
        self.where["license_unknown_specialization"].append(again["id"])

    def history_of_no_license(self, user: int, progress: Row, license: Row) -> None:
        id = self.add_progression(NO_LICENSE + user, 1, 2, self.moment(600, 700))
        self.where["history_of_no_license"].append(id)

    def history_by_nobody(self, user: int, progress: Row, license: Row) -> None:
        id = self.add_progression(license["id"], 1, 2, self.moment(600, 700), by=NOBODY + user)
        self.where["history_by_nobody"].append(id)

    def history_impossible_level(self, user: int, progress: Row, license: Row) -> None:
        id = self.add_progression(license["id"], 1, 99, self.moment(600, 700))
        self.where["history_impossible_level"].append(id)

    def history_null_level(self, user: int, progress: Row, license: Row) -> None:
        id = self.add_progression(license["id"], 1, None, self.moment(600, 700))
        self.where["history_null_level"].append(id)

    def change(self, fault: str, row: Row, **columns: object) -> None:
        row.update(columns)
        self.where[fault].append(row["id"])

    def drop_license(self, license: Row) -> None:
        self.dropped |= {("user_licenses", license["id"]), ("history_of", license["id"])}

    def set_levels(self, progress: Row, license: Row, of_progress: int, of_license: int) -> None:
        progress["current_level"], license["current_level"] = of_progress, of_license
        if license["max_achieved_level"] is not None:
            license["max_achieved_level"] = max(of_license, license["max_achieved_level"])


# What the manifest adds up.
SUMMED = {
    "specialization_progress": ("total_xp", "completed_sessions", "completed_projects", "current_level"),
    "user_licenses": ("current_level",),
}


def _levels() -> dict[str, list[Row]]:
    levels: dict[str, list[Row]] = defaultdict(list)
    with (CURRICULUM / "levels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            levels[row["specialization_id"]].append({name: text or None for name, text in row.items()})
    return levels


# What a school's own curriculum may look like beside ours: more, fewer and other levels, and rows that cannot be held.
OTHER_LEVELS = """
insert into {schema}.coach_levels (id, name, required_xp, required_sessions, theory_hours, practice_hours) values
(9, 'Master', 400000, 40, 70, 90),
(10, 'Grand Master', null, 50, 80, 100),
(12, 'Legend', 900000, 60, 90, 110);
update {schema}.coach_levels set name = 'Helper', required_xp = 59000 where id = 3;
update {schema}.coach_levels set required_sessions = -1 where id = 5;
update {schema}.specializations set max_levels = 12 where id = 'COACH';
delete from {schema}.player_levels where id > 5;
update {schema}.specialization_progress set current_level = 5
where specialization_id = 'PLAYER' and current_level between 6 and 8;
update {schema}.user_licenses
set current_level = least(current_level, 5), max_achieved_level = least(max_achieved_level, 5)
where specialization_type = 'PLAYER' and greatest(current_level, max_achieved_level) between 6 and 8;
"""


def change_levels(connection: psycopg.Connection[Any], schema: str = "public") -> list[int]:
    """Give the school levels of its own; return who holds COACH 9, 10 (a bad row) and 12 (above a gap)."""
    connection.execute(OTHER_LEVELS.format(schema=schema).encode())
    found = connection.execute(
        f"select p.student_id from {schema}.specialization_progress as p"
        f" join {schema}.user_licenses as l on l.user_id = p.student_id and l.specialization_type = p.specialization_id"
        " where p.specialization_id = 'COACH' and p.current_level = l.current_level and p.current_level between 2 and 8"
        " and l.max_achieved_level <= 8 order by 1 limit 3".encode()
    ).fetchall()
    for level, (user,) in zip((9, 10, 12), found, strict=True):
        for table, key, column in (
            ("specialization_progress", "student_id", "specialization_id"),
            ("user_licenses", "user_id", "specialization_type"),
        ):
            pair = f"{key} = {user} and {column} = 'COACH'"
            connection.execute(f"update {schema}.{table} set current_level = {level} where {pair}".encode())
    connection.execute(
        f"update {schema}.user_licenses set max_achieved_level = current_level where current_level > max_achieved_level"
        " and current_level between 9 and 12".encode()
    )
    return [user for (user,) in found]
