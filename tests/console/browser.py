"""The browser of the tests: Debian's Chromium, without a download."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright

CHROMIUM = Path("/usr/bin/chromium")
SIZES = ((1280, 900), (390, 844))


@contextmanager
def launch(playwright: Playwright) -> Iterator[Browser]:
    """Start it; root has no sandbox, and a container little shared memory."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        timeout=0,  # milliseconds; for as long as the machine takes
    )
    try:
        yield browser
    finally:
        browser.close()
