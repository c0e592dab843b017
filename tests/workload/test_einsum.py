"""Einsum strings: what they mean, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import SpecError
from optimizer.workload.einsum import einsum_layer, layer_einsum, parse_einsum
from optimizer.workload.layer import Axis, conv, matmul

CONV = "O[n,k,p,q] += W[k,c,r,s] * I[n,c,2p+r,2q+s]"
DIMS = {"N": 1, "K": 4, "C": 3, "P": 5, "Q": 6, "R": 3, "S": 3}


def test_a_convolution_is_the_layer_that_conv_makes():
    layer = einsum_layer("c", CONV, DIMS)
    assert layer.shape_key() == conv("c", DIMS, stride=(2, 2)).shape_key()
    assert layer.kind == "einsum"


def test_a_matrix_product_is_the_layer_that_matmul_makes():
    layer = einsum_layer("m", "O[b,m,n] += W[b,k,n] * I[b,m,k]", {"B": 2, "M": 3, "N": 4, "K": 5})
    assert layer.shape_key() == matmul("m", {"B": 2, "M": 3, "N": 4, "K": 5}).shape_key()


@pytest.mark.parametrize("index", ["2p+r", "2*p+r", "p*2 + r", " 2 p + r ", "2P+R", "p*2+1*r"])
def test_spellings_of_a_window_index(index):
    axes = parse_einsum(f"O[p] += W[r]*I[{index}]")["I"][1]
    assert axes == (Axis((("P", 2), ("R", 1))),)


@pytest.mark.parametrize(
    ("text", "weights", "inputs"),
    [
        ("O[m,n] += A[m,k] * B[k,n]", "B", "A"),
        ("O[m,n] += W[m,k] * X[k,n]", "W", "X"),
        ("O[m,n] += X[m,k] * W[k,n]", "W", "X"),
        ("O[m,n] += X[m,k] * I[k,n]", "X", "I"),
        ("O[m,n] += I[m,k] * X[k,n]", "X", "I"),
        ("O[p] += image[p+r] * taps[r]", "taps", "image"),
        ("O[p] += taps[r] * image[p+r]", "taps", "image"),
        ("O[p] += W[p+r] * I[r]", "I", "W"),
        ("Z[p] += a[r,p] * b[2p,r]", "a", "b"),
    ],
)
def test_roles(text, weights, inputs):
    tensors = parse_einsum(text)
    assert (tensors["W"][0], tensors["I"][0]) == (weights, inputs)


def test_tensor_names_are_kept_unless_they_name_the_role():
    layer = einsum_layer("m", "y[m,n] += x[m,k] * W[k,n]", {"m": 1, "n": 2, "k": 3})
    assert [operand.tensor for operand in layer.operands] == ["", "x", "y"]
    assert layer.dims == (("M", 1), ("N", 2), ("K", 3))


def test_bits():
    layer = einsum_layer("c", CONV, DIMS, bits={"W": 4})
    assert [operand.bits for operand in layer.operands] == [4, 16, 16]
    assert all(operand.bits == 8 for operand in einsum_layer("c", CONV, DIMS, bits=8).operands)


def test_a_scalar_output_has_no_axes():
    layer = einsum_layer("dot", "O[] += W[k] * I[k]", {"K": 7})
    assert layer.operand("O").footprint(layer.extents) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "O[m]",
        "O[m] += A[m]",
        "O[m] += A[m] * B[m] * C[m]",
        "O[m] += A[m] + B[m]",
        "O[m) = A[m] * B[m]",
        "O[m] += A[m+1] * B[m]",
        "O[m] += A[m-k] * B[m,k]",
        "O[m] += A[0m] * B[m]",
        "O[m] += A[2m*2] * B[m]",
        "O[m] += A[m,m] * B[m]",
        "O[m] += A[m+m] * B[m]",
        "O[p+r] += A[p] * B[r]",
        "O[2p] += A[p] * B[p]",
        "O[p,q] += A[p+r,q] * B[p,q+r]",
        "O[m] += O[m] * B[m]",
        "O[m] += A[m] * A[m]",
        "O[m] += A[,m] * B[m]",
        None,
        3,
    ],
)
def test_bad_syntax_is_refused_with_place_and_advice(text):
    with pytest.raises(SpecError) as caught:
        parse_einsum(text, file="w.yaml", field="layers[0].einsum")
    assert caught.value.file == "w.yaml"
    assert caught.value.field == "layers[0].einsum"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("dims", "field", "problem"),
    [
        ({"M": 2, "N": 3}, "layers[1].dims", "missing"),
        ({"M": 2, "N": 3, "K": 4, "Z": 5}, "layers[1].dims.Z", "unknown dim"),
        ({"M": 2, "m": 2, "N": 3, "K": 4}, "layers[1].dims.m", "twice"),
        ({"M": 0, "N": 3, "K": 4}, "layers[1].dims.M", "positive"),
        ({"M": True, "N": 3, "K": 4}, "layers[1].dims.M", "positive"),
        ({"M": 2.0, "N": 3, "K": 4}, "layers[1].dims.M", "positive"),
    ],
)
def test_dims_must_fit_the_einsum(dims, field, problem):
    with pytest.raises(SpecError, match=problem) as caught:
        einsum_layer("m", "O[m,n] += I[m,k] * W[k,n]", dims, file="w.yaml", field="layers[1]")
    assert (caught.value.file, caught.value.field) == ("w.yaml", field)


def test_an_index_of_one_tensor_alone_is_refused():
    with pytest.raises(SpecError, match="at least two") as caught:
        einsum_layer("m", "O[m] += I[m,k] * W[m]", {"M": 2, "K": 3}, file="w.yaml")
    assert caught.value.field == "m.dims"


@pytest.mark.parametrize("bits", [0, -8, True, 8.0, "8", {"X": 8}, {"W": 0}])
def test_bad_bits(bits):
    with pytest.raises(SpecError) as caught:
        einsum_layer("c", CONV, DIMS, bits=bits)
    assert caught.value.field.startswith("c.bits")


@given(
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dims=st.fixed_dictionaries({d: st.integers(1, 9) for d in "KCPR"}, optional={d: st.integers(1, 9) for d in "NG"}),
    square=st.booleans(),
)
def test_layers_survive_the_way_through_a_string(stride, dilation, dims, square):
    if square:
        dims = {**dims, "Q": dims["P"], "S": dims["R"]}
    layer = conv("c", dims, stride=stride, dilation=dilation)
    again = einsum_layer("c", layer_einsum(layer), layer.extents, kind=layer.kind)
    assert again == layer


def test_an_assignment_is_refused():
    with pytest.raises(SpecError, match="adds up") as caught:
        parse_einsum("O[m,n] = W[m,k] * X[k,n]")
    assert "+=" in caught.value.remedy


def test_an_index_of_three_dims_is_refused():
    with pytest.raises(SpecError, match="two dims at most") as caught:
        einsum_layer("e", "O[p,q] += W[r] * I[2p+3r+q]", {"P": 2, "Q": 3, "R": 4})
    assert caught.value.value == "P + R + Q"
