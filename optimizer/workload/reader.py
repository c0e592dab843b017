"""Workloads as YAML files.

A file holds one layer or one network::

    name: tiny                      # optional: the file's name without suffix
    bits: {W: 8, I: 8, O: 16}       # optional, or one integer; 16 where nothing is said
    layers:
      - {name: conv1, type: conv, dims: {N: 1, K: 64, C: 3, P: 112, Q: 112, R: 7, S: 7}, stride: 2}
      - {name: pool, type: vector, kind: maxpool, reads: [802816], writes: [200704], operations: 1806336}
      - {name: conv2, type: dwconv, dims: {G: 64, P: 56, Q: 56, R: 3, S: 3}}
      - {name: mix, einsum: "O[k,p,q] += W[k,c] * I[c,p,q]", dims: {K: 64, C: 64, P: 56, Q: 56}}
      - {name: add, type: vector, kind: add, reads: [200704, 200704], writes: [200704],
         operations: 200704, inputs: [pool, mix]}

``serving`` says what a run means where the network is a language model (:mod:`optimizer.workload.serving`).

A file without ``layers`` is a single layer with the same keys as an entry of ``layers``.

Keys of every layer
    ``name``; ``inputs``: names of earlier layers whose outputs it reads, either a list or a mapping to the
    name of the tensor between them (default: the layer before it; ``[]`` for none); ``views``: what it needs
    of them, see below; ``multiplicity``: how many times it runs (default 1); ``parameters``: learned words
    (default: the weights; vector layers 0); ``phase``: its part in a step of training, one of forward, loss,
    input_gradient, weight_gradient, update.
Multiply-accumulate layers
    ``dims``: extent of every dim; ``bits``; ``tensors``: optional names of W, I and O in the network;
    ``real_taps: [81, 100]``: that share of the multiply-accumulates counts, the others meet a zero where a transposed
    convolution has no tap (default: all count); ``kind``: an optional label; and either ``einsum`` (see
    :mod:`optimizer.workload.einsum`) or ``type``:

    ``conv``
        dims out of N G K C P Q Z R S T, and ``stride``, ``dilation`` (an integer or ``[along P, along Q]``, in three
        dimensions ``[along P, along Q, along Z]``).
        G, K, C: K and C count channels per group. Or ``groups: g`` with K and C of the whole layer.
    ``dwconv``
        dims out of N G P Q Z R S T, with stride and dilation.
    ``matmul``
        dims M N K, and B for a batch of both inputs.
Vector layers
    ``type: vector``; ``kind``: a label; ``reads``, ``writes``: one entry per tensor, words or
    ``{words: ..., bits: ...}`` (default: bits of I and O); ``operations``: scalar operations; ``grid``:
    extents of its output along the tile axes, ``[batch, rows, columns]`` (default ``[1, 1, 1]``).
Sparsity
    ``sparsity: {W: "2:4"}``: of every four weights along the dim that is summed over (C, or K of a matmul; another
    with ``dim: K`` beside it) two are stored, each with its index; ``sparsity: none`` for none. ``dims`` and ``bits``
    stay those of elements. Beside ``layers`` it holds for all layers with learned weights that it is possible for, and
    that do not say themselves; a warning names the others.
Views
    What a position of a layer's output needs of a producer's output, for running layers as one; costs of
    single layers do not depend on it. ``views: {conv1: [[1, 1, 0], [2, 3, 1], null]}`` gives for each tile
    axis, batch, rows and columns, a window ``[stride, reach, before]``: output position o needs the
    positions from ``stride*o - before`` on, ``reach`` of them, where ``reach = dilation*(kernel - 1) + 1`` and
    ``before`` is the padding at the beginning. ``null``: all of the axis; so is an input without a view.
    The tile axes of a layer of ``kind`` conv or dwconv are N, P and Q, of a matmul B and M, as far as they
    index the output; other multiply-accumulate layers have one position.
Network
    ``mapping``: constraints on the mappings of its layers (:mod:`optimizer.workload.mapping_constraints`), in a file of
    a single layer too; ``warnings``: optional list of strings; ``uncounted``: names of layers whose work is not
    known, so that nothing is proved OPTIMAL; ``stored_bits``: of all learned words, each once, where layers share some;
    ``training``: what a step of training was made with, ``optimizer`` and
    ``bits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from optimizer.files.arguments import check_arguments
from optimizer.files.exact_yaml import dump_exact, load_exact
from optimizer.files.yaml_fields import Fields, integer, read_yaml
from optimizer.workload.einsum import einsum_layer, layer_einsum
from optimizer.workload.layer import ROLES, AnyLayer, Layer, Operand, VectorLayer
from optimizer.workload.mapping_constraints import read_rules
from optimizer.workload.network import PHASES, Network
from optimizer.workload.precision import role_bits
from optimizer.workload.serving import read_serving
from optimizer.workload.sparsity import dense
from optimizer.workload.sparsity_reader import everywhere, in_blocks
from optimizer.workload.typed_reader import one_way, typed_layer
from optimizer.workload.view_reader import read_grid, read_views, view_entry
from optimizer.workload.views import ONE_POSITION, WHOLE

_COMMON = ("name", "inputs", "views", "multiplicity", "parameters", "phase")
_TOP = ("name", "bits", "sparsity", "warnings", "uncounted", "stored_bits", "training", "serving", "mapping", "layers")
_MAC = (*_COMMON, "dims", "bits", "tensors", "kind", "sparsity", "real_taps")
_CONV = (*_MAC, "type", "stride", "dilation")
_KEYS = {
    "einsum": (*_MAC, "einsum"),
    "conv": (*_CONV, "groups"),
    "dwconv": _CONV,
    "matmul": (*_MAC, "type"),
    "vector": (*_COMMON, "type", "kind", "reads", "writes", "operations", "grid"),
}


def load_network(path: str | Path, *, bits: object = None) -> Network:
    """Read a network, or a single layer as a network of one, from a YAML file.

    Parameters
    ----------
    path : str or Path
        The file; its format is described in this module's docstring.
    bits : int or mapping of role to int, optional
        Bits per element for W, I, O where the file says nothing (default 16).

    Raises
    ------
    SpecError
        With the file, the path of the field, its value and what to do about it.
    """
    check_arguments(path=(path, str | Path))
    return _network(read_yaml(path), str(path), Path(path).stem, role_bits(bits))


def parse_network(text: str, *, name: str = "network", bits: object = None) -> Network:
    """Like :func:`load_network` for a YAML text; `name` is used where the text gives none."""
    return _network(load_exact(text), None, name, role_bits(bits))


def network_from_data(data: object) -> Network:
    """The network that :func:`network_data` describes; errors as for a file."""
    return _network(data, None, "network", role_bits(None))


def dump_network(network: Network) -> str:
    """The network as YAML text; :func:`load_network` reads it back unchanged."""
    return dump_exact(network_data(network))


def network_data(network: Network) -> dict[str, object]:
    """The network as plain values, as they stand in a YAML file; :func:`network_from_data` reads them back."""
    data: dict[str, object] = {"name": network.name}
    if network.warnings:
        data["warnings"] = list(network.warnings)
    if network.uncounted:
        data["uncounted"] = list(network.uncounted)
    if network.stored_bits is not None:
        data["stored_bits"] = network.stored_bits
    if network.training is not None:
        data["training"] = network.training
    if network.serving is not None:
        data["serving"] = network.serving.data()
    if network.mapping:
        data["mapping"] = [dict(rule) for rule in network.mapping]
    data["layers"] = [_entry(network, layer) for layer in network.layers()]
    return data


def _network(data: object, file: str | None, stem: str, bits: dict[str, int]) -> Network:
    top = Fields(data, file, "")
    rules = read_rules(top)
    if "layers" not in top:
        network = Network(stem, mapping=rules, file=file)
        _add(network, top.without("mapping"), bits, None)
        network.name = str(top.get("name"))
        return network
    top.only(
        ("name", "bits", "sparsity", "warnings", "uncounted", "stored_bits", "training", "serving", "mapping", "layers")
    )
    bits = role_bits(top.get("bits"), base=bits, file=file, field="bits")
    network = Network(top.text("name", stem), mapping=rules, file=file)
    if "warnings" in top:
        network.warnings.extend(str(line) for line in top.items("warnings", "a list of strings"))
    if "training" in top:
        network.training = _training(top)
    network.serving = read_serving(top) if "serving" in top else None
    entries = top.items("layers", "a list of layers")
    if not entries:
        top.fail("a network needs a layer", "layers", entries, "a list of one layer or more")
    previous = None
    own: set[str] = set()
    for number, entry in enumerate(entries):
        fields = Fields(entry, file, f"layers[{number}]")
        previous = _add(network, fields, bits, previous)
        own |= {previous} if "sparsity" in fields else set()
    if "stored_bits" in top:
        network.stored_bits = top.integer("stored_bits", least=0)
    if "uncounted" in top:
        network.uncounted = _uncounted(top, network)
    return everywhere(top, network, own)


def _uncounted(top: Fields, network: Network) -> tuple[str, ...]:
    """The names of layers whose multiply-accumulates are not known."""
    names = tuple(str(name) for name in top.items("uncounted", "a list of names of layers"))
    for name in names:
        if name not in network.graph:
            top.fail("no such layer", "uncounted", name, ", ".join(network.graph))
    return names


def _add(network: Network, fields: Fields, bits: Mapping[str, int], previous: str | None) -> str:
    """Add one layer with its edges; return its name."""
    layer = _layer(fields, bits)
    if layer.name in network.graph:
        fields.fail("two layers have the same name", "name", layer.name, "unique names")
    producers = _producers(network, fields, previous)
    phase = fields.text("phase") if "phase" in fields else None
    if phase is not None and phase not in PHASES:
        fields.fail("no such phase of a training step", "phase", phase, ", ".join(PHASES), "use one, or remove it")
    network.add(layer, after=producers, views=read_views(network, fields, layer, producers), phase=phase)
    network.warnings.extend(one_way(fields, layer))
    return layer.name


def _training(top: Fields) -> dict[str, object]:
    """What a step of training was made with."""
    given = top.get("training")
    if not isinstance(given, dict):
        top.fail("expected optimizer and bits", "training", given, "like {optimizer: sgd, bits: {master: 32}}")
    return {str(key): value for key, value in given.items()}


def _producers(network: Network, fields: Fields, previous: str | None) -> dict[str, str]:
    """Producers of a layer with the tensor on each edge."""
    inputs = fields.get("inputs", [] if previous is None else [previous])
    if not isinstance(inputs, (list, dict)):
        fields.fail("expected names of layers", "inputs", inputs, "a list of names, or name: tensor")
    producers: dict[str, str] = {}
    for name in inputs:
        if not isinstance(name, str) or name not in network.graph:
            fields.fail(
                "unknown producer",
                "inputs",
                name,
                ", ".join(network.graph) or "none: no layer comes before",
                "name layers that stand earlier in the file",
            )
        tensor = inputs[name] if isinstance(inputs, dict) else _output_name(network, name)
        if not isinstance(tensor, str):
            fields.fail("a tensor's name must be a string", f"inputs.{name}", tensor, "a string")
        producers[name] = tensor
    return producers


def _output_name(network: Network, producer: str) -> str:
    """Tensor that a layer writes: its O, or the layer's own name where that has none."""
    layer = network.graph.nodes[producer]["layer"]
    tensor = layer.operand("O").tensor if isinstance(layer, Layer) else ""
    return str(tensor or producer)


