"""Results, certificates and folders, made from the outcome of a search."""
