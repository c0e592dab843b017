"""Rules of the code and of the test run."""
