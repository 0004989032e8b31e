"""Numbers of examples for property tests: few in make test, all in make test-long."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("thorough", settings())


def thorough() -> bool:
    """Whether all examples run, as in make test-long."""
    return bool(settings.get_current_profile_name() == "thorough")


def examples(count: int) -> settings:
    """A quarter of so many examples, or all of them in the profile `thorough`."""
    return settings(
        max_examples=count if thorough() else count // 4,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
