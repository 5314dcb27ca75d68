"""Pages: one module per feature. Each parses, calls an action, and renders."""
