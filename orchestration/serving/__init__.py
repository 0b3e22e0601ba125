"""Publication: generations of files that BI reads, switched by one rename of a directory link.

Here: building a generation beside the current one, verifying it, switching, rolling back. Not here: what the
marts mean, and any writing to the warehouse, which is opened read-only.
"""
