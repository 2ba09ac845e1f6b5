"""Pictures of every page of a running console, wide and narrow: python -m tests.console.pictures URL EMAIL FOLDER.

The password is asked for in LOCKSTEP_PASSWORD. For the eye, and for docs/.
"""

import os
import re
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.console.browser import SIZES, launch

PAGES = {
    "overview": "/admin",
    "desync": "/admin/desync",
    "runs": "/admin/runs",
    "run": "/admin/runs/1",
    "people": "/admin/users?search=student",
    "person": "/admin/users/1",
    "erase": "/admin/users/1/erase",
    "repair": "/admin/desync/repair?user_id=1&specialization=PLAYER",
    "levels": "/admin/levels",
    "locks": "/admin/locks",
    "queue": "/admin/queue",
    "incidents": "/admin/incidents",
    "guards": "/admin/guards",
    "missing": "/admin/no-such-page",
}


def sign_in(page: Page, url: str, email: str, password: str) -> None:
    """Fill the form, and wait for what comes after."""
    page.goto(f"{url}/admin/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/admin(?!/sign-in)"))


def main(url: str, email: str, folder: Path, *names: str) -> None:
    """Take them."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, launch(playwright) as browser:
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                page = context.new_page()
                page.goto(f"{url}/admin/sign-in")
                page.screenshot(path=folder / f"sign-in-{width}-{scheme}.png")
                sign_in(page, url, email, os.environ["LOCKSTEP_PASSWORD"])
                for name, path in PAGES.items():
                    if not names or name in names:
                        page.goto(url + path)
                        page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                context.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
