"""Expressions: against plain Python, star by star, and what is refused, and where."""

import math
import operator
import re
import sys

import numpy as np
import pyarrow as pa
import pytest

from tests.support.catalogs import FIRST_ID, rewrite, write_catalog
from xpmodel.catalog.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.selection.expression import (
    MAX_LENGTH,
    ExpressionError,
    expression_columns,
    expression_mask,
)

N = 60
TEXTS = ["disc", None, "halo", "Gaia's «µ»", ""]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Quarters, so that many values are equal; a fifth of most columns is missing."""
    rng = np.random.default_rng(0)
    quarters = rng.integers(-6, 7, (2, N)) / 4.0
    quarters[rng.random((2, N)) < 0.2] = np.nan
    quarters[0, :2] = np.inf, -np.inf
    columns = {
        "z1": quarters[0],
        "z2": quarters[1],
        "teff": pa.array(rng.uniform(4e3, 6e3, N), pa.float32(), mask=rng.random(N) < 0.2),
        "starflag": pa.array(rng.integers(0, 5, N), pa.int64(), mask=rng.random(N) < 0.2),
        "aspcapflag": 2**60 + np.arange(N),
        "population": [TEXTS[i % len(TEXTS)] for i in range(N)],
        "ra": rng.uniform(0, 360, N),
        "dec": rng.uniform(-90, 90, N),
    }
    path = write_catalog(tmp_path_factory.mktemp("expression") / "stars.parquet", N, **columns)
    kind = pa.array(["a", "b", None] * (N // 3)).dictionary_encode()
    rewrite(path, lambda table: table.append_column("kind", kind))
    return open_catalog(path)


def stars(catalog) -> list[dict]:
    """Every star as plain Python numbers and text; None where there is no finite value."""
    names = ["source_id", *catalog.numeric, *catalog.categorical]
    columns = {name: catalog[name].tolist() for name in names}

    def plain(value):
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return [{name: plain(columns[name][i]) for name in names} for i in range(len(catalog))]


def check(catalog, text: str, holds) -> np.ndarray:
    """That an expression holds for the stars for which a function says True, and is no triviality.

    The function is of a star's columns; where one of them is missing it raises TypeError.
    """
    wanted = []
    for star in stars(catalog):
        try:
            wanted.append(holds(star) is True)
        except TypeError:
            wanted.append(False)
    found = expression_mask(text, catalog)
    assert found.dtype == bool and found.shape == (N,)
    assert 0 < sum(wanted) < N
    np.testing.assert_array_equal(found, wanted, err_msg=text)
    return found


def all_of(*parts):
    """And with None for unknown."""
    return False if False in parts else None if None in parts else True


def any_of(*parts):
    return True if True in parts else None if None in parts else False


def no(part):
    return None if part is None else not part


def less(a, b):
    return None if a is None or b is None else a < b


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("z1 < 0.5", lambda s: s["z1"] < 0.5),
        ("z1 <= 0.5", lambda s: s["z1"] <= 0.5),
        ("0.5 > z1", lambda s: not s["z1"] >= 0.5),
        ("z1 >= z2", lambda s: s["z1"] >= s["z2"]),
        ("z1 == z2", lambda s: s["z1"] - s["z2"] == 0),
        ("z1 != z2", lambda s: s["z1"] - s["z2"] != 0),
        ("starflag == 3", lambda s: s["starflag"] == 3),
        ("teff < 5_000", lambda s: s["teff"] < 5000),
        ("teff < 5e3 # cool", lambda s: s["teff"] < 5000),
        ("l > 180", lambda s: s["l"] > 180),
        # Precedence and grouping.
        ("z1 + z2 * 2 < 1", lambda s: s["z1"] + s["z2"] * 2 < 1),
        ("(z1 + z2) * 2 < 1", lambda s: (s["z1"] + s["z2"]) * 2 < 1),
        ("-z1 ** 2 < -1", lambda s: -(s["z1"] * s["z1"]) < -1),
        ("(-z1) ** 3 < -1", lambda s: (-s["z1"]) * s["z1"] * s["z1"] < -1),
        ("2 ** 3 ** z1 < 9", lambda s: 2 ** (3 ** s["z1"]) < 9),
        ("2 ** -z1 < 1", lambda s: 2 ** (-s["z1"]) < 1),
        ("1 - z1 - z2 < 1", lambda s: (1 - s["z1"]) - s["z2"] < 1),
        ("8 / 2 / 4 + z1 < 1", lambda s: 1 + s["z1"] < 1),
        ("+z1 < +1", lambda s: s["z1"] < 1),
        ("abs(z1) > 1", lambda s: max(s["z1"], -s["z1"]) > 1),
        ("sqrt(teff) < 70", lambda s: s["teff"] < 4900),
        ("log10(teff) < 3.7", lambda s: math.log10(s["teff"]) < 3.7),
        ("exp(z1) < 1", lambda s: s["z1"] < 0),
        ("log10(abs(z1 - 0.125)) < -0.5", lambda s: math.log10(abs(s["z1"] - 0.125)) < -0.5),
        ("z1 < 0 or z1 > 1 and z2 > 0",
            lambda s: any_of(less(s["z1"], 0), all_of(less(1, s["z1"]), less(0, s["z2"])))),
        ("(z1 < 0 or z1 > 1) and z2 > 0",
            lambda s: all_of(any_of(less(s["z1"], 0), less(1, s["z1"])), less(0, s["z2"]))),
        ("not z1 < 0 and z2 > 0", lambda s: all_of(no(less(s["z1"], 0)), less(0, s["z2"]))),
        ("not (z1 < 0 and z2 > 0)", lambda s: no(all_of(less(s["z1"], 0), less(0, s["z2"])))),
        ("(z1 < 0) & (z2 > 0) | ~(teff < 5000)", lambda s: any_of(
            all_of(less(s["z1"], 0), less(0, s["z2"])), no(less(s["teff"], 5000)))),
        ("~(z1 < 0) | (z2 > 1) & (teff < 4500)", lambda s: any_of(
            no(less(s["z1"], 0)), all_of(less(1, s["z2"]), less(s["teff"], 4500)))),
        # Chains.
        ("-1 < z1 < 1", lambda s: -1 < s["z1"] < 1),
        ("-1 <= z1 < z2 != 0.5 <= 1", lambda s: -1 <= s["z1"] < s["z2"] and s["z2"] != 0.5),
        ("z1 > -1 < z2", lambda s: all_of(less(-1, s["z1"]), less(-1, s["z2"]))),
        ("not -1 < z1 < z2", lambda s: no(all_of(less(-1, s["z1"]), less(s["z1"], s["z2"])))),
        # Text.
        ("population == 'disc'", lambda s: s["population"] == "disc"),
        ('"disc" == population', lambda s: s["population"] == "disc"),
        ("population != 'disc'", lambda s: s["population"] not in (None, "disc")),
        ("not population == 'disc'", lambda s: s["population"] not in (None, "disc")),
        ("population == ''", lambda s: s["population"] == ""),
        ("population == population", lambda s: s["population"] is not None),
        ("population == \"Gaia's «µ»\"", lambda s: s["population"] == "Gaia's «µ»"),
        ("kind == 'a'", lambda s: s["kind"] == "a"),
        ("kind != population", lambda s: None not in (s["kind"], s["population"])),
        ("'a' == kind != 'b' and z1 < 9", lambda s: all_of(
            None if s["kind"] is None else s["kind"] == "a", less(s["z1"], 9))),
        # Over lines.
        ("z1 < 0.5\n  and\tz2 > 0\n", lambda s: all_of(less(s["z1"], 0.5), less(0, s["z2"]))),
        ("z1 < 0.5\r\nand\r\nz2 > 0", lambda s: all_of(less(s["z1"], 0.5), less(0, s["z2"]))),
        ("z1\r< 0.5\rand z2\r> 0", lambda s: all_of(less(s["z1"], 0.5), less(0, s["z2"]))),
    ],
)  # fmt: skip
def test_conditions(catalog, text, holds):
    check(catalog, text, holds)


def test_the_tables_of_three_values(catalog):
    """True, false and unknown in every pair: each column has stars of all three."""
    kinds = {True: 0, False: 0, None: 0}
    table = {"and": all_of, "or": any_of}
    wanted = {word: [] for word in table}
    for star in stars(catalog):
        a, b = less(star["z1"], 0.1), less(star["z2"], 0.1)
        kinds[a] += 1
        for word, combine in table.items():
            wanted[word].append((combine(a, b), no(combine(a, b))))
    assert min(kinds.values()) > 3
    for word, sign in (("and", "&"), ("or", "|")):
        holds, fails = ([v[i] is True for v in wanted[word]] for i in (0, 1))
        for text in (f"z1 < 0.1 {word} z2 < 0.1", f"(z1 < 0.1) {sign} (z2 < 0.1)"):
            assert expression_mask(text, catalog).tolist() == holds
            assert expression_mask(f"not ({text})", catalog).tolist() == fails
            assert expression_mask(f"~({text})", catalog).tolist() == fails
            assert expression_mask(f"not not ({text})", catalog).tolist() == holds


def test_what_cannot_be_computed_is_unknown(catalog):
    z1 = np.array([s["z1"] if s["z1"] is not None else np.nan for s in stars(catalog)])
    positive, negative = z1 > 0, z1 < 0
    assert positive.any() and negative.any() and (z1 == 0).any() and np.isnan(z1).any()
    for text, wanted in (
        ("sqrt(z1) >= 0", z1 >= 0),
        ("not sqrt(z1) >= 0", np.zeros(N, bool)),
        ("log10(z1) > -99", positive),
        ("not log10(z1) > -99", np.zeros(N, bool)),
        ("1 / z1 > 0", positive),
        ("not 1 / z1 > 0", negative),
        ("z1 / z1 == 1", positive | negative),
        ("z1 ** 0.5 < 99", z1 >= 0),
        ("exp(z1 * 9999) < 1", negative),
        ("exp(z1 * 9999) > 1", np.zeros(N, bool)),
        ("z1 ** 0 == 1", positive | negative | (z1 == 0)),
        ("1 ** z1 == 1", positive | negative | (z1 == 0)),
        ("1 / (1 / z1) != 0", positive | negative),
        ("z1 < 1e308 * 10", np.zeros(N, bool)),
        ("9**9**9**9 > z1", np.zeros(N, bool)),  # and comes back before the end of the world
        ("9**9**9**9 > z1 or z1 > 0", positive),
    ):
        np.testing.assert_array_equal(expression_mask(text, catalog), wanted, err_msg=text)


def test_columns_of_float32_are_not_compared_as_float32(tmp_path):
    values = np.float32([0.1, np.nextafter(np.float32(0.1), np.float32(0)), 0.25])
    catalog = open_catalog(write_catalog(tmp_path / "a.parquet", 3, teff=values))
    exact = [float(v) for v in values]
    for text, compare in (
        ("teff == 0.1", lambda v: v == 0.1),
        ("teff > 0.1", lambda v: v > 0.1),
        ("teff <= 0.1", lambda v: v <= 0.1),
        ("teff - 0.1 > 0", lambda v: v - 0.1 > 0),
        ("teff * 3 == 0.75", lambda v: v * 3 == 0.75),
        (f"teff == {exact[0]!r}", lambda v: v == exact[0]),
        ("teff < 1e300", lambda v: v < 1e300),
    ):
        assert expression_mask(text, catalog).tolist() == [compare(v) for v in exact], text


def test_neighbouring_ids_are_told_apart(tmp_path):
    ids = [FIRST_ID - 2, FIRST_ID - 1, FIRST_ID, FIRST_ID + 1, 2**62 + 1, 2**62 + 2, 2**63 - 1]
    catalog = open_catalog(write_catalog(tmp_path / "a.parquet", len(ids), source_id=ids))
    for i in ids:
        assert expression_mask(f"source_id == {i}", catalog).tolist() == [j == i for j in ids]
        assert expression_mask(f"{i} != source_id", catalog).tolist() == [j != i for j in ids]
        assert expression_mask(f"source_id <= {i}", catalog).tolist() == [j <= i for j in ids]
        assert expression_mask(f"-source_id == -{i}", catalog).tolist() == [j == i for j in ids]
    text = " or ".join(f"source_id == {i}" for i in ids[::2])
    assert expression_mask(text, catalog).tolist() == [j in ids[::2] for j in ids]
    between = f"{2**62} < source_id < {2**62 + 2}"
    assert expression_mask(between, catalog).tolist() == [j == 2**62 + 1 for j in ids]
    assert expression_mask("source_id == source_id", catalog).all()
    assert not expression_mask("source_id == 7", catalog).any()


def test_flags_are_whole_numbers(catalog):
    """A column of int64 without gaps beside ids: exact as well."""
    for i in (0, 1, N - 1):
        found = expression_mask(f"aspcapflag == {2**60 + i}", catalog)
        assert np.flatnonzero(found).tolist() == [i]


# A random expression is a tree, which is written as text with no more parentheses than Python's
# precedence asks for, and computed star by star.

OR, AND, NOT, COMPARE, BIT_OR, BIT_AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(11)
LEVEL = {"or": OR, "and": AND, "|": BIT_OR, "&": BIT_AND}
LEVEL |= {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "**": POWER}
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
ARITHMETIC |= {"**": operator.pow}
FUNCTIONS = {"-": operator.neg, "abs": abs, "sqrt": math.sqrt, "exp": math.exp}
FUNCTIONS |= {"log10": math.log10}
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
COMPARISONS |= {"==": operator.eq, "!=": operator.ne}


def random_number(rng, depth: int):
    kind = rng.integers(0, 3 if depth <= 0 else 8)
    if kind < 2:
        return ("column", str(rng.choice(["z1", "z2", "z3", "teff", "starflag", "aspcapflag"])))
    if kind == 2:
        return ("number", str(rng.choice(["0", "1", "2.5", ".25"])))
    if kind < 6:
        sign = str(rng.choice(["+", "-", "*", "/"]))
        return (sign, random_number(rng, depth - 1), random_number(rng, depth - 1))
    inner = random_number(rng, depth - 1)
    if kind == 6:
        exponent = ("number", str(rng.choice(["0", "2", "0.5"])))
        return ("**", inner, exponent if rng.random() < 0.7 else ("unary", "-", exponent))
    return ("unary", str(rng.choice(["-", "abs", "sqrt", "exp", "log10"])), inner)


def random_condition(rng, depth: int):
    kind = rng.integers(0, 3 if depth <= 0 else 8)
    if kind == 0:
        sides = rng.permutation([("column", "population"), ("text", "disc"), ("text", "halo")])
        return ("compare", [str(rng.choice(["==", "!="]))], [tuple(map(str, s)) for s in sides[:2]])
    if kind < 3:
        n = int(rng.choice([1, 1, 2, 3]))
        signs = rng.choice(list(COMPARISONS), n).tolist()
        return ("compare", signs, [random_number(rng, depth - 1) for _ in range(n + 1)])
    if kind < 5:
        return ("not", str(rng.choice(["not", "~"])), random_condition(rng, depth - 1))
    word = str(rng.choice(["and", "or", "&", "|"]))
    return (word, random_condition(rng, depth - 1), random_condition(rng, depth - 1))


def write(rng, tree) -> tuple[str, int]:
    """The text of a tree, and the level at which it binds."""

    def part(inner, least: int) -> str:
        text, level = write(rng, inner)
        return f"({text})" if level < least or rng.random() < 0.1 else text

    blank = str(rng.choice([" ", " ", "  ", "\n"]))
    match tree:
        case ("column" | "number", name):
            return name, ATOM
        case ("text", value):
            return repr(value), ATOM
        case ("unary", "-", inner):
            return "-" + part(inner, SIGN), SIGN
        case ("unary", name, inner):
            return f"{name}({write(rng, inner)[0]})", ATOM
        case ("not", "not", inner):
            return "not " + part(inner, NOT), NOT
        case ("not", "~", inner):
            return "~" + part(inner, SIGN), SIGN
        case ("compare", signs, sides):
            words = [part(sides[0], COMPARE + 1)]
            for sign, side in zip(signs, sides[1:], strict=True):
                words += [sign, part(side, COMPARE + 1)]
            return blank.join(words), COMPARE
    sign, left, right = tree
    level = LEVEL[sign]
    left = part(left, level + (sign == "**"))
    right = part(right, SIGN if sign == "**" else level + 1)
    return f"{left}{blank}{sign} {right}", level


def compute(tree, star: dict):
    """A number, text, or None for what is missing or cannot be computed."""
    match tree:
        case ("column", name):
            return star[name]
        case ("number", text):
            return float(text)
        case ("text", value):
            return value
        case ("unary", function, inner):
            apply, values = FUNCTIONS[function], [compute(inner, star)]
        case (sign, left, right):
            apply, values = ARITHMETIC[sign], [compute(left, star), compute(right, star)]
    if None in values:
        return None
    try:
        value = apply(*map(float, values))
    except (OverflowError, ValueError, ZeroDivisionError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None  # else complex


def truth(tree, star: dict):
    """True, False or None."""
    match tree:
        case ("compare", signs, sides):
            values = [compute(side, star) for side in sides]
            pairs = zip(signs, values, values[1:], strict=False)
            return all_of(*(None if None in (a, b) else COMPARISONS[s](a, b) for s, a, b in pairs))
        case ("not", _, inner):
            return no(truth(inner, star))
    word, left, right = tree
    combine = all_of if word in ("and", "&") else any_of
    return combine(truth(left, star), truth(right, star))


@pytest.mark.parametrize("seed", range(8))
def test_random_expressions(catalog, seed):
    rng = np.random.default_rng(seed)
    each = stars(catalog)
    undecided = mixed = 0
    for _ in range(60):
        tree = random_condition(rng, 4)
        text, _ = write(rng, tree)
        if len(text) > MAX_LENGTH:
            continue
        wanted = [truth(tree, star) for star in each]
        found = expression_mask(text, catalog)
        assert found.tolist() == [v is True for v in wanted], text
        if len(text) < MAX_LENGTH - 6:
            fails = expression_mask(f"not ({text})", catalog)
            assert fails.tolist() == [v is False for v in wanted], text
        undecided += None in wanted
        mixed += True in wanted and False in wanted
    assert undecided > 10 and mixed > 10


# What is refused. « stands before the character at which the error must point.


def refuse(catalog, text: str) -> str:
    """The message of an expression that must not be read, and the place that it must name."""
    position, text = text.index("«"), text.replace("«", "")
    with pytest.raises(ExpressionError) as caught:
        expression_mask(text, catalog)
    assert caught.value.position == position
    message = str(caught.value)
    if position < len(text):
        at = re.split("[\r\n]", text[position : position + 20])[0]
        assert f"at character {position + 1} ({at!r})" in message or not at
    else:
        assert "at its end" in message
    return message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("«tef < 5000", "no column 'tef' with values; do you mean teff?"),
        ("z1 < 1 and\n  z2 > 0 and\n  «Teff < 5000", "'Teff' with values; do you mean teff?"),
        ("z1 < 1 and\r\n  «Teff < 5000", "'Teff' with values; do you mean teff?"),
        ("z1 < 1 and\r\r  (\r «Teff\r < 5000)", "'Teff' with values; do you mean teff?"),
        ("population == 'µµµ' and «tefff < 1", "do you mean teff?"),
        ("'µ' == population and\n 'µ π' == population or «sourc_id == 1", "mean source_id?"),
        ("z1 < 1 # µ\nand «π < 1", "no column 'π' with values"),
        ("z1 < «mass", "no column 'mass' with values"),
        ("z1 < «logg", "no column 'logg' with values"),  # in the file, but empty
        ("z1 < «nan", "no column 'nan'"),
        ("«abs < 1", "no column 'abs'"),
        ("teff <«", "it ends too early"),
        ("teff < 5000 and«", "it ends too early"),
        ("teff < 5000 and\n«", "it ends too early"),
        ("teff < 5000 or not «", "it ends too early"),
        ("«(teff < 5000", "is never closed"),
        ("teff < 5000 and «(z1 < 1 or (z2 > 0)", "is never closed"),
        ("teff < 5000«)", "no parenthesis is open here"),
        ("teff < 5000«) or (z1 < 1", "no parenthesis is open here"),
        ("(teff < 5000)\nand ')' == kind«) or (z1 < 1", "no parenthesis is open here"),
        ("teff < 5000 # ( \n«)", "no parenthesis is open here"),
        ("«teff = 5000", "equality is =="),
        ("z1 < 1 and teff «= 5000", "equality is =="),
        ("teff < «< 5000", "cannot be read here"),
        ("'µ' == kind and «and teff < 1", "cannot be read here"),
        ("teff «≤ 5000", "invalid character"),
        ("teff < 5000«;", "cannot be read here"),
        ("kind == «'disc", "unterminated"),
        ("«__import__('os').system('echo')", "of functions only abs, sqrt, log10, exp are known"),
        ("z1 < «eval('1')", "of functions only"),
        ("z1 < «teff.mean", "only comparisons"),
        ("z1 < «().__class__", "only comparisons"),
        ("«lambda: z1 < 1", "only comparisons"),
        ("z1 < «z2[0]", "only comparisons"),
        ("(«x := 1) < z1", "only comparisons"),
        ("«f'{z1}' == kind", "only comparisons"),
        ("kind == «f'a'", "only comparisons"),
        ("«[z for z in z1] < 1", "only comparisons"),
        ("z1 < «{1}", "only comparisons"),
        ("«z1 < 1 if z2 < 1 else z1 < 2", "only comparisons"),
        ("abs(«*z1) < 1", "only comparisons"),
        ("«abs(z1, z2) < 1", "abs takes one value"),
        ("«abs() < 1", "abs takes one value"),
        ("«abs(x=1) < 1", "abs takes one value"),
        ("z1 «% 2 == 0", "of arithmetic only"),
        ("z1 < 1 and z2 «// 2 > 0", "of arithmetic only"),
        ("z1 «^ 2 > 0", "of arithmetic only"),
        ("teff «<< 5000", "of arithmetic only"),
        ("teff«>>5000", "of arithmetic only"),
        ("z1 < 1 and (z2)  «@ (z1) > 0", "of arithmetic only"),
        ("'µ' == population and (z1 # is ( it\n )«<<5000", "of arithmetic only"),
        ("z1 in «(1, 2)", "of comparisons only"),
        ("z1 is «1", "of comparisons only"),
        ("z1 not in «z2", "of comparisons only"),
        ("z1 < «True", "True is neither a number nor text"),
        ("z1 < «None", "None is neither"),
        ("z1 < «...", "Ellipsis is neither"),
        ("z1 < «1j", "1j is neither"),
        ("kind == «b'a'", "b'a' is neither"),
        ("source_id == «9223372036854775808", "too large a number"),
        ("source_id < «" + "9" * 400, "too large a number"),
        ("z1 < «1e309", "too large a number"),
        ("«teff", "a condition is needed, such as teff < 5000"),
        ("«1", "a condition is needed"),
        ("«'disc'", "a condition is needed"),
        ("«9**9**9**9", "a condition is needed"),
        ("«teff and z1 < 1", "a condition is needed here"),
        ("z1 < 1 or «1", "a condition is needed here"),
        ("not «teff", "a condition is needed here"),
        ("~«'disc'", "a condition is needed here"),
        ("z1 < «1 & z2 > 0", "a condition is needed here"),
        ("(«z1 < 1) < 1", "a number or a numeric column is needed here"),
        ("1 + («z1 < 1) < 1", "a number or a numeric column is needed here"),
        ("abs(«z1 < 1) < 1", "a number or a numeric column"),
        ("-«population < 1", "a number or a numeric column"),
        ("z1 + «'a' < 1", "a number or a numeric column"),
        ("population == «1", "text compares with text, by == or !="),
        ("teff == «'5000'", "text compares with text"),
        ("source_id == «'5000'", "text compares with text"),
        ("population < «'e'", "text compares with text"),
        ("«", "only comparisons"),
    ],
)
def test_what_is_refused_and_where(catalog, text, message):
    found = refuse(catalog, text)
    assert any(part in found for part in message.split("|")), found


def test_nothing_runs(catalog, tmp_path):
    there = tmp_path / "there"
    for text in (
        f"__import__('pathlib').Path({str(there)!r}).touch()",
        f"open({str(there)!r}, 'w') == 1",
        f"abs(open({str(there)!r}, 'w')) < 1",
        f"[open({str(there)!r}, 'w') for i in z1] < 1",
        f"(lambda: open({str(there)!r}, 'w'))() < 1",
        f"z1 < 1 or open({str(there)!r}, 'w')",
    ):
        with pytest.raises(ExpressionError):
            expression_mask(text, catalog)
    assert not there.exists()


def test_length(catalog):
    text = "z1 < 1".ljust(MAX_LENGTH)
    assert expression_mask(text, catalog).any() and len(text) == 2000
    assert "longer than 2000 characters" in refuse(catalog, text + "« ")
    with pytest.raises(ExpressionError, match="longer than 2000"):
        expression_columns(text + " ")


DEEP = {
    "minus": "-" * 1900 + "z1 < 1",
    "plus": "z1 < " + "+ " * 450 + "1",
    "not": "not " * 480 + "z1 < 1",
    "invert": "~(" * 190 + "z1 < 1" + ")" * 190,
    "power": "1" + "**1" * 600 + " < z1",
    "sum": "z1" + "+1" * 900 + " < 5",
    "bits": "(z1<1)" + "|(z1<1)" * 280,
    "call": "abs(" * 190 + "z1" + ")" * 190 + " < 1",
    "parentheses": "(" * 900 + "z1 < 1" + ")" * 900,
    "brackets": "[" * 1900,
    "attributes": "z1" + ".a" * 900 + " < 1",
    "subscripts": "z1" + "[0]" * 600 + " < 1",
    "lambda": "lambda:" * 250 + "1",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_expressions(catalog, text):
    assert len(text) <= MAX_LENGTH
    with pytest.raises(InputError, match="nested more than 100 deep|too many nested|too compl"):
        expression_mask(text, catalog)
    with pytest.raises(InputError):
        expression_columns(text)


def test_what_is_deep_enough_for_people(catalog):
    """Parentheses do not count; and, or and chains are flat; sums may have some ninety terms."""
    wanted = expression_mask("z1 < 1", catalog)
    assert 0 < wanted.sum() < N
    for text in (
        "(" * 150 + "z1 < 1" + ")" * 150,
        " or ".join(["z1 < 1"] * 190),
        "z1 < " + " < ".join(map(str, range(1, 350))),
        "z1" + " + 1" * 90 + " < 91",
        " | ".join(["(z1 < 1)"] * 90),
        "not " * 90 + "z1 < 1",
    ):
        np.testing.assert_array_equal(expression_mask(text, catalog), wanted, err_msg=text)


def test_the_answer_does_not_depend_on_the_stack(catalog):
    """A recipe must replay from wherever it is called."""
    text = "not " * 90 + "z1 < 1"

    def deeper(n: int) -> np.ndarray:
        return deeper(n - 1) if n else expression_mask(text, catalog)

    room = sys.getrecursionlimit() // 3
    np.testing.assert_array_equal(deeper(room), expression_mask("z1 < 1", catalog))


@pytest.mark.parametrize("text", ["z1 <\0 1", "\ud800 < 1", "kind == '\ud800'", "\x1b[0m"])
def test_what_is_no_text(catalog, text):
    with pytest.raises(ExpressionError):
        expression_mask(text, catalog)
    with pytest.raises(ExpressionError):
        expression_columns(text)


def test_noise(catalog):
    """Whatever is typed: an answer or an ExpressionError that points into the text."""
    rng = np.random.default_rng(5)
    words = ["z1", "kind", "'a'", "1", "1e999", "<", "==", "and", "not", "(", ")", "-", "**", "abs"]
    words += [",", "&", "|", "~", "\n", "\r", "µ", "'", "[", "]", ".", ":=", "if", "#", "\\", "="]
    words += ['"' * 3, "{", "for", "lambda", ":", "*", "yield", "@", "\0", "\ufeff", "\t", "!", "_"]
    typed = ["(", "z1", "<", "1", "and", "z2", "+", "2", ">", "0", ")"]
    typed += ["or", "not", "(", "kind", "==", "'a'", ")"]
    answers = errors = 0
    for _ in range(1500):
        text = typed.copy()
        for at in rng.integers(0, len(text), rng.integers(1, 4)):
            text[at : at + rng.integers(0, 3)] = [words[rng.integers(len(words))]]
        text = " ".join(text)
        try:
            assert expression_mask(text, catalog).shape == (N,)
            answers += 1
        except ExpressionError as error:
            assert 0 <= error.position <= len(text), text
            errors += 1
    assert answers > 20 and errors > 1000


def test_the_columns_of_an_expression():
    text = "abs(teff - 5000) < sqrt(m_h) or\n not population == 'z9' and source_id < log10(exp(z1))"
    assert expression_columns(text) == {"teff", "m_h", "population", "source_id", "z1"}
    assert expression_columns("exp < exp(1)") == {"exp"}
    assert expression_columns("1 < 2") == set()
    for bad in ("teff <", "teff )", "'"):
        with pytest.raises(ExpressionError):
            expression_columns(bad)
