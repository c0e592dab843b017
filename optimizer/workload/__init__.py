"""The workload: layers, networks, tensors and their views, precision and sparsity."""
