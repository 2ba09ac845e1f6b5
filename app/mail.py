"""Mail: one message handed to one SMTP server, over TLS unless told otherwise.

What a server says to it is told apart: taken, not now (tried again), never (set aside).
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage

from app.settings import MailSettings

# Seconds that a server may take for each answer.
TIMEOUT = 10.0


@dataclass(frozen=True)
class Delivery:
    """What came of handing a message over.

    outcome    sent, failed (worth another try) or refused (for good)
    error      what the server said; of a sent one, which addresses it did not take
    reachable  whether the server talks to us: if not, other messages need not be tried now
    """

    outcome: str
    error: str | None = None
    reachable: bool = True


def deliver(settings: MailSettings, message: EmailMessage) -> Delivery:
    """Hand a message over to every recipient of the settings; never raises for what a server does."""
    try:
        with _session(settings) as server:
            try:
                missed = server.send_message(message, settings.sender, settings.recipients)
            except smtplib.SMTPRecipientsRefused as error:
                codes = [code for code, _ in error.recipients.values()]
                return Delivery("refused" if min(codes) >= 500 else "failed", _said(error.recipients))
            except smtplib.SMTPResponseException as error:
                return Delivery("refused" if error.smtp_code >= 500 else "failed", _explain(error))
        return Delivery("sent", _said(missed) if missed else None)
    except (OSError, smtplib.SMTPException) as error:
        return Delivery("failed", _explain(error), reachable=False)


@contextmanager
def _session(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    """A session with the server, signed in; nothing secret goes over a line that others can read."""
    context = ssl.create_default_context()
    if settings.tls == "implicit":
        server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT)
    try:
        if settings.tls == "starttls":
            server.starttls(context=context)
        if settings.user is not None:
            server.login(settings.user, settings.password or "")
        yield server
        # What was taken was taken, however the farewell goes.
        _part(server)
    finally:
        server.close()


def _part(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        return


def _said(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(
        f"{address}: {code} {text.decode(errors='replace')}" for address, (code, text) in recipients.items()
    )


def _explain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
    return f"{type(error).__name__}: {error}"
