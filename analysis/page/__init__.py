"""The report of a study as an HTML page: the numbers of the text report, drawn."""

from analysis.page.document import page_of, report_page

__all__ = ["page_of", "report_page"]
