"""Four public data sets, each fitted and planned by one command; for those who have the files:

    OPENBLAS_NUM_THREADS=1 .venv/bin/python -m tests.benchmarks.public_histories FOLDER BUILD

FOLDER holds them under their own names (the maps in ``maps/`` say where they come from), BUILD gets
the fits, pages and plans. Prints the tables of docs/performance.md. Of one set the truth is known;
it is also fitted without its confounder, which is what the set was made for.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import optimizer as opt

from . import truth

MAPS = Path(__file__).parent / "maps"
HISTORIES = {
    "robyn": ("dt_simulated_weekly.csv", "robyn_dt_simulated_weekly.csv"),
    "meridian": ("geo_full_funnel_data.csv", "meridian_geo_full_funnel.csv"),
    "roas": ("mmm_roas_data.csv", "pymc_mmm_roas_known_truth.csv"),
    "roas-without": ("mmm_roas_data.csv", "pymc_mmm_roas_known_truth.csv"),
    "retailer": ("data.csv", "mmm_stan_retailer_13_media.csv"),
}
"""Map: names that its data may have."""
ROAS = (opt.Logistic(200.0, 1.0), opt.Logistic(150.0, 0.4))
"""The truth of mmm_roas_data.csv at a steady spend: 200·tanh(x1/2), 150·tanh(2.5·x2/2)."""
ROAS_BROUGHT = {"x1": 93.39, "x2": 171.41}
"""True outcomes per unit of money over its history, y less the columns y01 and y02."""


def adsplit(*arguments):
    """Run the command line; processor seconds."""
    before = os.times()
    command = [sys.executable, "cli.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"adsplit {arguments[0]}:\n{done.stdout}{done.stderr}")
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def fitted(name, folder, build):
    """Fit and plan one set; the row of the table, and where scenario and answers are."""
    data = next((folder / own for own in HISTORIES[name] if (folder / own).exists()), None)
    if data is None:
        raise SystemExit(f"{folder} has no {' or '.join(HISTORIES[name])}")
    scenario, told, plan = (build / f"{name}{end}" for end in (".yaml", ".fit.json", ".plan.json"))
    files = ("--scenario", scenario, "--plot", build / f"{name}.html", "-o", told, "--force")
    fit = adsplit("fit", data, "--map", MAPS / f"{name}.yaml", *files)
    seconds = adsplit("optimize", scenario, "-o", plan)
    found = json.loads(told.read_text("utf-8"))
    held = sum(line["held"] for line in found["lines"])
    capped = sorted(r["line"] for r in found["remarks"] if r["key"] == "capped")
    print(
        f"| {name} | {len(found['lines'])}, {found['periods']} {found['every']}s | {fit:.1f} s | "
        f"{seconds:.1f} s | {found['foretold']['error']:.1%} "
        f"({found['foretold']['without_spend']:.1%}) | {held} held; no more than "
        f"today: {', '.join(capped) or 'none'} |"
    )
    return found, scenario


def against_truth(name, found, scenario):
    """The set whose truth is known: effects, and true outcomes of plans against today's."""
    lines = {line["line"]: line for line in found["lines"]}
    for line, back in ROAS_BROUGHT.items():
        print(f"{name}: effect of {line} {lines[line]['return'] / back:.3f} of the true one")
    plan = opt.load(scenario)
    today = np.array([line.current for line in plan.lines])
    spend = np.asarray(opt.optimize(plan).spend)
    curves = [line.curve for line in plan.lines]
    free = [opt.Line(line.name, line.curve) for line in plan.lines]
    plans = {
        "today": today,
        "plan of the scenario": spend.reshape(len(today), -1).mean(axis=1),
        "half to double alone": truth.plan_of(truth.lines_of(curves, today), today),
        "no bounds": truth.plan_of(free, today),
    }
    true = [opt.Line(line.name, curve) for line, curve in zip(plan.lines, ROAS, strict=True)]
    best = brought(truth.plan_of(true, today))
    for what, money in plans.items():
        share = brought(money) / best
        print(f"{name}: {what} brings {share:.1%} of the optimum, spends {np.round(money, 3)}")


def brought(money):
    """True outcomes of a steady spend."""
    return sum(float(curve.outcome(np.array(x))) for curve, x in zip(ROAS, money, strict=True))


def main():
    """Fit every set."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    folder, build = map(Path, sys.argv[1:])
    build.mkdir(parents=True, exist_ok=True)
    for name in HISTORIES:
        found, scenario = fitted(name, folder, build)
        if name.startswith("roas"):
            against_truth(name, found, scenario)


if __name__ == "__main__":
    main()
