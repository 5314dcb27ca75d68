"""The patch case: from reports, estate and evidence to the plan document, and what became of it."""
