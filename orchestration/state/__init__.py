"""How an installation stands: what arrived and is missing, whether anything is left to do, how a run ended."""
