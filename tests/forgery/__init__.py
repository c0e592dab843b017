"""A forger of results: lies about honest results of every kind, with all that follows from them recomputed.

A *lie* changes what a result claims into something that is not true, and makes everything else agree with it: floors,
bounds of boxes, the bound of the whole, status, counts, master, totals, gaps, both files, hashes. It knows the search
and the verifier, and asks an oracle (:mod:`tests.forgery.truth`) where a change would leave a true statement true:
such a change is no lie, and is not made.
"""
