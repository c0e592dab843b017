"""The independent checker: it walks loop nests and replays certificates, and imports no search and no cost model.

Only :mod:`optimizer.checker.again` searches, and nothing here imports it.
"""
