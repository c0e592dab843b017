"""Layers, networks, views and where they come from."""
