"""Numbers to SVG. No Django, no clock, no text that a page could not also read out."""
