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
# **Here**: the digits that scikit-learn ships (8 x 8 pixels, 3 against 8, scaled to the mean norm 9.2 of MNIST's images), labels -1 and 1,
# 80/20 split, validation by mean squares against clean labels. In 64 dimensions the network is known exactly along segments between
# images: pieces and slopes there, no samples. Full settings: the paper's 5 hidden layers of 256, Adam at 1e-4, 5000 steps; one seed.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from _stored import Table
from sklearn.datasets import load_digits

import specgeo as sg

torch.set_num_threads(1)
table = Table("03_label_noise")
width, hidden, steps, rate = (256, 5, 5000, 1e-4) if table.full else (64, 3, 350, 1e-3)
seeds = range(1) if table.full else range(2)
number = torch.float32 if table.full else torch.float64  # in float64 another machine finds the same numbers
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
    """Validation error at every step, the networks where it is least and at the end, values at recorded steps and the least."""
    torch.manual_seed(seed)
    sizes = [64, *[width] * hidden, 1]
    layers = [torch.nn.Linear(a, b, dtype=number) for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
    module = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.ReLU())][:-1])
    inputs, tests, outputs = (torch.tensor(a, dtype=number) for a in (images[train], images[held], labels[:, None]))
    optimizer = torch.optim.Adam(module.parameters(), lr=rate, fused=True)
    validation, values, at_best, best, kept = [], [], None, np.inf, None
    for step in range(steps + 1):
        optimizer.zero_grad()
        prediction = module(inputs)
        ((prediction - outputs) ** 2).mean().backward()
        with torch.no_grad():
            error = float(((module(tests)[:, 0].double().numpy() - clean[held]) ** 2).mean())
        validation.append(error)
        if error < best:
            best, kept = error, [p.detach().double().numpy().copy() for p in module.parameters()]
            at_best = prediction.detach().double().numpy()[:, 0]
        if step in record:
            values.append(prediction.detach().double().numpy()[:, 0])
        if step < steps:
            optimizer.step()
    last = [p.detach().double().numpy() for p in module.parameters()]
    return validation, [sg.Network(p[::2], p[1::2]) for p in (kept, last)], [*values, at_best]


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


def noise(k, beta):
    return beta * np.sin(2 * np.pi * k * norms[train])


def experiment(k, beta, seed):
    """One training with noise beta sin(2 pi k |x|) in the labels."""
    validation, nets, _ = learn(clean[train] + noise(k, beta), seed)
    return {"validation": validation, "bends": [bends(net) for net in nets]}


cases = [(0.0, 0.0), (0.05, 0.5), (0.05, 1.0), (0.2, 0.5), (0.2, 1.0), (1.0, 0.5), (1.0, 1.0)]
results = {
    (k, beta): [table.keep(f"noise_{k}_{beta}_{seed}", lambda k=k, beta=beta, seed=seed: experiment(k, beta, seed))
                for seed in seeds]
    for k, beta in cases
}  # fmt: skip
noise_energy = {case: float(np.mean(noise(*case) ** 2)) for case in cases}
best = {case: float(np.mean([min(run["validation"]) for run in runs])) for case, runs in results.items()}
last = {case: float(np.mean([run["validation"][-1] for run in runs])) for case, runs in results.items()}
when = {case: [int(np.argmin(run["validation"])) for run in runs] for case, runs in results.items()}
bend = {case: np.mean([run["bends"] for run in runs], axis=0) for case, runs in results.items()}
print(f"{'k':>5}{'β':>5}{'noise energy':>14}{'best validation':>17}{'at step':>12}{'last':>8}{'change of slope: best':>23}{'end':>7}{'ratio':>7}")
for case in cases:
    print(f"{case[0]:5g}{case[1]:5g}{noise_energy[case]:14.3f}{best[case]:17.4f}{', '.join(map(str, when[case])):>12}{last[case]:8.4f}"
          f"{bend[case][0]:23.1f}{bend[case][1]:7.1f}{bend[case][1] / bend[case][0]:7.2f}")  # fmt: skip

# %%
figure, axis = plt.subplots(figsize=(10, 4.6), layout="constrained")
colors = {0.0: "black", 0.05: "tab:green", 0.2: "tab:red", 1.0: "tab:blue"}
for (k, beta), runs in results.items():
    curve = np.mean([run["validation"] for run in runs], axis=0)
    label = f"k = {k:g}, β = {beta:g}" if beta else "no noise"
    axis.loglog(np.arange(1, len(curve) + 1), curve, color=colors[k], ls="--" if beta == 0.5 else "-", lw=1.3, label=label)
axis.set(xlabel="step + 1", ylabel="validation error (mean square, clean labels)", title="noise β sin(2πk‖x‖) in the labels, mean over seeds")
axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
table.figure(figure, "validation")
plt.show()