def _layer(fields: Fields, bits: Mapping[str, int]) -> AnyLayer:
    if "einsum" in fields:
        kind = "einsum"
    else:
        kind = fields.text("type") if "type" in fields else "missing"
        if kind not in _KEYS or kind == "einsum":
            fields.fail(
                "a layer needs an einsum or a type",
                "type",
                fields.get("type"),
                "conv, dwconv, matmul, vector, or the key einsum",
            )
    fields.only(_KEYS[kind])
    name = fields.text("name")
    if kind == "vector":
        return _vector(fields, name, bits)
    widths = role_bits(fields.get("bits"), base=bits, file=fields.file, field=fields.at("bits"))
    dims = _dims(fields)
    if kind == "einsum":
        text = fields.text("einsum")
        layer = einsum_layer(name, text, dims, bits=widths, file=fields.file, field=fields.path)
    else:
        layer = typed_layer(fields, name, kind, dims, widths)
    layer = replace(
        layer,
        operands=_named_operands(fields, layer),
        kind=fields.text("kind", layer.kind),
        multiplicity=fields.integer("multiplicity", 1),
        parameters=fields.integer("parameters", least=0) if "parameters" in fields else None,
        real_taps=_real_taps(fields),
    )
    return in_blocks(fields, layer)


def _real_taps(fields: Fields) -> Fraction:
    """The share ``[real, all]`` of the multiply-accumulates whose weight is no missing tap."""
    if "real_taps" not in fields:
        return Fraction(1)
    allowed = "[real, all], two integers from 1 on, the first at most as large"
    numbers = fields.items("real_taps", allowed)
    if len(numbers) != 2:
        fields.fail("expected two integers", "real_taps", numbers, allowed)
    at = fields.at("real_taps")
    real, every = (integer(v, file=fields.file, field=f"{at}[{i}]") for i, v in enumerate(numbers))
    if real > every:
        fields.fail("more taps than there are", "real_taps", numbers, allowed)
    return Fraction(real, every)


