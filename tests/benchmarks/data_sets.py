"""A seeded Parquet data set of lines, written part by part: as many lines as the disk holds."""

import numpy as np
import pandas as pd


def write_part(folder, number, *, n, seed=0):
    """A file of *n* lines of four kinds of curve; the same wherever and in whatever order."""
    rng = np.random.default_rng([n, seed, number])
    kind = rng.integers(4, size=n)

    def only(low, high, *kinds):
        return np.where(np.isin(kind, kinds), rng.uniform(low, high, n), np.nan)

    log, exponential, hill, elasticity = range(4)
    names = np.arange(number * n, (number + 1) * n).astype(np.str_).astype(object)

    def words(*known):
        return pd.Categorical.from_codes(rng.integers(len(known), size=n), known)

    pd.DataFrame(
        {
            "line": names,
            "channel": words("search", "social", "video", "shops"),
            "role": words("brand", "traffic"),
            "curve": pd.Categorical.from_codes(kind, ["log", "exponential", "hill", "elasticity"]),
            "scale": only(20, 80, log),
            "unit": only(20, 100, log, exponential),
            "ceiling": only(50, 150, exponential, hill),
            "half": only(50, 150, hill),
            "steepness": only(0.7, 3.5, hill),
            "spend": only(20, 90, elasticity),
            "average_return": only(0.8, 3, elasticity),
            "elasticity": only(0.3, 0.7, elasticity),
            "value": rng.uniform(0.5, 2.0, n),
            "maximum": rng.uniform(100, 500, n),
        }
    ).to_parquet(folder / f"lines-{number:05d}.parquet", index=False)
