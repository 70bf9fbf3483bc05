"""The report of a study as an HTML page: the numbers of the text report, drawn."""

from analysis.page.document import report_page

__all__ = ["report_page"]
