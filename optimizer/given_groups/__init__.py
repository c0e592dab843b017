"""User-given fused groups: reader, checks, pricing."""
