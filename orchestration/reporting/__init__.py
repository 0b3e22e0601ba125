"""What people look at: the headline, the run's summary, the status. Not here: a number that no mart defines."""
