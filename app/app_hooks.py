"""What `panel serve app` does before it serves: routes of our own beside Bokeh's.

Bokeh makes each page's routes of this list when the server starts, right after this file ran.
"""

from bokeh.server.urls import per_app_patterns
from panel.io.server import WSHandler

from xpapp.browser.download_route import PATTERN, ExportHandler
from xpapp.browser.upload_route import UPLOAD_PATTERN, UploadHandler
from xpapp.browser.websocket import PromptSocket

for route in ((PATTERN, ExportHandler), (UPLOAD_PATTERN, UploadHandler)):
    if route not in per_app_patterns:
        per_app_patterns.append(route)
for index, (pattern, handler) in enumerate(per_app_patterns):
    if handler is WSHandler:
        per_app_patterns[index] = (pattern, PromptSocket)
