"""Compiled integer kernels of the divisor-lattice search."""
