"""The catalog's columns: names, types, units, how they are shown, and what others call them.

What is true of a column stands in its row of `COLUMNS` or `DERIVED_COLUMNS` and nowhere else: a
new label is a row, and files, tables, figures and the page have it.
"""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import Any

import pyarrow as pa

PARAMETER, ABUNDANCE, COLOR = "parameter", "abundance", "color"


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
    joined : bool
        Taken from a table joined by ``source_id`` (else computed by the encoder).
    kind : str
        ``parameter`` of the star's atmosphere as a whole, ``abundance`` of one element, ``color``
        of broad bands; empty for all else.
    steerable : bool
        Whether z is steered by it, and its median told of the stars near z.
    held : bool
        Whether it is kept when z is steered by another column, though none is steered by it: dust.
    frees : tuple of str
        What is not kept when z is steered by it, as it follows: J − K follows Teff, and J − K
        itself changes at equal Teff by dust alone.
    steer_step : float, optional
        By how much one step of steering changes it. Default: by its scatter at equal latents.
    digits : int
        Decimals that a person is shown.
    reversed : bool
        Whether its axis runs from large to small, as astronomers draw it: hot stars and low
        gravity on the left and on top, longitudes to the left.
    period : float, optional
        After which the values begin anew, as longitudes do.
    symbol : str
        How a plot's axis writes it; its name, where there is none.
    math : str
        The same for figures that go to paper, in matplotlib's notation, where that differs.
    """

    name: str
    unit: str
    description: str
    type: pa.DataType = pa.float32()
    _: KW_ONLY
    aliases: tuple[str, ...] = ()
    joined: bool = True
    kind: str = ""
    steerable: bool = False
    held: bool = False
    frees: tuple[str, ...] = ()
    steer_step: float | None = None
    digits: int = 3
    reversed: bool = False
    period: float | None = None
    symbol: str = ""
    math: str = ""


def _stellar(name: str, unit: str, symbol: str, description: str, **more: Any) -> list[Column]:
    """A stellar label and its standard deviation."""
    label = Column(name, unit, description, symbol=symbol, **more)
    of_error = tuple(f"{alias}_err" for alias in label.aliases)
    error = f"standard deviation of {name}"
    symbol = f"σ({symbol})"
    error_of = Column(
        f"{name}_err", unit, error, aliases=of_error, digits=label.digits, symbol=symbol
    )
    return [label, error_of]


_F64, _I64 = pa.float64(), pa.int64()
_STEERABLE = {"kind": PARAMETER, "steerable": True}

COLUMNS: tuple[Column, ...] = (
    *_stellar(
        "teff",
        "K",
        "Teff",
        "effective temperature",
        **_STEERABLE,
        frees=("j_k",),
        steer_step=100.0,
        digits=0,
        reversed=True,
        math=r"$T_\mathrm{eff}$",
    ),
    *_stellar(
        "logg",
        "dex",
        "log g",
        "surface gravity, log10 of cm s⁻²",
        **_STEERABLE,
        steer_step=0.2,
        digits=2,
        reversed=True,
        math=r"log $g$",
    ),
    *_stellar("m_h", "dex", "[M/H]", "metallicity [M/H]", **_STEERABLE, steer_step=0.15, digits=2),
    *_stellar("alpha_m", "dex", "[α/M]", "α enhancement [α/M]", **_STEERABLE, steer_step=0.05),
    *_stellar("fe_h", "dex", "[Fe/H]", "iron abundance [Fe/H]", kind=ABUNDANCE, digits=2),
    *_stellar("mg_fe", "dex", "[Mg/Fe]", "magnesium abundance [Mg/Fe]", kind=ABUNDANCE),
    Column(
        "phot_g_mean_mag",
        "mag",
        "G magnitude",
        aliases=("gaiaedr3_phot_g_mean_mag",),
        digits=2,
        reversed=True,
        symbol="G",
        math="$G$",
    ),
    Column(
        "phot_g_mean_flux",
        "e⁻ s⁻¹",
        "G flux that the spectrum was divided by",
        joined=False,
        symbol="G flux",
    ),
    Column("bp_rp", "mag", "color BP − RP", kind=COLOR, symbol="BP − RP"),
    Column("j", "mag", "2MASS J", symbol="J"),
    Column("h", "mag", "2MASS H", symbol="H"),
    Column("k", "mag", "2MASS K", symbol="K"),
    Column(
        "sfd_ebv",
        "mag",
        "E(B−V) of the whole line of sight (Schlegel et al. 1998)",
        held=True,
        symbol="E(B−V)",
        math="E(B − V)",
    ),
    Column("parallax", "mas", "parallax", aliases=("gaiaedr3_parallax",), symbol="ϖ"),
    Column(
        "parallax_error",
        "mas",
        "its standard deviation",
        aliases=("gaiaedr3_parallax_error",),
        symbol="σ(ϖ)",
    ),
    Column("ra", "deg", "right ascension", _F64, reversed=True, period=360.0, symbol="α"),
    Column("dec", "deg", "declination", _F64, symbol="δ"),
    Column("lz", "kpc km s⁻¹", "angular momentum about the Galaxy's axis", symbol="Lz"),
    Column("jr", "kpc km s⁻¹", "radial action", symbol="JR"),
    Column("jz", "kpc km s⁻¹", "vertical action", symbol="Jz"),
    Column("starflag", "", "APOGEE STARFLAG bits", _I64),
    Column("aspcapflag", "", "APOGEE ASPCAPFLAG bits", _I64),
    Column("population", "", "population, where known", pa.string()),
    Column(
        "chi2",
        "",
        "mean of (x − x̂)² / (σ² + ŝ²) over the coefficients",
        joined=False,
        digits=2,
        symbol="χ²",
    ),
    Column(
        "chi2_obs",
        "",
        "mean of (x − x̂)² / σ² over the coefficients",
        joined=False,
        digits=2,
        symbol="χ² of the observation",
    ),
    Column("kl", "nat", "KL divergence of the posterior from the prior", joined=False, symbol="KL"),
)

# What follows from other columns, and is computed when asked for, by
# `xpmodel.catalog.derived_columns`.
DERIVED_COLUMNS: tuple[Column, ...] = (
    Column(
        "l",
        "deg",
        "Galactic longitude",
        _F64,
        joined=False,
        reversed=True,
        period=360.0,
        symbol="l",
    ),
    Column("b", "deg", "Galactic latitude", _F64, joined=False, symbol="b"),
    Column(
        "abs_g_mag",
        "mag",
        "absolute G by 1/parallax, with extinction",
        joined=False,
        digits=2,
        reversed=True,
        symbol="M_G, with extinction",
    ),
    Column("j_h", "mag", "color J − H", joined=False, kind=COLOR, symbol="J − H"),
    Column(
        "j_k",
        "mag",
        "color J − K",
        joined=False,
        kind=COLOR,
        steerable=True,
        frees=("sfd_ebv",),
        steer_step=0.05,
        symbol="J − K",
    ),
)

BY_NAME = {column.name: column for column in (*COLUMNS, *DERIVED_COLUMNS)}
JOINED = tuple(column for column in COLUMNS if column.joined)


def latent_columns(n_latents: int) -> list[str]:
    """``z1 … zK``."""
    return [f"z{i}" for i in range(1, n_latents + 1)]


def is_latent(name: str) -> bool:
    """Whether a column's name is that of a latent's posterior mean."""
    return re.fullmatch(r"z[1-9]\d*", name) is not None


def noise_column(latent: str) -> str:
    """Name of the column with a latent's noise, ``z1_noise`` for ``z1``."""
    return f"{latent}_noise"


