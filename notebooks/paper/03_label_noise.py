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
# # Noise in the labels and the kernel eigenbasis (Experiments 3 and 4)
#
# **The paper**: on MNIST, 3 against 8, noise $\beta\sin(2\pi k\|x\|)$ is added to the training labels. Noise of low $k$ ruins the best
# validation score; noise of high $k$ makes it dip early and hardly lowers it (Experiment 3). In the eigenbasis $v_n$ of the kernel
# $\exp(-\|x-y\|^2/2\sigma^2)$, by falling eigenvalue, $\tilde f[n] = f\cdot v_n$ is a generalised spectrum; low $n$ are learned first, and the dip
# is where the clean modes are learned and the noise is not (Experiment 4).
#
# **Here**: the digits that scikit-learn ships (8 x 8 pixels, 3 against 8, scaled to the mean norm 9.2 of MNIST's images, so that the paper's
# $k$ keep their meaning), labels -1 and 1, 80/20 split, validation by mean squares against clean labels. In 64 dimensions the network
# is exactly known along segments between images: pieces and slopes there, no samples.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from _stored import Table
from sklearn.datasets import load_digits

import specgeo as sg

torch.set_num_threads(1)
table = Table("03_label_noise")
width, hidden, steps, rate = (256, 5, 5000, 1e-4) if table.full else (64, 3, 800, 1e-3)
seeds = range(5) if table.full else range(2)
digits = load_digits()
chosen = np.isin(digits.target, (3, 8))
images = digits.data[chosen] / 16
images *= 9.2 / np.linalg.norm(images, axis=1).mean()
clean = np.where(digits.target[chosen] == 3, -1.0, 1.0)
order = np.random.default_rng(0).permutation(len(images))
train, held = order[: int(0.8 * len(order))], order[int(0.8 * len(order)) :]
norms = np.linalg.norm(images, axis=1)
print(f"{len(train)} training images, {len(held)} held out; norms {norms.mean():.2f} +- {norms.std():.2f}")


# %%
def learn(labels, seed, record=()):
    """Validation error at every step, the network where it is least and at the end, its values at recorded steps."""
    torch.manual_seed(seed)
    sizes = [64, *[width] * hidden, 1]
    layers = [torch.nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
    module = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.ReLU())][:-1])
    inputs, outputs = (torch.tensor(a, dtype=torch.float32) for a in (images, labels[:, None]))
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    validation, values, best, kept = [], [], np.inf, None
    for step in range(steps + 1):
        optimizer.zero_grad()
        prediction = module(inputs[train])
        ((prediction - outputs[train]) ** 2).mean().backward()
        with torch.no_grad():
            error = float(((module(inputs[held])[:, 0].numpy() - clean[held]) ** 2).mean())
        validation.append(error)
        if error < best:
            best, kept = error, [p.detach().double().numpy().copy() for p in module.parameters()]
        if step in record:
            values.append(prediction.detach().double().numpy()[:, 0])
        if step < steps:
            optimizer.step()
    last = [p.detach().double().numpy() for p in module.parameters()]
    return validation, [sg.Network(p[::2], p[1::2]) for p in (kept, last)], values


rng = np.random.default_rng(1)
segments = [images[rng.choice(train, 2, replace=False)] for _ in range(20)]


def bends(net):
    """Exact total change of slope of f along segments between training images (parameter 0 to 1), mean over segments."""
    total = 0.0
    for ends in segments:
        along = sg.theory.restrict_to_polyline(net, ends)
        slopes = np.diff(along.values[:, 0]) / np.diff(along.parameters)
        total += np.abs(np.diff(slopes)).sum()
    return total / len(segments)


def experiment(k, beta, seed):
    """One training with noise beta sin(2 pi k |x|) in the labels."""
    validation, (best, last), _ = learn(clean + beta * np.sin(2 * np.pi * k * norms), seed)
    return {"validation": validation, "bends": [bends(best), bends(last)]}


