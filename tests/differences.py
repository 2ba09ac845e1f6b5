"""The register of differences: the tests that are left out on a server of LOCKSTEP_TEST_DSN, where and why.

A row is as many tests as its pattern names, one condition, one reason. What applies is deselected, counted, and
printed at the end of the run. `--prove-differences` runs just these tests, and fails for one that passes.
A pattern is a test's id, `*` stands for any text; without a `[…]` it means every case of the test.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.given import data_directory, largest, preloaded

NO_STATISTICS = "pg_stat_statements is not preloaded"
FEW = "it takes fewer than 170 connections"
ELSEWHERE = "its data are not on this machine"

# What can be said of a given server.
CONDITIONS: Mapping[str, Callable[[], bool]] = {
    NO_STATISTICS: lambda: "pg_stat_statements" not in preloaded(),
    FEW: lambda: largest() < 170,
    ELSEWHERE: lambda: data_directory() is None,
}


@dataclass(frozen=True)
class Difference:
    """Tests that cannot pass on a server of which the condition holds."""

    tests: str
    condition: str
    reason: str

    def names(self, nodeid: str) -> bool:
        """Whether this test is meant."""
        pattern = re.escape(self.tests).replace(r"\*", ".*")
        return re.fullmatch(rf"{pattern}(\[.*\])?", nodeid, re.DOTALL) is not None


COUNTS = "nothing counts the server's statements"

DIFFERENCES = (
    Difference("tests/projects/test_races.py::test_a_hundred_sharers_*", FEW, "a hundred sessions, beside other tests"),
    Difference(
        "tests/faults/test_faults.py::test_on_a_full_disk_*", ELSEWHERE, "the disk that it fills is one of here"
    ),
    Difference("tests/monitoring/test_sampler.py::test_a_statement_that_got_slower_is_recorded", NO_STATISTICS, COUNTS),
    Difference("tests/monitoring/test_views.py::test_an_extension_that_comes_later_*", NO_STATISTICS, COUNTS),
    Difference("tests/monitoring/test_views.py::test_a_statement_that_prints_a_password_*", NO_STATISTICS, COUNTS),
    Difference("tests/monitoring/test_views.py::test_a_statement_that_takes_longer_*", NO_STATISTICS, COUNTS),
)


def applying() -> tuple[Difference, ...]:
    """The rows whose condition holds of the given server."""
    return tuple(difference for difference in DIFFERENCES if CONDITIONS[difference.condition]())
