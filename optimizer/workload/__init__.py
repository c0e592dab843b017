"""What is computed: layers, networks, tensors and their views, precision and sparsity."""