cases = [(0.0, 0.0), (0.05, 0.5), (0.05, 1.0), (0.2, 1.0), (1.0, 0.5), (1.0, 1.0)]
results = {
    (k, beta): [table.keep(f"noise_{k}_{beta}_{seed}", lambda k=k, beta=beta, seed=seed: experiment(k, beta, seed))
                for seed in seeds]
    for k, beta in cases
}  # fmt: skip

# %%
figure, axis = plt.subplots(figsize=(8, 4.4), layout="constrained")
for (k, beta), runs in results.items():
    curve = np.mean([run["validation"] for run in runs], axis=0)
    axis.loglog(np.arange(1, len(curve) + 1), curve, label=f"k = {k:g}, β = {beta:g}" if beta else "no noise")
axis.set(xlabel="step + 1", ylabel="validation error (mean square, clean labels)", title="noise β sin(2πk‖x‖) in the labels")
axis.legend(fontsize=8)
table.figure(figure, "validation")
plt.show()

best = {case: float(np.mean([min(run["validation"]) for run in runs])) for case, runs in results.items()}
last = {case: float(np.mean([run["validation"][-1] for run in runs])) for case, runs in results.items()}
bend = {case: np.mean([run["bends"] for run in runs], axis=0) for case, runs in results.items()}
print(f"{'k':>5} {'β':>4} {'best validation':>16} {'last':>8} {'change of slope at best':>24} {'at the end':>11}")
for k, beta in cases:
    at_best, at_end = bend[k, beta]
    print(f"{k:5g} {beta:4g} {best[k, beta]:16.4f} {last[k, beta]:8.4f} {at_best:24.1f} {at_end:11.1f}")

# %% [markdown]
# *What to see.* Noise of $k = 0.05$ and $0.2$ (slow functions of the image) is learned with the labels: the curves flatten far above the one
# without noise and the best step is worth little. Noise of $k = 1$ gives a dip and then a rise as the noise is fitted. The table
# says what the rise costs in exact terms: the change of slope along segments between images, which bounds the spectra there, multiplies
# between the best step and the end, most of all for $k = 1$, $\beta = 1$.

# %% [markdown]
# ## The kernel eigenbasis
#
# Noise is white. $\sigma$ is half the median distance of two images: at these distances the paper's 1.25 makes the kernel matrix close to
# the identity for most of its eigenvectors (figures below), whose order then means little.

# %%
squared = ((images[train][:, None] - images[train]) ** 2).sum(axis=2)
median = float(np.sqrt(np.median(squared[squared > 0])))
paper_kernel = np.linalg.eigvalsh(np.exp(-squared / (2 * 1.25**2)))
sigma = median / 2
eigenvalues, vectors = np.linalg.eigh(np.exp(-squared / (2 * sigma**2)))
vectors = vectors[:, ::-1]
print(f"median distance {median:.2f}; with σ = 1.25 the median eigenvalue is {np.median(paper_kernel):.3f} and "
      f"{np.mean(np.abs(paper_kernel - 1) < 0.1):.0%} of them lie within 0.1 of 1")  # fmt: skip

record = (0, 50, 150, 300, 1000, 5000) if table.full else (0, 10, 30, 100, 300, 800)


def white(seed):
    labels = clean + np.random.default_rng(7).uniform(-1, 1, len(clean))
    validation, _, values = learn(labels, seed, record)
    return {"validation": validation, "values": values}


labels = clean + np.random.default_rng(7).uniform(-1, 1, len(clean))
whites = [table.keep(f"white_{seed}", lambda seed=seed: white(seed)) for seed in seeds]
bins = np.array_split(np.arange(len(train)), 12)


def spectrum(values):
    """Root mean square of f.v_n in bins of n."""
    return np.array([np.sqrt(np.mean((values @ vectors[:, group]) ** 2)) for group in bins])


figure, axes = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
first = [group[0] + 1 for group in bins]
colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(record)))
for i, step in enumerate(record):
    axes[0].semilogy(first, spectrum(np.array(whites[0]["values"][i])), "o-", color=colors[i], label=f"step {step}")