# %% [markdown]
# *What to see.* With $k = 1$ (blue) the error first goes down, then turns and rises to more than twice its least value: the dip. With $k = 0.2$ (red)
# its least value is higher for the same $\beta$. With $k = 0.05$ (green) it ends within half of its least value above it: that noise is learned as part of the target.
# The table: at equal $\beta$ the noise of $k = 0.05$ has a fraction of the energy of the others, since norms vary by 0.7 only, so that
# $k = 0.2$ is the fair comparison with $k = 1$. The exact change of slope along segments between images bounds the spectra there; at
# the end of the training noise of $k = 1$ has raised it most, by more than a quarter above the value without noise, and noise of the lower
# ones by less than half. (All asserted.)

# %%
plain = bend[0.0, 0.0][1]
assert all(bend[1.0, beta][1] > max(1.25 * plain, bend[k, beta][1]) for k in (0.05, 0.2) for beta in (0.5, 1.0))
assert all(bend[k, beta][1] < 1.5 * plain for k in (0.05, 0.2) for beta in (0.5, 1.0))
assert noise_energy[0.05, 1.0] < 0.25 * min(noise_energy[0.2, 1.0], noise_energy[1.0, 1.0])
assert abs(np.log(noise_energy[0.2, 1.0] / noise_energy[1.0, 1.0])) < 0.3
for beta in (0.5, 1.0):
    assert best[0.0, 0.0] < best[1.0, beta] < best[0.2, beta]
    assert last[0.05, beta] < 1.5 * best[0.05, beta] and last[1.0, beta] > 2 * best[1.0, beta]
assert 1.2 < best[1.0, 1.0] / best[1.0, 0.5] < best[0.2, 1.0] / best[0.2, 0.5]

# %% [markdown]
# ## The kernel eigenbasis
#
# Labels with white noise, and with noise that grows with $n$, $\psi = \sum_n (n/N)^2 v_n$, of the same energy 1/3. For the order of eigenvectors to
# mean something the eigenvalues have to differ: with the paper's $\sigma = 1.25$ more than half of them lie within a tenth of 1 here. The wider
# $\sigma$ is half the median distance of two images. Both bases are used below.

# %%
squared = ((images[train][:, None] - images[train]) ** 2).sum(axis=2)
median = float(np.sqrt(np.median(squared[squared > 0])))
widths = {"wide": median / 2, "paper": 1.25}
spectra = {name: np.linalg.eigh(np.exp(-squared / (2 * sigma**2))) for name, sigma in widths.items()}
bases = {name: vectors[:, ::-1] for name, (_, vectors) in spectra.items()}
near_one = float(np.mean(np.abs(spectra["paper"][0] - 1) < 0.1))
print(f"median distance {median:.2f}; with σ = 1.25 the median eigenvalue is {np.median(spectra['paper'][0]):.3f} and {near_one:.0%} lie within "
      f"0.1 of 1; with σ = {median / 2:.2f} the median eigenvalue is {np.median(spectra['wide'][0]):.1e}")  # fmt: skip
assert near_one > 0.5

record = (0, 50, 150, 300, 1000, 5000) if table.full else (0, 10, 30, 100, 200, 350)
n = len(train)
signs = np.sign(bases["wide"].sum(axis=0))  # an eigenvector's sign is nobody's choice
growing = (bases["wide"] * signs) @ (np.arange(1, n + 1) / n) ** 2
noises = {
    "white": np.random.default_rng(7).uniform(-1, 1, n),
    "growing": growing * np.sqrt(n / 3) / np.linalg.norm(growing),
}
labels = {kind: clean[train] + noise for kind, noise in noises.items()}


def kernel_run(kind, seed):
    validation, _, values = learn(labels[kind], seed, record)
    return {"validation": validation, "values": values}


kernel_runs = {kind: [table.keep(f"{kind}_{seed}", lambda kind=kind, seed=seed: kernel_run(kind, seed)) for seed in seeds]
               for kind in noises}  # fmt: skip
cut = n // 5


def unexplained(values, kind, basis):
    """Shares of the labels' energy not yet explained: first fifth of the modes, the rest."""
    residual, energy = ((v @ bases[basis]) ** 2 for v in (np.array(values) - labels[kind], labels[kind]))
    return [float(residual[part].sum() / energy[part].sum()) for part in (slice(cut), slice(cut, None))]


shares = {
    (kind, basis): np.mean([[unexplained(values, kind, basis) for values in run["values"]] for run in runs], axis=0)
    for kind, runs in kernel_runs.items() for basis in bases
}  # fmt: skip
print("unexplained share of the labels' energy: first fifth of the modes, the rest")
print(f"{'':14}" + "".join(f"{kind + ' noise, ' + basis + ' σ':>26}" for kind, basis in shares))
for i, step in enumerate([*record, "least error"]):
    print(f"{step!s:>14}" + "".join(f"{share[i][0]:19.3f}{share[i][1]:7.3f}" for share in shares.values()))

