"""The executable reference model: loop nests and fused groups are walked and counted, step by step."""
