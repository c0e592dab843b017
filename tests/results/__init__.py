"""Results, reports, disagreements."""
