"""The question turned round: the least spend that reaches a goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optimizer.errors import Fault, PlanError
from optimizer.plan.constraints import SpendAll, Target
from optimizer.plan.objectives import LowestSpend
from optimizer.plan.plan import Plan

__all__ = ["reaching"]


def reaching(plan: Plan, goals: Mapping[str, float]) -> Plan:
    """*plan* with the least spend as its objective and *goals* as targets.

    The budget stays as a ceiling; a rule that it be spent whole is dropped, as it would leave
    nothing to save.

    Args:
        plan: The question as it stands.
        goals: Outcomes to reach by stage of the funnel; the empty name stands for all outcomes.

    Raises:
        UnknownName: the funnel has no such stage.
        PlanError: a goal is not above zero.
    """
    for stage in goals:
        if stage and plan.funnel is None:
            raise PlanError(
                Fault(
                    "reach",
                    f"the plan has no funnel, so there is no stage {stage!r}",
                    "Leave the stage out for all outcomes, such as --reach 5000, or give a funnel",
                )
            )
    kept = [rule for rule in plan.constraints if not isinstance(rule, SpendAll)]
    taken = {rule.name for rule in kept}
    targets = []
    for stage, amount in goals.items():
        name = f"reach {stage}".strip()
        while name in taken:
            name += "'"
        taken.add(name)
        targets.append(Target(at_least=amount, outcome=stage or None, name=name))
    labels = [f"reach {f'{stage}=' if stage else ''}{goal:.12g}" for stage, goal in goals.items()]
    return replace(
        plan,
        objective=LowestSpend(),
        constraints=(*kept, *targets),
        applied=(*plan.applied, *labels),
    )
