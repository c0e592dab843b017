"""Training steps, memory, recomputation."""
