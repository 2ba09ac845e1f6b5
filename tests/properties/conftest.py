"""How much the property tests try.

check (the default) is the same examples each time and gives up at the first failure;
LOCKSTEP_PROPERTIES=shrink looks for a smaller program that fails too, which takes minutes;
LOCKSTEP_PROPERTIES=soak tries many random ones.
"""

import os

from hypothesis import HealthCheck, Phase, settings

# Fixtures live as long as a test function here, on purpose: examples share a database.
COMMON = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    report_multiple_bugs=False,
)

CHECK = settings(
    COMMON, derandomize=True, database=None, max_examples=40, stateful_step_count=40, phases=[Phase.generate]
)
settings.register_profile("check", CHECK)
settings.register_profile("shrink", CHECK, phases=[Phase.generate, Phase.shrink])
settings.register_profile("soak", COMMON, max_examples=2000, stateful_step_count=60)
settings.load_profile(os.environ.get("LOCKSTEP_PROPERTIES", "check"))
