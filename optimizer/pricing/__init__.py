"""Least cost of a layer on a hardware point: from a layer to integers, to its price."""
