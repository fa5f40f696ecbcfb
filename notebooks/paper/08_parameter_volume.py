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
# and zero beyond $\kappa = \sqrt{\sup J/\varepsilon}$, with $\sup J$ bounded from widths and $K$ alone. Spectra are those of the kinks
# inside the domain, the unit interval or square (along the first axis), $K = 1$, $\varepsilon = 0.01$. $E[J^q]$ is not known: below it
# is the mean over the draws, so that the right-hand side is an **estimate** of the bound on the true share. For the sampled share
# the same inequality is exact, since it holds for the draws as a distribution of their own.

# %%
import matplotlib.pyplot as plt
import numpy as np
from _stored import Table

import specgeo as sg

table = Table("08_parameter_volume")
k = np.array([2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
moments = 1, 2, 4, 8
shapes = [(4, 4), (8, 8), (16, 16), (8, 8, 8, 8), (32,)]
draws = 4000 if table.full else 150
plane_shapes = [(4, 4), (8, 8), (4, 4, 4, 4), (16,)]
plane_draws = 400 if table.full else 25


def volume(shape, samples, box=None):
    """Share of draws beyond eps, its 95 % interval, Markov bounds, mean and maximum of J, a-priori kappa."""
    found = sg.theory.parameter_volume(shape, 1.0, 0.01, k, samples, domain=box, rng=1, moments=moments)
    assert all(check.holds for check in found.checks)
    return {
        "fraction": found.fraction, "lower": found.lower, "upper": found.upper, "open": found.undecided,
        "markov": [found.markov[q] for q in moments],
        "J": [found.mean_variation, found.mean_variation_error], "kappa": [found.largest_kappa, found.kappa],
    }  # fmt: skip


def name(shape):
    return "-".join(map(str, shape))


unit_square = sg.Box(0, 1, dim=2)
line = {f"1-{name(s)}-1": table.keep(f"line_{name(s)}", lambda s=s: volume(s, draws)) for s in shapes}
plane = {f"2-{name(s)}-1": table.keep(f"plane_{name(s)}", lambda s=s: volume(s, plane_draws, unit_square)) for s in plane_shapes}
both = {group: {key: np.array(value) for key, value in found.items()} for group, found in (line | plane).items()}

# %%
figure, axes = plt.subplots(1, 3, figsize=(15, 5.6), layout="constrained")
for axis, groups, title in zip(axes, (line, plane), (f"one input, {draws} draws each", f"two inputs, {plane_draws} draws each")):
    for i, group in enumerate(groups):
        found = both[group]
        place = k * 1.03 ** (i - len(groups) / 2)  # side by side
        bars = np.maximum([found["fraction"] - found["lower"], found["upper"] - found["fraction"]], 0)
        axis.errorbar(place, found["fraction"], bars, fmt="o-", ms=4, capsize=3, lw=1, label=group)
    axis.set(title=f"{title}, 95 % intervals", ylabel="share of parameter space")
found = both["1-4-4-1"]
seen = found["fraction"] > 0
bars = np.maximum([found["fraction"] - found["lower"], found["upper"] - found["fraction"]], 0)
axes[2].errorbar(k[seen], found["fraction"][seen], bars[:, seen], fmt="ko", ms=4, capsize=3, label="sampled share, 95 % interval")
axes[2].plot(k[~seen], found["upper"][~seen], "kv", ms=6, label="none found: upper end of the interval")
for q, bound in zip(moments, found["markov"], strict=True):
    axes[2].plot(k, bound, lw=1, label=f"mean of $J^{q}$ / $(ε k^2)^{q}$")
axes[2].axvline(found["kappa"][0], color="gray", ls=":", label=r"largest $\sqrt{J/ε}$ drawn")
axes[2].set(title="1-4-4-1 against the repaired bounds", yscale="log", ylim=(1e-6, 30), ylabel="share of parameter space")
for axis in axes:
    axis.set(xscale="log", xlabel="k (radians per unit length)")
    axis.set_xticks(k, [f"{value:g}" for value in k])
    axis.xaxis.set_minor_locator(plt.NullLocator())
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
table.figure(figure, "volume")
plt.show()

# %% [markdown]
# *What to see.* Left and middle: the share falls with $k$ in every case, and none was found at $k = 64$. Right: the first Markov
# bound is the $k^{-2}$ law of the paper with its constant; those of higher moments are steeper ($k^{-2q}$). To the right of the dotted
# line no draw can exceed $\varepsilon$. Intervals are for one $k$ and one shape at a time; a draw that the search over $k' > k$ left
# open counts in the upper end alone.

# %% [markdown]
# ## How fast does it fall?
#
# $J$ is bounded on the box, so the share is zero beyond $\kappa$: no power of $k$ can be its true rate. The table says where it is seen
# already: the steepest exponent between neighbouring $k$ that the intervals assure (lower end before, upper end after), and the $k$ at
# which the share is a half.

# %%
def half(fraction):
    """Where the share crosses 1/2, interpolated in log k."""
    i = int(np.argmax(fraction < 0.5))
    part = (fraction[i - 1] - 0.5) / (fraction[i - 1] - fraction[i])
    return float(k[i - 1] * (k[i] / k[i - 1]) ** part)


def parameters(group):
    sizes = list(map(int, group.split("-")))
    return sum((a + 1) * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))


steepest, halves = {}, {}
print(f"{'':12} {'weights':>8} {'E J':>14} {'half at k':>10} {'exponent ≥':>11} {'largest κ drawn':>16} {'a-priori κ':>11}")
for group, found in both.items():
    steepest[group] = float(np.log2(np.maximum(found["lower"][:-1], 1e-300) / found["upper"][1:]).max())
    halves[group] = half(found["fraction"])
    mean, error = found["J"]
    print(f"{group:12} {parameters(group):8} {mean:8.3f}±{error:5.3f} {halves[group]:10.2f} {steepest[group]:11.2f} "
          f"{found['kappa'][0]:16.1f} {found['kappa'][1]:11.4g}")  # fmt: skip

for group, found in both.items():
    assert np.all(np.diff(found["fraction"]) <= 0)  # Remark 1
    assert np.all(found["fraction"] <= found["markov"] * (1 + 1e-9))  # each moment, on the draws themselves
    assert np.all(found["fraction"][k > found["kappa"][0]] == 0)  # Lemma 4
    assert found["fraction"][0] > 0.5 and found["fraction"][-1] == 0, group
at = list(k).index(8.0)
low, high = ({group: found[end][at] for group, found in both.items()} for end in ("lower", "upper"))
assert high["1-4-4-1"] < low["1-8-8-1"] and high["1-8-8-1"] < low["1-16-16-1"]
if table.full:  # with fewer draws these intervals overlap
    assert min(steepest.values()) > 2
    assert high["1-8-8-1"] < low["1-8-8-8-8-1"] and high["1-8-8-8-8-1"] < low["1-32-1"]
    at_4 = list(k).index(4.0)
    assert both["2-4-4-4-4-1"]["upper"][at_4] < both["2-4-4-1"]["lower"][at_4]
    assert parameters("1-32-1") == parameters("1-8-8-1") < parameters("1-8-8-8-8-1")

# %% [markdown]
# ## Verdict
#
# - Remark 1 (the share decreases in $k$): **holds**, by definition: the sets are nested.
# - Lemma 4 (for each $\theta$ zero beyond $\kappa(\theta)$): **holds**, with $\kappa(\theta) \le \sqrt{J/\varepsilon}$ explicit.
# - Proposition, $O(k^{-\Delta-1})$: **holds with a repair**. The proof has a gap; the bound $E[J]\,/\,\varepsilon k^2$ has none, for every
#   direction and every $k$. As a rate it is not sharp: the share is zero beyond $\kappa$, and falls faster than $k^{-2}$ somewhere for
#   every shape (full run, asserted).
# - "High frequencies fill little volume" holds for a fixed shape and $\varepsilon$. With width the share grows: at $k = 8$ from 1-4-4-1 to
#   1-8-8-1 to 1-16-16-1, intervals apart (asserted). The number of parameters does not order it: in the full run 1-32-1 lies above
#   1-8-8-8-8-1, which has two and a half times as many, and above 1-8-8-1, which has as many; and depth can lower it: at $k = 4$
#   2-4-4-4-4-1 lies below 2-4-4-1, with twice the parameters (asserted there).

# %%
for group, found in both.items():
    table.add(f"{group}: share", found["fraction"], atol=1e-9)
    table.add(f"{group}: 95 % lower end", found["lower"], atol=1e-9)
    table.add(f"{group}: 95 % upper end", found["upper"], atol=1e-9)
    table.add(f"{group}: left open", found["open"], atol=1e-9)
    table.add(f"{group}: mean J", found["J"][0], rtol=1e-9)
    table.add(f"{group}: κ drawn, a priori", found["kappa"], rtol=1e-9)
    table.add(f"{group}: half at k", halves[group], rtol=1e-9)
    table.add(f"{group}: exponent at least", steepest[group], rtol=1e-9)
for q, bound in zip(moments, both["1-4-4-1"]["markov"], strict=True):
    table.add(f"1-4-4-1: Markov, moment {q}", bound, rtol=1e-9)
print(table)
table.check()
print("all results as stored")
