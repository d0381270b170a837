"""The headline number of each item of the paper, read from the tables that its command wrote."""

from __future__ import annotations

import numpy as np

from xpmodel.studies.paper.results import Headline, Results, interval

KINDS = {"j": "R(j), Eq. 6", "lambda": "R(lambda), Eq. 8"}


def overview(results: Results) -> Headline:
    """The star that is drawn, and how well the model describes it."""
    row = results.table("star.ecsv")[0]
    return Headline(
        f"source_id {row['source_id']}, G = {row['phot_g_mean_mag']:.2f}: χ² of its coefficients "
        f"{row['chi2_obs']:.2f}, with the scatter ŝ {row['chi2']:.2f}",
        "1 of a model that misses nothing",
    )


def samples(results: Results) -> Headline:
    """Stars of the three catalogs."""
    rows = {(r["cut"], r["variant"]): int(r["n"]) for r in results.table("samples.ecsv")}

    def counts(variant: str) -> str:
        names = ("full", "good", "pristine")
        return ", ".join(f"{n} {rows[n, variant]:,}" for n in names if (n, variant) in rows)

    return Headline(
        f"cuts of the paper: {counts('paper')}; of its code: {counts('released')}",
        "published: full 502,311, good 202,970, pristine 123,804",
    )


def latents_used(results: Results) -> Headline:
    """KL of each latent over the prior's draws."""
    table = results.table("prior.ecsv")
    kl = ", ".join(f"{r['latent']} {r['kl']:.2g}" for r in table)
    used = int(np.sum(np.asarray(table["kl"]) > 0.01))
    return Headline(f"{used} of {len(table)} latents are used; KL [nat]: {kl}",
                    "published weights: 4 of 6 (z2 and z6 equal the prior)")  # fmt: skip


def scan(results: Results) -> Headline:
    """Losses by the number of latents."""
    table = results.table("latents.ecsv")
    best = table[int(np.argmin(table["test_loss"]))]
    parts = ", ".join(f"K = {r['latents']}: {r['test_loss']:.2f}" for r in table)
    return Headline(
        f"test loss {parts}; least at K = {best['latents']}, of which {best['active']} used",
        "one training of each: differences as small as another seed's say nothing",
    )


def residuals(short: str, results: Results) -> Headline:
    """Spread and tails of ℛ(j) or ℛ(λ)."""
    table = results.table("residuals.ecsv")
    rows = [r for r in table if r["residual"] == KINDS[short]]
    model, others = rows[0], rows[1:]
    rivals = ", ".join(f"{r['reconstruction']} {r['sd']:.2f}" for r in others)
    return Headline(
        f"mean {model['mean']:.3f}, sd {model['sd']:.2f}, half of 16–84 % "
        f"{model['half_range']:.2f}, beyond 3 σ {model['beyond_3']:.3f}, distance from a unit "
        f"normal {model['ks']:.3f}",
        f"noise alone: 0, 1, 0.99, 0.003, 0; sd of {rivals}",
    )


def rmse(short: str, results: Results) -> Headline:
    """RMSE(j) or RMSE(λ) of the model, and of its rivals over it."""
    table = results.table("evaluate.ecsv")
    name = f"rmse_{short}"
    ratios = ", ".join(f"{r['reconstruction']} {r[name + '_ratio']:.2f}" for r in table[1:])
    return Headline(
        f"rms over stars {table[name][0]:.2f}, median {table[name + '_median'][0]:.2f}",
        f"rivals over the model, below 1 they are better: {ratios}",
    )


def by_label(results: Results) -> Headline:
    """Bins of labels in which the model is the best."""
    table = results.table("labels.ecsv")
    if not len(table):
        return Headline("the catalog has no labels")
    names = [c.removesuffix("_rmse_lambda") for c in table.colnames if c.endswith("_rmse_lambda")]
    full = table[~table["thin"]]
    values = np.stack([np.asarray(full[f"{n}_rmse_lambda"]) for n in names])
    model = values[0]
    worst = [f"{n} {np.mean(v > model):.2f}" for n, v in zip(names[1:], values[1:], strict=True)]
    return Headline(
        f"RMSE(λ) {np.nanmin(model):.2f} to {np.nanmax(model):.2f} over {len(full)} bins of "
        f"{len(set(full['label']))} labels",
        f"part of the bins where the model is better: {', '.join(worst)}",
    )


def kiel(results: Results) -> Headline:
    """Main sequence and giant branch, and the split on one latent."""
    points = [results.table(f"{name}.ecsv") for name in ("main_sequence", "giant_branch")]
    n = [f"{len(t)} points of {int(np.sum(t['n'])):,} stars" for t in points]
    return Headline(
        f"main sequence {n[0]}, giant branch {n[1]}; {results.said('giants against dwarfs')}",
        results.said("giants against dwarfs, BP") or "balanced 50 % by chance",
    )


def along(results: Results) -> Headline:
    """Observed against decoded along both tracks."""
    table = results.table("away.ecsv")
    parts = [f"{r['track'].replace('_', ' ')} {r['median_away']:.2f} %" for r in table]
    return Headline(f"median |observed / decoded − 1| from 400 to 980 nm: {', '.join(parts)}")


def families(results: Results) -> Headline:
    """Stars of the tracks at fixed [M/H]."""
    parts = []
    for name in ("m_h_main_sequence", "m_h_giants"):
        table = results.table(f"{name}.ecsv")
        parts.append(f"{name.replace('_', ' ').replace('m h', '[M/H],')}: {len(table)} points, "
                     f"{int(np.sum(table['n'] < 10))} of fewer than 10 stars")  # fmt: skip
    return Headline("; ".join(parts))


def alpha_tracks(results: Results) -> Headline:
    """The best split of the sequences on one latent."""
    line = results.said("high-α against low-α")
    other = results.without_alpha
    return Headline(
        line or "no split",
        results.said("high-α against low-α, [M/H]") or "balanced 50 % by chance",
        other.said("high-α against low-α") if other else "",
    )


def enceladus(results: Results) -> Headline:
    """Mean labels of the stars in the diamond."""
    row = results.table("gaia_enceladus.ecsv")[0]
    parts = [
        f"{symbol} {row[f'{name}_mean']:.2f}"
        for name, symbol in (("m_h", "[M/H]"), ("alpha_m", "[α/M]"))
        if f"{name}_mean" in row.colnames
    ]
    return Headline(f"{row['n']:,} stars in the diamond of actions: {', '.join(parts)}")


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


def followed(results: Results) -> Headline:
    """Which label each latent follows."""
    table = results.table("labels.ecsv")
    if "follows" not in table.colnames:
        return Headline("the catalog has no labels that a latent could follow")
    parts = [f"{r['latent']} {r['follows'] or 'none'}" for r in table]
    return Headline("; ".join(parts))


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
