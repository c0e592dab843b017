"""Workloads as YAML: the format, the round trip, and errors that say where and what."""

from pathlib import Path

import onnx
import pytest

from optimizer import networks
from optimizer.errors import SpecError
from optimizer.workload.layer import Layer, VectorLayer, conv, matmul
from optimizer.workload.reader import dump_network, load_network, parse_network
from optimizer.workload.views import WHOLE
from tests.support.choices import NETWORKS, slow_unless

NETWORK = """
name: tiny
bits: {W: 8, I: 8}
layers:
  - {name: conv1, type: conv, dims: {N: 1, K: 64, C: 3, P: 112, Q: 112, R: 7, S: 7}, stride: 2}
  - {name: pool, type: vector, kind: maxpool, reads: [802816], writes: [200704], operations: 1806336}
  - {name: conv2, type: dwconv, dims: {G: 64, P: 56, Q: 56, R: 3, S: 3}, bits: {O: 32}}
  - {name: mix, einsum: "y[k,p,q] += W[k,c] * I[c,p,q]", dims: {K: 64, C: 64, P: 56, Q: 56}}
  - name: add
    type: vector
    kind: add
    reads: [200704, {words: 200704, bits: 4}]
    writes: [200704]
    operations: 200704
    inputs: [pool, mix]
  - {name: fc, type: matmul, dims: {M: 1, N: 10, K: 64}, parameters: 650, inputs: {add: pooled}}
"""


def same(first, second):
    """Equal networks: names, layers in order, edges with tensors, warnings."""
    assert first.name == second.name
    assert list(first.layers()) == list(second.layers())
    assert dict(first.graph.edges) == dict(second.graph.edges)
    assert first.warnings == second.warnings


def test_network():
    network = parse_network(NETWORK)
    conv1, pool, conv2, mix, add, fc = network.layers()
    assert conv1 == conv(
        "conv1",
        {"N": 1, "K": 64, "C": 3, "P": 112, "Q": 112, "R": 7, "S": 7},
        stride=(2, 2),
        bits={"W": 8, "I": 8},
    )
    assert pool == VectorLayer("pool", "maxpool", ((802816, 8),), ((200704, 16),), 1806336)
    assert conv2.kind == "dwconv"
    assert [operand.bits for operand in conv2.operands] == [8, 8, 32]
    assert isinstance(mix, Layer)
    assert mix.operand("O").tensor == "y"
    assert add.reads == ((200704, 8), (200704, 4))
    assert fc.parameter_count == 650
    assert {edge[:2]: edge[2] for edge in network.graph.edges(data="tensor")} == {
        ("conv1", "pool"): "conv1",
        ("pool", "conv2"): "pool",
        ("conv2", "mix"): "conv2",
        ("pool", "add"): "pool",
        ("mix", "add"): "y",
        ("add", "fc"): "pooled",
    }
    assert all(view == WHOLE for _, _, view in network.graph.edges(data="view"))


def test_round_trip():
    network = parse_network(NETWORK)
    network.warnings.append("a: warning")
    same(parse_network(dump_network(network)), network)


@pytest.mark.parametrize("name", slow_unless(NETWORKS, networks.names()))
def test_round_trip_of_built_in_networks(name):
    network = networks.build(name, bits={"W": 4, "I": 8})
    same(parse_network(dump_network(network)), network)


@pytest.mark.parametrize("name", ["shufflenet", "inception_v1"])
def test_round_trip_of_imported_networks(name):
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    network = networks.load(str(folder / f"light_{name}.onnx"))
    same(parse_network(dump_network(network)), network)


