"""The independent verifier: it counts by executing the loop nest and shares nothing with the cost model."""
