"""Ringfence: from raw portability and billing extracts to the headline, the queue and the case."""
