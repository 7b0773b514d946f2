"""Histories made from a known truth: curves, carry-over, season, trend, noise, a hidden cause."""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.fitting.history import History
from optimizer.fitting.mapping import HistoryMap, MappedLine
from optimizer.fitting.shapes import exposure, shape_of

NAMES = ("tv.brand", "search.traffic", "social.traffic", "video.brand")


@dataclass(frozen=True)
class World:
    """A history, and what is true of it."""

    history: History
    kinds: tuple[str, ...]
    size: np.ndarray
    bend: np.ndarray
    retention: np.ndarray
    steep: float = 1.0
    """Steepness of true Hill curves; above 1 they are S-shaped."""

    def outcome(self, line, spend):
        """True outcomes per period at a steady spend."""
        shape = shape_of(self.kinds[line])
        return self.size[line] * shape.outcome(
            np.asarray(spend, float), float(self.bend[line]), self.steep
        )

    def brought(self):
        """True outcomes of each line over the whole history."""
        shares = self.history.shares
        return np.array(
            [
                (shares @ self.outcome(line, exposure(spend, float(self.retention[line])))).sum()
                for line, spend in enumerate(self.history.scaled_spend)
            ]
        )


def known_world(
    seed,
    *,
    kind="hill",
    n=156,
    lines=3,
    noise=0.03,
    hidden=0.0,
    told=True,
    pull=0.05,
    share=0.3,
    fitted=None,
    steepness="fitted",
    steep=1.0,
):
    """A world of *lines* lines over *n* weeks.

    Args:
        hidden: How strongly the first line's spend follows a demand that moves the outcome, too.
        told: Whether that demand is among the controls.
        pull: How strongly that demand moves the outcome, as a share of the base.
        share: Of the outcomes, what advertising brings.
        fitted: The kind of curve that is fitted; by default the true one.
        steepness: Of the curves that are fitted, as a map states it.
        steep: Of the true Hill curves.
    """
    rng = np.random.default_rng(seed)
    mean = rng.uniform(20, 100, lines)
    demand = rng.standard_normal(n)
    flights = np.exp(0.5 * rng.standard_normal((lines, n)))
    flights *= 1 + 0.4 * np.sin(2 * np.pi * (np.arange(n) / 52 + rng.random((lines, 1))))
    flights[0] *= np.exp(hidden * demand)
    spend = mean[:, None] * flights / flights.mean(axis=1, keepdims=True)
    retention = np.array([0.5, 0.2, 0.2, 0.5])[:lines] + rng.uniform(-0.15, 0.15, lines)
    bend = mean * np.exp(rng.normal(0.2, 0.4, lines))
    time = np.arange(n)
    base = 1 + 0.15 * time / n + 0.1 * np.sin(2 * np.pi * time / 52) + pull * demand * (hidden > 0)
    base *= 1000 * (1 - share)
    paid = np.empty((lines, n))
    for line in range(lines):
        exposed = exposure(spend[line], float(retention[line]))
        paid[line] = shape_of(kind).outcome(exposed, float(bend[line]), steep)
    weights = rng.dirichlet(np.full(lines, 4.0))
    size = 1000 * share * weights / paid.mean(axis=1)
    outcome = base + size @ paid + 1000 * noise * rng.standard_normal(n)
    stated = tuple(
        MappedLine(name, (name,), curve=fitted or kind, steepness=steepness)
        for name in NAMES[:lines]
    )
    made = HistoryMap("week", "orders", stated, value=1.0, controls=("demand",) if told else ())
    labels = tuple(f"w{index:03d}" for index in range(n))
    controls = {"demand": demand[None]} if told else {}
    place = np.arange(n) * 7 / 365.25
    history = History(made, "week", labels, place, outcome[None], spend[:, None], controls)
    return World(history, (kind,) * lines, size, bend, retention, steep)


def known_panel(seed, *, places=6, shared=0.05, own=0.02, **stated):
    """The world of :func:`known_world` in several places, each with spends of its own.

    Args:
        seed: Of all that is drawn.
        places: How many, of several sizes.
        shared: What moves all places alike and nobody knows, as a share of the outcomes.
        own: What moves each place by itself, for a place of the mean size.
        stated: What :func:`known_world` takes beside the noise.
    """
    world = known_world(seed, noise=0.0, **stated)
    history, rng = world.history, np.random.default_rng([seed, places])
    shares = rng.dirichlet(np.full(places, 4.0))
    lines, n = history.total_spend.shape
    scaled = history.spend * rng.lognormal(-0.08, 0.4, (lines, places, n))

    def paid(spends):
        parts = [
            world.outcome(line, exposure(spend, float(world.retention[line])))
            for line, spend in enumerate(spends)
        ]
        return np.sum(parts, axis=0)

    base = history.outcome - paid(history.spend)
    shocks = shared * rng.standard_normal(n)
    shocks = shocks + own * rng.standard_normal((places, n)) / np.sqrt(places * shares)[:, None]
    outcome = base + paid(scaled) + 1000 * shocks
    panel = replace(
        history,
        outcome=shares[:, None] * outcome,
        spend=shares[None, :, None] * scaled,
        controls={name: np.repeat(v, places, 0) for name, v in history.controls.items()},
        places=tuple(f"place {number}" for number in range(places)),
        size=shares,
    )
    return replace(world, history=panel)
