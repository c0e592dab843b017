"""From what a search found to results, certificates and folders."""
