"""Loop nests on a hardware point: definition, legality, cost."""
