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
# # Training with a penalty on a band of frequencies
#
# The spectral bias is a tendency; a penalty makes it a wish that is stated. `sg.torch_spectrum` gives exact Fourier
# coefficients of a module as tensors that can be differentiated, so that energy in a band can be added to the loss. Noisy
# samples of two low sines are fitted twice, from the same start: with the squared error alone, and with
# $\mu \sum_{m \in B} m^2 c_m^2$ on the mirror modes $B$ above the target's. No experiment of the paper; it is what its
# spectra are good for once they are exact.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

import specgeo as sg
from _stored import FULL, Table

table = Table("10_spectral_penalty")
BOX, WIDTH, STEPS = sg.Box([0], [1]), 24, 3_000 if FULL else 500
BAND, WEIGHT, SAMPLES, NOISE = np.arange(11, 61), 0.5, 48, 0.4
target = sg.learning.Sines(2 * np.pi * np.array([1, 3]), [1.0, 0.5])
rng = np.random.default_rng(0)
X = np.sort(rng.random(SAMPLES))[:, None]
Y = target(X)[:, None] + NOISE * rng.standard_normal((SAMPLES, 1))
inputs, outputs = torch.tensor(X), torch.tensor(Y)


def train(weight):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(1, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, 1)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    tracker = sg.SpectrumTracker(BOX, range(121), every=10, target=target, quantities=["loss"])
    squares = torch.tensor(BAND.astype(float) ** 2)
    sampled = []
    for step in range(STEPS + 1):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), outputs)
        if tracker.record(step, model):
            sampled.append(float(loss.detach()))
        if weight:
            loss = loss + weight * (squares * sg.torch_spectrum(model, BOX, BAND).square()).sum()
        loss.backward()
        optimizer.step()
    return tracker, np.array(sampled), sg.from_torch(model)


runs = {"squared error alone": train(0.0), "with the penalty": train(WEIGHT)}

# %% [markdown]
# ## What the penalty does
#
# Left, both networks and the target; middle, exact spectra at the end; right, the exact loss against the clean target over
# the whole interval, and the loss on the noisy samples.

# %%
figure, axes = plt.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
x = np.linspace(0, 1, 2_000)[:, None]
axes[0].plot(x, target(x), color="0.5", lw=2.5, label="target")
axes[0].plot(X, Y, ".", color="k", ms=4, label="noisy samples")
for (name, (tracker, sampled, net)), colour in zip(runs.items(), ("C1", "C0")):
    axes[0].plot(x, net(x), color=colour, label=name)
    axes[1].loglog(range(1, 121), np.abs(tracker.coefficients[-1, 1:]), ".", ms=4, color=colour, label=name)
    axes[2].semilogy(tracker.steps, tracker.quantities["loss"], color=colour, label=f"{name}: exact, clean target")
    axes[2].semilogy(tracker.steps, sampled, color=colour, ls=":", label=f"{name}: on the samples")
axes[1].axvspan(BAND[0], BAND[-1], color="0.92", zorder=0, label="penalised band")
axes[0].set(xlabel="x", ylabel="f(x)", title="the fits")
axes[1].set(xlabel="mode m of the mirror series", ylabel="$|c_m|$", title="exact spectra at the end")
axes[2].set(xlabel="step", ylabel="mean squared error", title="loss")
for ax in axes:
    ax.legend(fontsize="small")
table.figure(figure, "penalty")
plt.show()

# %% [markdown]
# A training of some hundred steps carries the last bits of its numbers to the first: each weight goes to and fro to its end.
# So what is said of the end is said of the mean of the last 200 steps.

# %%
beyond = np.arange(61, 121)


def end(values):
    """The mean over the last 200 steps, of which every tenth is recorded."""
    return np.mean(values[-20:], axis=0)


energies = {name: [float(end((tracker.coefficients[:, rows] ** 2).sum(axis=1))) for rows in (BAND, beyond)]
            for name, (tracker, _, _) in runs.items()}  # fmt: skip
losses = {name: [float(end(sampled)), float(end(tracker.quantities["loss"]))] for name, (tracker, sampled, _) in runs.items()}
for name, (tracker, sampled, net) in runs.items():
    table.add(f"{name}: energy in the band, and in as many modes beyond it", energies[name], rtol=0.05)
    table.add(f"{name}: loss on the samples, and exact against the clean target", losses[name], rtol=0.05)
    table.add(f"{name}: largest slope, kinks' mass", [float(end(tracker.quantities[key])) for key in ("lipschitz", "kink_mass")], rtol=0.05)
(plain, _, _), (bounded, _, _) = runs.values()
(band, above), (band_kept, above_kept) = energies.values()
(fit, loss), (fit_kept, loss_kept) = losses.values()
table.add("energy in the band, with the penalty over without", band_kept / band, rtol=0.05)
assert band_kept / band < 0.1 and above_kept < above and loss_kept < loss

# %% [markdown]
# The band loses nine tenths of its energy and more, none of it moves to the modes beyond, and the largest slope falls. The
# samples are fitted a little worse. The exact loss against the clean target ends lower, and near its smallest value, where
# without the penalty it rises again while the loss on the samples still falls.

# %%
rise = [own / float(tracker.quantities["loss"].min()) for own, tracker in ((loss, plain), (loss_kept, bounded))]
table.add("exact loss at the end over its smallest, without and with the penalty", rise, rtol=0.05)
assert rise[0] > 1.1 > rise[1] and end(bounded.quantities["lipschitz"]) < end(plain.quantities["lipschitz"])
assert fit_kept > fit
print(table)
table.check()
print("all results as stored")
