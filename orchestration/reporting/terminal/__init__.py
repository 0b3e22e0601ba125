"""How the answer of a command looks in a terminal."""
