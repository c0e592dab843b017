"""Reading of YAML and numbers: exact values, units, fields with clear errors. Knows no hardware."""
