"""Which activations of a training step are kept, and which are computed again."""
