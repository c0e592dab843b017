"""Adjusting a network to hardware: the channel widths that cost least, parameters and work kept."""
