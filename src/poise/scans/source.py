"""Opening a report: what is in the file, whatever it is called."""

from __future__ import annotations


class Source:  # filled by the scans room
    pass
