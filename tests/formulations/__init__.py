"""The integer programs and their searches."""
