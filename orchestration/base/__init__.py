"""What every room stands on: settings, files and their locks, the few words of SQL, and refusals."""
