"""Every curve keeps what all curves promise, and its own formula."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.errors import PlanError
from optimizer.plan.curves import (
    CURVES,
    Elasticity,
    Exponential,
    Hill,
    Linear,
    Log,
    Logistic,
    Points,
    Power,
    Shape,
)
from tests.strategies import CURVE_STRATEGIES, curves, money, rates, shares

FRACTIONS = np.array([0.01, 0.1, 0.3, 0.7, 1.0, 1.7, 3.0, 10.0])

EXTREMES = np.array([0.0, 5e-324, 1e-300, 1e-9, 1.0, 1e9, 1e15])


def scale_of(curve: Any) -> float:
    """Money over which the curve does something."""
    for name in ("half", "unit"):
        if hasattr(curve, name):
            return float(getattr(curve, name)) + float(getattr(curve, "midpoint", 0.0))
    return float(curve.spend[-1]) if isinstance(curve, Points) else 1000.0


def test_every_curve_has_a_strategy() -> None:
    assert set(CURVE_STRATEGIES) == set(CURVES)


@pytest.fixture(params=CURVES, ids=lambda kind: str(kind.kind))
def kind(request: pytest.FixtureRequest) -> type:
    return request.param  # type: ignore[no-any-return]


def each(kind: type, examples: int = 40) -> Any:
    """Run a check on random curves of one kind."""

    def run(check: Any) -> None:
        given(CURVE_STRATEGIES[kind])(settings(max_examples=examples, database=None)(check))()

    return run


def test_nothing_comes_from_nothing(kind: type) -> None:
    @each(kind)
    def check(curve: Any) -> None:
        assert curve.outcome(np.array(0.0)) == 0
        assert curve.outcome(np.zeros((2, 3))).shape == (2, 3)
        assert curve.slope(np.zeros((2, 3))).shape == (2, 3)


def test_more_money_never_brings_less(kind: type) -> None:
    @each(kind)
    def check(curve: Any) -> None:
        x = np.sort(np.concatenate([[0.0], FRACTIONS * scale_of(curve), [curve.inflection]]))
        y = curve.outcome(x)
        assert np.all(np.diff(y) >= -1e-12 * max(float(y.max()), 1e-300))
        assert np.all(curve.slope(x) >= 0)


def test_the_slope_is_the_limit_of_differences(kind: type) -> None:
    @each(kind)
    def check(curve: Any) -> None:
        x = FRACTIONS * scale_of(curve)
        h = 1e-5 * x
        if isinstance(curve, Points):
            knots, _ = curve.knots
            x = knots[:-1] + np.diff(knots) / 3  # away from the corners
            h = np.diff(knots) / 10
        difference = (curve.outcome(x + h) - curve.outcome(x - h)) / (2 * h)
        rounding = 1e-11 * curve.outcome(x) / h
        assert np.all(np.abs(difference - curve.slope(x)) <= 1e-4 * curve.slope(x) + rounding)


def test_it_bends_as_its_shape_says(kind: type) -> None:
    @each(kind)
    def check(curve: Any) -> None:
        top = 10 * scale_of(curve)
        above = curve.inflection + np.linspace(1e-6 * top, top, 50)
        slopes = curve.slope(above)
        assert np.all(np.diff(slopes) <= 1e-9 * max(float(slopes.max()), 1e-300))
        if curve.shape in {Shape.LINEAR, Shape.CONCAVE}:
            assert curve.inflection == 0
        if curve.shape is Shape.S_SHAPED:
            assert curve.inflection > 0
            below = np.linspace(0.0, curve.inflection, 50)
            rising = curve.slope(below)
            assert np.all(np.diff(rising) >= -1e-9 * float(rising.max()))
        if curve.shape is Shape.LINEAR:
            assert np.ptp(slopes) == 0


def test_one_call_serves_many_curves_of_a_kind(kind: type) -> None:
    if kind is Points:
        pytest.skip("points have as many parameters as they have knots")

    @given(st.lists(CURVE_STRATEGIES[kind], min_size=2, max_size=5))
    @settings(max_examples=20, database=None)
    def check(many: list[Any]) -> None:
        x = np.linspace(0.1, 1e4, len(many))
        columns = [
            np.array(column) for column in zip(*(curve.values for curve in many), strict=True)
        ]
        each_alone = [float(curve.outcome(at)) for curve, at in zip(many, x, strict=True)]
        assert np.allclose(kind.formula(x, *columns), each_alone, rtol=1e-12, atol=0)
        slopes = [float(curve.slope(at)) for curve, at in zip(many, x, strict=True)]
        assert np.allclose(kind.gradient(x, *columns), slopes, rtol=1e-12, atol=0)
        block = np.tile(x, (3, 1))
        assert kind.formula(block, *columns).shape == block.shape

    check()


@given(curves)
@settings(max_examples=200)
def test_extreme_money_raises_no_warning(curve: Any) -> None:
    with np.errstate(over="raise", divide="raise", invalid="raise", under="ignore"):
        outcome, slope = curve.outcome(EXTREMES), curve.slope(EXTREMES)
    assert np.all(np.isfinite(outcome))
    assert np.all(outcome >= 0)
    assert not np.any(np.isnan(slope))
    assert np.all(np.isfinite(slope[EXTREMES >= 1]))


@given(money, rates(0.01, 20.0), shares)
def test_an_elasticity_passes_through_today_with_its_slope(x0: float, r0: float, e: float) -> None:
    curve = Elasticity(x0, r0, e)
    assert curve.half == pytest.approx(x0 * e / (1 - e))
    assert curve.ceiling == pytest.approx(r0 * x0 / (1 - e))
    assert float(curve.outcome(np.array(x0))) == pytest.approx(r0 * x0)
    assert float(curve.slope(np.array(x0))) == pytest.approx(r0 * e)
    twin = Hill(curve.ceiling, curve.half)
    x = np.array([0.0, 0.1, 1.0, 5.0]) * x0
    assert np.allclose(curve.outcome(x), twin.outcome(x), rtol=1e-9)


@given(money, rates(1.0, 1e5))
def test_a_logistic_without_midpoint_is_a_hyperbolic_tangent(unit: float, ceiling: float) -> None:
    x = FRACTIONS * unit
    expected = ceiling * np.tanh(x / (2 * unit))
    assert np.allclose(Logistic(ceiling, unit).outcome(x), expected, rtol=1e-12)


@given(CURVE_STRATEGIES[Hill])
def test_half_brings_half(curve: Hill) -> None:
    assert float(curve.outcome(np.array(curve.half))) == pytest.approx(curve.ceiling / 2)


@given(CURVE_STRATEGIES[Exponential])
def test_a_unit_brings_63_percent(curve: Exponential) -> None:
    reached = float(curve.outcome(np.array(curve.unit)))
    assert reached == pytest.approx(0.6321205588 * curve.ceiling)


@given(CURVE_STRATEGIES[Power], st.floats(1.0, 1e6))
def test_a_power_has_the_same_elasticity_everywhere(curve: Power, x: float) -> None:
    at = np.array(x)
    assert float(curve.slope(at) * at / curve.outcome(at)) == pytest.approx(curve.exponent)


@given(CURVE_STRATEGIES[Hill])
def test_a_hill_is_steepest_at_its_inflection(curve: Hill) -> None:
    assume(curve.steepness > 1.05)
    at = curve.inflection
    around = curve.slope(np.array([0.9 * at, at, 1.1 * at]))
    assert around[1] == max(around)


def test_small_money_keeps_its_digits() -> None:
    tiny = np.array(1e-12)
    assert float(Log(5, 2).outcome(tiny)) == pytest.approx(2.5e-12)
    assert float(Exponential(5, 2).outcome(tiny)) == pytest.approx(2.5e-12)
    assert float(Logistic(5, 1).outcome(tiny)) == pytest.approx(2.5e-12)


def test_points_are_met_and_flat_beyond() -> None:
    curve = Points((100, 200, 400), (10, 30, 40))
    assert curve.outcome(np.array([0, 50, 100, 150, 200, 400, 1e6])).tolist() == [
        *(0, 5, 10, 20, 30, 40, 40)
    ]
    assert curve.slope(np.array([0, 100, 200, 400])).tolist() == [0.1, 0.2, 0.05, 0.0]
    assert curve.shape is Shape.PIECEWISE
    assert curve.inflection == 100
    assert Points((100, 200), (10, 15)).shape is Shape.CONCAVE
    assert Points((0, 100), (0, 0)).shape is Shape.CONCAVE


def test_slopes_at_nothing() -> None:
    zero = np.array(0.0)
    assert Power(1, 0.5).slope(zero) == np.inf
    assert Hill(10, 5, 0.5).slope(zero) == np.inf
    assert Hill(10, 5, 1.0).slope(zero) == 2
    assert Hill(10, 5, 2.0).slope(zero) == 0


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Linear(-1), "rate"),
        (lambda: Linear(np.nan), "rate"),
        (lambda: Log(0, 1), "scale"),
        (lambda: Log("x", 1), "scale"),
        (lambda: Power(1, 1.5), "exponent"),
        (lambda: Hill(1, 1, 21), "steepness"),
        (lambda: Hill(1, True), "half"),
        (lambda: Exponential(np.inf, 1), "ceiling"),
        (lambda: Elasticity(1, 1, 1), "elasticity"),
        (lambda: Logistic(1, 1, -1), "midpoint"),
        (lambda: Points((1, 2), (2, 1)), ""),
        (lambda: Points((1, 2), (2,)), ""),
        (lambda: Points((0, 2), (1, 2)), ""),
    ],
)
def test_a_curve_that_cannot_be_is_refused(make: Any, path: str) -> None:
    with pytest.raises(PlanError) as error:
        make()
    assert [fault.path for fault in error.value.faults] == [path]


@pytest.mark.parametrize("kind", [kind for kind in CURVES if kind is not Points])
@given(data=st.data())
def test_the_inverse_finds_the_exposure_of_a_slope(kind, data):
    """Proves the best reply to a price, on which line items are allocated."""
    curve = data.draw(CURVE_STRATEGIES[kind])
    if curve.shape is Shape.LINEAR:
        rate = curve.slope(np.zeros(1))[0]
        assert curve.inverse(np.array([rate * 2 + 1]), *map(np.float64, curve.values))[0] == 0
        return
    x = curve.inflection + np.geomspace(1e-3, 1e2, 9) * max(curve.inflection, 1.0)
    slope = curve.slope(x)
    told = (slope > 1e-200) & (slope < curve.slope(x * (1 - 1e-9)))
    found = curve.inverse(slope[told], *map(np.float64, curve.values))
    again = curve.slope(found)
    np.testing.assert_allclose(again, slope[told], rtol=1e-6)
    too_steep = np.array([float(curve.slope(np.array([curve.inflection]))[0]) * 2])
    if np.isfinite(too_steep[0]) and too_steep[0] > 0:
        place = curve.inverse(too_steep, *map(np.float64, curve.values))[0]
        assert place == pytest.approx(curve.inflection, rel=1e-9, abs=1e-12)


def test_the_inverse_of_a_hill_curve_is_exact_to_the_last_digits():
    """Steepness from 0.02 to 20 and by a hair around 1, at the inflection and far from it."""
    rng = np.random.default_rng(1)
    n = 20_000
    hair = 1 + rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-15, -1, n)
    s = np.where(rng.random(n) < 0.8, np.exp(rng.uniform(np.log(0.02), np.log(20), n)), hair)
    s[:100] = 1.0
    ceiling, half = 10.0 ** rng.uniform(-6, 9, n), 10.0 ** rng.uniform(-6, 9, n)
    bend = Hill.bend(ceiling, half, s)
    far = half * np.exp(rng.uniform(-1, 1, n) * np.minimum(300, 300 / s))
    x = np.where(s > 1, bend * (1 + 10.0 ** rng.uniform(-6, 3, n)), far)
    slope = Hill.gradient(x, ceiling, half, s)
    told = np.isfinite(slope) & (slope > 1e-290) & (x > 1e-290)
    assert told.sum() > 0.8 * n
    values = ceiling[told], half[told], s[told]
    again = Hill.gradient(Hill.inverse(slope[told], *values), *values)
    np.testing.assert_allclose(again, slope[told], rtol=1e-9)
