"""The catalog's columns: names, types, units, and what other tables call them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column of the catalog beside ids and latents.

    Attributes
    ----------
    name, unit, description : str
    type : pyarrow.DataType
    aliases : tuple of str
        Names in other tables (any letter case), the first one found counts. A table's own
        `name` comes before them.
    label : bool
        Taken from a table joined by ``source_id`` (else computed by the encoder).
    period : float, optional
        After which the values begin anew, as longitudes do.
    symbol : str
        How a plot's axis writes it; its name, where there is none.
    """

    name: str
    unit: str
    description: str
    type: pa.DataType = pa.float32()
    aliases: tuple[str, ...] = ()
    label: bool = True
    period: float | None = None
    symbol: str = ""


def _stellar(name: str, unit: str, symbol: str, description: str, *aliases: str) -> list[Column]:
    error, of_error = f"standard deviation of {name}", tuple(f"{a}_err" for a in aliases)
    return [
        Column(name, unit, description, aliases=aliases, symbol=symbol),
        Column(f"{name}_err", unit, error, aliases=of_error, symbol=f"σ({symbol})"),
    ]


_F64, _I64 = pa.float64(), pa.int64()

COLUMNS: tuple[Column, ...] = (
    *_stellar("teff", "K", "Teff", "effective temperature"),
    *_stellar("logg", "dex", "log g", "surface gravity, log10 of cm s⁻²"),
    *_stellar("m_h", "dex", "[M/H]", "metallicity [M/H]"),
    *_stellar("alpha_m", "dex", "[α/M]", "α enhancement [α/M]"),
    *_stellar("fe_h", "dex", "[Fe/H]", "iron abundance [Fe/H]"),
    *_stellar("mg_fe", "dex", "[Mg/Fe]", "magnesium abundance [Mg/Fe]"),
    Column(
        "phot_g_mean_mag", "mag", "G magnitude", aliases=("gaiaedr3_phot_g_mean_mag",), symbol="G"
    ),
    Column(
        "phot_g_mean_flux",
        "e⁻ s⁻¹",
        "G flux that the spectrum was divided by",
        label=False,
        symbol="G flux",
    ),
    Column("bp_rp", "mag", "colour BP − RP", symbol="BP − RP"),
    Column("j", "mag", "2MASS J", symbol="J"),
    Column("h", "mag", "2MASS H", symbol="H"),
    Column("k", "mag", "2MASS K", symbol="K"),
    Column(
        "sfd_ebv",
        "mag",
        "E(B−V) of the whole line of sight (Schlegel et al. 1998)",
        symbol="E(B−V)",
    ),
    Column("parallax", "mas", "parallax", aliases=("gaiaedr3_parallax",), symbol="ϖ"),
    Column(
        "parallax_error",
        "mas",
        "its standard deviation",
        aliases=("gaiaedr3_parallax_error",),
        symbol="σ(ϖ)",
    ),
    Column("ra", "deg", "right ascension", _F64, period=360.0, symbol="α"),
    Column("dec", "deg", "declination", _F64, symbol="δ"),
    Column("lz", "kpc km s⁻¹", "angular momentum about the Galaxy's axis", symbol="Lz"),
    Column("jr", "kpc km s⁻¹", "radial action", symbol="JR"),
    Column("jz", "kpc km s⁻¹", "vertical action", symbol="Jz"),
    Column("starflag", "", "APOGEE STARFLAG bits", _I64),
    Column("aspcapflag", "", "APOGEE ASPCAPFLAG bits", _I64),
    Column("population", "", "population, where known", pa.string()),
    Column(
        "chi2", "", "mean of (x − x̂)² / (σ² + ŝ²) over the coefficients", label=False, symbol="χ²"
    ),
    Column(
        "chi2_obs",
        "",
        "mean of (x − x̂)² / σ² over the coefficients",
        label=False,
        symbol="χ² of the observation",
    ),
    Column("kl", "nat", "KL divergence of the posterior from the prior", label=False, symbol="KL"),
)

# What follows from other columns, and is computed when asked for, by
# `xpmodel.catalog.derived_columns`.
DERIVED_COLUMNS: tuple[Column, ...] = (
    Column("l", "deg", "Galactic longitude", _F64, label=False, period=360.0, symbol="l"),
    Column("b", "deg", "Galactic latitude", _F64, label=False, symbol="b"),
    Column(
        "abs_g_mag",
        "mag",
        "absolute G by 1/parallax, with extinction",
        label=False,
        symbol="M_G, with extinction",
    ),
    Column("j_h", "mag", "color J − H", label=False, symbol="J − H"),
    Column("j_k", "mag", "color J − K", label=False, symbol="J − K"),
)

BY_NAME = {column.name: column for column in (*COLUMNS, *DERIVED_COLUMNS)}
LABELS = tuple(column for column in COLUMNS if column.label)
# What tables call the star's Gaia DR3 (= EDR3) identifier.
ID_ALIASES = ("source_id", "dr3_source_id", "gaia_source_id", "gaiaedr3_source_id", "ids")
# APOGEE writes -9999 or -9999.99 where it has no value; an Lz of -10,100 is one.
MISSING_VALUES = (-10_000.0, -9_999.0)


def latent_columns(n_latents: int) -> list[str]:
    """``z1 … zK``."""
    return [f"z{i}" for i in range(1, n_latents + 1)]


def is_latent(name: str) -> bool:
    """Whether a column's name is that of a latent's posterior mean."""
    return re.fullmatch(r"z[1-9]\d*", name) is not None


def describe(name: str) -> str:
    """A column's axis label: what it is and its unit."""
    if name in BY_NAME:
        column = BY_NAME[name]
        return f"{column.description} [{column.unit}]" if column.unit else column.description
    if is_latent(name):
        return f"latent {name}"
    if name.endswith("_err") and is_latent(name.removesuffix("_err")):
        return f"posterior standard deviation of {name.removesuffix('_err')}"
    return name


def period(name: str) -> float | None:
    """After which step a column's values begin anew; None where they do not."""
    return BY_NAME[name].period if name in BY_NAME else None


def symbol(name: str) -> str:
    """How a column is written in short, such as "Teff" or "[M/H]"."""
    return (BY_NAME[name].symbol or name) if name in BY_NAME else name


def axis_label(name: str) -> str:
    """What a plot's axis says: the column's symbol and its unit."""
    unit = BY_NAME[name].unit if name in BY_NAME else ""
    return f"{symbol(name)} [{unit}]" if unit else symbol(name)


def catalog_schema(n_latents: int) -> pa.Schema:
    """The Parquet schema of a catalog of K latents, without metadata."""
    latents = latent_columns(n_latents)
    return pa.schema(
        [
            pa.field("source_id", pa.int64(), nullable=False),
            *(pa.field(name, pa.float32()) for name in latents),
            *(pa.field(f"{name}_err", pa.float32()) for name in latents),
            *(pa.field(column.name, column.type) for column in COLUMNS),
        ]
    )
