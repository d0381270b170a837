"""One request to the Gaia Archive, in a process of its own: `xpmodel.own.gaia_archive` runs it.

astroquery connects without a time limit, for the first time when it is imported, prints what the
archive announces, and unpacks into the working directory, whatever the size. A process has a
working directory and limits of its own, and can be stopped; here it unpacks nothing.

Reads JSON: ``ids`` (up to 2,000), ``timeout`` [s] of a connection, ``server``. Leaves
``gaia_source.csv`` and a zip file of the spectra in the working directory. Ends with status 0, with
3 if the archive cannot be reached, or with 1; the cause is the last line of its errors.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import socket
import sys
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from astroquery.gaia import GaiaClass

NOT_REACHED = 3
FILE_LIMIT = 512 << 20  # bytes of an answer; 100 spectra with correlations take 6 MB
COLUMNS = "source_id, phot_g_mean_flux, phot_g_mean_mag, bp_rp, parallax, parallax_error, ra, dec"


def main() -> int:
    """Ask for spectra and for what the main table has of the stars."""
    request = json.load(sys.stdin)
    socket.setdefaulttimeout(request["timeout"])
    _limit_files()
    # The answer stays packed: who asked reads it so, under limits.
    zipfile.ZipFile.extractall = lambda *_, **__: None  # type: ignore[method-assign]
    with contextlib.redirect_stdout(sys.stderr):
        from astroquery.gaia import GaiaClass
        from requests import HTTPError

        try:
            server = request["server"]
            gaia = GaiaClass(
                gaia_tap_server=server, gaia_data_server=server, show_server_messages=False
            )
            _load_spectra(gaia, request["ids"])
            _load_sources(gaia, request["ids"])
        except Exception as error:  # noqa: BLE001  astroquery raises all kinds
            print(" ".join(f"{type(error).__name__}: {error}".split()), file=sys.stderr)
            network = isinstance(error, (OSError, http.client.HTTPException))
            network &= getattr(error, "errno", None) != errno.EFBIG
            return NOT_REACHED if network and not isinstance(error, HTTPError) else 1
    return 0


def _limit_files() -> None:
    """Let no file grow beyond a limit, where the system can do that."""
    with contextlib.suppress(ImportError):  # as on Windows
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit = FILE_LIMIT if most == resource.RLIM_INFINITY else min(FILE_LIMIT, most)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))


def _load_spectra(gaia: GaiaClass, ids: list[int]) -> None:
    # An answer without any spectrum may be no zip file: the caller looks at what there is.
    with contextlib.suppress(zipfile.BadZipFile):
        gaia.load_data(
            ids,
            data_release="Gaia DR3",
            data_structure="RAW",
            retrieval_type="XP_CONTINUOUS",
            format="csv",
            dump_to_file=True,
        )


def _load_sources(gaia: GaiaClass, ids: list[int]) -> None:
    query = (
        f"SELECT {COLUMNS} FROM gaiadr3.gaia_source WHERE source_id IN ({','.join(map(str, ids))})"
    )
    try:
        gaia.launch_job(
            query, output_format="csv", dump_to_file=True, output_file="gaia_source.csv"
        )
    except Exception as error:  # noqa: BLE001  all kinds; the spectra do without their G flux
        print(f"gaia_source: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
