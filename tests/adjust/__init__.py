"""Networks with other widths and resolutions."""
