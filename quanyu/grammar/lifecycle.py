"""Lifecycle of a view or tag: who may use it."""

from __future__ import annotations

# A draft is computed and not yet for use; what is retiring is still used, soon not; what is retired is not computed.
LIFECYCLES = ("draft", "live", "retiring", "retired")
