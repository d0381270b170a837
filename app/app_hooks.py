"""What `panel serve app` does before it serves: a route for the files that the page offers.

Bokeh makes each page's routes of this list when the server starts, right after this file ran.
"""

from bokeh.server.urls import per_app_patterns

from downloads import PATTERN, ExportHandler

if (PATTERN, ExportHandler) not in per_app_patterns:
    per_app_patterns.append((PATTERN, ExportHandler))
