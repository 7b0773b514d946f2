"""Five ways to let the brand lift traffic: what each proves, how fast, and what its plan is worth.

    python -m tests.benchmarks.brand_lifts_traffic [seconds] [case …]
    python -m tests.benchmarks.brand_lifts_traffic s-curves

What traffic brings in month s is f(xₛ) · m(Gₛ), m(G) = 1 + lift · (1 − exp(−G / unit)), with the
goodwill G that brand money fills. Every form is measured against the best of three SLSQP starts on
that product. ``docs/decisions/0019-brand-lifts-traffic.md`` has the table.
"""

import heapq
import itertools
import sys
import time
from dataclasses import dataclass

import highspy
import numpy as np
from scipy.optimize import minimize

import optimizer as opt

INFINITE = highspy.kHighsInf
# Tangents are added until none is missed by more than this share of the value.
TIGHT = 1e-5


@dataclass(frozen=True)
class Case:
    """Brand and traffic lines over some months."""

    brand: list
    """Curves of the lines that fill goodwill."""
    traffic: list
    brand_most: np.ndarray
    """Most money per month of each line."""
    traffic_most: np.ndarray
    months: int
    budget: float
    lift: float
    unit: float
    retention: float
    own: object
    """The curve of what goodwill brings by itself."""

    @property
    def most(self):
        return np.concatenate([self.brand_most, self.traffic_most])

    @property
    def reach(self):
        """What a unit of money adds to goodwill, (month, month of the money)."""
        lag = np.subtract.outer(np.arange(self.months), np.arange(self.months))
        return np.where(lag >= 0, (1 - self.retention) * self.retention ** np.maximum(lag, 0), 0.0)

    @property
    def goodwill_most(self):
        filled = self.reach.sum(axis=1) * self.brand_most.sum()
        return np.minimum(filled, (1 - self.retention) * self.budget)

    def lifted(self, goodwill):
        return 1.0 + self.lift * -np.expm1(-goodwill / self.unit)

    def lifted_slope(self, goodwill):
        return self.lift / self.unit * np.exp(-goodwill / self.unit)

    def parts(self, cells):
        """Brand money, traffic money and goodwill, (lines, months) and (months,)."""
        money = cells.reshape(-1, self.months)
        brand, traffic = money[: len(self.brand)], money[len(self.brand) :]
        return brand, traffic, self.reach @ brand.sum(axis=0)

    def value(self, cells):
        brand, traffic, goodwill = self.parts(cells)
        value = height(self.own, goodwill).sum()
        value += sum(height(c, x).sum() for c, x in zip(self.brand, brand, strict=True))
        shown = sum(height(c, x) for c, x in zip(self.traffic, traffic, strict=True))
        return float(value + shown @ self.lifted(goodwill))

    def gradient(self, cells):
        """Of the value in cells, and in goodwill alone."""
        brand, traffic, goodwill = self.parts(cells)
        shown = sum(height(c, x) for c, x in zip(self.traffic, traffic, strict=True))
        price = shown * self.lifted_slope(goodwill) + steep(self.own, goodwill)
        onward = self.reach.T @ price
        of_brand = [steep(c, x) + onward for c, x in zip(self.brand, brand, strict=True)]
        lift = self.lifted(goodwill)
        of_traffic = [steep(c, x) * lift for c, x in zip(self.traffic, traffic, strict=True)]
        return np.concatenate([*of_brand, *of_traffic]), price


def height(curve, x):
    return type(curve).formula(np.maximum(x, 0.0), *curve.values)


def steep(curve, x):
    return type(curve).gradient(np.maximum(x, 1e-9), *curve.values)


def highest(curve, worth, price, most):
    """max worth · f(x) − price · x on [0, most]."""
    place = type(curve).inverse(np.maximum(price, 1e-300) / worth, *curve.values)
    place = np.clip(place, 0.0, most)
    return worth * height(curve, place) - price * place


# ------------------------------------------------------------------------------------------------
# The best known plan, and what the prices at it prove


def best_known(case, rng):
    """The best of three local searches with exact gradients: value and cells."""
    n = len(case.most) * case.months
    most, scale = np.repeat(case.most, case.months), case.budget / n
    size, found = case.value(np.full(n, scale)), []
    for start in (np.ones(n), rng.dirichlet(np.ones(n)) * n, rng.dirichlet(np.ones(n)) * n):
        result = minimize(
            lambda z: -case.value(z * scale) / size,
            np.minimum(start * scale, most) / scale,
            jac=lambda z: -case.gradient(z * scale)[0] * scale / size,
            method="SLSQP",
            bounds=[(1e-6, high) for high in most / scale],
            constraints={
                "type": "ineq",
                "fun": lambda z: n - z.sum(),
                "jac": lambda _: -np.ones(n),
            },
            options={"maxiter": 300, "ftol": 1e-12},
        )
        cells = np.clip(result.x * scale, 0.0, most)
        cells *= min(1.0, case.budget / cells.sum())
        found.append((case.value(cells), cells))
    return max(found, key=lambda pair: pair[0])


