"""A loop nest on a hardware point: what it is, whether it is legal, what it costs."""
