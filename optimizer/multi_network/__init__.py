"""One hardware for several networks, each with its own mappings."""
