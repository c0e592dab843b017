"""What results hold, as records: one body per kind of result, written to and read from its JSON file."""
