"""The claims of results, rebuilt from their files alone."""
