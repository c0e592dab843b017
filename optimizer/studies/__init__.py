"""Studies: what the optimum becomes as limits change, every step with its proof."""
