"""One hardware point for several networks, each with its own mappings."""
