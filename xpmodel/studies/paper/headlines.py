"""Headline numbers of the model, its reconstructions and tracks, read from commands' tables."""

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
        splits(results, "giant") or "balanced 50 % by chance",
    )


def splits(results: Results, kind: str) -> str:
    """Balanced accuracies of the best thresholds on what is no latent; empty where not known."""
    if not results.has("splits.ecsv"):
        return ""
    rows = [r for r in results.table("splits.ecsv") if r["division"].startswith(kind)]
    parts = [
        f"{'latents' if r['sought'] == 'latents' else r['column']} {interval(r, 'held_out')}"
        for r in rows
    ]
    return f"balanced, of held-out stars: {', '.join(parts)}" if parts else ""


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
        splits(results, "high") or "balanced 50 % by chance",
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
    baseline = ""
    if results.has("gaia_enceladus_test.ecsv"):
        tests = [
            f"equal {r['matched']}: {r['n_pairs']:,} pairs, {r['length']:.2f} σ apart in latents, "
            f"p = {r['p']:.2g} (others against their equals {r['p_partners']:.2g})"
            for r in results.table("gaia_enceladus_test.ecsv")
        ]
        baseline = f"against stars of {'; '.join(tests)}"
    return Headline(f"{row['n']:,} stars in the diamond of actions: {', '.join(parts)}", baseline)


def followed(results: Results) -> Headline:
    """Which label each latent follows."""
    table = results.table("labels.ecsv")
    if "follows" not in table.colnames:
        return Headline("the catalog has no labels that a latent could follow")
    parts = [f"{r['latent']} {r['follows'] or 'none'}" for r in table]
    return Headline("; ".join(parts))


def steering(results: Results) -> Headline:
    """Correlation and amplitude of decoded steps against the generator's."""
    rows = results.table("steering.ecsv")
    parts = [
        f"{r['label']}, {r['group']} {r['correlation']:.2f} and {r['amplitude']:.2f} × "
        f"({r['n_supported']} of {r['n']} supported, of which right {r['right_supported']:.2f})"
        for r in rows
    ]
    alone = [
        f"{r['label']}, {r['group']} {r['correlation_labels_alone']:.2f} and "
        f"{r['amplitude_labels_alone']:.2f} ×"
        for r in rows
    ]
    return Headline(
        f"correlation and amplitude against the truth: {'; '.join(parts)}",
        f"where neither color nor dust is held: {'; '.join(alone)}",
    )


def errors(results: Results) -> Headline:
    """Scatter of latents under repeated noise over their errors."""
    table = results.table("scatter.ecsv")

    def worst(ending: str) -> str:
        names = [c for c in table.colnames if c.endswith(ending)]
        values = np.array([table[c] for c in names], float)
        return f"{np.nanmin(values):.2f} to {np.nanmax(values):.2f}"

    return Headline(
        f"scatter under repeated noise over z_noise: {worst('/noise')}, over latents and G",
        f"over z_err, the posterior's width: {worst('/err')}",
    )