def _dims(fields: Fields) -> dict[str, int]:
    """The extents as written: positive integers under string names."""
    dims = fields.require("dims", "a mapping of dim to extent")
    if not isinstance(dims, dict) or not dims:
        fields.fail("expected a mapping of dim to extent", "dims", dims, "like {M: 512, N: 768, K: 768}")
    return {str(dim): integer(extent, file=fields.file, field=fields.at(f"dims.{dim}")) for dim, extent in dims.items()}


def _named_operands(fields: Fields, layer: Layer) -> tuple[Operand, Operand, Operand]:
    """The operands with the tensor names that `tensors` gives."""
    names = fields.get("tensors", {})
    if not isinstance(names, dict):
        fields.fail("expected a mapping of role to tensor name", "tensors", names, "like {I: x, O: y}")
    for role, name in names.items():
        if role not in ROLES or not isinstance(name, str):
            fields.fail("expected role: name", f"tensors.{role}", name, f"one of {', '.join(ROLES)}: a string")
    weights, inputs, outputs = (replace(o, tensor=names.get(o.role, o.tensor)) for o in layer.operands)
    return weights, inputs, outputs


def _vector(fields: Fields, name: str, bits: Mapping[str, int]) -> VectorLayer:
    return VectorLayer(
        name,
        fields.text("kind"),
        reads=_traffic(fields, "reads", bits["I"]),
        writes=_traffic(fields, "writes", bits["O"]),
        operations=fields.integer("operations", least=0),
        multiplicity=fields.integer("multiplicity", 1),
        parameters=fields.integer("parameters", 0, least=0),
        grid=read_grid(fields),
    )


