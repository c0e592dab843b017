"""Groups of layers that run together."""
