"""Incidents: what is known, told promptly and honestly, and who knew what when.

Acts are records of the ledger; the state is a fold over them (:mod:`poise.incident.fold`). The room reads no
clock, sends nothing by itself (:mod:`poise.incident.delivery` does), and knows no web framework.
"""
