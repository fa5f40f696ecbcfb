"""Bad input: the right exception, whose message names the argument and says what to do."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo import fourier

W, V = [[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0]]
BOX = ([-1.0, -1.0], [1.0, 1.0])


def net():
    return sg.Network([W, V], [[0.0, 1.0], [0.0]])


BAD = {
    "NaN weight": (lambda: sg.Network([[[np.nan]]], [[0.0]]), sg.InvalidInputError, r"weights\[0\].*remove"),
    "infinite bias": (lambda: sg.Network([W, V], [[0, np.inf], [0]]), sg.InvalidInputError, r"biases\[0\].*remove"),
    "layers that do not chain": (lambda: sg.Network([W, [[1.0]]], [[0, 0], [0]]), sg.InvalidInputError,
                                 r"weights\[1\].*\(any, 2\) wanted"),
    "bias of the wrong length": (lambda: sg.Network([W], [[0.0]]), sg.InvalidInputError, r"biases\[0\].*\(2,\) wanted"),
    "missing bias": (lambda: sg.Network([W, V], [[0.0, 0.0]]), sg.InvalidInputError, "pass one bias"),
    "no layers": (lambda: sg.Network([], []), sg.InvalidInputError, "at least one"),
    "empty layer": (lambda: sg.Network([np.zeros((0, 2))], [[]]), sg.InvalidInputError, "drop the layer"),
    "complex weight": (lambda: sg.Network([[[1j]]], [[0.0]]), sg.InvalidInputError, "real floats"),
    "words": (lambda: sg.Network([[["a"]]], [[0.0]]), sg.InvalidInputError, "real floats"),
    "ragged rows": (lambda: sg.Network([[[1.0], [1.0, 2.0]]], [[0.0, 0.0]]), sg.InvalidInputError, r"weights\[0\]"),
    "unknown activation": (lambda: sg.Network([W, V], [[0, 0], [0]], "tanh"), sg.InvalidInputError, "use one of"),
    "too many activations": (lambda: sg.Network([W, V], [[0, 0], [0]], ["relu"] * 2), sg.InvalidInputError, "one for"),
    "unsorted breakpoints": (lambda: sg.Activation([1, 0], [0, 1, 0]), sg.InvalidInputError, "breakpoints.*sort"),
    "equal slopes": (lambda: sg.Activation([0], [1, 1]), sg.InvalidInputError, "slopes.*drop"),
    "clip the wrong way": (lambda: sg.Activation.clip(1, 0), sg.InvalidInputError, "lower"),
    "point of another dimension": (lambda: net()([1.0, 2.0, 3.0]), sg.InvalidInputError, r"x: .*\(\.\.\., 2\)"),
    "NaN point": (lambda: net()([np.nan, 0.0]), sg.InvalidInputError, "x: .*NaN"),
    "slice of another space": (lambda: net().restrict(sg.AffineSlice([0.0], [[1.0]])), sg.InvalidInputError, "where"),
    "composition": (lambda: net().precompose(np.eye(3)), sg.InvalidInputError, "matrix"),
    "flat box": (lambda: sg.Box([0, 0], [1, 0]), sg.DomainError, "upper.*exceed"),
    "unbounded box": (lambda: sg.Box([0], [np.inf]), sg.InvalidInputError, "upper.*infinite"),
    "box of no dimension": (lambda: sg.Box([], []), sg.DomainError, "lower"),
    "box of two lengths": (lambda: sg.Box([0, 0], [1]), sg.InvalidInputError, "upper"),
    "unbounded polytope": (lambda: sg.Polytope([[1.0]], [1.0]), sg.DomainError, "unbounded; add rows"),
    "empty polytope": (lambda: sg.Polytope([[1.0], [-1.0]], [0.0, -1.0]), sg.DomainError, "empty.*check the signs"),
    "missing file": (lambda: sg.read_network("no such file.npz"), sg.ReadError, "no such file"),
    "unknown suffix": (lambda: sg.read_network("net.mat"), sg.ReadError, r"\.onnx"),
    "save under another suffix": (lambda: net().save("net.txt"), sg.InvalidInputError, r"\.npz"),
    "domain of another dimension": (lambda: sg.enumerate_regions(net(), sg.Box([0], [1])), sg.InvalidInputError,
                                    "domain"),
    "no domain": (lambda: sg.enumerate_regions(net(), "box"), sg.InvalidInputError, "domain"),
    "no lists": (lambda: sg.Network(None, None), sg.InvalidInputError, "weights, biases: .*pass a list"),
    "no activation": (lambda: sg.Network([W, V], [[0, 0], [0]], None), sg.InvalidInputError, "activation: None.*use"),
    "number as activation": (lambda: sg.Network([W, V], [[0, 0], [0]], 3), sg.InvalidInputError, "activation: 3.*use"),
    "function as activation": (lambda: sg.Network([W, V], [[0, 0], [0]], np.tanh), sg.InvalidInputError,
                               "activation: .*tanh.*use"),
    "list as activation": (lambda: sg.Network([W, V], [[0, 0], [0]], [["relu"]]), sg.InvalidInputError, "activation"),
    "clip at a word": (lambda: sg.Activation.clip("a", 1), sg.InvalidInputError, "lower: .*real floats"),
    "clip at nothing": (lambda: sg.Activation.clip(0.0, [1.0, 2.0]), sg.InvalidInputError, "upper: shape"),
    "intercepts that overflow": (lambda: sg.Activation([1e300], [1e300, -1e300]), sg.InvalidInputError,
                                 "breakpoints, slopes: .*scale"),
    "no slice": (lambda: net().restrict("a"), sg.InvalidInputError, "where: str given; pass"),
    "axis between axes": (lambda: sg.AffineSlice.axes([0.5], [0.0, 0.0]), sg.InvalidInputError, "axes: .*0 to 1"),
    "axis that is no list": (lambda: sg.AffineSlice.axes(0, [0.0, 0.0]), sg.InvalidInputError, "axes: 0 given; pass"),
    "axis twice": (lambda: sg.AffineSlice.axes([1, 1], [0.0, 0.0]), sg.InvalidInputError, "axes: .*once"),
    "ragged axes": (lambda: sg.AffineSlice.axes([[0], [0, 1]], [0.0, 0.0]), sg.InvalidInputError, "axes: .*0 to 1"),
    "integers beyond 2^53": (lambda: sg.Network([[[2**53 + 1]]], [[0]]), sg.InvalidInputError, r"weights\[0\].*round"),
    "largest integer": (lambda: sg.Network([[[2**63 - 1]]], [[0]]), sg.InvalidInputError, r"weights\[0\].*round"),
    "integer beyond all floats": (lambda: sg.Box([0], [10**400]), sg.InvalidInputError, "upper: .*real floats"),
    "long double": (lambda: sg.Box([0], [np.nextafter(np.longdouble(1), 2)]), sg.InvalidInputError, "upper: .*round"),
    "long double beyond all floats": (lambda: sg.Box([0], [np.longdouble("1e400")]), sg.InvalidInputError, "upper"),
    "complex points": (lambda: net()(np.array([1j, 0.0])), sg.InvalidInputError, "x: .*complex128.*real floats"),
    "number as file": (lambda: sg.read_network(5), sg.InvalidInputError, "path: 5 given"),
    "no file": (lambda: sg.load_complex(None), sg.InvalidInputError, "path: None given"),
    "save into nothing": (lambda: net().save(None), sg.InvalidInputError, "path: None given"),
    "option of another format": (lambda: sg.read_network("x.npz", normalized=True), sg.InvalidInputError,
                                 r"normalized: .*\.npz.*\.nnet"),
    "unknown option": (lambda: sg.read_network("x.onnx", outputs="y"), sg.InvalidInputError, r"outputs: .*\.onnx"),
    "no network": (lambda: sg.enumerate_regions(3, sg.Box(*BOX)), sg.InvalidInputError, "network"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_message_names_argument_and_remedy(case):
    action, kind, message = BAD[case]
    with pytest.raises(kind, match=message) as caught:
        action()
    assert isinstance(caught.value, sg.SpecgeoError) and isinstance(caught.value, ValueError)


def test_wavevector_of_another_dimension():
    cx = sg.enumerate_regions(net(), sg.Box(*BOX))
    with pytest.raises(sg.InvalidInputError, match=r"k: .*\(\.\.\., 2\)"):
        sg.spectrum(cx, [1.0, 2.0, 3.0])


def test_budget_stops_the_run():
    rng = np.random.default_rng(0)
    big = sg.Network([rng.normal(size=(40, 2)), rng.normal(size=(1, 40))], [rng.normal(size=40), [0.0]])
    with pytest.raises(sg.BudgetError, match="max_cells.*raise"):
        sg.enumerate_regions(big, sg.Box(*BOX), max_cells=50)


@pytest.mark.parametrize("suffix", ["npz", "onnx", "nnet"])
@pytest.mark.parametrize("content", [b"", b"garbage \x00\xff" * 20, "half"])
def test_corrupt_files(suffix, content, tmp_path, examples):
    if suffix == "onnx":
        pytest.importorskip("onnx", reason="needs the extra onnx")
    path = tmp_path / f"corrupt.{suffix}"
    if content == "half":
        whole = (examples / f"flower.{suffix}").read_bytes() if suffix != "nnet" else b"1,1,1,1,\n1,1,\n0,\n"
        content = whole[: len(whole) // 2]
    path.write_bytes(content)
    with pytest.raises(sg.ReadError, match=f"corrupt.{suffix}"):
        sg.read_network(path)


@pytest.mark.parametrize("thing", ["network", "complex"])
def test_places_that_cannot_be_written(thing, tmp_path):
    save = net().save if thing == "network" else sg.enumerate_regions(net(), sg.Box(*BOX)).save
    with pytest.raises(sg.InvalidInputError, match="path: there is no folder .*missing; make it"):
        save(tmp_path / "missing" / "file.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(sg.InvalidInputError, match="path: .*is a folder"):
        save(tmp_path / "folder.npz")


@pytest.mark.parametrize("k", ["a", None, 1.5, True, 3])
def test_faces_of_no_dimension(k):
    cx = sg.enumerate_regions(net(), sg.Box(*BOX))
    for call in (cx.boundary, cx.vertices_of, cx.triangulation):
        with pytest.raises(sg.InvalidInputError, match="k: .*dimension"):
            call(k)


def test_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(sg.ReadError, match="not a file"):
        sg.read_network(tmp_path / "folder.npz")


def test_hierarchy():
    for kind in (sg.InvalidInputError, sg.DomainError, sg.UnsupportedError, sg.ReadError):
        assert issubclass(kind, sg.SpecgeoError) and issubclass(kind, ValueError)
    assert issubclass(sg.MissingDependencyError, ImportError) and issubclass(sg.BudgetError, sg.SpecgeoError)


SQUARE, TRIANGLE, K = [[0, 0], [1, 0], [1, 1], [0, 1]], [[0, 0], [1, 0], [0, 1]], [[1.0, 2.0]]
CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
FOURIER = {
    "faces of floats": (lambda: sg.polytope_transform((CUBE, [[0.5, 1.0, 3.0]]), [1, 2, 3]), "face 0: .*integers"),
    "faces of NaN": (lambda: sg.polytope_transform((CUBE, [[np.nan] * 4]), [1, 2, 3]), "face 0: .*integers"),
    "ragged face": (lambda: sg.polytope_transform((CUBE, [[0, 1, [2]]]), [1, 2, 3]), "face 0: .*integers"),
    "no faces": (lambda: sg.polytope_transform((CUBE, []), [1, 2, 3]), "faces: pass a list"),
    "faces None": (lambda: sg.polytope_transform((CUBE, None), [1, 2, 3]), "faces: pass a list"),
    "no points": (lambda: sg.polytope_transform(np.empty((0, 2)), K), "polytope: 0 points"),
    "huge integer": (lambda: sg.polytope_transform([[0, 0], [10**400, 0], [0, 1]], K), "polytope: .*real floats"),
    "complex points": (lambda: sg.polytope_transform(np.array(SQUARE) * 1j, K), "polytope: .*real floats"),
    "affine density with a degree": (lambda: sg.polytope_transform(SQUARE, K, ([1, 2], 0), degree=3), "leave it out"),
    "degree of a float": (lambda: sg.polytope_transform(SQUARE, K, lambda x: x[:, 0], degree=1.0), "degree: 1.0 given"),
    "degree of a word": (lambda: sg.simplex_transform(TRIANGLE, K, [1, 2, 3], degree="1"), "degree: '1' given"),
    "degree without values": (lambda: sg.simplex_transform(TRIANGLE, K, degree=4), "degree: given without values"),
    "k None": (lambda: sg.simplex_transform(TRIANGLE, None), "k: None given; pass real floats"),
    "masked k": (lambda: sg.spectrum(square(), np.ma.masked_array(K, [[1, 0]])), "k: masked values given"),
    "boundary of an array": (lambda: sg.spectrum(square(), K, np.array(["cut"])), "boundary: "),
    "method of an array": (lambda: sg.spectrum(square(), K, method=np.array(["facet"])), "method: "),
    "constants of a boundary": (lambda: fourier.porod_constants(square(), "x"), "boundary: 'x' given"),
    "alias of an extension": (lambda: fourier.alias_bound(square(), [[1, 1]], 4, "x"), "extension: 'x' given"),
    "alias of a dimension": (lambda: fourier.alias_bound(square(), [[1, 1, 1]], 4), "modes: shape"),
    "alias of a high mode": (lambda: fourier.alias_bound(square(), [[3, 0]], 4), r"modes: \|n\| <= N / 2"),
    "alias of NaN": (lambda: fourier.alias_bound(square(), [[np.nan, 0]], 4), "modes: .*NaN"),
    "samples of NaN": (lambda: fourier.sampled_spectrum(square(), 4, function=lambda x: x[..., :1] * np.nan), "NaN"),
    "NaN coefficients": (lambda: fourier.partial_sum([[np.nan]], [[1]], [[0.0]], sg.Box([0], [1])), "coefficients: "),
    "coefficients of words": (lambda: fourier.partial_sum([["a"]], [[1]], [[0.0]], sg.Box([0], [1])), "coefficients: "),
    "series on nothing": (lambda: fourier.partial_sum([[1.0]], [[1]], [[0.0]], None), "domain: a NoneType given"),
    "mesh of floats": (lambda: fourier.mesh_pullback(TRIANGLE, [[0, 1, 1.7]], [1, 1, 1], K, [1]), "simplices: "),
    "mesh of words": (lambda: fourier.mesh_pullback(TRIANGLE, [["a", "b", "c"]], [1, 1, 1], K, [1]), "simplices: "),
    "NaN cotangent": (lambda: fourier.mesh_pullback(TRIANGLE, [[0, 1, 2]], [1, 1, 1], K, [np.nan]), "cotangent: "),
    "output of a float": (lambda: fourier.spectrum_pullback(square(), K, [1], output=0.5), "output: 0.5 given"),
    "exponents of a float": (lambda: fourier.bernstein_indices(1.5, 2), "j: 1.5 given"),
}


def square():
    return sg.enumerate_regions(sg.Network([W, V], [[0, 0], [0]]), sg.Box([-1, -1], [1, 1]))


@pytest.mark.parametrize("call, words", FOURIER.values(), ids=FOURIER.keys())
def test_arguments_of_transforms(call, words):
    with pytest.raises(sg.InvalidInputError, match=words):
        call()


def test_a_face_that_crosses_itself():
    faces = [[0, 1, 2, 3], [7, 6, 5, 4], [0, 4, 5, 1], [1, 5, 6, 2], [2, 6, 7, 3], [3, 7, 4, 0]]
    with pytest.raises(sg.DomainError, match="polytope: a polygon or face crosses itself"):
        sg.polytope_transform((CUBE, faces), [1.0, 2.0, 3.0])