def by_prices(case, cells):
    """A bound on the product itself: each month's traffic and goodwill together, at prices.

    With prices for the budget and for goodwill, what is left falls apart into months; in each, for
    any goodwill, into lines. Goodwill is cut into pieces on which every part is taken at its best.
    """
    gain, price = case.gradient(cells)
    most = np.repeat(case.most, case.months)
    free = (cells > 1e-3 * case.budget / len(cells)) & (cells < most * (1 - 1e-6))
    money = float(np.median(gain[free]))
    total = money * case.budget
    for curve, high in zip(case.brand, case.brand_most, strict=True):
        total += highest(curve, 1.0, money - case.reach.T @ price, high).sum()
    for month, top in enumerate(case.goodwill_most):
        edges = np.linspace(0.0, top, 40_001)
        low, high = edges[:-1], edges[1:]
        value = height(case.own, high) - price[month] * low
        for curve, limit in zip(case.traffic, case.traffic_most, strict=True):
            value = value + highest(curve, case.lifted(high), money, limit)
        total += value.max()
    return total


# ------------------------------------------------------------------------------------------------
# Linear programmes with tangents


class Programme:
    """Rows and columns on HiGHS; curves as tangents that are added where they are missed."""

    def __init__(self, case):
        self.case, self.n = case, 0
        self.highs = highspy.Highs()
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("threads", 1)
        self.curved = []
        months = case.months
        self.x = np.array([self.columns(months, high) for high in case.most])
        self.goodwill = self.columns(months, case.goodwill_most)
        self.row(self.x.ravel(), np.ones(self.x.size), case.budget)
        n, rest = len(case.brand), 1 - case.retention
        for s in range(months):
            before = ([self.goodwill[s - 1]], [-case.retention]) if s else ([], [])
            index = [self.goodwill[s], *before[0], *self.x[:n, s]]
            self.row(index, [1.0, *before[1], *np.full(n, -rest)], 0.0, equal=True)
        for i, curve in enumerate(case.brand):
            self.follow(self.columns(months, worth=1.0), self.x[i], curve, case.brand_most[i])
        self.follow(self.columns(months, worth=1.0), self.goodwill, case.own, case.goodwill_most)

    def columns(self, n, most=INFINITE, *, worth=0.0, whole=False):
        for high in np.broadcast_to(most, n):
            self.highs.addCol(-worth, 0.0, float(high), 0, [], [])
        index = np.arange(self.n, self.n + n)
        if whole:
            for column in index:
                self.highs.changeColIntegrality(int(column), highspy.HighsVarType.kInteger)
        self.n += n
        return index

    def row(self, index, weights, limit, *, equal=False):
        """Σ weights · columns ≤ (or =) limit; returns where it stands."""
        low = float(limit) if equal else -INFINITE
        index, weights = np.array(index, np.int32), np.array(weights, float)
        self.highs.addRow(low, float(limit), len(index), index, weights)
        return self.highs.getNumRow() - 1

    def follow(self, terms, columns, curve, most, *, size=None):
        """Terms ≤ size · f(column / size), with a size of one where none is given."""
        sizes = np.full(len(terms), -1) if size is None else size
        for term, column, own, high in zip(
            terms, columns, sizes, np.broadcast_to(most, len(terms)), strict=True
        ):
            entry = (int(term), int(column), int(own), curve)
            self.curved.append(entry)
            for share in np.geomspace(1e-3, 1.0, 8):
                self.tangent(entry, share * high)

    def tangent(self, entry, place):
        term, column, size, curve = entry
        place = max(place, 1e-6)
        slope, base = tangent_of(curve, place)
        if size < 0:
            self.row([term, column], [1.0, -slope], base)
        else:
            self.row([term, column, size], [1.0, -slope, -base], 0.0)

    def solve(self, tight=TIGHT):
        """Value and columns when no tangent is missed; None where no plan is."""
        for _ in range(60):
            self.highs.run()
            if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                return None
            value = -self.highs.getInfo().objective_function_value
            at = np.array(self.highs.getSolution().col_value)
            missed = 0
            for entry in self.curved:
                term, column, size, curve = entry
                own = 1.0 if size < 0 else max(at[size], 1e-9)
                place = at[column] / own
                if at[term] > own * outcome_of(curve, place) + tight * value / len(self.curved):
                    self.tangent(entry, place)
                    missed += 1
            if not missed:
                break
        return value, at

    def worth(self, at):
        """What its plan is worth under the product."""
        return self.case.value(at[self.x].ravel())


