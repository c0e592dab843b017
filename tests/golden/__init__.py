"""The executable reference model."""
