"""The problem statement: objective, budgets, padding, fusion, the declared space, versions."""
