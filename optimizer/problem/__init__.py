"""What is asked: objective, budgets, padding, fusion, the declared space, versions."""
