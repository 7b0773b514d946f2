"""Where plans come from: scenario files, tables, history and fitted models."""
