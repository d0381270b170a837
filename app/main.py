"""``panel serve app``: the latent-space explorer.

``panel serve app --args --catalog CATALOG.parquet --model DIR``, or the environment variables
XPMODEL_CATALOG and XPMODEL_MODEL, say what to show; else it is data/build. ``--samp`` lets visitors
reach the SAMP hub of the server's machine.
"""

import os
import sys

import panel as pn

from xpapp.maps.raster import warm_up
from xpapp.page import make_page
from xpapp.settings import Opened, Sources, open_sources
from xpmodel import InputError

pn.extension(notifications=True)

try:
    sources = Sources.of(sys.argv[1:], os.environ)
    opened = open_sources(sources)
except InputError as error:
    sources = Sources.of([], {})
    opened = Opened(None, None, (str(error),))
warm_up()
make_page(opened, sources).servable()
