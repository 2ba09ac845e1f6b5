"""The console in a real browser: by keyboard alone, without JavaScript, and for those who see or hear it otherwise."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.postgres import Server
from tests.conftest import cloned
from tests.console.browser import CHROMIUM, SIZES, launch
from tests.console.demo import dress
from tests.console.pictures import PAGES
from tests.http.conftest import Connection, add_people, settings_for
from tests.http.pooler import Pooler
from tests.http.signing_in import PASSWORD, password_hash  # noqa: F401
from tests.pairs import levels, plant, value

pytestmark = [pytest.mark.once, pytest.mark.needs_program(str(CHROMIUM))]

# Milliseconds until a state that should be there counts as missing: the machine may be busy.
PATIENCE = 120_000
expect.set_options(timeout=PATIENCE)

# What axe calls worse than a blemish.
AXE = Axe().axe_script
GRAVE = {"serious", "critical"}


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Leave it out."""


@dataclass(frozen=True)
class Site:
    """A running console over a demo database."""

    url: str
    connection: Connection
    ann: int


@pytest.fixture(scope="module")
def site(
    server: Server,
    admin: Connection,
    template: str,
    http_logins: dict[str, str],
    pooler: Pooler | None,
    password_hash: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Serve the console out of a thread of this process, over a clone that has something to show."""
    with cloned(server, admin, template) as database, psycopg.connect(database, autocommit=True) as connection:
        people = add_people(connection)
        connection.execute(
            "insert into lockstep.users (email, name, role) select format('student%s@example.org', n),"
            " format('Student %s', n), 'student' from generate_series(1, 12) as n"
        )
        dress(connection)
        connection.execute("select lockstep.set_password('admin@example.org', %s)", [password_hash])
        app = create_app(settings_for(database, http_logins, pooler, tmp_path_factory.mktemp("console")))
        served = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        try:
            yield Site(f"http://127.0.0.1:{served.server_port}", connection, people["ann"])
        finally:
            served.shutdown()
            thread.join()
            served.server_close()
            app.extensions["lockstep.database"].close()
            if pooler:
                pooler.forget(connection.info.dbname)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of, and requests that left the site."""
    return []


def opened(chromium: Browser, site: Site, complaints: list[str], **options: object) -> BrowserContext:
    """A context whose complaints are kept."""
    context = chromium.new_context(viewport={"width": SIZES[0][0], "height": SIZES[0][1]}, **options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("request", lambda asked: None if asked.url.startswith(site.url) else complaints.append(asked.url))
    return context


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until this has the focus, which has to be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert shown != "none", f"{selector} does not show that it has the focus"
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def sign_in(page: Page, site: Site) -> None:
    """By keyboard: the first field has the focus."""
    page.goto(f"{site.url}/admin")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type("admin@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_planted_desync_is_seen_planned_repaired_and_undone_by_keyboard_alone(
    chromium: Browser, site: Site, complaints: list[str]
) -> None:
    plant(site.connection, 5, 3, site.ann)
    with opened(chromium, site, complaints) as context:
        page = context.new_page()
        sign_in(page, site)
        tab_to(page, ".skip")
        tab_to(page, 'nav a[href="/admin/desync"]')
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Desync")
        tab_to(page, f'input[value="{site.ann}:PLAYER"]')
        page.keyboard.press("Space")
        tab_to(page, 'select[name="direction"]')
        page.keyboard.press("Tab")
        page.keyboard.type("After the import")
        tab_to(page, "button:not([name])")
        page.keyboard.press("Enter")
        row = page.get_by_role("row", name="ann@example.org")
        expect(row.get_by_role("deletion")).to_have_text("3")
        expect(row.get_by_role("insertion")).to_have_text("5")
        assert levels(site.connection, site.ann) == (5, 3)
        tab_to(page, "main button")
        page.keyboard.press("Enter")
        expect(row).to_contain_text("synced")
        assert levels(site.connection, site.ann) == (5, 5)
        tab_to(page, 'input[name="reason"]')
        page.keyboard.type("The license was right")
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_contain_text("nothing was changed yet")
        tab_to(page, "main button")
        page.keyboard.press("Enter")
        expect(row).to_contain_text("undone")
        assert levels(site.connection, site.ann) == (3, 3)
    assert complaints == []


def test_without_javascript_every_page_is_read_and_a_repair_is_done(
    chromium: Browser, site: Site, complaints: list[str]
) -> None:
    plant(site.connection, 2, 4, site.ann)
    with opened(chromium, site, complaints, java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, site)
        for path in PAGES.values():
            page.goto(site.url + path)
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
        page.goto(f"{site.url}/admin/desync")
        page.get_by_label("ann@example.org, PLAYER").check()
        page.get_by_label("Reason").fill("By hand")
        page.get_by_role("button", name="Plan the chosen pairs").click()
        page.get_by_role("button", name="Apply this plan").click()
        expect(page.get_by_role("row", name="ann@example.org")).to_contain_text("synced")
        assert levels(site.connection, site.ann) == (4, 4)
        page.get_by_label("Reason for the undo").fill("Not that one")
        page.get_by_role("button", name="Plan the undo").click()
        page.get_by_role("button", name="Apply this plan").click()
        expect(page.get_by_role("row", name="ann@example.org")).to_contain_text("undone")
        assert levels(site.connection, site.ann) == (2, 2)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    # The page that does not exist is among those read.
    assert [text for text in complaints if "404" not in text] == []


def test_no_page_hinders_anybody_wide_or_narrow_light_or_dark(
    chromium: Browser, site: Site, complaints: list[str]
) -> None:
    found = {}
    with opened(chromium, site, complaints) as context:
        page = context.new_page()
        page.goto(f"{site.url}/admin/sign-in")
        pages = {"sign-in": "/admin/sign-in", **PAGES}
        for name, path in pages.items():
            if name == "overview":
                sign_in(page, site)
            page.goto(site.url + path)
            page.evaluate(AXE)
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    # The structure is the same in the dark: only its colours are looked at again.
                    only = {} if scheme == "light" else {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
                    options = {"resultTypes": ["violations"], **only}
                    for violation in page.evaluate("options => axe.run(document, options)", options)["violations"]:
                        if violation["impact"] in GRAVE:
                            places = [node["target"] for node in violation["nodes"]]
                            found[name, width, scheme, violation["id"]] = places
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    found[name, width, "", "the page scrolls sideways"] = []
    assert found == {}
    assert [text for text in complaints if "404" not in text] == []


def test_the_page_of_locks_shows_a_wait_and_its_end_by_itself(
    chromium: Browser, site: Site, complaints: list[str]
) -> None:
    dsn = site.connection.info.dsn
    password = site.connection.info.password
    with (
        psycopg.connect(dsn, password=password) as holder,
        psycopg.connect(dsn, password=password, autocommit=True) as waiter,
        opened(chromium, site, complaints) as context,
    ):
        page = context.new_page()
        sign_in(page, site)
        holder.execute("select from lockstep.users where id = %s for update", [site.ann])
        thread = threading.Thread(
            target=waiter.execute, args=["select from lockstep.users where id = %s for update", [site.ann]]
        )
        thread.start()
        page.goto(f"{site.url}/admin/locks")
        expect(page.get_by_role("rowheader", name=f"-> {waiter.info.backend_pid}")).to_be_visible()
        holder.rollback()
        thread.join()
        expect(page.get_by_text("Nobody waits")).to_be_visible()
    assert complaints == []
    assert value(site.connection, "select count(*) from lockstep.lock_waits") == 0
