"""Headline numbers about α, read from the tables that commands wrote."""

from __future__ import annotations

import numpy as np

from xpmodel.studies.paper.results import Headline, Results, interval


def table_1(results: Results) -> Headline:
    """Accuracies of the classifiers."""
    table = results.table("classify.ecsv")
    found = {r["classifier"]: r for r in table}

    def accuracies(of: Results) -> str:
        rows = {r["classifier"]: r for r in of.table("classify.ecsv")}
        names = ("[M/H]", "labels", "latents", "labels + latents")
        parts = [f"{n} {interval(rows[n], 'accuracy')}" for n in names if n in rows]
        return ", ".join(parts)

    larger = next(iter(found.values()))
    published = "[M/H] 0.68, latents 0.84 (labels 0.70, grown on scrambled rows)"
    return Headline(
        f"accuracy: {accuracies(results)}",
        f"the larger class alone {larger['accuracy']:.3f}; published: {published}",
        accuracies(results.without_alpha) if results.without_alpha else "",
    )


def as_released(results: Results) -> Headline:
    """The same with the released code's scrambled rows."""
    table = results.table("classify_as_released.ecsv")
    parts = [f"{r['classifier']} {r['accuracy']:.3f}" for r in table]
    known = [r for r in table if r["published_accuracy"] == r["published_accuracy"]]
    was = ", ".join(f"{r['classifier']} {r['published_accuracy']:.2f}" for r in known)
    return Headline(f"accuracy: {', '.join(parts)}", f"published, of real stars: {was}")


def marginals(results: Results) -> Headline:
    """Distances of the sequences in single latents, in all stars and in pairs of equal labels."""

    def distances(of: Results) -> str:
        rows = [r for r in of.table("marginals.ecsv") if r["column"].startswith("z")]
        return ", ".join(f"{r['column']} {r['ks']:.2f} ({r['pair_ks']:.3f})" for r in rows)

    rows = results.table("marginals.ecsv")
    others = ", ".join(f"{r['column']} {r['ks']:.2f}" for r in rows if r["column"][0] != "z")
    chance = max(float(r["pair_ks_by_chance"]) for r in rows)
    return Headline(
        f"KS distance (in pairs of equal labels): {distances(results)}",
        f"labels: {others}; in pairs chance stays below {chance:.3f}",
        distances(results.without_alpha) if results.without_alpha else "",
    )


def slices(results: Results) -> Headline:
    """Gain of the latents below and above 5000 K."""

    def gains(of: Results) -> str:
        rows = of.table("slices.ecsv")
        wanted = [r for r in rows if r["slice"] in ("< 5000 K", "≥ 5000 K")]
        return ", ".join(
            f"{r['slice']} {r['classifier']} {interval(r, 'balanced_accuracy')} "
            f"(over labels {interval(r, 'gain')})"
            for r in wanted
            if r["classifier"] in ("latents", "labels + latents")
        )

    rows = results.table("slices.ecsv")
    labels = ", ".join(
        f"{r['slice']} {r['balanced_accuracy']:.3f}"
        for r in rows
        if r["classifier"] == "labels" and r["slice"] in ("< 5000 K", "≥ 5000 K")
    )
    return Headline(
        f"balanced accuracy: {gains(results)}",
        f"labels: {labels}",
        gains(results.without_alpha) if results.without_alpha else "",
    )


def draws(results: Results) -> Headline:
    """Scores over draws of the latents and over forests."""

    def spread(of: Results, kind: str) -> str:
        mean, sd = (
            of.row("draws.ecsv", classifier=f"{what} over {kind}")["accuracy"]
            for what in ("mean", "standard deviation")
        )
        return f"{mean:.4f} ± {sd:.4f}"

    other = results.without_alpha
    return Headline(
        f"accuracy over draws {spread(results, 'draws')}",
        f"over forests on the means {spread(results, 'forests')}",
        spread(other, "draws") if other else "",
    )


def pairs(results: Results) -> Headline:
    """Pairs of equal labels put in order."""

    def right(of: Results) -> str:
        rows = of.table("pairs.ecsv")
        names = ("latents", "labels + latents")
        return ", ".join(
            f"{r['classifier']} {interval(r, 'right')}" for r in rows if r["classifier"] in names
        )

    labels = results.row("pairs.ecsv", classifier="labels")
    return Headline(
        f"{labels['n_pairs']:,} pairs, right in {right(results)}",
        f"labels {interval(labels, 'right')}; 0.5 by chance",
        right(results.without_alpha) if results.without_alpha else "",
    )


def control(results: Results) -> Headline:
    """What latents know of α given true labels, with α in the spectra and without."""
    names = (
        "gain in accuracy by latents",
        "mutual information [mnat]",
        "partial R² of [α/M]",
        "covariance measure, χ²",
    )
    found = [text for text in map(results.measure, names) if text]
    if not found:
        return Headline("see control.ecsv")
    return Headline("; ".join(found), "0 by chance, χ² its degrees of freedom")


def bound(results: Results) -> Headline:
    """The Cramér–Rao bound of [α/M], and what latents reach, by G."""
    table = results.table("bound.ecsv")
    rows = [r for r in table if r["stars"] == table["stars"][0]]
    reached = next((c for c in table.colnames if c.startswith("reached_latents")), "")

    def by_g(column: str) -> str:
        return ", ".join(f"G {r['g']:.0f} {r[column]:.3f}" for r in rows)

    limits = [c for c in table.colnames if c.startswith("bound_")]
    return Headline(
        f"latents reach [dex]: {by_g(reached)}" if reached else "see bound.ecsv",
        f"{limits[0].replace('_', ' ')}: {by_g(limits[0])}" if limits else "",
    )


def attribution(results: Results) -> Headline:
    """How many wavelengths drive the classifier beyond its null."""

    def outside(name: str) -> str:
        table = results.table(name)
        value, low, high = (np.asarray(table[c]) for c in ("classifier", "null_p2", "null_p98"))
        beyond = np.mean((value < low) | (value > high))
        return (
            f"{beyond:.0%} of wavelengths beyond 95 % of the null (right {table.meta['right']:.3f})"
        )

    null = outside("attribution_null.ecsv") if results.has("attribution_null.ecsv") else ""
    return Headline(outside("attribution.ecsv"), "5 % by chance", null)
