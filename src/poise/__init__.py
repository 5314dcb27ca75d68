"""Poise: the shared decision desk of a CIO and a CISO."""

__version__ = "0.1.0"
