"""Bookkeeping and methods of the benchmarks."""
