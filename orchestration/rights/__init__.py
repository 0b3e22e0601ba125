"""What is done to every store on a person's behalf: erasure, re-keying, the audited way back to a number.

Not here: pseudonyms, masking and the vault, which ingest needs itself (`privacy/`).
"""
