"""From layers and hardware to integer problems and prices."""
