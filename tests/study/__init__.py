"""Staircases and fronts."""
