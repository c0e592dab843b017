"""Measurements of Tilewright: ``python -m benchmarks list``; how they are made: ``docs/benchmarks/protocol.md``."""
