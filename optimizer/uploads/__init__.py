"""Budgets for the tools that spend them: a plan as rows of campaign, month and amount."""