def outcome_of(curve, place):
    return float(curve[0](place)) if isinstance(curve, tuple) else float(height(curve, place))


def tangent_of(curve, place):
    """Slope, and height at zero, of the tangent at a place."""
    value = outcome_of(curve, place)
    slope = float(curve[1](place)) if isinstance(curve, tuple) else float(steep(curve, place))
    return slope, value - slope * place


class McCormick(Programme):
    """The product of a term and the lift, over the box of both."""

    def __init__(self, case):
        super().__init__(case)
        self.lift = self.columns(case.months)
        self.follow(self.lift, self.goodwill, (case.lifted, case.lifted_slope), case.goodwill_most)
        n = len(case.brand)
        self.tops = [
            float(height(c, most)) for c, most in zip(case.traffic, case.traffic_most, strict=True)
        ]
        self.terms, self.products = [], []
        for i, curve in enumerate(case.traffic):
            self.terms.append(self.columns(case.months))
            self.products.append(self.columns(case.months, worth=1.0))
            self.follow(self.terms[-1], self.x[n + i], curve, case.traffic_most[i])
        self.rows = {}
        for i, s in itertools.product(range(len(case.traffic)), range(case.months)):
            index = [self.products[i][s], self.terms[i][s], self.lift[s]]
            first = self.row(index, [1.0, -1.0, -self.tops[i]], 0.0)
            self.rows[i, s] = first, self.row(index[:2], [1.0, -1.0], 0.0)
        self.narrow(np.zeros(case.months), case.goodwill_most)

    def narrow(self, low, high):
        """Another box of goodwill."""
        case = self.case
        for s in range(case.months):
            self.highs.changeColBounds(int(self.goodwill[s]), float(low[s]), float(high[s]))
            least, most = float(case.lifted(low[s])), float(case.lifted(high[s]))
            for i, top in enumerate(self.tops):
                first, second = self.rows[i, s]
                term = int(self.terms[i][s])
                self.highs.changeCoeff(first, term, -least)
                self.highs.changeRowBounds(first, -INFINITE, -top * least)
                self.highs.changeCoeff(second, term, -most)

    def missed(self, at):
        """By how much the products of each month lie above the truth."""
        true = sum(at[term] for term in self.terms) * self.case.lifted(at[self.goodwill])
        return sum(at[product] for product in self.products) - true


def divided(case, best, seconds, gap=1e-3):
    """Bound at the root, and by dividing boxes of goodwill: root, bound, boxes, seconds."""
    start, programme = time.process_time(), McCormick(case)
    order, open_, boxes = itertools.count(), [], 0

    def visit(low, high, above):
        programme.narrow(low, high)
        found = programme.solve(1e-4)
        if found is not None:
            value, at = found
            entry = (low, high, at[programme.goodwill], programme.missed(at))
            heapq.heappush(open_, (-min(value, above), next(order), *entry))

    visit(np.zeros(case.months), case.goodwill_most, np.inf)
    root = -open_[0][0]
    while -open_[0][0] > best * (1 + gap) and time.process_time() - start < seconds:
        bound, _, low, high, place, missed = heapq.heappop(open_)
        s = int(missed.argmax())
        width = high[s] - low[s]
        at = np.clip(place[s], low[s] + 0.1 * width, high[s] - 0.1 * width)
        below, above = high.copy(), low.copy()
        below[s] = above[s] = at
        visit(low, below, -bound)
        visit(above, high, -bound)
        boxes += 2
    return root, -open_[0][0], boxes + 1, time.process_time() - start


