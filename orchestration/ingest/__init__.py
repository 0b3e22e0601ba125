"""From a delivery in landing to accepted, quarantined and duplicate rows, with a receipt.

A delivery of feed F for day D becomes `raw/F/dt=D/rev=N/`, immutable and renamed into place whole; its
quarantined rows, masked, go to `quarantine/F/dt=D/rev=N/`. DuckDB reads, judges, hashes and writes; Python reads
a file's header line and moves no rows. Business rules do not belong here: the contract judges rows, gates judge
deliveries.
"""

from orchestration.ingest.faults import StorageError
from orchestration.ingest.ingest import Ingested, ingest
from orchestration.ingest.receipt import Receipt, read_receipts

__all__ = ["Ingested", "Receipt", "StorageError", "ingest", "read_receipts"]
