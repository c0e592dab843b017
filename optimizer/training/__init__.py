"""From an inference network to one step of its training: an ordinary network that everything else works on."""
