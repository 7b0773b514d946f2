"""What a history cannot tell before anything is fitted: too short, never varied, moving as one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.errors import CalibrationError, Fault
from optimizer.plan.curves import Floats

from .history import History
from .model import Model

__all__ = ["check"]

LEAST = {"week": 40, "month": 24}
"""Periods below which nothing is fitted: a season cannot be told from spend."""
_CONSTANT = 0.01
_AS_ONE = 0.98


def check(history: History) -> None:
    """Refuse what cannot be fitted, all reasons at once.

    Raises:
        CalibrationError: with every reason.
    """
    faults = [*_length(history), *_variation(history)]
    if not any(fault.path.startswith("lines") for fault in faults):
        faults += _together(history)
    if faults:
        raise CalibrationError(faults)


def _length(history: History) -> Iterator[Fault]:
    least = LEAST[history.every]
    if history.n < least:
        words = f"{history.n} {history.every}s are too few to tell spend from season"
        advice = f"Give {least} or more, or state the curves by judgement: adsplit init"
        yield Fault("date", words, advice)
        return
    model = Model(history)
    asked = model.columns.shape[0] + model.layout[-1].stop
    rows = history.outcome.size
    if rows < asked + 10:
        words = f"{rows} rows are too few for {asked} numbers"
        yield Fault("lines", words, "Join lines (spend: [a, b]), or take out controls")


def _variation(history: History) -> Iterator[Fault]:
    if float(np.ptp(history.total_outcome)) <= 0:
        yield Fault(history.map.outcome, "is the same in every period", "Give what came of it")
    for line, spend in zip(history.lines, history.spend, strict=True):
        path = f"lines.{line.name}"
        if not spend.any():
            yield Fault(path, "no money was ever spent on it", "Take it out")
            continue
        # Among places spend may be steady in each and yet differ: their own bases take that up.
        own = spend / history.shares[:, None]
        spread = float((own - own.mean(axis=1, keepdims=True)).std())
        if spread < _CONSTANT * float(own.mean()):
            words = "its spend never varied, so nothing shows what it brings"
            yield Fault(path, words, "Take it out, and state its curve by judgement or a test")


def _together(history: History) -> Iterator[Fault]:
    """Lines whose spend moves as one with another's, or with several others'."""
    flat = np.array([_own(spend / history.shares[:, None]) for spend in history.spend])
    names = [line.name for line in history.lines]
    told = set()
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            if abs(float(flat[first] @ flat[second])) > _AS_ONE:
                told |= {first, second}
                words = f"its spend moves as one with that of {names[second]}"
                advice = "Join them in one line (spend: [a, b]), or vary one by itself"
                yield Fault(f"lines.{names[first]}", words, advice)
    for index in range(len(names)):
        others = np.delete(flat, index, axis=0)
        if index in told or not len(others):
            continue
        left = flat[index] - others.T @ np.linalg.lstsq(others.T, flat[index], rcond=None)[0]
        if float(left @ left) < 1.0 - _AS_ONE**2:
            words = "its spend is the sum of others' spend, times some numbers"
            yield Fault(f"lines.{names[index]}", words, "Take one of them out, or join them")


def _own(values: Floats) -> Floats:
    """Deviations from each place's mean, as a vector of length one."""
    flat = (values - values.mean(axis=1, keepdims=True)).ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-300))
