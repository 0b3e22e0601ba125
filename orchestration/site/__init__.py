"""A site's folder: its reference tables laid over the shipped ones, and what is wrong with it or the set-up."""