axes[0].semilogy(first, spectrum(clean[train]), "k--", label="clean labels")
axes[0].semilogy(first, spectrum(labels[train]), "r--", label="noisy labels")
axes[0].set(xlabel="n, first of its bin", ylabel="root mean square of f · v_n", title="generalised spectrum (white noise)")
axes[0].legend(fontsize=8)
for run in whites:
    axes[1].loglog(np.arange(1, len(run["validation"]) + 1), run["validation"], lw=1)
axes[1].set(xlabel="step + 1", ylabel="validation error (mean square, clean labels)", title="validation, one line a seed")
table.figure(figure, "kernel")
plt.show()

# %% [markdown]
# *What to see.* Left: modes fill from the left; the network meets the labels at small $n$ long before it meets the noise at large $n$. Right: the
# validation error dips while that happens and rises after.

# %%
cut = len(train) // 5
learned = []
for run in whites:
    shares = []
    for values in run["values"]:
        residual = ((np.array(values) - labels[train]) @ vectors) ** 2
        energy = (labels[train] @ vectors) ** 2
        shares.append([float(residual[:cut].sum() / energy[:cut].sum()), float(residual[cut:].sum() / energy[cut:].sum())])
    learned.append(shares)
learned = np.mean(learned, axis=0)
print("unexplained share of the labels' energy: first fifth of the modes, the rest")
for step, (low, high) in zip(record, learned, strict=True):
    print(f"  step {step:5}: {low:.3f} {high:.3f}")

# %% [markdown]
# On the interval (50 points, the paper's Figure 6) the index of an eigenvector is its frequency: by total positivity of the Gaussian kernel
# the $n$-th has exactly $n - 1$ changes of sign (Gantmacher and Krein). In floating point only the first few are eigenvectors at all.

# %%
points = np.linspace(0, 1, 50)
values, basis = np.linalg.eigh(np.exp(-((points[:, None] - points) ** 2) / (2 * 1.25**2)))
values, basis = values[::-1], basis[:, ::-1]
above = int(np.sum(values > 50 * np.finfo(float).eps * values[0]))
changes = [int(np.sum(np.diff(np.sign(basis[:, n])) != 0)) for n in range(above - 1)]
print(f"σ = 1.25: {above} of 50 eigenvalues exceed rounding; changes of sign {changes}")
assert changes == list(range(above - 1))

# %% [markdown]
# ## Verdict
#
# - Low-$k$ noise ruins the best validation score more than high-$k$ noise of the same amplitude, which makes a dip: **holds**.
# - The best score is insensitive to the amplitude of high-$k$ noise: **does not hold** on these few images. It is less sensitive than to
#   low-$k$ noise, but $\beta = 1$ costs several times the error without noise (rows $k = 1$).
# - Low modes of the kernel first: **holds** (unexplained shares above). With the paper's $\sigma$ the kernel of images this far apart is
#   nearly the identity; a wider one is needed to say it.

# %%
k_low, k_high = best[0.05, 1.0], best[1.0, 1.0]
assert best[0.0, 0.0] < k_high < k_low and last[1.0, 1.0] > 1.5 * k_high
assert bend[1.0, 1.0][1] > 1.5 * bend[1.0, 1.0][0]
middle = learned[len(record) // 2]
assert middle[0] < middle[1]
table.add("(k, β)", [list(case) for case in cases])
table.add("best validation", list(best.values()), rtol=0.4)
table.add("last validation", list(last.values()), rtol=0.5)
table.add("change of slope at best, end", [bend[case].tolist() for case in cases], rtol=0.6)
table.add("unexplained: low, high modes", learned, atol=0.15)
table.add("median eigenvalue, paper's σ", float(np.median(paper_kernel)), rtol=1e-6)
table.add("eigenvalues above rounding on [0, 1]", above, atol=1)
print(table)
table.check()
print("all results as stored")
