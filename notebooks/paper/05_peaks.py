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
# # Fitting a peak (Experiment 7, Theorem 1)
#
# **The paper**: a target that is 1 at one of 200 samples and 0 at the others has a flat spectrum. Networks with clipped weights
# are trained on it; depth helps most, width less, and a small clip keeps high frequencies out, which is read as "the $O(L_f)$ bound
# can be tight".
#
# **Here**: the exact Lipschitz constant $L_f$, number of linear pieces $N_f$ and variation $J = TV(f')$ of every trained network. Four conditions
# are necessary for an error of zero on $N = 200$ samples, and each excludes a fit where it fails:
#
# - $L_f \ge N$. If not, $N\cdot MSE \ge \min_p (1-p)^2 + 2\sum_j (p - jL_f/N)_+^2$.
# - $J \ge 4N$: the mean slopes of the four gaps around the peak are $0, N, -N, 0$, and $f'$ takes a value on either side of each mean.
# - $N_f \ge 4$.
# - The paper's product bound $K^{L+1}\sqrt d\,\prod_k d_k \ge L_f$ for weights clipped at $K$ has to be at least $N$: known before training.
#
# The coefficients obey $|c_n| \le J/(4\pi^2n^2)$ on the circle (plus a term for a jump at the seam).

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from _stored import Table

import specgeo as sg
from specgeo.theory import lipschitz, peaks

torch.set_num_threads(1)
table = Table("05_peaks")
N = 200
if table.full:
    steps, rate = 60_000, 3e-4
    runs = [(depth, 16, 10.0) for depth in (3, 4, 5, 6)]
    runs += [(3, width, 10.0) for width in (32, 64, 128)]
    runs += [(6, 64, clip) for clip in (0.1, 0.15, 0.2, 2.0)]
else:
    steps, rate = 1200, 2e-3
    runs = [(3, 16, 10.0), (6, 16, 10.0), (3, 64, 10.0), (6, 32, 0.1), (6, 32, 0.2), (6, 32, 2.0)]
