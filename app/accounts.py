"""The commands for accounts and keys: `flask --app app auth …`.

They are for who runs the service: none asks who is there, each needs the owner's login of the database
or the file with the keys.
"""

import click
import psycopg
from flask import current_app

from app import db, errors
from app.cli import Commands, connect
from app.http import passwords, tokens
from app.schema import DEFAULT
from app.settings import Settings

# The admin that is made where there is none at all.
FIRST_ADMIN = "admin@localhost"


def ensure_admin(dsn: str, schema: str = DEFAULT) -> tuple[str, str] | None:
    """See to it that an active admin can sign in; return e-mail address and password, once.

    The first admin gets a random password unless some admin has one; where there is none, one is made.
    Returns None where nothing was to do. Raises psycopg.Error.
    """
    password = passwords.invent()
    with db.connect(dsn, schema) as connection:
        person = db.call(connection, "ensure_admin", email=FIRST_ADMIN, password_hash=passwords.hash_password(password))
    return (person["email"], password) if person["id"] is not None else None


auth = Commands("auth", help="Accounts and keys: admins, passwords, the keys of access tokens.")


@auth.command()
@click.argument("email")
def create_admin(email: str) -> None:
    """Make an admin; the password is random, and printed this once."""
    password = passwords.invent()
    _call("create_admin", email=email, password_hash=passwords.hash_password(password))
    click.echo(f"{email}\n{password}")


@auth.command()
@click.argument("email")
@click.option("--random", is_flag=True, help="Invent one and print it, instead of asking for it.")
def set_password(email: str, random: bool) -> None:
    """Give somebody a password, which ends their sessions."""
    password = passwords.invent() if random else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        password = passwords.checked(password)
    except ValueError as error:
        raise click.ClickException(f"a password {error}") from error
    _call("set_password", email=email, password_hash=passwords.hash_password(password))
    click.echo(password if random else "done")


@auth.command()
def rotate_keys() -> None:
    """Let a new key sign access tokens; the old ones verify until what they signed has expired."""
    settings: Settings = current_app.extensions["lockstep"]
    kept = tokens.rotate(settings.token_keys)
    click.echo(f"{settings.token_keys}: 1 new key, {kept} old")


def _call(function: str, **arguments: object) -> None:
    try:
        with connect() as connection:
            db.call(connection, function, **arguments)
    except psycopg.Error as error:
        raise click.ClickException(errors.describe(error).message) from error
