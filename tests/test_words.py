"""Of one thing there is no plural."""

from app.console.formats import counted as shown
from app.words import counted


def test_one_of_a_thing_takes_no_s() -> None:
    assert [counted(count, "pair") for count in (0, 1, 2)] == ["0 pairs", "1 pair", "2 pairs"]
    assert [shown(count, "pair") for count in (1, 1000)] == ["1 pair", "1,000 pairs"]
