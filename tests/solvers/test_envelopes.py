"""Envelopes: never below the curve, concave, and touching it where they should."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimizer.plan.curves import Exponential, Hill, Log, Logistic, Points, Power
from optimizer.problem import CurveTable
from optimizer.solvers.envelopes import Envelopes

positive = st.floats(0.1, 100)
curves = st.one_of(
    st.builds(Hill, positive, positive, st.floats(0.3, 8)),
    st.builds(Logistic, positive, positive, st.floats(0, 300)),
    st.builds(Exponential, positive, positive),
    st.builds(Log, positive, positive),
    st.builds(Power, positive, st.floats(0.1, 1)),
    st.lists(st.tuples(st.floats(0.1, 30), st.floats(0, 30)), min_size=2, max_size=6).map(
        lambda steps: Points(
            tuple(np.cumsum([dx for dx, _ in steps])), tuple(np.cumsum([dy for _, dy in steps]))
        )
    ),
)


@given(curves, st.floats(0, 50), st.floats(0.01, 200))
def test_an_envelope_lies_above_its_curve_and_so_do_its_lines(curve, low, width):
    """Proves the bound of every box. A line one digit too steep once denied the optimum."""
    table = CurveTable.of([curve])
    envelope = Envelopes.of(table, np.array([low]), np.array([low + width]))
    places = np.linspace(low, low + width, 41)
    truth = curve.outcome(places)
    size = max(float(truth.max()), 1e-12)
    for place in places:
        value, slope = envelope.at(np.array([place]))
        assert value[0] >= float(curve.outcome(np.array(place))) - 1e-9 * size
        line = value[0] + slope[0] * (places - place)
        assert np.all(line >= truth - 1e-8 * size)


@given(curves, st.floats(0, 50), st.floats(0.01, 200))
def test_an_envelope_touches_its_curve_at_both_ends(curve, low, width):
    table = CurveTable.of([curve])
    ends = np.array([low, low + width])
    envelope = Envelopes.of(table, ends[:1], ends[1:])
    value = np.array([envelope.at(ends[:1])[0][0], envelope.at(ends[1:])[0][0]])
    truth = curve.outcome(ends)
    # A curve that is vertical at zero gets its first tangent a little to the right.
    np.testing.assert_allclose(value, truth, atol=1e-9 * width + 0.2 * truth.max() * (low == 0))


@given(curves, st.floats(0, 50), st.floats(0.01, 200))
def test_narrowing_one_term_equals_a_fresh_start(curve, low, width):
    table = CurveTable.of([curve, Log(3.0, 2.0)])
    whole = Envelopes.of(table, np.zeros(2), np.full(2, 500.0))
    narrow = whole.narrowed(0, low, low + width)
    fresh = Envelopes.of(table, np.array([low, 0.0]), np.array([low + width, 500.0]))
    for place in (low, low + width / 3, low + width):
        at = np.array([place, 7.0])
        np.testing.assert_allclose(narrow.at(at), fresh.at(at))
