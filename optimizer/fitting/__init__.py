"""Curves and carry-over from history: a calibration with stated priors, not a mix model."""
