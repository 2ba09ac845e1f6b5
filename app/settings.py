"""Where Lockstep's database is, read from the environment in this one place.

LOCKSTEP_DSN    that server, 15 or later: nothing is started or stopped
LOCKSTEP_PGBIN  the folder of PostgreSQL's programs, instead of the wheel's
LOCKSTEP_HOME   the folder of the embedded server, instead of .lockstep in the project
LOCKSTEP_SCHEMA the school: the name of its schema, which its roles begin with; lockstep when unset
LOCKSTEP_BACKUPS         the folder of backups and of what deployments left, instead of backups in the home
LOCKSTEP_BACKUP_KEEP     how many backups of a database are kept: 7
LOCKSTEP_BACKUP_MAX_AGE  hours up to which a backup is fresh enough to deploy on: 1
LOCKSTEP_DEPLOY_URL      a service whose /readyz has to answer at the end of a deployment; none when unset

What HTTP needs; `make run` finds out by itself:

LOCKSTEP_HTTP_DSN        login of the routes for everybody (lockstep_http), perhaps through PgBouncer
LOCKSTEP_HTTP_ADMIN_DSN  login of the routes for admins only (lockstep_http_admin)
LOCKSTEP_READ_DSN        the first login on a replica, for the routes that only read; none when unset
LOCKSTEP_READ_LAG        seconds that an answer of the replica may be behind: 1
LOCKSTEP_TOKEN_KEYS      file with the keys of access tokens, instead of token-keys.json in the home
LOCKSTEP_POOL            connections of a process, at least and at most: 20-60
LOCKSTEP_POOL_ADMIN      the same for admins: 1-5
LOCKSTEP_POOL_WAITING    requests of a process that may wait for a connection: 40
LOCKSTEP_PREPARE         executions after which a statement is prepared; `never` behind PgBouncer before 1.21
LOCKSTEP_BIND            the address that HTTP is served on: 127.0.0.1
LOCKSTEP_PORT            its port: 8000
LOCKSTEP_WORKERS         processes that serve: 2
LOCKSTEP_CORS_ORIGINS    origins whose pages may call this service, with commas between; none when unset
LOCKSTEP_PROXIES         proxies in front, whose X-Forwarded-For is believed: 0
LOCKSTEP_PUBLIC_URL      where browsers find the service, for what sends them back: http://127.0.0.1:8000
LOCKSTEP_OIDC_ISSUER     the OpenID provider that people may sign in through; none when unset
LOCKSTEP_OIDC_CLIENT_ID, LOCKSTEP_OIDC_CLIENT_SECRET  as which it knows this service
LOCKSTEP_OIDC_GROUPS_CLAIM  the claim with the names of a person's groups; groups are left alone when unset
LOCKSTEP_OIDC_SCOPE      what is asked for: openid email profile
LOCKSTEP_METRICS_TOKEN   what a scraper of /metrics sends as its bearer token; unset: this machine only

What mails of incidents need:

LOCKSTEP_SMTP_URL        smtp://user:password@host:587 (STARTTLS, or nothing is sent), smtps://…:465 (TLS from the
                         start), smtp://127.0.0.1:25?tls=off (no TLS, so no password); no mail is sent when unset
LOCKSTEP_ALERTS_FROM     the sender's address
LOCKSTEP_ALERTS_TO       who gets them, with commas between
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from app.schema import DEFAULT, check_name

# Threads that probes, refusals and the docs page find free when every connection is taken and waited for.
SPARE_THREADS = 16

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class PoolSettings:
    """How many connections a process holds, and for how long.

    size       kept open, and opened at most, of the pool for everybody
    admin_size the same of the pool for admins
    waiting    requests that may wait for a connection; the next is refused at once
    timeout    seconds that one waits
    max_idle   a pool beyond its smallest size closes a connection every so many seconds while some are idle
    lifetime   seconds after which a connection is replaced
    prepare    executions after which a statement is prepared; None behind PgBouncer before 1.21
    """

    size: tuple[int, int] = (20, 60)
    admin_size: tuple[int, int] = (1, 5)
    waiting: int = 40
    timeout: float = 5.0
    max_idle: float = 2.0
    lifetime: float = 3600.0
    prepare: int | None = 5

    @property
    def largest(self) -> int:
        """Connections of a process, when both pools are as large as they get."""
        return self.size[1] + self.admin_size[1]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "PoolSettings":
        """Read what may be set; raises ValueError for a word where a number belongs."""
        prepare = environment.get("LOCKSTEP_PREPARE") or "5"
        return cls(
            size=_range(environment.get("LOCKSTEP_POOL") or "20-60"),
            admin_size=_range(environment.get("LOCKSTEP_POOL_ADMIN") or "1-5"),
            waiting=int(environment.get("LOCKSTEP_POOL_WAITING") or cls.waiting),
            prepare=None if prepare == "never" else int(prepare),
        )


@dataclass(frozen=True)
class ServiceSettings:
    """How HTTP is served.

    bind          the address
    port          its port; 0 for one that is free
    workers       processes
    origins       whose pages may call (CORS), each as a browser writes it
    metrics_token what a scraper of /metrics sends; None: only this machine may ask, without one
    """

    bind: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    origins: frozenset[str] = frozenset()
    metrics_token: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServiceSettings":
        """Read what may be set; raises ValueError for a word where a number belongs, or what is no origin."""
        return cls(
            bind=environment.get("LOCKSTEP_BIND") or cls.bind,
            port=int(environment.get("LOCKSTEP_PORT") or cls.port),
            workers=int(environment.get("LOCKSTEP_WORKERS") or cls.workers),
            origins=frozenset(map(_origin, environment.get("LOCKSTEP_CORS_ORIGINS", "").replace(",", " ").split())),
            metrics_token=environment.get("LOCKSTEP_METRICS_TOKEN") or None,
        )


@dataclass(frozen=True)
class OidcSettings:
    """The OpenID provider that people may sign in through; see the variables above."""

    issuer: str
    client_id: str
    client_secret: str | None = None
    groups_claim: str | None = None
    scope: str = "openid email profile"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "OidcSettings | None":
        """Read what is set; None without an issuer. Raises ValueError for one without a client id."""
        issuer, client_id = (environment.get(f"LOCKSTEP_OIDC_{name}", "") for name in ("ISSUER", "CLIENT_ID"))
        if not issuer:
            return None
        if not client_id:
            raise ValueError("LOCKSTEP_OIDC_ISSUER is set, and LOCKSTEP_OIDC_CLIENT_ID is not")
        return cls(
            issuer=issuer,
            client_id=client_id,
            client_secret=environment.get("LOCKSTEP_OIDC_CLIENT_SECRET") or None,
            groups_claim=environment.get("LOCKSTEP_OIDC_GROUPS_CLAIM") or None,
            scope=environment.get("LOCKSTEP_OIDC_SCOPE") or cls.scope,
        )


@dataclass(frozen=True)
class BackupSettings:
    """Backups, and what a deployment asks of them.

    folder  None: backups, in the home
    keep    how many of a database are kept
    max_age hours up to which one is fresh enough to deploy on
    url     of the service whose /readyz has to answer at the end of a deployment
    """

    folder: Path | None = None
    keep: int = 7
    max_age: float = 1.0
    url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "BackupSettings":
        """Read what may be set; raises ValueError for a word where a number belongs, or for keeping none."""
        folder = environment.get("LOCKSTEP_BACKUPS")
        keep = int(environment.get("LOCKSTEP_BACKUP_KEEP") or cls.keep)
        if keep < 1:
            raise ValueError("LOCKSTEP_BACKUP_KEEP: at least 1")
        return cls(
            folder=Path(folder).absolute() if folder else None,
            keep=keep,
            max_age=float(environment.get("LOCKSTEP_BACKUP_MAX_AGE") or cls.max_age),
            url=environment.get("LOCKSTEP_DEPLOY_URL") or None,
        )


@dataclass(frozen=True)
class MailSettings:
    """The SMTP server that takes mails of incidents, and whom they are for; see the variables above.

    tls  starttls, implicit (from the start) or off
    """

    host: str
    port: int
    tls: str
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def domain(self) -> str:
        """The part of the sender's address after the @."""
        return self.sender.rpartition("@")[2]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "MailSettings | None":
        """Read what is set; None without a server. Raises ValueError, which names no password, for what cannot work."""
        given = environment.get("LOCKSTEP_SMTP_URL") or ""
        if not given:
            return None
        url, options = urlsplit(given), parse_qs(urlsplit(given).query)
        tls = "implicit" if url.scheme == "smtps" else options.get("tls", ["starttls"])[0]
        if url.scheme not in ("smtp", "smtps") or not url.hostname or tls not in ("starttls", "implicit", "off"):
            raise ValueError("LOCKSTEP_SMTP_URL is not smtp://host:port, smtps://host:port or smtp://host:port?tls=off")
        if tls == "off" and url.password:
            raise ValueError("LOCKSTEP_SMTP_URL: a password needs TLS")
        sender, recipients = environment.get("LOCKSTEP_ALERTS_FROM", ""), environment.get("LOCKSTEP_ALERTS_TO", "")
        addresses = tuple(recipients.replace(",", " ").split())
        if not addresses or not all(re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", one) for one in (sender, *addresses)):
            raise ValueError("LOCKSTEP_ALERTS_FROM is an address, LOCKSTEP_ALERTS_TO one or several: name@host")
        return cls(
            host=url.hostname,
            port=url.port or {"implicit": 465, "starttls": 587, "off": 25}[tls],
            tls=tls,
            sender=sender,
            recipients=addresses,
            user=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
        )


@dataclass(frozen=True)
class Settings:
    """What a process of Lockstep is told from outside."""

    home: Path = PROJECT / ".lockstep"
    dsn: str | None = None
    pgbin: Path | None = None
    schema: str = DEFAULT
    http_dsn: str | None = None
    http_admin_dsn: str | None = None
    read_dsn: str | None = None
    read_lag: float = 1.0
    keys: Path | None = None
    pools: PoolSettings = PoolSettings()
    service: ServiceSettings = ServiceSettings()
    oidc: OidcSettings | None = None
    backup: BackupSettings = BackupSettings()
    mail: MailSettings | None = None
    public_url: str = "http://127.0.0.1:8000"
    proxies: int = 0
    largest_json: int = 64 * 1024  # bytes
    run_budget: float = 10.0  # seconds that one request works on a run of repair

    @property
    def threads(self) -> int:
        """Threads of a process: for every connection, for all that wait for one, and some for what needs none."""
        return self.pools.largest + 2 * self.pools.waiting + SPARE_THREADS

    @property
    def backups(self) -> Path:
        """The folder of backups, and of what deployments left."""
        return self.backup.folder or self.home / "backups"

    @property
    def token_keys(self) -> Path:
        """The file with the keys of access tokens."""
        return self.keys or self.home / "token-keys.json"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; a variable that is empty counts as unset."""
        pgbin = environment.get("LOCKSTEP_PGBIN")
        keys = environment.get("LOCKSTEP_TOKEN_KEYS")
        return cls(
            home=Path(environment.get("LOCKSTEP_HOME") or cls.home).absolute(),
            dsn=environment.get("LOCKSTEP_DSN") or None,
            pgbin=Path(pgbin).absolute() if pgbin else None,
            schema=check_name(environment.get("LOCKSTEP_SCHEMA") or cls.schema),
            http_dsn=environment.get("LOCKSTEP_HTTP_DSN") or None,
            http_admin_dsn=environment.get("LOCKSTEP_HTTP_ADMIN_DSN") or None,
            read_dsn=environment.get("LOCKSTEP_READ_DSN") or None,
            read_lag=float(environment.get("LOCKSTEP_READ_LAG") or cls.read_lag),
            keys=Path(keys).absolute() if keys else None,
            pools=PoolSettings.from_environment(environment),
            service=ServiceSettings.from_environment(environment),
            oidc=OidcSettings.from_environment(environment),
            backup=BackupSettings.from_environment(environment),
            mail=MailSettings.from_environment(environment),
            public_url=environment.get("LOCKSTEP_PUBLIC_URL") or cls.public_url,
            proxies=int(environment.get("LOCKSTEP_PROXIES") or cls.proxies),
        )


def _range(text: str) -> tuple[int, int]:
    """Read `20-60`."""
    least, _, most = text.partition("-")
    return int(least), int(most or least)


def _origin(text: str) -> str:
    """Read `https://host` or `https://host:port`: no path, no pattern."""
    if not re.fullmatch(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?", text):
        raise ValueError(f"LOCKSTEP_CORS_ORIGINS: {text} is not an origin as a browser writes it, https://host:port")
    return text
