"""The report served on this machine, with every input of the scenario open to change."""
