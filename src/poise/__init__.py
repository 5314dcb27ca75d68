"""Poise: the shared decision desk of a CIO and a CISO."""