def test_a_single_layer_in_a_file(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text("{name: m, einsum: 'O[m,n] += I[m,k] * W[k,n]', dims: {M: 2, N: 3, K: 4}, bits: 8}")
    network = load_network(path)
    (layer,) = network.layers()
    assert network.name == "m"
    assert layer.macs == 24
    assert [operand.bits for operand in layer.operands] == [8, 8, 8]


def test_default_bits_are_those_of_the_call(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text("{name: m, type: matmul, dims: {M: 2, N: 3, K: 4}}")
    (layer,) = load_network(path, bits={"W": 4}).layers()
    assert layer == matmul("m", {"M": 2, "N": 3, "K": 4}, bits={"W": 4})


def test_a_network_is_called_after_its_file(tmp_path):
    path = tmp_path / "deep.yml"
    path.write_text("layers: [{name: m, type: matmul, dims: {M: 2, N: 3, K: 4}}]")
    assert load_network(path).name == "deep"


@pytest.mark.parametrize(
    ("extra", "dims"),
    [
        ({"groups": 2}, {"G": 2, "K": 4, "C": 3}),
        ({"groups": 1}, {"K": 8, "C": 6}),
    ],
)
def test_groups_split_the_channels(extra, dims):
    network = parse_network(
        f"{{name: c, type: conv, dims: {{K: 8, C: 6, P: 5, R: 3}}, dilation: 2, groups: {extra['groups']}}}"
    )
    (layer,) = network.layers()
    assert layer == conv("c", {**dims, "P": 5, "R": 3}, dilation=(2, 2))


def test_stride_per_axis():
    (layer,) = parse_network(
        "{name: c, type: conv, dims: {K: 1, C: 1, P: 5, Q: 5, R: 3, S: 3}, stride: [2, 3]}"
    ).layers()
    assert layer.operand("I").footprint(layer.extents) == (4 * 2 + 3) * (4 * 3 + 3)


MATMUL = "name: m, type: matmul"


@pytest.mark.parametrize(
    ("text", "field", "problem"),
    [
        ("[1, 2]", None, "expected a mapping"),
        ("", None, "the file is empty"),
        ("layers: []", "layers", "needs a layer"),
        ("layers: 3", "layers", "expected a list"),
        ("layers: [3]", "layers[0]", "expected a mapping"),
        ("{layers: [], layer: 1}", "layer", "unknown key"),
        ("{name: m, dims: {M: 1}}", "type", "an einsum or a type"),
        ("{name: m, type: pool}", "type", "an einsum or a type"),
        ("{name: m, type: einsum}", "type", "an einsum or a type"),
        ("{type: matmul, dims: {M: 1, N: 1, K: 1}}", None, "'name' is missing"),
        ("{name: 3, type: matmul, dims: {M: 1, N: 1, K: 1}}", "name", "non-empty string"),
        (f"{{{MATMUL}}}", None, "'dims' is missing"),
        (f"{{{MATMUL}, dims: 5}}", "dims", "expected a mapping"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1}}}}", "dims", "K is missing"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1, C: 2}}}}", "dims.C", "unknown dim"),
        (f"{{{MATMUL}, dims: {{M: 0, N: 1, K: 1}}}}", "dims.M", "whole number"),
        (f"{{{MATMUL}, dims: {{M: -4, N: 1, K: 1}}}}", "dims.M", "whole number"),
        (f"{{{MATMUL}, dims: {{M: 4.0, N: 1, K: 1}}}}", "dims.M", "whole number"),
        (f"{{{MATMUL}, dims: {{M: true, N: 1, K: 1}}}}", "dims.M", "whole number"),
        (f"{{{MATMUL}, dims: {{M: 1e3, N: 1, K: 1}}}}", "dims.M", "whole number"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, stride: 2}}", "stride", "unknown key"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, multiplicity: 0}}", "multiplicity", "whole number"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, parameters: -1}}", "parameters", "whole number"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, bits: {{Z: 8}}}}", "bits.Z", "unknown role"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, bits: 0}}", "bits", "precision"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, tensors: {{Z: a}}}}", "tensors.Z", "role: name"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, tensors: [a]}}", "tensors", "role to tensor"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, inputs: [a]}}", "inputs", "unknown producer"),
        (f"{{{MATMUL}, dims: {{M: 1, N: 1, K: 1}}, inputs: a}}", "inputs", "names of layers"),
        ("{name: c, type: conv, dims: {K: 4, C: 3, P: 5}, groups: 2}", "groups", "divide the dim C"),
        ("{name: c, type: conv, dims: {G: 2, K: 4, C: 3, P: 5}, groups: 2}", "groups", "say the same"),
        ("{name: c, type: conv, dims: {K: 4, C: 3, P: 5, S: 5}}", "dims", "S without Q"),
        ("{name: c, type: conv, dims: {K: 4, C: 3, P: 5}, stride: [1]}", "stride", "one integer or two"),
        ("{name: c, type: conv, dims: {K: 4, C: 3, P: 5}, stride: [1, 0]}", "stride[1]", "whole number"),
        ("{name: c, type: dwconv, dims: {K: 4, G: 3, P: 5}}", "dims.K", "unknown dim"),
        ("{name: e, einsum: 'O[m] += I[m]', dims: {M: 2}}", "einsum", "two factors"),
        ("{name: e, einsum: 'O[m] += I[m]*W[m]', dims: {N: 2}}", "dims.N", "unknown dim"),
        ("{name: v, type: vector, kind: add, reads: [], writes: [1]}", None, "'operations' is missing"),
        ("{name: v, type: vector, kind: add, reads: [0], writes: [], operations: 0}", "reads[0]", "whole"),
        (
            "{name: v, type: vector, kind: a, reads: [{size: 1}], writes: [], operations: 0}",
            "reads[0].size",
            "unknown key",
        ),
        ("{name: v, type: vector, kind: a, reads: 5, writes: [], operations: 0}", "reads", "a list"),
    ],
)
def test_errors_name_file_field_and_remedy(tmp_path, text, field, problem):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=problem) as caught:
        load_network(path)
    assert caught.value.file == str(path)
    assert caught.value.field == field
    assert caught.value.allowed
    assert caught.value.remedy


