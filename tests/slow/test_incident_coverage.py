"""The counterfactual's intervals, counted on many quiet fortnights."""

from __future__ import annotations

import pytest

from tests.support.python_model import python_model
from tests.unit.test_incident_baseline import coverage


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.5, 0.7])
def test_95_percent_intervals_of_a_fortnight_hold_in_93_of_100(correlation: float) -> None:
    _, of_sums = coverage(python_model("int_incident_baseline"), correlation, range(1000, 1400))
    assert of_sums >= 0.93
