"""An adversary: it tries to beat what is called OPTIMAL, with code that shares nothing with the search.

Of the project it uses the data types (layers, hardware points, mappings) only, and the public calls that make the claim
and price a mapping that seems to refute it.
"""
