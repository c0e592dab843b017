"""CP-SAT programs of whole networks: covers, caps, widths, checkpoints."""