def tiered(case, tiers, seconds, tangents=24):
    """A copy of each cell per tier of goodwill, with a switch: bound, value, seconds.

    Within a tier the product is relaxed by McCormick over that tier.
    """
    start, programme = time.process_time(), Programme(case)
    for entry in programme.curved:
        for share in np.geomspace(3e-3, 1.0, 14):
            programme.tangent(entry, share * (programme.highs.getLp().col_upper_[entry[1]]))
    n = len(case.brand)
    for s, top in enumerate(case.goodwill_most):
        heights = np.linspace(1.0, float(case.lifted(top)), tiers + 1)
        edges = -case.unit * np.log1p(-(heights - 1.0) / case.lift)
        chosen = programme.columns(tiers, 1.0, whole=True)
        stock = programme.columns(tiers)
        programme.row(chosen, np.ones(tiers), 1.0, equal=True)
        whole = [1.0, *np.full(tiers, -1.0)]
        programme.row([programme.goodwill[s], *stock], whole, 0.0, equal=True)
        for k in range(tiers):
            programme.row([stock[k], chosen[k]], [1.0, -edges[k + 1]], 0.0)
            programme.row([stock[k], chosen[k]], [-1.0, edges[k]], 0.0)
        for i, curve in enumerate(case.traffic):
            most = case.traffic_most[i]
            money, terms = programme.columns(tiers), programme.columns(tiers)
            products = programme.columns(tiers, worth=1.0)
            programme.row([programme.x[n + i, s], *money], whole, 0.0, equal=True)
            for k in range(tiers):
                programme.row([money[k], chosen[k]], [1.0, -most], 0.0)
                for share in np.geomspace(1e-2, 1.0, tangents):
                    slope, base = tangent_of(curve, share * most)
                    index = [terms[k], money[k], chosen[k]]
                    programme.row(index, [1.0, -slope, -base], 0.0)
                programme.row([products[k], terms[k]], [1.0, -heights[k + 1]], 0.0)
                for edge in (edges[k], 0.5 * (edges[k] + edges[k + 1]), edges[k + 1]):
                    slope, base = tangent_of((case.lifted, case.lifted_slope), edge)
                    top_term = float(height(curve, most))
                    index = [products[k], terms[k], stock[k], chosen[k]]
                    weights = [1.0, -heights[k], -top_term * slope]
                    programme.row(index, [*weights, -top_term * (base - heights[k])], 0.0)
    programme.highs.setOptionValue("time_limit", float(seconds))
    programme.highs.setOptionValue("mip_rel_gap", 2e-4)
    programme.highs.run()
    info = programme.highs.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    at = np.array(programme.highs.getSolution().col_value)
    value = programme.worth(at) if found else -np.inf
    return -info.mip_dual_bound, value, time.process_time() - start


# ------------------------------------------------------------------------------------------------
# Forms that are concave in money and goodwill together


def widened(case):
    """The brand widens the market: m · f(x / m): bound, its plan's worth, gap and seconds."""
    start, programme = time.process_time(), Programme(case)
    lift, n = programme.columns(case.months), len(case.brand)
    curve = (case.lifted, case.lifted_slope)
    programme.follow(lift, programme.goodwill, curve, case.goodwill_most)
    for i, own in enumerate(case.traffic):
        terms = programme.columns(case.months, worth=1.0)
        programme.follow(terms, programme.x[n + i], own, case.traffic_most[i], size=lift)
    bound, at = programme.solve()
    seconds = time.process_time() - start
    brand, traffic, goodwill = case.parts(at[programme.x].ravel())
    m = case.lifted(goodwill)
    value = height(case.own, goodwill).sum()
    value += sum(height(c, x).sum() for c, x in zip(case.brand, brand, strict=True))
    value += sum((m * height(c, x / m)).sum() for c, x in zip(case.traffic, traffic, strict=True))
    return bound / value - 1, programme.worth(at), seconds


def warmed_plan(case, reaches):
    """The case as a plan, with how far goodwill reaches at each line of traffic."""
    groups = ("brand", case.brand, case.brand_most), ("traffic", case.traffic, case.traffic_most)
    lines = [
        opt.Line(f"{role}{i}", curve, role=role, maximum=most, value=1.0)
        for role, curves, highs in groups
        for i, (curve, most) in enumerate(zip(curves, highs, strict=True))
    ]
    names = [line.name for line in lines[len(case.brand) :]]
    lifts = {
        name: opt.Lift(case.lift, reach=float(reach))
        for name, reach in zip(names, reaches, strict=True)
        if reach > 0
    }
    goodwill = opt.Goodwill(case.own, retention=case.retention, start=0.0, value=1.0, lifts=lifts)
    return opt.Plan(
        "lifts",
        tuple(lines),
        budget=case.budget,
        periods=opt.Periods("2027-01", case.months),
        goodwill=goodwill,
        objective=opt.Revenue(),
    )


def warmed(case, cells):
    """What adsplit does: f(x) + lift · f(min(x, reach · G)): gap, its plan's worth, seconds.

    The reach is such that at the best known plan goodwill warms the share of traffic that the
    product lifts.
    """
    _, traffic, goodwill = case.parts(cells)
    share = (case.lifted(goodwill).mean() - 1) / case.lift
    plan = warmed_plan(case, share * traffic.mean(axis=1) / goodwill.mean())
    start = time.process_time()
    answer = opt.optimize(plan)
    return answer.gap, case.value(answer.spend), time.process_time() - start


