"""The data sets that ``xpmodel fetch`` downloads: where they lie and how to tell they arrived."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """One file on a server.

    Attributes
    ----------
    name : str
        A plain name, which it also gets on disk.
    url : str
    size : int, optional
        Length in bytes; None: what the server says when it is asked for the file.
    checksum : str, optional
        ``md5:`` or ``sha256:`` and hex digits; None: the source publishes none.
    """

    name: str
    url: str
    size: int | None = None
    checksum: str | None = None


ZENODO_API = "https://zenodo.org/api"

# Laroche & Speagle (2024): the stars of the paper and the normalization of its model.
LAROCHE24_RECORD = 10951393
LAROCHE24_CATALOG = "xp_apogee_cat.h5"
LAROCHE24_NORM = "apogee_norm.npz"
# The trained network is in their code, not in the record.
LAROCHE24_WEIGHTS = RemoteFile(
    "weight.pt",
    "https://raw.githubusercontent.com/AlexLaroche7/xp_vae/"
    "e40dabfd0d0ae9836b55a7607e0c09c430a8b1b8/models/APOGEE_MODEL/weight.pt",
    size=890_634,
    checksum="sha256:0d6caeacf17201e14f62aa7508417b6cfb7a58c8e64aa97d48fcb8d8014d06d6",
)

# SDSS publishes no checksum beside these two.
APOGEE = RemoteFile(
    "allStar-dr17-synspec_rev1.fits",
    "https://data.sdss.org/sas/dr17/apogee/spectro/aspcap/dr17/synspec_rev1/"
    "allStar-dr17-synspec_rev1.fits",
)
ASTRONN = RemoteFile(
    "apogee_astroNN-DR17.fits",
    "https://data.sdss.org/sas/dr17/env/APOGEE_ASTRO_NN/apogee_astroNN-DR17.fits",
)
