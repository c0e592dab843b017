"""What was found once."""