def width_column(latent: str) -> str:
    """Name of the column with the width of a latent's posterior, ``z1_err`` for ``z1``."""
    return f"{latent}_err"


def error_columns(name: str) -> tuple[str, ...]:
    """Columns that may hold a column's standard deviation, the best first.

    Of a latent it is its noise; the posterior's width, which a catalog made by an earlier version
    has alone, is none, and stands in for it.
    """
    if is_latent(name):
        return (noise_column(name), width_column(name))
    return (f"{name}_err", f"{name}_error")


def is_error(name: str) -> bool:
    """Whether a column's name is that of another one's standard deviation."""
    latent = name.removesuffix("_noise")
    return name.endswith(("_err", "_error")) or (latent != name and is_latent(latent))


def column_of(name: str) -> Column:
    """A column by its name; of one that is not in these tables only the name is known."""
    return BY_NAME.get(name) or Column(name, "", name, joined=False, symbol=name)


def parameters() -> tuple[str, ...]:
    """Parameters of the atmosphere, which describe a star first: Teff, log g, [M/H], [α/M]."""
    return tuple(c.name for c in BY_NAME.values() if c.kind == PARAMETER)


def stellar_labels() -> tuple[str, ...]:
    """Parameters of the atmosphere, and abundances of single elements."""
    return tuple(c.name for c in BY_NAME.values() if c.kind in (PARAMETER, ABUNDANCE))


def steerable() -> tuple[str, ...]:
    """What z is steered by, and what is told of the stars near it."""
    return tuple(c.name for c in BY_NAME.values() if c.steerable)


def fitted_around() -> tuple[str, ...]:
    """What is fitted around z: what z is steered by, and what is kept meanwhile."""
    return tuple(c.name for c in BY_NAME.values() if c.steerable or c.held)


def held_beside(name: str) -> tuple[str, ...]:
    """What is kept when z is steered by a column: all that is fitted but what follows it."""
    loose = {name, *column_of(name).frees}
    return tuple(other for other in fitted_around() if other not in loose)


def describe(name: str) -> str:
    """A column's axis label: what it is and its unit."""
    if is_latent(name):
        return f"latent {name}"
    if name.endswith("_err") and is_latent(name.removesuffix("_err")):
        return f"posterior standard deviation of {name.removesuffix('_err')}"
    if name.endswith("_noise") and is_latent(name.removesuffix("_noise")):
        return f"standard deviation of {name.removesuffix('_noise')} by the spectrum's errors"
    column = column_of(name)
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def period(name: str) -> float | None:
    """After which step a column's values begin anew; None where they do not."""
    return column_of(name).period


def symbol(name: str) -> str:
    """How a column is written in short, such as "Teff" or "[M/H]"."""
    return column_of(name).symbol or name


def axis_label(name: str) -> str:
    """What a plot's axis says: the column's symbol and its unit."""
    unit = column_of(name).unit
    return f"{symbol(name)} [{unit}]" if unit else symbol(name)


def number(name: str, value: float) -> str:
    """A column's value with the decimals that a person is shown."""
    return f"{value:.{column_of(name).digits}f}"


def catalog_schema(n_latents: int) -> pa.Schema:
    """The Parquet schema of a catalog of K latents, without metadata."""
    latents = latent_columns(n_latents)
    return pa.schema(
        [
            pa.field("source_id", pa.int64(), nullable=False),
            *(pa.field(name, pa.float32()) for name in latents),
            *(pa.field(width_column(name), pa.float32()) for name in latents),
            *(pa.field(noise_column(name), pa.float32()) for name in latents),
            *(pa.field(column.name, column.type) for column in COLUMNS),
        ]
    )
