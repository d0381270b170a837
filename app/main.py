"""``panel serve app``: the latent-space explorer.

``panel serve app --args --catalog CATALOG.parquet --model DIR``, or the environment variables
XPMODEL_CATALOG and XPMODEL_MODEL, say what to show; else it is data/build. ``--samp`` lets visitors
reach the SAMP hub of the server's machine.
"""

import os
import sys

from xpapp.serve import page_of_arguments

page_of_arguments(sys.argv[1:], os.environ).servable()
