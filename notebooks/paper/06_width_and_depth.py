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
# # Width polynomially, depth exponentially?
#
# The abstract (v1) says that the amplitude of high frequencies grows **polynomially with the width and exponentially with
# the depth**; in v3 it is the numerator $N_f L_f$ of Theorem 1 that carries this, $N_f$ the number of linear regions and
# $L_f$ the Lipschitz constant. Both are bounds from above. Here they are counted:
#
# 1. networks that *attain* the bounds on $N_f$ exist, and what they need is exact;
# 2. networks at *initialisation* are nowhere near: their regions follow $N^d/d!$, $N$ all neurons, however these are
#    stacked (Hanin and Rolnick 2019);
# 3. *training* moves the size of the jumps far more than their number.
#
# Every count below is decided in integers. Small settings; `SPECGEO_FULL=1` for more seeds, wider and deeper.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import t as student
from _stored import FULL, Table

import specgeo as sg
from specgeo.testing import random_network
from specgeo.theory import kinks, lipschitz_chain, montufar_network, oscillation_costs, region_bounds, region_table
from specgeo.theory import sawtooth, serra_network, total_variation

torch.set_num_threads(1)
table = Table("06_width_and_depth")

# %% [markdown]
# ## 1. The bounds are attained
#
# Telgarsky's sawtooth folds $[0, 1]$ twice in each layer, Serra's networks $n + 1$ times with $n$ neurons, Montúfar's
# folds every coordinate of a cube. Counted, against the formula:

# %%
unit = {d: sg.Box([0] * d, [1] * d) for d in (1, 2)}
teeth = [sg.enumerate_regions(sawtooth(depth), unit[1]) for depth in range(1, 11)]
serra = sg.enumerate_regions(serra_network([4, 4, 4]), unit[1])
folds = {
    tuple(widths): sg.enumerate_regions(montufar_network(2, widths), unit[2]).n_cells
    for widths in ([4], [4, 4], [4, 4, 4], [4, 4, 4, 4], [8, 8], [16, 16])
}
bounds = {widths: {b.name: b.value for b in region_bounds(2, widths).bounds} for widths in folds}

table.add("sawtooth, pieces at depth 1..10", [cx.n_linear_regions for cx in teeth])
table.add("Serra 4,4,4, pieces (bound 125)", serra.n_linear_regions)
table.add("Montufar 2-D at 4, 4x2, 4x3, 4x4, 8x2, 16x2", list(folds.values()))
assert [cx.n_linear_regions for cx in teeth] == [2**depth for depth in range(1, 11)]
assert serra.n_linear_regions == 125 == {b.name: b.value for b in region_bounds(1, [4, 4, 4]).bounds}["serra"]
assert all(folds[widths] == bounds[widths]["montufar2014"] <= bounds[widths]["serra"] for widths in folds)
print("depth at width 4 multiplies the regions by", [folds[(4,) * (n + 1)] / folds[(4,) * n] for n in (1, 2, 3)])
print("doubling the width from 8 at depth 2 multiplies them by", folds[16, 16] / folds[8, 8], "(2^4 = 16 in the limit)")

# %% [markdown]
# So each layer of Montúfar's network multiplies the regions by the same factor ($\lfloor n/d\rfloor^d$: exponential in
# depth), and at fixed depth $L$ they grow like $n^{dL}$ (polynomial in width).
#
# For the spectrum the sawtooth is extreme in every sense at once: its total variation of $f'$ equals
# $2 L_f (N_f - 1)$, the bound in $N_f L_f$; and its coefficient at the frequency $n = 2^{L-1}$ is $2/\pi^2$ at
# every depth, which is the bound $J/(4\pi^2n^2)$. All weights are at most 4.

