"""What results claim, rebuilt from their files alone."""
