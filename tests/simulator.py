"""What a spend brings, worked out from the plan by plain loops: shares no code with the arrays.

Written from the documents alone: one period after another, one line after another, one stage after
another. Slow, and only for tests.
"""

from __future__ import annotations

import math

from optimizer.plan.carryover import Delayed, Geometric, Weibull, Weights

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def kernel(carryover, length):
    if isinstance(carryover, Geometric):
        rate = carryover.retention
        if rate is None:
            rate = 0.5 ** (1 / carryover.half_life)
        if carryover.length is None:
            return [(1 - rate) * rate**n for n in range(length)]
        raw = [rate**n for n in range(carryover.length)]
    elif isinstance(carryover, Weights):
        raw = list(carryover.weights)
    elif isinstance(carryover, Delayed):
        raw = [carryover.retention ** ((n - carryover.delay) ** 2) for n in range(carryover.length)]
    elif carryover.form == "survival":
        raw, left = [], 1.0
        for n in range(carryover.length):
            left *= math.exp(-((n / carryover.scale) ** carryover.shape))
            raw.append(left)
    else:
        assert isinstance(carryover, Weibull)
        raw = []
        for n in range(carryover.length):
            place = (n + 1) / carryover.scale
            raw.append(place ** (carryover.shape - 1) * math.exp(-(place**carryover.shape)))
    return [value / sum(raw) for value in raw] + [0.0] * length


def season(series, periods, step, absent=1.0):
    """A series at a period, by its own rules."""
    if series is None:
        return absent
    if isinstance(series, int | float):
        return float(series)
    label = periods.labels[step]
    if isinstance(series, dict):
        year, _, rest = label.partition("-")
        del year
        names = {label.lower()}
        if periods.every == "month":
            month = int(rest)
            names |= {f"q{(month - 1) // 3 + 1}"}
            names |= {MONTHS[month - 1]}
        elif periods.every == "quarter":
            names |= {rest.lower()}
        found = absent
        for size in (2, 3, 99):  # quarter, month, period: the more exact name holds
            for key, value in series.items():
                own = 2 if len(key) == 2 else 3 if len(key) == 3 else 99
                if own == size and key.lower() in names:
                    found = value
        return found
    if step < len(series):
        return series[step]
    year = {"week": 52, "month": 12, "quarter": 4}[periods.every]
    while step >= len(series):
        step -= year
    return series[step] if step >= 0 else absent


def before(line, age):
    """Spend *age* periods before the first (1 is the last one)."""
    if line.before is None:
        return line.current or 0.0
    if isinstance(line.before, tuple):
        return line.before[-age] if age <= len(line.before) else 0.0
    return line.before


