"""The service as it is served, on a machine that may stand still for seconds: what it gives up after is made long.

gunicorn starts this kind of worker where a test serves: see running.py. What conftest.py does for the
application in the process of a test is done here in that of the service.
"""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from app.http import database
from tests.support import NEVER

# Of gunicorn: a worker that says nothing is killed, requests under way at the end are, and a connection that is
# silent is closed, perhaps just when the next request is sent.
ARGUMENTS = f"--worker-class {__name__}.Unhurried --timeout 0 --graceful-timeout 180 --keep-alive 3600"


class Unhurried(ThreadWorker):  # type: ignore[misc]
    """Lets a transaction take the time that it takes; lock_timeout stays, which answers 503."""

    def init_process(self, *arguments: Any) -> None:
        """Change the limits in the new process, before it serves."""
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            database.TIMEOUTS[setting] = NEVER
        super().init_process(*arguments)