def _traffic(fields: Fields, key: str, bits: int) -> tuple[tuple[int, int], ...]:
    """(words, bits) per tensor."""
    traffic = []
    for number, item in enumerate(fields.items(key, "a list of words, or of {words: ..., bits: ...}")):
        if isinstance(item, dict):
            entry = Fields(item, fields.file, f"{fields.at(key)}[{number}]")
            entry.only(("words", "bits"))
            traffic.append((entry.integer("words"), entry.integer("bits", bits)))
        else:
            traffic.append((integer(item, file=fields.file, field=f"{fields.at(key)}[{number}]"), bits))
    return tuple(traffic)


def _entry(network: Network, layer: AnyLayer) -> dict[str, object]:
    """One entry of ``layers``."""
    entry: dict[str, object] = {"name": layer.name}
    if isinstance(layer, VectorLayer):
        entry |= {"type": "vector", "kind": layer.kind, "operations": layer.operations}
        for key, traffic in (("reads", layer.reads), ("writes", layer.writes)):
            entry[key] = [{"words": words, "bits": bits} for words, bits in traffic]
        if layer.parameters:
            entry["parameters"] = layer.parameters
        if layer.grid != ONE_POSITION:
            entry["grid"] = list(layer.grid)
    else:
        plain = dense(layer)
        entry |= {"kind": layer.kind, "einsum": layer_einsum(layer), "dims": plain.extents}
        entry["bits"] = {operand.role: operand.bits for operand in plain.operands}
        if layer.block is not None:
            entry["sparsity"] = {layer.block.role: layer.block.ratio, "dim": layer.block.dim}
        if any(operand.tensor for operand in layer.operands):
            entry["tensors"] = {o.role: o.tensor for o in layer.operands if o.tensor}
        if layer.parameters is not None:
            entry["parameters"] = layer.parameters
        if layer.real_taps != 1:
            entry["real_taps"] = list(layer.real_taps.as_integer_ratio())
    if network.phase(layer.name) is not None:
        entry["phase"] = network.phase(layer.name)
    if layer.multiplicity != 1:
        entry["multiplicity"] = layer.multiplicity
    edges = network.graph.in_edges(layer.name, data="tensor")
    producers = {producer: tensor for producer, _, tensor in edges}
    named = any(tensor != _output_name(network, p) for p, tensor in producers.items())
    entry["inputs"] = producers if named else list(producers)
    views = {producer: network.view(producer, layer.name) for producer in producers}
    if any(view != WHOLE for view in views.values()):
        entry["views"] = {name: view_entry(view) for name, view in views.items() if view != WHOLE}
    return entry
