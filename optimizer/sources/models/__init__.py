"""Fitted models: Robyn, PyMC-Marketing, Meridian, and plain tables of curves, as lines."""
