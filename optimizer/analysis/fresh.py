"""Does a hedge keep what it promises? Its plan and the plan as stated, in worlds drawn anew.

A plan that is made best over some draws looks better over these than it is. Over draws of another
seed, which it has not seen, neither plan has that advantage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optimizer.allocation import Allocation, evaluate
from optimizer.errors import Fault, PlanError
from optimizer.shown import Shown
from optimizer.solving import optimize
from optimizer.words.voice import Voice

from .telling import SMALL, Statement

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fresh", "out_of_sample"]


@dataclass(frozen=True, eq=False)
class Fresh(Shown):
    """Two plans over the draws that one was made for, and over draws that neither has seen.

    ``frame`` has one row per plan and set of draws. Its columns:

    - plan: hedged, or stated (the best plan for the numbers as stated)
    - draws: own, or anew
    - value: under the plan's attitude to risk, in the unit of the objective
    - expected: mean over the draws
    - worst: mean of the worst tenth
    - chance: of reaching the goal where there is one; else NaN
    """

    hedged: Allocation
    stated: Allocation
    frame: pd.DataFrame
    draws: int
    """In how many worlds drawn anew."""

    @property
    def gain(self) -> float:
        """What the hedge brings over the plan as stated in worlds drawn anew; below 0: it loses."""
        anew = self.frame[self.frame["draws"] == "anew"].set_index("plan")["value"]
        return float(anew["hedged"] - anew["stated"])

    def sentence(self, lang: str = "en") -> Statement:
        """Which plan wins in worlds that it has not seen, in words."""
        voice = Voice(self.hedged.plan, lang)
        size = max(abs(self.hedged.objective), 1e-300)
        word = "same" if abs(self.gain) <= SMALL * size else "wins" if self.gain > 0 else "loses"
        slots = {"draws": f"{self.draws:,}", "by": voice.amount(abs(self.gain))}
        text = voice.say(f"fresh.{word}", **slots)
        return Statement(f"fresh.{word}", slots, text[:1].upper() + text[1:])


def out_of_sample(answer: Allocation, draws: int = 4096, seed: int | None = None) -> Fresh:
    """A hedged plan and the plan as stated, in worlds drawn anew.

    Where draws are lists these are drawn from again: such a check is of the sampling alone.

    Args:
        answer: The best plan under an attitude to risk.
        draws: How many worlds are drawn.
        seed: Of the new draws; None: the plan's plus one.

    Raises:
        PlanError: the plan has no attitude to risk, or the seed is the plan's own.
    """
    import pandas as pd

    plan = answer.plan
    if plan.risk is None or plan.uncertainty is None:
        raise PlanError(Fault("risk", "the plan has no attitude to risk", "Give risk: cvar"))
    own = plan.uncertainty
    seed = own.seed + 1 if seed is None else seed
    if seed == own.seed:
        raise PlanError(Fault("seed", f"{seed} is the plan's own", "Give another"))
    fresh = replace(plan, uncertainty=replace(own, seed=seed, draws=draws))
    stated = optimize(replace(plan, risk=None), gap=answer.options.gap)
    rows: list[tuple[object, ...]] = []
    for name, spend in (("hedged", answer.spend), ("stated", stated.spend)):
        for which, asked in (("own", plan), ("anew", fresh)):
            hedge = evaluate(asked, spend).hedge
            assert hedge is not None  # the plan has an attitude
            chance = float("nan") if hedge.chance is None else hedge.chance
            rows.append((name, which, hedge.value, hedge.expected, hedge.worst, chance))
    titles = ["plan", "draws", "value", "expected", "worst", "chance"]
    return Fresh(answer, stated, pd.DataFrame(rows, columns=titles), draws)
