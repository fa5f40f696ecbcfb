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
# # The first five minutes
#
# A ReLU network is a piecewise-linear function: its input space falls into convex cells, and on
# each cell the network is affine. specgeo enumerates those cells exactly and computes the
# network's Fourier transform from them in closed form: no sampling, no FFT.
#
# The network here is a small coordinate network, 2-48-48-1, trained to map a position in the
# square to the brightness of a photograph of a flower.

# %%
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import specgeo as sg
from specgeo import plotting

HERE = Path(__file__).parent if "__file__" in globals() else Path()
net = sg.read_network(HERE / "../examples/flower.npz")
box = sg.Box([-1, -1], [1, 1])
net, box

# %% [markdown]
# ## Its regions
#
# One call. The certificate says how many signs had to be decided to know the combinatorics, and
# that every one of them was proved: the complex is the complex of these very weights.

# %%
start = time.perf_counter()
cx = sg.enumerate_regions(net, box)
print(f"{time.perf_counter() - start:.2f} s (the first call compiles)")
print("vertices, edges, cells:", cx.f_vector)
print(cx.certificate)

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
plotting.region_map(cx, ax=axes[0], edges=False)
plotting.region_map(cx, ax=axes[1], color="gradient")
plt.show()

# %% [markdown]
# The complex knows everything about the function. On each cell $f(x) = g\cdot x + o$; so the mean,
# the norm and the Lipschitz constant are finite sums, not estimates.

# %%
middle = np.einsum("cd,cd->c", cx.gradients[:, 0], cx.centroids) + cx.offsets[:, 0]
mean = cx.volumes @ middle / box.volume
slope = np.linalg.norm(cx.gradients[:, 0], axis=1)
print(f"mean brightness    {mean:.12f}")
print(f"Lipschitz constant {slope.max():.6f}, reached on cell {slope.argmax()}")

grid = (np.arange(600) + 0.5) / 300 - 1
samples = net(np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1))
print(f"mean of 360 000 samples {samples.mean():.12f}")

# %% [markdown]
# ## Its analytic spectrum
#
# $\hat f(k) = \int_\Omega f(x)\, e^{-i k\cdot x}\,dx$ for wavevectors $k$ in angular units, each with
# an error bound. Any $k$ will do: zero, normal to a facet, or so large that no grid could follow.

# %%
k = np.array([[0.0, 0.0], [3.0, 1.0], [300.0, -40.0], [1e6, 1e5]])
values, errors = sg.spectrum(cx, k, return_error=True)
for wave, value, error in zip(k, values[:, 0], errors[:, 0], strict=True):
    print(f"k = {wave!s:22} f^ = {value: .3e}   error below {error:.0e}")

# %% [markdown]
# ## The FFT beside it
#
# The Fourier series of the even ("mirror") extension: coefficients $c_n$ at $k = \pi n / s$. The same
# numbers by FFT of 64 samples a period carry an aliasing error; here it is known mode by mode,
# since the truth is.

# %%
from specgeo.theory import alias_report

fft = alias_report(cx, 64, function=net)
size = np.linalg.norm(fft.modes, axis=1)
figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
axis.loglog(size[1:], fft.exact[1:], ".", ms=3, label="exact $|c_n|$")
axis.loglog(size[1:], fft.difference[1:], ".", ms=3, label="error of the FFT")
axis.set(xlabel="|n|", ylabel="amplitude")
axis.legend(frameon=False)
plt.show()

# %%
for low, high in ((1, 4), (4, 16), (16, 32)):
    band = (size >= low) & (size < high)
    error = np.linalg.norm(fft.difference[band]) / np.linalg.norm(fft.exact[band])
    print(f"{low:2d} <= |n| < {high:2d}: relative error of the FFT {100 * error:6.2f} %")

# %% [markdown]
# ## Anything in high dimension
#
# Along a line a network of any input dimension is a piecewise-linear function of one variable. Here
# is a proof, not a sample, that a random classifier of 100 inputs answers one class along a path. The
# straight segment between the two inputs leaves the class; the path found bends round.

# %%
from specgeo.testing import random_network
from specgeo.paths import classify, find_path

wide = random_network([100, 64, 64, 64, 5], rng=3)
x = np.random.default_rng(0).normal(size=(40, 100))
label = np.bincount(classify(wide, x)).argmin()  # the rarest class
first, second = x[classify(wide, x) == label][:2]
path = find_path(wide, first, second)
print(path)
print(path.certificate)

# %% [markdown]
# What these cells claim, checked:

# %%
assert cx.certificate.certified and cx.euler_characteristic == 1
assert abs(cx.volumes.sum() - box.volume) < 1e-12
assert abs(mean - samples.mean()) < 1e-5
assert abs(values[0, 0] - mean * box.volume) < 1e-12
assert np.all(errors < 1e-8)  # the rounding of the vertices included
assert all(check.holds for check in fft.checks)
assert path.connected and path.certificate.margin > path.certificate.error_bound
print("all assertions hold")
