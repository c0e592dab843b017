"""Independent work spread over processes: tasks of plain data, and pools that run them."""