def test_fields_inside_a_network_have_their_full_path():
    text = "layers: [{name: a, type: matmul, dims: {M: 1, N: 1, K: 1}}, {name: b, einsum: 'O[m]', dims: {M: 1}}]"
    with pytest.raises(SpecError) as caught:
        parse_network(text)
    assert caught.value.field == "layers[1].einsum"


def test_names_are_unique():
    layer = "{name: a, type: matmul, dims: {M: 1, N: 1, K: 1}}"
    with pytest.raises(SpecError, match="same name"):
        parse_network(f"layers: [{layer}, {layer}]")


def test_unknown_keys_get_a_close_match():
    with pytest.raises(SpecError, match="did you mean dims"):
        parse_network("{name: a, type: matmul, dim: {M: 1}}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("layers: [", "not valid YAML"),
        ("{name: a, name: b}", "given twice"),
        ("a: !!python/x 1", "not valid"),
    ],
)
def test_broken_yaml(tmp_path, text, problem):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=problem) as caught:
        load_network(path)
    assert caught.value.field.startswith("line 1, column")


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(SpecError, match="no such file"):
        load_network(tmp_path / "missing.yaml")
    with pytest.raises(SpecError, match="cannot read"):
        load_network(tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(SpecError, match="cannot read"):
        load_network(binary)


@pytest.mark.parametrize(
    ("dims", "lines"),
    [
        ("K: 2, C: 2, P: 4, Q: 4, R: 3", ["c: the kernel has R=3 and no S: it is R x 1, not square"]),
        ("K: 2, C: 2, P: 4, Q: 4, S: 3", ["c: the kernel has S=3 and no R: it is S x 1, not square"]),
        ("K: 2, C: 2, P: 4, Q: 4", []),
        ("K: 2, C: 2, P: 4, Q: 4, R: 3, S: 1", []),
    ],
)
def test_a_kernel_along_one_axis_is_warned_of(dims, lines):
    network = parse_network(f"{{name: c, type: conv, dims: {{{dims}}}}}")
    assert network.warnings == lines
    assert parse_network(dump_network(network)).warnings == lines, "once"


@pytest.mark.parametrize("share", ["[3]", "[4, 3]", "[0, 3]", "3/4"])
def test_shares_of_taps_are_checked(share):
    text = "{name: c, type: conv, dims: {K: 2, C: 2, P: 4}, real_taps: SHARE}"
    with pytest.raises(SpecError, match="real_taps"):
        parse_network(text.replace("SHARE", share))
    network = parse_network(text.replace("SHARE", "[3, 4]"))
    assert network.macs == 12 and parse_network(dump_network(network)).macs == 12
