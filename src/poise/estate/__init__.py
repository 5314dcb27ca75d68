"""Services, assets, patch groups, teams and maintenance calendars: what the owner tells us."""

from poise.estate.calendars import read_calendar, windows
from poise.estate.file import load_estate

__all__ = ["load_estate", "read_calendar", "windows"]
