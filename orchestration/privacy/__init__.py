"""Pseudonyms and masking: what stands between a phone number and everything that is written.

The key reverses every pseudonym (there are only some 10⁸ numbers), so it is read once, bound as a parameter,
and never spelled into SQL, a log or an error.
"""

from orchestration.privacy.masking import mask_digits, mask_digits_sql, mask_number_sql
from orchestration.privacy.pseudonyms import KeyMissingError, PseudonymKey

__all__ = ["KeyMissingError", "PseudonymKey", "mask_digits", "mask_digits_sql", "mask_number_sql"]
