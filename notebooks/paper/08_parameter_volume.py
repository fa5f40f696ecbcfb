# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Parameter volume (Section 5, Appendix D)
#
# **The paper**: parameters whose networks have high frequencies fill a small share of parameter space. For
# $\theta$ uniform in $[-K, K]^p$ and a fixed direction, the share with $|\hat f(k')| > \varepsilon$ for some $k' > k$
# decreases with $k$ (Remark 1), is zero beyond some $\kappa(\theta)$ for each $\theta$ (Lemma 4), and is
# $O(k^{-\Delta-1})$ with $1 \le \Delta \le d$ (the Proposition).
#
# **Here**: networks are drawn and the supremum over all $k' > k$ is decided for each from its exact kinks, no FFT.
# The published proof uses $1_{\Xi(k)}(\theta) \le |\hat f_\theta(k)|$, which is shown only where the left side is zero.
# What does hold: $|\hat f(k)| \le J/k^2$ with $J = \sum |c_F|\,|F|$, hence for every $q > 0$ (Markov)
#
# $$P\Big(\sup_{k'>k}|\hat f| > \varepsilon\Big) \le P(J > \varepsilon k^2) \le \frac{E[J^q]}{(\varepsilon k^2)^q} ,$$
#
# and zero beyond $\sqrt{\sup J/\varepsilon}$. Spectra are those of the kinks inside the domain, in the unit interval or
# square, $K = 1$, $\varepsilon = 0.01$.

# %%
import matplotlib.pyplot as plt
import numpy as np
from _stored import Table

import specgeo as sg

table = Table("08_parameter_volume")
k = np.array([2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
shapes = [(4, 4), (8, 8), (16, 16), (8, 8, 8, 8), (32,)]
draws = 4000 if table.full else 120
plane_shapes = [(4, 4), (8, 8)] if table.full else [(4, 4)]
plane_draws = 500 if table.full else 15


def volume(shape, samples, box=None):
    """Share of draws beyond eps, its 95 % interval, Markov bounds, mean and maximum of J, a-priori kappa."""
    found = sg.theory.parameter_volume(shape, 1.0, 0.01, k, samples, domain=box, rng=1, moments=(1, 2, 4, 8))
    assert all(check.holds for check in found.checks)
    return {
        "fraction": found.fraction, "lower": found.lower, "upper": found.upper, "open": found.undecided,
        "markov": [found.markov[q] for q in (1, 2, 4, 8)],
        "J": [found.mean_variation, found.mean_variation_error], "kappa": [found.largest_kappa, found.kappa],
    }  # fmt: skip


def name(shape):
    return "-".join(map(str, shape))


line = {name(s): table.keep(f"line_{name(s)}", lambda s=s: volume(s, draws)) for s in shapes}
unit_square = sg.Box(0, 1, dim=2)
plane = {name(s): table.keep(f"plane_{name(s)}", lambda s=s: volume(s, plane_draws, unit_square)) for s in plane_shapes}

# %%
figure, axes = plt.subplots(1, 3, figsize=(14, 4.3), layout="constrained")
for shape, found in line.items():
    fraction, low, high = (np.array(found[key]) for key in ("fraction", "lower", "upper"))
    axes[0].errorbar(k, fraction, [fraction - low, high - fraction], fmt="o-", capsize=3, label=f"1-{shape}-1")
axes[0].set(title=f"one input, {draws} draws each, 95 % intervals")
for shape, found in plane.items():
    fraction, low, high = (np.array(found[key]) for key in ("fraction", "lower", "upper"))
    axes[1].errorbar(k, fraction, [fraction - low, high - fraction], fmt="s-", capsize=3, label=f"2-{shape}-1")
fraction = np.array(line["4-4"]["fraction"])
axes[1].plot(k, fraction, "o--", color="gray", label="1-4-4-1, for comparison")
axes[1].set(title=f"two inputs, {plane_draws} draws each")
found = line["4-4"]
axes[2].fill_between(k, np.maximum(found["lower"], 1e-6), found["upper"], alpha=0.4, label="sampled, 95 %")
for q, bound in zip((1, 2, 4, 8), found["markov"], strict=True):
    axes[2].plot(k, bound, label=f"E[J^{q}] / (eps k²)^{q}")
axes[2].axvline(found["kappa"][0], color="black", linestyle=":", label="largest κ drawn")
axes[2].set(title="1-4-4-1 against the repaired bounds", yscale="log", ylim=(1e-6, 30))
for axis in axes:
    axis.set(xscale="log", xlabel="k (radians per unit length)", ylabel="share of parameter space")
    axis.legend(fontsize=8)
table.figure(figure, "volume")
plt.show()

# %% [markdown]
# *What to see.* Left and middle: the share falls with $k$ in every case and is zero beyond a $k$ of a few tens, and
# more parameters move the fall to higher $k$. Right: the first Markov bound is the $k^{-2}$ law of the paper with its
# constant; higher moments fall faster and meet near the largest $\kappa$ drawn, beyond which nothing was found.

# %% [markdown]
# ## How fast does it fall?
#
# $J$ is bounded on the box, so the share is zero beyond $\sqrt{\sup J/\varepsilon}$: no power law can be its true rate.
# The a-priori supremum is far away, and the $\kappa$ of the draws much nearer.

# %%
print(f"{'':12} {'E J':>14} {'largest κ':>10} {'a-priori κ':>12}")
for group, found in [(f"1-{s}-1", f) for s, f in line.items()] + [(f"2-{s}-1", f) for s, f in plane.items()]:
    mean, error = found["J"]
    print(f"{group:12} {mean:8.3f}±{error:5.3f} {found['kappa'][0]:10.1f} {found['kappa'][1]:12.4g}")

for dimension, group in ((1, line), (2, plane)):
    for shape, found in group.items():
        label = f"{dimension}-{shape}-1"
        table.add(f"{label}: share", found["fraction"], atol=1e-9)
        table.add(f"{label}: 95 % upper end", found["upper"], atol=1e-9)
        table.add(f"{label}: E J", found["J"][0], rtol=1e-9)
        table.add(f"{label}: κ drawn, a priori", found["kappa"], rtol=1e-9)
    fractions = np.array([found["fraction"] for found in group.values()])
    assert np.all(np.diff(fractions, axis=1) <= 0)  # Remark 1
    assert np.all(fractions[:, -1] < 0.2) and np.all(fractions[:, 0] > 0.5)
for found in [*line.values(), *plane.values()]:  # every moment's bound, at the lower end of the interval
    assert np.all(np.array(found["lower"]) <= np.array(found["markov"]) * 1.5)

# %% [markdown]
# ## Verdict
#
# - Remark 1 (the share decreases in $k$): **holds**.
# - Lemma 4 (for each $\theta$ zero beyond $\kappa(\theta)$): **holds**, with $\kappa \le \sqrt{J/\varepsilon}$ explicit.
# - Proposition, $O(k^{-\Delta-1})$: **holds with a repair**. The proof has a gap; with the constant $E[J]/\varepsilon$ the bound
#   $k^{-2}$ is proved for every direction and every $k$. As a rate it is far from sharp: the share falls faster than any power.
# - "High frequencies fill little volume" is about a fixed $\varepsilon$ and shape: from 1-8-8-1 to 1-8-8-8-8-1 and 1-16-16-1 the share
#   at a given $k$ grows.

# %%
print(table)
table.check()
print("all results as stored")
