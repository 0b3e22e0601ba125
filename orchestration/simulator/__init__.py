"""Sample extracts, calibrated on published figures and deterministic by seed.

Nothing of the pipeline may import this room: the pipeline must not know what the simulator knows.
"""

from __future__ import annotations

from orchestration.simulator.scenario import known_scenarios
from orchestration.simulator.world import SimulationSummary, package_fingerprint, simulate

__all__ = ["SimulationSummary", "known_scenarios", "package_fingerprint", "simulate"]
