"""Built-in networks, made here without any download, and one function that loads any network."""

from optimizer.networks.catalog import build, describe, names
from optimizer.networks.load import load

__all__ = ["build", "describe", "load", "names"]
