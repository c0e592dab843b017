"""Fused groups that are chosen by hand: read, checked, priced."""
