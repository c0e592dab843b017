"""Tasks and pools of processes."""
