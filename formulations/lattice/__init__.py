"""The divisor-lattice search for one layer, by compiled kernels."""