# %%
slope = np.array([sg.theory.lipschitz_constant(cx) for cx in teeth])
variation = np.array([total_variation(cx) for cx in teeth])
pieces = np.array([cx.n_linear_regions for cx in teeth])
highest = [abs(sg.fourier_coefficients(cx, [[cx.n_linear_regions // 2]], "periodic")[0, 0]) for cx in teeth]
assert np.array_equal(slope, pieces) and np.array_equal(variation, 2 * slope * (pieces - 1))
table.add("sawtooth, coefficient at n = 2^(L-1)", highest, rtol=1e-12)
np.testing.assert_allclose(highest, 2 / np.pi**2, rtol=1e-12)
jumps = variation + 2 * slope  # J on the circle: one more kink at the seam
np.testing.assert_allclose(highest, jumps / (4 * np.pi**2 * (pieces / 2) ** 2), rtol=1e-12)

costs = {n: oscillation_costs(n) for n in (2**j for j in range(1, 15))}
table.add("parameters for 512 oscillations", costs[512].parameters)
print(costs[512])

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
x = np.linspace(0, 1, 2001)[:, None]
shown = {"sawtooth, 2 layers of 2": teeth[1], "sawtooth, 5 layers of 2": teeth[4], "Serra, 4, 4, 4": serra}
for shift, (name, cx) in enumerate(shown.items()):
    left.plot(x, cx(x)[:, 0] - 1.5 * shift, lw=0.9, label=f"{name}: {cx.n_linear_regions} pieces")
left.set(xlabel="x", ylabel="f(x), shifted", yticks=[], ylim=(-3.1, 2.6))
left.legend(frameon=False, loc="upper left")
for number, name in enumerate(costs[512].names):
    right.loglog(list(costs), [c.parameters[number] for c in costs.values()], ".-", label=name)
right.set(xlabel="oscillations n on [0, 1]", ylabel="weights and biases", title="needed for n oscillations")
right.legend(frameon=False)
table.figure(figure, "constructions")
plt.show()

# %% [markdown]
# *Left: three networks that attain their bound. Right: what $n$ oscillations cost; one hidden layer pays linearly
# ($6n - 2$), every deep construction logarithmically (steps: one more layer).*

# %%
cheap = np.array([c.parameters for c in costs.values()])
assert np.array_equal(cheap[:, 0], 6 * np.array(list(costs)) - 2)  # 3 w + 1 for w = 2 n - 1
assert np.array_equal(np.diff(cheap[:, 1]), np.full(len(cheap) - 1, 6))  # the sawtooth: 6 for each doubling

# %% [markdown]
# ## 2. Networks at initialisation
#
# Ensembles on $[-1,1]^d$, $d = 1, 2$: He's initialisation (biases of deviation 0.1) and PyTorch's default, which the paper uses
# (all uniform on $\pm 1/\sqrt{\text{fan-in}}$). Depth varies at fixed width, width at depth 2.

# %%
SEEDS, TRAINED = (20, 4) if FULL else (4, 3)
WIDTH = 64 if FULL else 24  # while the depth varies
DEPTHS = (1, 2, 3, 4, 6) if FULL else (1, 2, 3, 4)
WIDTHS = (16, 32, 64, 128) if FULL else (8, 16, 32)
STEPS, RATE = (1500, 2e-3) if FULL else (200, 5e-3)
QUANTITIES = ("activation regions", "linear regions", "L_f", "product of norms", "sum |c||F|", "tail", "share", "loss")


def he(dim: int, widths: tuple[int, ...], seeds: int) -> list[sg.Network]:
    return [random_network([dim, *widths, 1], rng=seed) for seed in range(seeds)]


def pytorch(dim: int, widths: tuple[int, ...], seeds: int) -> list[sg.Network]:
    """torch.nn.Linear's default: U(-1/sqrt(fan-in), 1/sqrt(fan-in))."""
    sizes, nets = (dim, *widths, 1), []
    for seed in range(seeds):
        draw = np.random.default_rng(seed)
        layers = [(draw.uniform(-1, 1, (n, m)) / m**0.5, draw.uniform(-1, 1, n) / m**0.5) for m, n in zip(sizes, sizes[1:])]
        nets.append(sg.Network([w for w, _ in layers], [b for _, b in layers]))
    return nets


def samples(dim: int) -> torch.Tensor:
    """200 points of [-1, 1], 20 x 20 of the square."""
    side = torch.linspace(-1, 1, 200 if dim == 1 else 20, dtype=torch.float64)
    return torch.cartesian_prod(*[side] * dim).reshape(-1, dim)


def target(x: torch.Tensor) -> torch.Tensor:
    if x.shape[1] == 1:
        return sum(torch.sin(torch.pi * k * x) for k in (5, 10, 15, 20)) / 2
    return torch.sin(3 * torch.pi * x).prod(dim=1, keepdim=True)


def measured(nets: list[sg.Network]) -> dict[str, list[float]]:
    """Everything exact on [-1, 1]^d, one entry a network; no upper bound is exceeded."""
    rows = []
    for net in nets:
        cx = sg.enumerate_regions(net, sg.Box([-1] * net.input_dim, [1] * net.input_dim))
        assert all(cx.n_cells <= bound.value for bound in region_table(net).bounds if bound.kind != "lower")
        chain, bends, size = lipschitz_chain(net, cx), kinks(cx), total_variation(cx)
        perimeter = 2 if net.input_dim == 1 else 8
        share = size / (chain.exact * (cx.n_cells - 1) * perimeter)  # J <= L_f (N_f - 1) Per
        tail = 2 * (2 * np.pi) ** (net.input_dim - 1) * (bends.jumps**2 @ bends.measures)  # E(t) t^4 of the kinks
        x = samples(net.input_dim)
        loss = np.mean((net(x.numpy()) - target(x).numpy()) ** 2)
        rows.append((cx.n_cells, cx.n_linear_regions, chain.exact, chain.product_spectral, size, tail, share, loss))
        assert share <= 1 + 1e-9
    return {name: list(column) for name, column in zip(QUANTITIES, zip(*rows, strict=True), strict=True)}


def ensembles(name: str, draw, seeds: int) -> dict[tuple[int, str, int], dict[str, np.ndarray]]:
    """measured() over both sweeps: keys (d, "depth" or "width", its value)."""
    shapes = [("depth", depth, (WIDTH,) * depth) for depth in DEPTHS] + [("width", n, (n, n)) for n in WIDTHS]
    found = {}
    for dim in (1, 2):
        for sweep, size, widths in shapes:
            rows = table.keep(f"{name}-{dim}-{sweep}-{size}", lambda: measured(draw(dim, widths, seeds)))
            found[dim, sweep, size] = {q: np.asarray(v) for q, v in rows.items()}
    return found


def swept(of: dict, dim: int, sweep: str, quantity: str) -> np.ndarray:
    """Seeds along the first axis, the sweep along the second."""
    return np.stack([of[dim, sweep, size][quantity] for size in (DEPTHS if sweep == "depth" else WIDTHS)], axis=1)


def interval(samples: np.ndarray) -> tuple[float, float]:
    """Mean over seeds and half the width of its 95 % interval (Student)."""
    n = len(samples)
    return float(samples.mean()), float(student.ppf(0.975, n - 1) * samples.std(ddof=1) / n**0.5)


def exponent(x: tuple[int, ...], y: np.ndarray) -> tuple[float, float]:
    """Slope of log y over log x, seed by seed."""
    return interval(np.array([np.polyfit(np.log(x), np.log(row), 1)[0] for row in y]))


def factor(y: np.ndarray) -> list[tuple[float, float]]:
    """What one more layer multiplies by (geometric mean over the layers between two entries of DEPTHS)."""
    steps = np.diff(DEPTHS)
    return [tuple(np.exp(interval(step))) for step in (np.diff(np.log(y), axis=1) / steps).T]


initial = {"He": ensembles("he", he, SEEDS), "PyTorch": ensembles("pytorch", pytorch, SEEDS)}

# %% [markdown]
# The counts, beside the bounds for the same shapes. In a plot over depth an exponential law would be a straight line.

# %%
INKS = {"He": "#0072B2", "PyTorch": "#D55E00", "trained": "#009E73"}


def plot_mean(axis, x, y: np.ndarray, **style) -> None:
    """Mean over seeds, the bar from the smallest to the largest."""
    middle = y.mean(axis=0)
    axis.errorbar(x, middle, np.abs([y.min(axis=0) - middle, y.max(axis=0) - middle]), marker="o", ms=4, capsize=2, **style)


figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
for axis, dim in zip(axes, (1, 2)):
    shapes = [region_bounds(dim, [WIDTH] * depth) for depth in DEPTHS]
    values = [{b.name: b.value for b in shape.bounds} for shape in shapes]
    axis.plot(DEPTHS, [v["serra"] for v in values], "k--", lw=1, label="no network has more (Serra 2018)")
    axis.plot(DEPTHS, [v["serra lower"] for v in values], "k:", lw=1, label="some network has as many (Serra 2018)")
    neurons = WIDTH * np.array(DEPTHS)
    axis.plot(DEPTHS, neurons**dim / (1 if dim == 1 else 2), color="0.6", lw=3, label="$N^d/d!$")
    for name, of in initial.items():
        plot_mean(axis, DEPTHS, swept(of, dim, "depth", "activation regions"), color=INKS[name], label=name)
    axis.set(yscale="log", xlabel=f"hidden layers of {WIDTH}", title=f"d = {dim}", xticks=DEPTHS)
axes[0].set_ylabel("activation regions on $[-1,1]^d$")
axes[0].legend(frameon=False, fontsize=8, loc="upper left")
for name, of in initial.items():
    for dim, style in ((1, "--"), (2, "-")):
        share = swept(of, dim, "depth", "activation regions") / ((WIDTH * np.array(DEPTHS)) ** dim / dim)
        plot_mean(axes[2], DEPTHS, share, color=INKS[name], ls=style, label=f"{name}, d = {dim}")
axes[2].set(xlabel=f"hidden layers of {WIDTH}", ylabel="activation regions / $(N^d/d!)$", ylim=(0, 1.7), xticks=DEPTHS)
axes[2].legend(frameon=False, fontsize=8, ncol=2, loc="upper left")
table.figure(figure, "initialisation")
plt.show()

# %% [markdown]
# *Left and middle: the bounds (on the line both are one, the exact maximum) grow exponentially with depth, the counts follow
# $N^d/d!$ (grey), closely from He's initialisation and below it from PyTorch's. Right: the ratio to it falls slowly with
# depth. Points: mean; bars: from the smallest to the largest of all seeds.*

# %%
for name, of in initial.items():
    for dim in (1, 2):
        counts = swept(of, dim, "depth", "activation regions")
        share = counts / ((WIDTH * np.array(DEPTHS)) ** dim / dim)
        wide = exponent(WIDTHS, swept(of, dim, "width", "activation regions"))
        deep = exponent(DEPTHS, counts)
        table.add(f"{name}, d = {dim}: regions / (N^d/d!) over depth", share.mean(axis=0), rtol=1e-9)
        table.add(f"{name}, d = {dim}: exponent in width, +-", wide, rtol=1e-9)
        table.add(f"{name}, d = {dim}: exponent in depth, +-", deep, rtol=1e-9)
        growth = factor(counts)
        print(f"{name}, d = {dim}: regions ~ width^({wide[0]:.2f} +- {wide[1]:.2f}), depth^({deep[0]:.2f} +- {deep[1]:.2f});")
        print("    one more layer multiplies by", ", ".join(f"{g:.2f} (x/: {e:.2f})" for g, e in growth))

# %% [markdown]
# At initialisation the number of regions is polynomial in the width **and in the depth**, of degree about $d$ in the width and
# at most that in the depth: one more layer multiplies by less and less. Wider and deeper, one network of He's
# initialisation for each shape (the smallest and the largest ratio are from two layers):

# %%
shapes = ([16, 16], [64] * 3, [128] * 3, [256] * 2)
cells = [sg.enumerate_regions(he(2, tuple(w), 1)[0], sg.Box([-1, -1], [1, 1])).n_cells for w in shapes]
flat = [n / (sum(w) ** 2 / 2) for n, w in zip(cells, shapes, strict=True)]
table.add("He, 2-16-16, 2-64^3, 2-128^3, 2-256^2: regions", cells)
table.add("He, the same over N^2/2", flat, rtol=1e-12)
upper = [{b.name: b.value for b in region_bounds(2, w).bounds}["serra"] for w in shapes]
print([f"{r:.3f}" for r in flat], "of N^2/2, where the upper bounds are", [f"10^{len(str(u)) - 1}" for u in upper], "regions")

# %% [markdown]
# ## 3. The same networks, trained
#
# PyTorch's initialisation, Adam, full batch: on the line the sum of sines of 5, 10, 15, 20 oscillations per $[-1,1]$
# (200 points), in the plane $\sin 3\pi x\,\sin 3\pi y$ on a grid. All seeds of a shape train at once, each on its own loss.


# %%
def trained(dim: int, widths: tuple[int, ...], seeds: int) -> list[sg.Network]:
    start = pytorch(dim, widths, seeds)
    weights = [torch.tensor(np.stack([net.weights[n].T for net in start])) for n in range(len(widths) + 1)]
    biases = [torch.tensor(np.stack([net.biases[n][None] for net in start])) for n in range(len(widths) + 1)]
    optimiser = torch.optim.Adam([p.requires_grad_() for p in (*weights, *biases)], lr=RATE)
    x = samples(dim)
    wanted = target(x)
    for _ in range(STEPS):
        y = x.expand(seeds, *x.shape)
        for n, (w, b) in enumerate(zip(weights, biases, strict=True)):
            y = torch.baddbmm(b, y if n == 0 else y.relu(), w)
        loss = ((y - wanted) ** 2).mean(dim=(1, 2))
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
    values = [[p.detach().numpy() for p in group] for group in (weights, biases)]
    return [sg.Network([w[s].T for w in values[0]], [b[s, 0] for b in values[1]]) for s in range(seeds)]


everything = {**initial, "trained": ensembles("trained", trained, TRAINED)}

# %% [markdown]
# Counts, the exact Lipschitz constant beside the product of spectral norms that bounds it, and the tail
# $\lim E(t)\,t^4 = 2(2\pi)^{d-1}\sum c_F^2|F|$ of the kinks: the energy at high frequencies.

# %%
LABELS = ("activation regions", "$L_f$ (dotted: product of norms)", r"tail, $\lim E(t)\,t^4$")
for dim in (1, 2):
    figure, axes = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    for row, (sweep, sizes) in zip(axes, (("depth", DEPTHS), ("width", WIDTHS))):
        for name, of in everything.items():
            plot_mean(row[0], sizes, swept(of, dim, sweep, "activation regions"), color=INKS[name], label=name)
            plot_mean(row[1], sizes, swept(of, dim, sweep, "L_f"), color=INKS[name])
            row[1].plot(sizes, swept(of, dim, sweep, "product of norms").mean(axis=0), ":", color=INKS[name])
            plot_mean(row[2], sizes, swept(of, dim, sweep, "tail"), color=INKS[name])
        for axis, what in zip(row, LABELS):
            axis.set(ylabel=what, yscale="log")
            axis.set_xlabel(f"hidden layers of {WIDTH}" if sweep == "depth" else "width of 2 hidden layers")
            if sweep == "width":
                axis.set_xscale("log", base=2)
            axis.set_xticks(sizes, sizes)
    axes[0, 0].legend(frameon=False)
    figure.suptitle(f"d = {dim}")
    table.figure(figure, f"trained-{dim}d")
    plt.show()

# %% [markdown]
# *Upper rows: depth; lower rows: width. Left: training moves the number of regions by a factor of four at most. Middle
# and right: its slopes and its tail are higher by orders of magnitude. Dotted: the products of spectral norms
# grow with depth, also where $L_f$ shrinks (PyTorch's initialisation).*

# %%
for name, of in everything.items():
    loose = dict(rtol=0.3, atol=0.3) if name == "trained" else dict(rtol=1e-9)
    for dim in (1, 2):
        for quantity in ("L_f", "tail"):
            depths = swept(of, dim, "depth", quantity)
            table.add(f"{name}, d = {dim}: {quantity} over depth", depths.mean(axis=0), **loose)
            middle, half = interval(np.log(depths[:, -1] / depths[:, 0]) / (DEPTHS[-1] - 1))
            factors = np.exp(middle), np.exp(half)
            table.add(f"{name}, d = {dim}: factor of {quantity} for one more layer, x/:", factors, rtol=0.5)
            print(f"{name}, d = {dim}: one more layer multiplies {quantity} by {factors[0]:.3g} (x/: {factors[1]:.2f})")
        for sweep, sizes in (("width", WIDTHS), ("depth", DEPTHS)):
            power = exponent(sizes, swept(of, dim, sweep, "tail"))
            table.add(f"{name}, d = {dim}: exponent of the tail in {sweep}, +-", power, **loose)
        share = np.concatenate([swept(of, dim, sweep, "share").ravel() for sweep in ("depth", "width")])
        table.add(f"{name}, d = {dim}: largest share of L_f (N_f - 1) Per reached", share.max(), **loose)


def average(name: str, dim: int, quantity: str) -> np.ndarray:
    """Mean over seeds at each depth; of the untrained networks those seeds that were trained."""
    return swept(everything[name], dim, "depth", quantity)[:TRAINED].mean(axis=0)


for dim in (1, 2):
    for quantity in ("activation regions", "L_f", "tail"):
        ratio = average("trained", dim, quantity) / average("PyTorch", dim, quantity)
        table.add(f"d = {dim}: {quantity}, trained over untrained, by depth", ratio, rtol=0.3)
    table.add(f"d = {dim}: loss over depth", average("trained", dim, "loss"), rtol=0.3)

# %% [markdown]
# ## What grows how
#
# - **The bounds** grow polynomially in the width and exponentially in the depth, and **some** networks attain them: with
#   61 parameters in ten layers of two, what costs one hidden layer 3,070. For those the abstract's sentence holds to the letter.
# - **At initialisation it does not.** Regions follow $N^d/d!$: polynomial of degree about $d$ in the width and of at most that
#   *in the depth*; one more layer multiplies by less and less. The tail does not grow with the width at all. With the
#   depth it grows about linearly from He's initialisation, and from PyTorch's it *shrinks* by a constant factor a layer, to
#   about a fifth, $L_f$ by about 0.4 (a little above $1/\sqrt6$), while the product of spectral norms, which bounds $L_f$, grows.
# - **Training** leaves the number of regions below $N^d/d!$ too; it raises $L_f$ and, by orders of magnitude, the tail, and more so in
#   deeper networks, which also fit better. But not at a constant rate: the second layer adds most, and once the target is fitted
#   (in the plane, full run) the tail stays what it is.
# - The bound $J \le L_f (N_f - 1)\,\mathrm{Per}$ behind the paper's numerator, which the sawtooth attains, is met to a few
#   per cent at most in the plane.
#
# Checked:

# %%
for dim in (1, 2):
    for name, (low, high) in {"He": (0.7, 1.1), "PyTorch": (0.05, 0.7), "trained": (0.2, 1.0)}.items():
        counts = swept(everything[name], dim, "depth", "activation regions")
        share = (counts / ((WIDTH * np.array(DEPTHS)) ** dim / dim)).mean(axis=0)
        assert np.all((share > low) & (share < high))
        if name == "trained":
            continue
        wide = exponent(WIDTHS, swept(everything[name], dim, "width", "activation regions"))
        deep = exponent(DEPTHS, counts)
        assert wide[0] - wide[1] < dim * 1.05 and wide[0] + wide[1] > dim * 0.95  # degree d in the width
        assert deep[0] - deep[1] < dim  # and not more in the depth
        growth = [g for g, _ in factor(counts)]
        assert growth == sorted(growth, reverse=True) and growth[-1] < (WIDTH // dim + 1) ** dim / 4
    slopes = {name: average(name, dim, "L_f") for name in everything}
    norms = {name: average(name, dim, "product of norms") for name in everything}
    assert np.all(np.diff(slopes["PyTorch"]) < 0) and norms["PyTorch"][-1] > norms["PyTorch"][0]
    tails = {sweep: exponent(of, swept(initial["He"], dim, sweep, "tail")) for sweep, of in (("width", WIDTHS), ("depth", DEPTHS))}
    assert tails["width"][0] - tails["width"][1] < 0.2 and tails["depth"][0] - tails["depth"][1] < 1.1
    assert 0.35 < (slopes["PyTorch"][-1] / slopes["PyTorch"][0]) ** (1 / (DEPTHS[-1] - 1)) < 0.5
    assert slopes["He"].max() < 3 * slopes["He"].min() and norms["He"][-1] > 10 * norms["He"][0]
    loss = average("trained", dim, "loss")
    assert np.all(loss[2:] < loss[0])  # deeper fits better
    ratio = {q: average("trained", dim, q) / average("PyTorch", dim, q) for q in QUANTITIES}
    assert np.all(ratio["activation regions"][1:] < 6)
    gain = np.diff(np.log(average("trained", dim, "tail"))) / np.diff(DEPTHS)
    assert gain[0] > 2 * max(gain[1:])  # the second layer adds most
    assert dim == 1 or max(average(name, dim, "share").max() for name in everything) < 0.05
    assert np.all(ratio["L_f"][1:] > 10) and np.all(ratio["tail"][1:] > 1000)
print(table)
table.check()
print("all results as stored")
