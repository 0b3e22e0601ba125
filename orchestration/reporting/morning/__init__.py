"""The morning report: one self-contained page per day, read from what is published.

Here: which figures stand on it (`figures.yaml`), how they are read, how they look. Not here: what a figure means;
that is a mart's column, and the page quotes its description.
"""

from orchestration.reporting.morning.page import MorningReport, NothingToReportError, ReportError, write_morning_report

__all__ = ["MorningReport", "NothingToReportError", "ReportError", "write_morning_report"]
