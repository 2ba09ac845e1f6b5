"""The client-side way: what an application does that keeps both records in step by itself.

Written as its users write it: an ORM session a request, both rows locked and read, changed as objects,
a history row added, commit. It works on the tables of `floor`, which know nothing of Lockstep; a database
with Lockstep would couple it, and it would be slower.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from sqlalchemy import BigInteger, ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from app.client import ProgressLicenseCoupler

# Changes a pair: user and level. Returns how long it held locks, in seconds, where it knows.
Call = Callable[[int, int], float]


class Base(DeclarativeBase):
    """The tables of `floor`."""


class SpecializationProgress(Base):
    """Progress, as far as a level change concerns it."""

    __tablename__ = "specialization_progress"
    __table_args__ = {"schema": "floor"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    student_id: Mapped[int] = mapped_column(BigInteger)
    specialization_id: Mapped[str]
    current_level: Mapped[int]
    total_xp: Mapped[int] = mapped_column(BigInteger)
    last_activity: Mapped[datetime]
    updated_at: Mapped[datetime]


class UserLicense(Base):
    """A license, as far as a level change concerns it."""

    __tablename__ = "user_licenses"
    __table_args__ = {"schema": "floor"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    specialization_type: Mapped[str]
    current_level: Mapped[int]
    max_achieved_level: Mapped[int]
    last_advanced_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LicenseProgression(Base):
    """A row of history."""

    __tablename__ = "license_progressions"
    __table_args__ = {"schema": "floor"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    user_license_id: Mapped[int] = mapped_column(ForeignKey("floor.user_licenses.id"))
    from_level: Mapped[int]
    to_level: Mapped[int]
    advancement_reason: Mapped[str]
    route: Mapped[str]


def change_level(session: Session, user: int, level: int) -> float:
    """Change both records in one transaction; return the seconds from the first lock to the commit."""
    progress = session.scalars(
        select(SpecializationProgress).filter_by(student_id=user, specialization_id="PLAYER").with_for_update()
    ).one()
    locked = time.perf_counter()
    license = session.scalars(
        select(UserLicense).filter_by(user_id=user, specialization_type="PLAYER").with_for_update()
    ).one()
    now = datetime.now(UTC)
    session.add(
        LicenseProgression(
            user_id=user,
            user_license_id=license.id,
            from_level=license.current_level,
            to_level=level,
            advancement_reason="level up",
            route="client",
        )
    )
    progress.current_level = level
    progress.total_xp += 10
    progress.last_activity = progress.updated_at = now
    license.current_level = level
    license.max_achieved_level = max(license.max_achieved_level, level)
    license.last_advanced_at = license.updated_at = now
    session.commit()
    return time.perf_counter() - locked


@contextmanager
def sqlalchemy_callers(dsn: str, threads: int) -> Iterator[Callable[[], Call]]:
    """Yield what makes a caller for a thread: a session a call, from one engine's pool."""
    engine = create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"), pool_size=threads)
    factory = sessionmaker(engine)

    def caller() -> Call:
        def call(user: int, level: int) -> float:
            with factory() as session:
                return change_level(session, user, level)

        return call

    try:
        yield caller
    finally:
        engine.dispose()


@contextmanager
def lockstep_callers(dsn: str) -> Iterator[Callable[[], Call]]:
    """Yield what makes a caller for a thread: our client on a connection of its own."""
    opened = []

    def caller() -> Call:
        connection = psycopg.connect(dsn, autocommit=True)
        opened.append(connection)
        client = ProgressLicenseCoupler(connection)

        def call(user: int, level: int) -> float:
            answer = client.update_level_atomic(user, "PLAYER", level, 10)
            assert answer["success"], answer
            return 0.0

        return call

    try:
        yield caller
    finally:
        for connection in opened:
            connection.close()


def rate(caller: Callable[[], Call], threads: int, seconds: float, pairs: int, turn: int) -> tuple[float, list[float]]:
    """Let threads call for so long; return the calls a second, and how long locks were held."""
    held: list[list[float]] = [[] for _ in range(threads)]
    ready = threading.Barrier(threads + 1)
    errors: list[Exception] = []

    def work(place: int) -> None:
        try:
            call = caller()
            call(pairs - place, 1 + turn % 8)
            ready.wait()
            visit = place
            # One call at least, however short the time.
            while not held[place] or time.perf_counter() < deadline[0]:
                held[place].append(call(1 + visit * 7919 % (pairs - threads), 1 + turn % 8))
                visit += threads
        except Exception as error:  # of a thread: raised below
            errors.append(error)
            ready.abort()

    deadline = [float("inf")]
    workers = [threading.Thread(target=work, args=[place]) for place in range(threads)]
    for worker in workers:
        worker.start()
    try:
        ready.wait()
    except threading.BrokenBarrierError:
        raise errors[0] from None
    started = time.perf_counter()
    deadline[0] = started + seconds
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return sum(map(len, held)) / (time.perf_counter() - started), [one for each in held for one in each]
