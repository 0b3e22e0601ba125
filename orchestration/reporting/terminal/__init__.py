"""How a run, a status, a headline and rules look in a terminal."""
