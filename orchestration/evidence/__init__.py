"""What a published figure rests on: its definition, its rows, its deliveries, what judged them, what it was before.

Which rows a mart's columns count is said in its `meta.evidence`, and where such rows come from in the `meta.facts` of
the relation that holds them; nothing here knows a mart by name.
"""
