"""A pool of connections that is full when it is full: not while it still grows."""

import threading
from typing import Any

from psycopg_pool import ConnectionPool, TooManyRequests

from app.db import Connection


class BoundedPool(ConnectionPool[Connection]):
    """Lets in as many as it may have connections and `waiting` more; the next is refused at once.

    psycopg's own max_waiting counts who waits, and so refuses those for whom a connection is just being opened:
    in the first moments, or after quiet ones, when many come at once.
    """

    def __init__(self, conninfo: str, *, max_size: int, waiting: int, **options: Any) -> None:
        super().__init__(conninfo, max_size=max_size, **options)
        self._places = threading.BoundedSemaphore(max_size + waiting)
        self._refused = 0

    def getconn(self, timeout: float | None = None) -> Connection:
        """Take a connection, for putconn() to bring back. Raises TooManyRequests, PoolTimeout."""
        if not self._places.acquire(blocking=False):
            self._refused += 1
            raise TooManyRequests(f"the pool {self.name!r} is full, and so is the room before it")
        try:
            return super().getconn(timeout)
        except BaseException:
            self._places.release()
            raise

    def putconn(self, conn: Connection) -> None:
        """Bring a connection back."""
        super().putconn(conn)
        self._places.release()

    def get_stats(self) -> dict[str, int]:
        """As psycopg's; who was refused counts among requests_errors."""
        found = super().get_stats()
        return found | {"requests_errors": found.get("requests_errors", 0) + self._refused}
