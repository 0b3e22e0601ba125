"""When what runs. Not here: what a run does."""