def simulate(plan, spend, past=600):
    """Totals of a plan: outcomes per line and period, per stage and period, money, objective.

    *spend* maps a line's name to its money per period.
    """
    periods = plan.periods
    counted, planned = periods.counted, periods.count
    brought = {}
    bought = {}  # exposure that each period's money buys
    shown = {}  # exposure of each period, with what is left of earlier money
    for line in plan.lines:
        bought[line.name] = []
        for s in range(planned):
            price = line.price * season(line.prices, periods, s)
            bought[line.name].append(spend[line.name][s] / price)
        outcomes, shown[line.name] = [], []
        for s in range(counted):
            if line.carryover is None:
                exposure = bought[line.name][s] if s < planned else None
            else:
                weights = kernel(line.carryover, past)
                exposure = 0.0
                for age in range(past):
                    then = s - age
                    if then >= planned:
                        continue
                    money = (
                        bought[line.name][then] if then >= 0 else before(line, -then) / line.price
                    )
                    exposure += weights[age] * money
            shown[line.name].append(exposure)
            demand = season(line.demand, periods, s)
            outcome = 0.0 if exposure is None else float(line.curve.outcome(exposure)) * demand
            outcomes.append(outcome)
        brought[line.name] = outcomes
    goodwill, stocks = plan.goodwill, []
    if goodwill is not None:
        rate = goodwill.retention
        if rate is None:
            rate = 0.5 ** (1 / goodwill.half_life)
        brand = [line for line in plan.lines if line.role == "brand"]
        stock = goodwill.start
        if stock is None:
            stock = 0.0
            for line in brand:
                for age in range(1, past):
                    share = (1 - rate) * rate ** (age - 1)
                    stock += (
                        goodwill.feeds.get(line.name, 1.0) * share * before(line, age) / line.price
                    )
        outcomes = []
        for s in range(counted):
            inflow = 0.0
            for line in brand:
                if s < planned:
                    inflow += goodwill.feeds.get(line.name, 1.0) * bought[line.name][s]
            stock = rate * stock + (1 - rate) * inflow
            stocks.append(stock)
            outcomes.append(float(goodwill.curve.outcome(stock)))
        brought["goodwill"] = outcomes
        for name, lift in goodwill.lifts.items():
            line = next(line for line in plan.lines if line.name == name)
            for s in range(counted):
                if shown[name][s] is None:
                    continue
                warm = min(shown[name][s], lift.reach * stocks[s])
                gained = lift.by * float(line.curve.outcome(warm))
                brought[name][s] += gained * season(line.demand, periods, s)
    stages, money = _through_the_funnel(plan, brought)
    worth = [(1 + periods.discount) ** -(s / _per_year(periods)) for s in range(counted)]
    revenue = sum(money[s] * worth[s] for s in range(counted))
    spent = sum(
        spend[line.name][s] * (worth[s] if plan.objective.kind == "profit" else 1.0)
        for line in plan.lines
        for s in range(planned)
    )
    if plan.objective.kind == "profit":
        objective = plan.objective.margin * revenue - spent
    elif plan.objective.kind == "revenue":
        objective = revenue
    elif plan.objective.kind == "outcomes":
        of = plan.objective.of
        total = sum(map(sum, brought.values())) if of is None else sum(stages[of]["followed"])
        objective = total
    else:
        objective = -spent
    return {
        "brought": brought,
        "stages": stages,
        "stock": stocks,
        "revenue": revenue,
        "objective": objective,
    }


def _per_year(periods):
    return {"week": 365.25 / 7, "month": 12, "quarter": 4}[periods.every]


def _through_the_funnel(plan, brought):
    """What arrives at and passes every stage, and the money of every period."""
    periods, funnel = plan.periods, plan.funnel
    counted = periods.counted
    money = [0.0] * counted
    feeds = {line.name: line.outcome for line in plan.lines}
    own = {line.name: line.value for line in plan.lines}
    if plan.goodwill is not None:
        feeds["goodwill"], own["goodwill"] = plan.goodwill.outcome, plan.goodwill.value
    stages = {}
    names = () if funnel is None else funnel.stages
    values = {}
    if funnel is not None:
        values = dict(funnel.value)
        if funnel.renewal is not None:
            last = [name for name in names if name in values][-1]
            again, factor = funnel.renewal, 1.0
            for n in range(1, int(again.years * again.per_year + 1e-9) + 1):
                waiting = (1 + periods.discount) ** -(n / again.per_year)
                factor += again.value * again.rate**n * waiting
            values[last] *= factor
    valued = {}  # units that carry the funnel's value, apart from those that have their own
    for place, name in enumerate(names):
        arrived, worthy = [0.0] * counted, [0.0] * counted
        for source, outcomes in brought.items():
            if feeds[source] == name:
                for s in range(counted):
                    arrived[s] += outcomes[s]
                    if own[source] is None:
                        worthy[s] += outcomes[s]
        if place:
            previous = names[place - 1]
            delay = funnel.delays.get(previous, 0)
            shares = [0.0] * delay + [1.0] if isinstance(delay, int) else list(delay)
            for s in range(counted):
                for lag, share in enumerate(shares):
                    if s >= lag:
                        onward = funnel.rates[previous] * share
                        arrived[s] += onward * stages[previous]["followed"][s - lag]
                        worthy[s] += onward * valued[previous][s - lag]
        followed, passed = list(arrived), list(worthy)
        if name in funnel.capacity:
            for s in range(counted):
                most = season(funnel.capacity[name], periods, s, absent=math.inf)
                if arrived[s] > most:
                    passed[s] *= most / arrived[s]
                    followed[s] = most
        stages[name], valued[name] = {"arrived": arrived, "followed": followed}, passed
        for s in range(counted):
            money[s] += values.get(name, 0.0) * passed[s]
    for source, outcomes in brought.items():
        value = own[source]
        if value is None and funnel is None:
            value = plan.value
        if value is not None:
            for s in range(counted):
                money[s] += value * outcomes[s]
    return stages, money
