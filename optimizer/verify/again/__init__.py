"""Checks that search: what a bound rests on is proved again."""
