"""What it is computed on: levels, menus of sizes, technologies, devices, budgets."""
