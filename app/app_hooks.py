"""What `panel serve app` does before it serves.

Bokeh makes each page's routes when the server starts, right after this file ran.
"""

from xpapp.serve import add_routes

add_routes()
