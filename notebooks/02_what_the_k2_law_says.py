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
# # What the $O(k^{-2})$ law says, and what it does not
#
# "The Fourier transform of a ReLU network decays as $O(k^{-2})$" (Rahaman et al., *On the Spectral Bias of
# Neural Networks*, arXiv 1806.08734v3, Theorem 1). With exact spectra the statement can be taken apart.
#
# We need a function without walls: cutting $f$ off at the boundary of a box adds slow terms of its own. So we
# clamp the network between $\pm h$, where $h$ grows linearly from the walls. The result is again a ReLU network.

# %%
import matplotlib.pyplot as plt
import numpy as np

import specgeo as sg
from specgeo.testing import random_network
from specgeo.theory import clamp_to_support, decay_report, direction_report, directional_variation
from specgeo.theory import kinks, normal_directions, shell_law

box = sg.Box([-1, -1], [1, 1])
net = random_network([2, 12, 12, 1], rng=4)
compact = clamp_to_support(net, box, slope=8.0)
cx = sg.enumerate_regions(compact, box)
print(compact, "has", cx.n_cells, "cells on the box")

# %% [markdown]
# ## 1. A bound with every constant in it
#
# With jumps $c_F$ of the gradient across facets $F$ with normals $n_F$,
#
# $$|\hat f(k)| \le \frac{J(\hat k)}{|k|^2} \qquad J(u) = \sum_F |c_F|\,(u\cdot n_F)^2\,|F|,$$
#
# at *every* $k \ne 0$. The paper's $C_n = O(L_f N_f)$ is not uniform over directions; its uniform form is
# $J(u) \le L_f\, N\, \mathrm{Per}(\Omega)$, which holds, with a large slack.

# %%
report = decay_report(cx)
for check in report.checks:
    if check.name.startswith("decay.compact"):
        print(f"{check.statement}\n    {check.measured:.4g} <= {check.bound:.4g}\n")

# %% [markdown]
# It is sharp: the tent of height $1/w$ and half-width $w$ attains it.

# %%
w = 0.3
tent_net = sg.Network([[[1 / w], [1 / w], [1 / w]], [[1 / w, -2 / w, 1 / w]]], [[1.0, 0.0, -1.0], [0.0]])
tent = sg.enumerate_regions(tent_net, sg.Box([-1], [1]))
k_tent = np.pi / w * np.array([[1.0], [3.0], [5.0]])
tent_ratio = np.abs(sg.spectrum(tent, k_tent)[:, 0]) * k_tent[:, 0] ** 2 / directional_variation(tent, [1.0])
print("measured / bound at kw/2 = pi/2, 3pi/2, 5pi/2:", tent_ratio)

# %% [markdown]
# ## 2. Facet normals against generic directions
#
# The rate depends on the direction. Along the normal of a facet it is $t^{-2}$. In a generic direction of the
# plane it is $t^{-3}$: only corners remain. Theorem 1's sum is exact here, with coefficients that can be
# computed, so it predicts amplitudes too, and these are what to compare: a slope fitted over a finite window
# is biased.

# %%
normal = normal_directions(cx).directions[0]
candidates = np.random.default_rng(0).normal(size=(200, 2))
candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
bends = kinks(cx, 0, "zero")
clearance = np.abs(candidates @ (bends.normals @ [[0, -1], [1, 0]]).T).min(axis=1)
generic = candidates[clearance.argmax()]  # as far from all facet normals as possible
along_normal = direction_report(cx, normal, window=(2e3, 2e4))
along_generic = direction_report(cx, generic, window=(2e3, 2e4))

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", sharey=True)
for axis, ray, name in zip(axes, (along_normal, along_generic), ("facet normal", "generic direction"), strict=True):
    ray.plot(axis)
    axis.set_title(f"{name}: $t^{{-{ray.exponent}}}$")
    print(
        f"{name}: exponent {ray.exponent}, rms of t^{ray.exponent}|f^| predicted {ray.predicted_rms[0]:.5g}, "
        f"measured {ray.measured_rms:.5g}; fitted slope {ray.fitted_slope:.3f}"
    )
plt.show()

# %% [markdown]
# ## 3. One hidden layer against depth
#
# The paper says $\Theta(1)$ for the coefficients. Only $O(1)$ is true: a coefficient may vanish. For a network
# with *one* hidden layer every interior vertex is a crossing of straight lines along which nothing changes, and
# its coefficient is zero. The interior spectrum then lives on the finitely many lines $k \parallel w_j$. Bent
# facets, that is depth, populate the rest.

# %%
shallow = sg.enumerate_regions(random_network([2, 16, 1], rng=5), box)
deep = sg.enumerate_regions(random_network([2, 16, 16, 1], rng=5), box)
angles = np.linspace(0, np.pi, 720, endpoint=False)
wheel = 400.0 * np.stack((np.cos(angles), np.sin(angles)), axis=1)


def vertex_mass(cx: sg.PolyhedralComplex, u: np.ndarray) -> float:
    """Share of the vertex coefficients of the kinks' transform that sits at interior vertices."""
    part = sg.directional_expansion(cx, u, "interior")[2]
    inner = np.flatnonzero(np.all(np.abs(cx.vertices) < 1 - 1e-9, axis=1))
    offsets = cx.vertices[inner] @ u
    near = np.abs(part.offsets[:, None] - offsets[None]).min(axis=1, initial=np.inf) < 1e-9
    weight = np.abs(part.coefficients[:, 0])
    return float(weight[near].sum() / weight.sum())


figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
for name, some in (("one hidden layer", shallow), ("two hidden layers", deep)):
    axis.semilogy(angles, np.abs(sg.spectrum(some, wheel, "interior")[:, 0]), lw=1, label=name)
axis.set(xlabel="angle of k", ylabel=r"interior $|\hat f|$ at $|k| = 400$")
axis.legend(frameon=False)
plt.show()
u = generic
shallow_mass, deep_mass = vertex_mass(shallow, u), vertex_mass(deep, u)
print(f"share of the coefficients at interior vertices: shallow {shallow_mass:.1e}, deep {deep_mass:.2f}")

# %% [markdown]
# ## 4. The reading that needs no direction
#
# Summed over a shell $|k| = t$ the energy decays as $t^{-4}$ **in every dimension**, and the constant is known:
#
# $$E(t)\,t^4 \to 2(2\pi)^{d-1} \sum_F c_F^2\,|F|.$$
#
# That is the cleanest sense in which a ReLU network's amplitude decays as $k^{-2}$.

# %%
law = shell_law(cx, [50.0, 100.0, 200.0, 400.0])
print(law)
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
law.plot(axis)
plt.show()

# %% [markdown]
# ## What it does not say
#
# - Nothing about $f$ on a box: its walls add $|k|^{-1}$. That is also what an FFT of non-periodic samples shows.
# - Nothing about slopes one can read off a finite window.
# - Not $\Theta(k^{-2})$, in any single direction.
#
# What these cells claim, checked:

# %%
assert all(check.holds for check in report.checks)
assert np.allclose(tent_ratio, 1.0, rtol=1e-12)
assert along_normal.exponent == 2 and along_generic.exponent == 3
assert abs(along_normal.measured_rms / along_normal.predicted_rms[0] - 1) < 0.05
assert abs(along_generic.measured_rms / along_generic.predicted_rms[0] - 1) < 0.25
assert shallow_mass < 1e-9 < 0.05 < deep_mass
assert np.all(np.abs(law.measured / law.predicted - 1) < 0.15)
print("all assertions hold")
