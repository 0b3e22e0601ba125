"""Which suspected or confirmed payments belong together: connected components of payments, their lines and places.

Two payments are in one ring if a chain of lines and places leads from the one to the other. Grain of the result: one
row per payment that is in one. A ring is named after the first of its payments by name, which no re-keying changes.
Frames in, frame out: nothing here knows of dbt but `model`.
"""

import networkx as nx
import pandas as pd


def model(dbt, session):
    """dbt's entry: links of payments to places that join."""
    dbt.config(materialized="table")
    return ring_members(dbt.ref("int_ring_link").df())


def ring_members(links: pd.DataFrame) -> pd.DataFrame:
    """The ring of each payment of `links` (`kind`, `place`, `party_key`, `payment_id`)."""
    graph = nx.Graph()
    payments = [("payment", payment) for payment in links["payment_id"]]
    graph.add_edges_from(zip(payments, zip(links["kind"], links["place"], strict=True), strict=True))
    graph.add_edges_from(zip(payments, (("line", party) for party in links["party_key"]), strict=True))
    rows = []
    for component in nx.connected_components(graph):
        members = sorted(name for kind, *name in component if kind == "payment")
        rows += [(f"ring-{members[0][0]}", payment) for (payment,) in members]
    return pd.DataFrame(rows, columns=["ring_id", "payment_id"]).astype("string")
