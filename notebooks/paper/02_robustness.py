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
# # Experiment 2: are lower frequencies more robust to noise on the parameters?
#
# The paper adds noise $\delta v$ to all parameters of a trained network, $|v| = 1$, and plots the mean modulus of the FFT at
# the target's frequencies over the unperturbed one: high frequencies are lost first (arXiv 1806.08734v3, figure 3). Here the
# spectra are exact, of the mirror extension, $c_m = \int_0^1 f(x) \cos(\pi m x)\, dx$, which has no jump at the walls: a jump
# would add slow terms of its own. A sine of frequency $n$ lives there in the modes $2n - 1, 2n, 2n + 1$, taken together (in
# the small settings neighbours share one of them).
# Noise is isotropic, or on one parameter at a time. To first order
# $E|\Delta c|^2 = \delta^2 |\partial_\theta c|^2 / p$ for both.
#
# A mean modulus is an odd measure of damage: noise that scrambles the phase of a coefficient and keeps its modulus is not
# seen, and noise adds modulus where there was none. So the change $|\Delta c|$ itself is measured too, in absolute terms and
# relative to $|c|$.

# %%
import json

import matplotlib.pyplot as plt
import numpy as np
import torch

import specgeo as sg
from _stored import FOLDER, FULL, Table
from specgeo.theory import parameter_vector, perturbation_response, with_parameters

table = Table("02_robustness")
BOX = sg.Box([0], [1])
if FULL:
    FREQUENCIES, SAMPLES, WIDTH, DIRECTIONS = np.arange(5, 51, 5), 200, 256, 16
    DELTAS = np.concatenate(([1e-4], np.linspace(0.5, 5.0, 9)))
else:
    FREQUENCIES, SAMPLES, WIDTH, DIRECTIONS = np.arange(1, 7), 40, 48, 40
    DELTAS = np.concatenate(([1e-4], np.linspace(0.2, 2.0, 7)))
KINDS = ("isotropic", "axis-aligned")
PHASES = np.random.default_rng(0).uniform(0, 2 * np.pi, len(FREQUENCIES))
NUMBER = torch.float32 if FULL else torch.float64

# %% [markdown]
# ## The trained network
#
# That of Experiment 1 with equal amplitudes: the small one is trained again, the full one is taken from the checkpoint of
# the full run there.

# %%
layers = []
for a, b in zip([1] + [WIDTH] * 5, [WIDTH] * 5 + [1]):
    layers += [torch.nn.Linear(a, b, dtype=NUMBER), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])


def train():
    torch.manual_seed(0)
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    x = np.arange(SAMPLES)[:, None] / SAMPLES
    y = sg.learning.Sines(2 * np.pi * FREQUENCIES, 1.0, PHASES)(x)[:, None]
    inputs, outputs = torch.tensor(x, dtype=NUMBER), torch.tensor(y, dtype=NUMBER)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(1_200):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), outputs).backward()
        optimizer.step()
    return parameter_vector(sg.from_torch(model))


if FULL:
    theta = np.array(json.loads((FOLDER / "checkpoints" / "01_learning_dynamics" / "equal.json").read_text())["final"])
else:
    theta = train()
net = with_parameters(sg.from_torch(model), theta)
print(net, "norm of all parameters", np.linalg.norm(theta))
table.add("norm of all parameters", float(np.linalg.norm(theta)), rtol=1e-3)

# %% [markdown]
# ## Retention by frequency, with confidence intervals
#
# The full settings take 16 directions for each of 10 lengths up to 5, where the paper took 100 for each of 100.

# %%
bands = 2 * FREQUENCIES[:, None] + np.array([-1, 0, 1])  # m: half periods per unit
MODES = np.unique(np.concatenate((bands.ravel(), np.geomspace(1, 6 * FREQUENCIES[-1], 40).round().astype(int))))
AIMED = np.searchsorted(MODES, bands)  # rows of the target's frequencies


def norms(rows):
    """Root of the sum of squares over each of the target's bands."""
    return np.stack([np.linalg.norm(rows[..., band], axis=-1) for band in AIMED], axis=-1)


def respond(kind):
    response = perturbation_response(
        net, BOX, np.pi * MODES[:, None], DELTAS, DIRECTIONS, rng=0, boundary="mirror", perturbation=kind
    )
    ratio, lower, upper = response.retention(AIMED, 0.95)
    return {
        "ratio": ratio, "lower": lower, "upper": upper, "change": response.rms_change, "baseline": response.baseline,
        "predicted": response.predicted_change, "remainder": response.remainder,
        "error": response.band(np.arange(len(MODES)))[2],
    }  # fmt: skip


found = {kind: {key: np.array(value) for key, value in table.keep(kind, lambda: respond(kind)).items()} for kind in KINDS}

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained", sharey=True)
colours = plt.cm.viridis(np.linspace(0, 0.9, len(FREQUENCIES)))
for ax, kind in zip(axes, KINDS):
    response = found[kind]
    for j, (n, colour) in enumerate(zip(FREQUENCIES, colours)):
        ax.plot(DELTAS, response["ratio"][:, j], color=colour, label=f"n = {n}")
        ax.fill_between(DELTAS, response["lower"][:, j], response["upper"][:, j], color=colour, alpha=0.15, lw=0)
    ax.axhline(1, color="k", lw=0.8)
    ax.set(xlabel="length of the noise, δ", title=f"{kind} noise")
