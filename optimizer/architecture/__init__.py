"""Architectures: levels, menus of sizes, technologies, devices, budgets."""
