"""Services, assets, patch groups, teams and maintenance calendars: what the owner tells us."""