axes[0].set_ylabel("mean |c| / unperturbed |c|")
axes[1].legend(fontsize="small", ncols=2)
figure.suptitle("Mean modulus kept, with 95 % confidence intervals; gains above 1 are shown, not clipped")
table.figure(figure, "retention")
plt.show()

# %%
for kind in KINDS:
    response = found[kind]
    table.add(f"{kind}: retention at the largest delta, by frequency", response["ratio"][-1], rtol=0.02)
    half = (response["upper"] - response["lower"])[-1] / 2
    table.add(f"{kind}: half width of its 95 % interval", half, rtol=0.1)
    print(f"{kind}: " + ", ".join(f"{n}: {r:.2f} ± {h:.2f}" for n, r, h in zip(FREQUENCIES, response["ratio"][-1], half)))

# %% [markdown]
# ## Absolute and relative change, and the first order

# %%
figure, axes = plt.subplots(1, 3, figsize=(15, 4.4), layout="constrained")
response = found["isotropic"]
predicted = response["predicted"][0] / DELTAS[0]
relevant = (0, np.argmin(np.abs(DELTAS - 1)), -1)
for i in relevant:
    (line,) = axes[0].loglog(MODES, response["change"][i] / DELTAS[i], ".", ms=3, label=f"δ = {DELTAS[i]:g}")
    axes[1].loglog(MODES, response["change"][i] / DELTAS[i] / response["baseline"], ".", ms=3, color=line.get_color(), label=f"δ = {DELTAS[i]:g}")
axes[0].loglog(MODES, predicted, color="k", lw=0.9, label="first order")
axes[0].loglog(MODES, predicted[0] / MODES, "k--", lw=0.8, label="1/m")
for n in FREQUENCIES:
    axes[1].axvline(2 * n, color="0.85", lw=0.8, zorder=0)
axes[0].set(xlabel="mode m (half periods per unit)", ylabel="rms |Δc| / δ", title="absolute change")
axes[1].set(xlabel="mode m; grey: the target's frequencies", ylabel="rms |Δc| / δ|c|", title="relative change")
for kind in KINDS:
    ratio = np.linalg.norm(found[kind]["remainder"], axis=1) / np.linalg.norm(found[kind]["predicted"], axis=1)
    axes[2].plot(DELTAS, ratio, "o-", ms=3, label=f"{kind}")
axes[2].set(xlabel="length of the noise, δ", ylabel="rms of what the first order leaves / first order", title="how far the first order reaches")
for ax in axes:
    ax.legend(fontsize="small")
table.figure(figure, "first_order")
plt.show()

# %%
thirds = [np.flatnonzero(np.ceil(MODES / (2 * FREQUENCIES[-1])) == part) for part in (1, 2, 3)]
for kind in KINDS:
    response = found[kind]
    measured = np.linalg.norm(response["change"][0]) / np.linalg.norm(response["predicted"][0])
    table.add(f"{kind}: rms change / first order at delta = 1e-4, and its standard error",
              [float(measured), float(response["error"])], rtol=0.02)  # fmt: skip
    assert abs(measured - 1) < 4 * response["error"]
    left = np.linalg.norm(response["remainder"], axis=1) / np.linalg.norm(response["predicted"], axis=1)
    table.add(f"{kind}: remainder / first order at delta = 1e-4 and the largest", [float(left[0]), float(left[-1])], rtol=0.1)
response = found["isotropic"]
absolute = norms(response["predicted"])[0] / DELTAS[0]
relative = absolute / norms(response["baseline"])
table.add("absolute change per delta, first order, by frequency", absolute, rtol=0.01)
table.add("relative change per delta, first order, by frequency", relative, rtol=0.01)
exponent = np.polyfit(np.log(MODES), np.log(predicted), 1)[0]
decay = np.polyfit(np.log(MODES), np.log(response["baseline"]), 1)[0]
table.add("exponents over all modes: first-order change, |c| itself", [float(exponent), float(decay)], rtol=0.02)
change = [float(np.linalg.norm(predicted[rows]) / np.linalg.norm(response["baseline"][rows])) for rows in thirds]
table.add("relative change per delta up to the highest frequency, to twice and to three times it", change, rtol=0.01)
last = norms(response["change"])[-1]
table.add("absolute change at the largest delta, by frequency", last, rtol=0.02)
table.add("relative change at the largest delta, by frequency", last / norms(response["baseline"]), rtol=0.02)

# %% [markdown]
# ## What holds
#
# - *In the paper's measure*, the mean modulus kept, low frequencies are lost last, but not in strict order: the lowest even
#   gains (which a figure clipped at 1 hides), and intervals of neighbours overlap.
# - *In absolute terms the claim is reversed*: noise changes low frequencies more than high ones, since
#   $|\partial_\theta c|$ falls with frequency. What is kept of a modulus is not what is left unchanged.
# - *In relative terms* it holds of frequencies from twice the target's highest on against all below: there $|c|$ falls
#   faster than $|\partial_\theta c|$. Among the target's own frequencies there is no order: amplitudes are alike, and
#   $|\partial_\theta c|$ favours the high ones.
# - The first order predicts the change without a fit at small $\delta$; at the paper's $\delta$ it is off by its own size
#   or so.

# %%
kept = found["isotropic"]["ratio"][-1]
assert kept[0] > kept[-1] and (found["isotropic"]["lower"][-1, 0] > found["isotropic"]["upper"][-1, -1])
assert absolute[0] > absolute[-1] and last[0] > last[-1]
assert change[2] > 2 * max(change[:2]) and exponent < 0

# %% [markdown]
# ## Results

# %%
print(table)
table.check()
print("all results as stored")
