"""What `panel serve app` does before it serves: routes for files that the page offers and takes.

Bokeh makes each page's routes of this list when the server starts, right after this file ran.
"""

from bokeh.server.urls import per_app_patterns

from downloads import PATTERN, ExportHandler
from uploads import UPLOAD_PATTERN, UploadHandler

for route in ((PATTERN, ExportHandler), (UPLOAD_PATTERN, UploadHandler)):
    if route not in per_app_patterns:
        per_app_patterns.append(route)
