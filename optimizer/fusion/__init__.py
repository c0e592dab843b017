"""Layer fusion: groups of layers that run tile by tile, their intermediate tensors held on chip."""
