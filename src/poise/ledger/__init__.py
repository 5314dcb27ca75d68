"""The record that nobody can quietly change: canonical JSON, signatures, a chain of records.

What a pipeline needs to verify a signed document stands in modules of its own, ``canonical``, ``keys`` and
``envelope``, which import nothing heavy.
"""