number = torch.float32 if table.full else torch.float64  # in float64 another machine finds the same numbers
seeds = {run: (3 if run[2] == 10 else 1) if table.full else 2 for run in runs}
x = np.arange(N) / N
target = np.zeros(N)
target[N // 2] = 1.0


# %% [markdown]
# As in the paper's code, "depth" counts linear layers (one more than hidden layers), initialisation is torch's default, Adam, full
# batch, 60,000 steps in the full settings; after each step weights and biases are clipped to $[-K, K]$. Full settings: three
# seeds for depth and width, one for the clips; small settings: two. They are trained side by side: losses add up and share no parameter,
# so each is trained as if alone.


# %%
def fit(depth, width, clip, count):
    """Weights (seed, in, out) and biases (seed, 1, out) of the clipped networks after training."""
    torch.manual_seed(0)
    sizes = [1, *[width] * (depth - 1), 1]
    made = [[torch.nn.Linear(a, b, dtype=number) for a, b in zip(sizes[:-1], sizes[1:], strict=True)] for _ in range(count)]
    weights = [torch.stack([layers[i].weight.detach().T for layers in made]).contiguous() for i in range(depth)]
    biases = [torch.stack([layers[i].bias.detach()[None] for layers in made]) for i in range(depth)]
    parameters = [parameter.requires_grad_() for parameter in weights + biases]
    inputs, outputs = (torch.tensor(a, dtype=number)[:, None] for a in (x, target))
    optimizer = torch.optim.Adam(parameters, lr=rate, fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        hidden = inputs.expand(count, N, 1)
        for i in range(depth):
            hidden = torch.baddbmm(biases[i], hidden.relu() if i else hidden, weights[i])
        ((hidden - outputs) ** 2).mean(dim=(1, 2)).sum().backward()
        optimizer.step()
        with torch.no_grad():
            for parameter in parameters:
                parameter.clamp_(-clip, clip)
    return {f"{kind}{i}": p[i].tolist() for kind, p in (("weight", weights), ("bias", biases)) for i in range(depth)}


class Fitted:
    """Exact figures of one trained network."""

    def __init__(self, depth, width, clip, seed, kept):
        hidden = [width] * (depth - 1)
        self.clip = clip
        self.name = f"depth {depth}, width {width}, clip {clip:g}"
        weights = [np.transpose(kept[f"weight{i}"][seed]) for i in range(depth)]
        self.net = sg.Network(weights, [kept[f"bias{i}"][seed][0] for i in range(depth)])
        self.cx = sg.enumerate_regions(self.net, sg.Box([0.0], [1.0]))
        report = sg.theory.peak_report(self.net, self.cx, N)
        assert all(check.holds for check in report.checks)
        self.error, self.lipschitz, self.variation = report.squared_error, report.lipschitz, report.variation
        self.pieces = self.cx.n_linear_regions
        self.product = lipschitz.weight_clip_bound(clip, 1, hidden)
        self.needed = peaks.clip_needed(N, 1, hidden)
        self.least = [peaks.peak_squared_error(bound, N) for bound in (self.lipschitz, self.product)]
        self.J = sg.theory.total_variation(self.cx)  # of kinks inside the interval

    @property
    def excluded_by(self):
        """Which of the conditions exclude an error of zero."""
        failing = self.lipschitz < N, self.J < 4 * N, self.pieces < 4, self.product < N
        return [name for name, fails in zip(("L_f", "J", "N_f", "product"), failing, strict=True) if fails]


fits = {}
for run in runs:
    kept = table.keep("_".join(map(str, run)), lambda run=run: fit(*run, seeds[run]))
    fits[run] = [Fitted(*run, seed, kept) for seed in range(seeds[run])]
print(f"{'':31}{'N MSE':>7}{'least, L_f':>11}{'L_f':>10}{'J':>10}{'N_f':>5}{'2L_f(N_f-1)':>12}{'product':>9}  a fit is excluded by")
for group in fits.values():
    for fitted in group:
        print(f"{fitted.name:31}{fitted.error:7.3f}{fitted.least[0]:11.3f}{fitted.lipschitz:10.3g}{fitted.J:10.3g}{fitted.pieces:5}"
              f"{2 * fitted.lipschitz * (fitted.pieces - 1):12.3g}{fitted.product:9.2g}  {', '.join(fitted.excluded_by)}")  # fmt: skip

# %%
figure, axes = plt.subplots(1, 2, figsize=(13, 5.4), layout="constrained")
grid = np.linspace(0.4, 0.6, 2001)
colors = plt.get_cmap("tab20")(np.arange(len(runs)) % 20)
for color, group in zip(colors, fits.values(), strict=True):
    best = min(group, key=lambda fitted: fitted.error)
    axes[0].plot(grid, best.net(grid[:, None])[:, 0], lw=1.2, color=color, label=best.name)
    for fitted in group:
        axes[1].semilogx(max(fitted.lipschitz, 1e-4), fitted.error, "o", color=color)
        axes[1].semilogx(fitted.product, fitted.error, "x", color=color)
axes[0].plot(x, target, "k.", ms=4, label="samples")
axes[0].set(xlabel="x", ylabel="f(x)", xlim=(0.4, 0.6), title="the best seed of each run near the peak")
steep = np.geomspace(1e-4, 2000, 400)
axes[1].semilogx(steep, [peaks.peak_squared_error(s, N) for s in steep], "k", label="least possible for a Lipschitz constant")
axes[1].semilogx([], [], "o", color="gray", label="networks (all seeds) at their exact $L_f$")
axes[1].semilogx([], [], "x", color="gray", label="the same at the product bound of $L_f$")
axes[1].axvline(N, color="gray", lw=0.8, ls=":", label="N = 200, needed for an error of 0")
axes[1].set(xlabel="Lipschitz constant", ylabel="N · MSE on the samples", title="error against Lipschitz constant", ylim=(-0.05, 1.1))
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=2, fontsize=8)
figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower right", fontsize=8)
table.figure(figure, "fits")
plt.show()

# %% [markdown]
# *What to see.* Right: no dot lies below the curve, which is a theorem about the exact $L_f$. The cross of the same network lies to the right of its
# dot, where the curve is 0 unless the product bound is below 200: known before training, it rarely excludes anything.

# %%
every = [fitted for group in fits.values() for fitted in group]
looseness = [float(np.log10(fitted.product / fitted.lipschitz)) for fitted in every if fitted.lipschitz > 0]
excluded = {name: [sum(name in fitted.excluded_by for fitted in group) for group in fits.values()]
            for name in ("L_f", "J", "N_f", "product")}  # fmt: skip
print(f"product bound over exact L_f: 10^{min(looseness):.1f} to 10^{max(looseness):.1f}")
print("seeds for which a fit is excluded:")
for i, group in enumerate(fits.values()):
    needed = f"the product bound excludes a fit below a clip of {group[0].needed:.4f}"
    print(f"  {group[0].name:31}of {len(group)}: " + ", ".join(f"{number[i]} by {name}" for name, number in excluded.items()) + f"; {needed}")
assert min(looseness) > 2
for fitted in every:  # what a theorem says cannot be fitted is not, and J is within its bound by pieces
    assert fitted.error >= fitted.least[0] - 1e-9 and fitted.J <= 2 * fitted.lipschitz * (fitted.pieces - 1) * (1 + 1e-9)
    assert fitted.error > 1e-6 or not fitted.excluded_by

# %% [markdown]
# ## The spectrum between the samples
#
# A DFT of the samples of a perfect fit is flat, $1/N = 0.005$: it is the DFT of the target whatever the network does in between. The exact
# coefficients of the tent through the samples fall as $\mathrm{sinc}^2(n/N)/N$, to 0.405 of the flat value at the Nyquist frequency $n = 100$.

# %%
best = min(every, key=lambda fitted: fitted.error)
modes = np.arange(1, 4 * N)
exact = np.abs(sg.fourier_coefficients(best.cx, modes[:, None], extension="periodic"))[:, 0]
sampled = np.abs(np.fft.fft(best.net(x[:, None])[:, 0]) / N)[1 : N // 2 + 1]
tent = peaks.tent_coefficients(N, modes)
bound = best.variation.bound(modes)
assert np.all(exact <= bound * (1 + 1e-9))
figure, axis = plt.subplots(figsize=(9, 4.8), layout="constrained")
axis.loglog(modes, np.full(len(modes), 1 / N), "k--", lw=1, label="DFT of the target, 1/N")
axis.loglog(modes, tent, color="tab:green", lw=1, label="tent through the samples, exact: sinc²(n/N)/N")
axis.loglog(modes[: N // 2], sampled, color="tab:orange", lw=2.5, label="network, DFT of its 200 samples")
axis.loglog(modes, exact, color="tab:blue", lw=1.2, label="network, exact coefficients")
axis.loglog(modes, bound, ":", color="tab:blue", label="network, bound from its exact J")
axis.set(xlabel="n (periods in [0, 1])", ylabel="|c_n|", ylim=(1e-7, 1), title=f"best fit: {best.name}, N · MSE {best.error:.2g}")
axis.legend(fontsize=8, loc="lower left")
table.figure(figure, "spectrum")
plt.show()
near, far = 10, N // 2
shares = [float(N * values[n - 1]) for values in (sampled, exact, tent) for n in (near, far)]
print(f"times N, at n = {near} and at n = {far}: DFT {shares[0]:.3f}, {shares[1]:.3f}; "
      f"exact {shares[2]:.3f}, {shares[3]:.3f}; tent {shares[4]:.3f}, {shares[5]:.3f}")  # fmt: skip

# %% [markdown]
# *What to see.* Up to $n = 30$ the DFT and the exact coefficients agree within 10 % (asserted). Beyond, the exact coefficients (blue) go down
# with the tent's (green, zero at multiples of 200), under the bound of the network's own $J$ (dotted), while the DFT of the samples (orange)
# stays above them: it would be flat if the fit were perfect. Beyond the Nyquist frequency a DFT has nothing to say.

# %%
mean = {run: float(np.mean([fitted.error for fitted in group])) for run, group in fits.items()}
spread = {run: [float(f([fitted.error for fitted in group])) for f in (min, max)] for run, group in fits.items()}
deepest, widest = max(run[0] for run in runs if run[2] == 10), max(run[1] for run in runs if run[2] == 10)
print("N MSE, mean over seeds [least, largest]:")
for run in [(3, 16, 10.0), (deepest, 16, 10.0), (3, widest, 10.0)]:
    print(f"  depth {run[0]}, width {run[1]}: {mean[run]:.3f} [{spread[run][0]:.3f}, {spread[run][1]:.3f}]")
size = 6, 64 if table.full else 32
clips = {run[2]: mean[run] for run in runs if run[:2] == size}
print(f"  depth 6, width {size[1]}: " + ", ".join(f"clip {clip:g}: {error:.3f}" for clip, error in clips.items()))
assert np.all(np.abs(sampled[:30] / exact[:30] - 1) < 0.1)
assert shares[1] > 1.5 * shares[3]  # at the Nyquist frequency the DFT is above the exact coefficient
assert np.all(np.diff(list(clips.values())) < 0) and min(fitted.error for fitted in every if fitted.clip == 2) < 0.1
for fitted in every:
    if fitted.clip <= 0.2:  # the exact L_f says nearly all
        assert "L_f" in fitted.excluded_by and fitted.error < fitted.least[0] + 0.05
fitting = [sum(fitted.error < 0.01 for fitted in group) for group in fits.values()]
print(f"seeds that fit (N MSE < 0.01): {fitting}")
if table.full:
    assert fitting[:7] == [1, 3, 3, 3, 0, 3, 2]  # depth 3, 4, 5, 6 at width 16; width 32, 64, 128 at depth 3

# %% [markdown]
# ## Verdict
#
# - "The peak has a flat spectrum": **does not hold** for a function through the samples; it does for the samples. The exact coefficients are
#   less than two thirds of the DFT at the Nyquist frequency (asserted) and bounded by $J/(4\pi^2n^2)$ everywhere.
# - A small clip keeps the peak from being fitted: **holds** as an observation: the error falls as the clip grows (means over seeds). The exact
#   $L_f$ of every network found at clips of 0.1 to 0.2 is below 200, and the error is at most 0.05 above the least possible for it (asserted).
# - "The $O(L_f)$ bound can be tight": **holds** in that sense for the exact $L_f$, and **does not hold** for the bound by the clip. It is more
#   than a hundred times the exact $L_f$ in every run (asserted), and for the paper's depth 6, width 64 it excludes a fit only below
#   a clip of 0.0756 (closed form), not at 0.1 to 0.2.
# - "Depth helps most, width less": **holds** in the full run. Of three seeds all fit ($N\cdot MSE < 0.01$) with 4, 5 and 6 layers of width 16;
#   with 3 layers 1, 0, 3 and 2 of them at widths 16, 32, 64 and 128 (asserted there).

# %%
table.add("runs (depth, width, clip)", [list(run) for run in runs])
table.add("product bound", [group[0].product for group in fits.values()], rtol=1e-9)
table.add("clip below which it excludes a fit", [group[0].needed for group in fits.values()], rtol=1e-9)
table.add("paper's network: that clip", peaks.clip_needed(N, 1, [64] * 5), rtol=1e-9)
table.add("N MSE, mean over seeds", list(mean.values()), atol=0.3)
table.add("seeds that fit", fitting, atol=1)
table.add("N MSE, least and largest", list(spread.values()), atol=1e300)  # from here: shown, training amplifies rounding
for name, number in excluded.items():
    table.add(f"seeds excluded by {name}", number, atol=1e300)
table.add("exact L_f, all seeds", [fitted.lipschitz for fitted in every], atol=1e300)
table.add("exact J, all seeds", [fitted.J for fitted in every], atol=1e300)
table.add("exact N_f, all seeds", [fitted.pieces for fitted in every], atol=1e300)
table.add("N |c| at 10, 100: DFT, exact, tent", shares, atol=0.4)
print(table)
table.check()
print("all results as stored")