# ------------------------------------------------------------------------------------------------
# Cases


def power(money, outcome, exponent):
    return opt.Power(outcome / money**exponent, exponent)


def b2b(lift):
    """The curves of the built-in scenario in leads, without its rules and its funnel."""
    visit = 0.0818
    brand = [
        power(10e3, 461 * visit, 0.40),
        power(5e3, 16.75, 0.45),
        power(20e3, 27.0, 0.60),
        power(25e3, 944 * visit, 0.65),
    ]
    traffic = [
        power(65e3, 11_990 * visit, 0.40),
        power(20e3, 134.0, 0.45),
        power(50e3, 135.0, 0.50),
        power(5e3, 188.5 * visit, 0.65),
    ]
    highs = np.array([33e3, 25e3, 83e3, 83e3]), np.array([100e3, 50e3, 83e3, 25e3])
    own = power(60e3, 158.7, 0.56)
    return Case(brand, traffic, *highs, 12, 2.4e6, lift, 60e3, 0.5 ** (1 / 6), own)


def drawn(lines, months, lift, kind):
    """Lines of random size and return; half of them fill goodwill."""
    rng, curves, most = np.random.default_rng(7), [], []
    for _ in range(lines):
        size, rate = np.exp(rng.normal(0, 0.7)), np.exp(rng.normal(0, 0.3))
        if kind == "power":
            curves.append(power(size, rate * size, rng.uniform(0.35, 0.7)))
        elif kind == "exponential":
            curves.append(opt.Exponential(rate * size, size))
        else:
            curves.append(opt.Hill(rate * size, size, 2.0))
        most.append(6 * size)
    half, highs = lines // 2, np.array(most)
    fill = highs[:half].sum()
    own = opt.Log(0.02 * fill, fill)
    budget = 0.2 * highs.sum() * months
    halves = curves[:half], curves[half:], highs[:half], highs[half:]
    return Case(*halves, months, budget, lift, 0.15 * fill, 0.5 ** (1 / 4), own)


CASES = {"b2b 8 × 12": b2b}
for _kind, (_lines, _months) in itertools.product(
    ("power", "exponential"), ((4, 4), (8, 12), (8, 24))
):
    CASES[f"{_kind} {_lines} × {_months}"] = lambda lift, n=_lines, s=_months, k=_kind: drawn(
        n, s, lift, k
    )


def main(seconds=20.0, names=()):
    for name, make in CASES.items():
        if names and name not in names:
            continue
        for lift in (0.1, 0.3, 0.5) if name.endswith("8 × 12") else (0.3,):
            case = make(lift)
            start = time.process_time()
            best, cells = best_known(case, np.random.default_rng(0))
            print(f"{name}, lift {lift}: SLSQP {time.process_time() - start:.1f} s", flush=True)
            start = time.process_time()
            gap = by_prices(case, cells) / best - 1
            print(f"  product, prices    gap {gap:.1e}  {time.process_time() - start:.1f} s")
            root, bound, boxes, took = divided(case, best, seconds)
            print(f"  McCormick, root    gap {root / best - 1:.1e}")
            print(f"  McCormick, divided gap {bound / best - 1:.1e}  {took:.1f} s  {boxes} boxes")
            for tiers in (4, 8, 16):
                bound, value, took = tiered(case, tiers, seconds)
                worth = f"worth {value / best - 1:+.1e}"
                print(
                    f"  {tiers:2} tiers           gap {bound / best - 1:.1e}  {took:.1f} s  {worth}"
                )
            for form, (gap, value, took) in (
                ("widened", widened(case)),
                ("warmed", warmed(case, cells)),
            ):
                worth = f"worth {value / best - 1:+.1e}"
                print(f"  {form:18} gap {gap:.1e}  {took:.1f} s  {worth}", flush=True)


def s_curves(seconds=40.0):
    """What the warmed form proves where curves are S-curves, with more and more lifted lines."""
    case = drawn(8, 12, 0.3, "hill")
    for lifted in (0, 1, 4):
        reaches = np.where(np.arange(4) < lifted, 1 / len(case.brand), 0.0)
        start = time.process_time()
        answer = opt.optimize(warmed_plan(case, reaches), gap=1e-3, time_limit=seconds)
        took = time.process_time() - start
        print(f"S-curves 8 × 12, {lifted} lifted: gap {answer.gap:.1e}  {took:.1f} s", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["s-curves"]:
        s_curves()
        sys.exit()
    main(*([float(sys.argv[1]), sys.argv[2:]] if len(sys.argv) > 1 else []))
