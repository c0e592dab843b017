"""One layer on fixed hardware as a shortest path over all loop nests."""