# %%
figure, axes = plt.subplots(1, 3, figsize=(16, 4.8), layout="constrained")
groups = np.array_split(np.arange(n), 12)
first = [group[0] + 1 for group in groups]
colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(record)))


def binned(values):
    """Root mean square of f.v_n in bins of n."""
    return np.array([np.sqrt(np.mean((values @ bases["wide"][:, group]) ** 2)) for group in groups])


for axis, kind in zip(axes, noises):
    for i, step in enumerate(record):
        axis.semilogy(first, binned(np.array(kernel_runs[kind][0]["values"][i])), "o-", ms=4, color=colors[i], label=f"step {step}")
    axis.semilogy(first, binned(clean[train]), "k--", label="clean labels")
    axis.semilogy(first, binned(labels[kind]), "r--", label="noisy labels")
    axis.set(xlabel="n, first of its bin", ylabel="root mean square of f · v_n", title=f"generalised spectrum, {kind} noise")
axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
for kind, color in zip(noises, ("tab:blue", "tab:orange")):
    for run in kernel_runs[kind]:
        axes[2].loglog(np.arange(1, len(run["validation"]) + 1), run["validation"], lw=1, color=color, label=f"{kind} noise")
axes[2].set(xlabel="step + 1", ylabel="validation error (mean square, clean labels)", title="validation, one line a seed")
handles = dict(zip(*axes[2].get_legend_handles_labels()[::-1]))
axes[2].legend(handles.values(), handles.keys(), loc="lower left")
table.figure(figure, "kernel")
plt.show()

# %% [markdown]
# *What to see.* Left and middle (wide $\sigma$, one seed): modes fill from the left; at small $n$ the network meets the labels while at large $n$ it is still far
# below them. Right: the validation error dips and rises. At its least value (last row of the table) the first fifth of the modes is explained but
# for a small share and the rest is mostly not.

# %%
for kind in noises:
    low, high = shares[kind, "wide"][-1]
    assert low < 0.3 and high > 2 * low
    assert all(run["validation"][-1] > 1.5 * min(run["validation"]) for run in kernel_runs[kind])
    for basis in bases:
        low, high = shares[kind, basis][len(record) // 2 - 1]
        assert low < high
dips = {kind: [float(np.mean([f(run["validation"]) for run in runs])) for f in (min, lambda v: v[-1])]
        for kind, runs in kernel_runs.items()}  # fmt: skip

# %% [markdown]
# On the interval (50 points, the paper's Figure 6) the index of an eigenvector is its frequency: by total positivity of the Gaussian kernel
# the $n$-th has exactly $n - 1$ changes of sign (Gantmacher and Krein). In floating point only the first few are eigenvectors at all.

# %%
points = np.linspace(0, 1, 50)
values, basis = np.linalg.eigh(np.exp(-((points[:, None] - points) ** 2) / (2 * 1.25**2)))
values, basis = values[::-1], basis[:, ::-1]
above = int(np.sum(values > 50 * np.finfo(float).eps * values[0]))
changes = [int(np.sum(np.diff(np.sign(basis[:, i])) != 0)) for i in range(above - 1)]
print(f"σ = 1.25: {above} of 50 eigenvalues exceed rounding; changes of sign {changes}")
assert changes == list(range(above - 1))

# %% [markdown]
# ## Verdict
#
# - Noise of low $k$ ruins the best validation score more than noise of high $k$ of the same energy, which makes a dip: **holds** ($k = 0.2$ against 1).
# - The best score is insensitive to the amplitude of noise of high $k$: **does not hold** on these few images. From $\beta = 0.5$ to 1 at $k = 1$ the
#   least error grows by more than a fifth, by a smaller factor than at $k = 0.2$ (asserted).
# - Low modes of the kernel first: **holds** in both bases (asserted at the middle of the recorded steps), and at the dip less than 0.3 of the energy of the
#   first fifth of the modes is left, more than twice that share of the rest (wide $\sigma$, both noises, asserted). With the paper's $\sigma$ the order
#   of more than half of the modes here rests on eigenvalues within 0.1 of 1.

# %%
table.add("(k, β)", [list(case) for case in cases])
table.add("noise energy", list(noise_energy.values()), rtol=1e-9)
table.add("best validation", list(best.values()), rtol=0.2)
table.add("last validation", list(last.values()), rtol=0.3)
table.add("change of slope at best, end", [bend[case].tolist() for case in cases], rtol=0.3)
for (kind, basis), share in shares.items():
    table.add(f"{kind} noise, {basis} σ: unexplained low, high", share[[len(record) // 2 - 1, -2, -1]], atol=0.1)
for kind, errors in dips.items():
    table.add(f"{kind} noise: best and last validation", errors, rtol=0.3)
table.add("paper's σ: median eigenvalue, share near 1", [float(np.median(spectra["paper"][0])), near_one], rtol=1e-6)
table.add("eigenvalues above rounding on [0, 1]", above, atol=1)
print(table)
table.check()
print("all results as stored")
