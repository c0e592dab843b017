"""Layers run on a part of their inputs: what the views leave out must not matter, what they ask for must."""

from __future__ import annotations

import itertools

import numpy as np

from optimizer.workload.views import WHOLE

FAR = 1e6
"""Magnitude of the numbers that stand where a layer must not look."""


def coordinates(shape, form):
    """Batch, row and column of every element of a tensor.

    ``image``: (N, C, H, W); ``line``: (N, C, L); ``tokens``: (..., features), all axes before counted through;
    ``sentences``: (N, tokens, features); ``heads``: (N, groups, rows, features); ``none``: one position.
    """
    at = np.indices(shape)
    nothing = np.zeros(shape, dtype=int)
    if form == "image":
        return at[0], at[2], at[3]
    if form == "line":
        return at[0], at[2], nothing
    if form == "tokens":
        return nothing, np.ravel_multi_index(tuple(at[:-1]), shape[:-1]), nothing
    if form == "sentences":
        return at[0], at[1], nothing
    if form == "heads":
        return at[0] * shape[1] + at[1], at[2], nothing
    assert form == "none"
    return nothing, nothing, nothing


def inside(shape, form, box):
    """Which elements of a tensor lie in a box of ranges along the tile axes."""
    mask = np.ones(shape, dtype=bool)
    for at, (lo, hi) in zip(coordinates(shape, form), box, strict=True):
        mask &= (lo <= at) & (at < hi)
    return mask


def grid_of(shape, form):
    """Extents along the tile axes."""
    return tuple(int(at.max()) + 1 for at in coordinates(shape, form))


def boxes(grid, rng, count):
    """Some boxes of a grid: all of it, its corners, and random ones."""
    yield tuple((0, extent) for extent in grid)
    yield ((0, 1),) * 3
    yield tuple((extent - 1, extent) for extent in grid)
    for _ in range(count):
        lows = [int(rng.integers(extent)) for extent in grid]
        yield tuple((lo, int(rng.integers(lo, extent)) + 1) for lo, extent in zip(lows, grid, strict=True))


def needed(view, box, grid):
    """The box of the producer's output that a box of the consumer's needs."""
    return tuple(
        (0, extent) if window is None else window.needs(lo, hi, extent)
        for window, (lo, hi), extent in zip(view, box, grid, strict=True)
    )


def smaller(view, box, need):
    """The needed box without its first or last position along one axis, if something there is surely read.

    That is so where a window is not cut off at that end, and none along the other axes is at both ends.
    """
    ends = [sure_ends(*axis) for axis in zip(view, box, need, strict=True)]
    for axis, shorter in enumerate(ends):
        if all(ends[other] or view[other] is None for other in range(3)):
            yield from ((*need[:axis], end, *need[axis + 1 :]) for end in shorter)


def sure_ends(window, outputs, needed):
    """The needed range without one end, for each end at which a window begins or ends."""
    if window is None or needed[0] == needed[1] or window.stride > window.reach:
        return []
    first, last = (window.stride * o - window.before for o in (outputs[0], outputs[1] - 1))
    ends = [(needed[0] + 1, needed[1])] if needed[0] == first else []
    return [*ends, (needed[0], needed[1] - 1)] if needed[1] == last + window.reach else ends


def check_layer(network, name, run, outputs, forms, rng, *, tight=True, count=6):
    """Run one layer on parts of its producers' outputs.

    `run` computes the layer's output from a dict of tensors by producer; `outputs` holds the tensors and `forms`
    their forms.
    """
    producers = list(network.graph.predecessors(name))
    exact = {p: outputs[p] for p in producers}
    whole, grid = run(exact), network.graph.nodes[name]["layer"].grid
    assert grid == grid_of(whole.shape, forms[name]), name
    for p in producers:
        if network.view(p, name) != WHOLE:
            assert network.graph.nodes[p]["layer"].grid == grid_of(outputs[p].shape, forms[p]), (p, name)
    for box in boxes(grid, rng, count):
        tile = inside(whole.shape, forms[name], box)
        need = {}
        for p in producers:
            view = network.view(p, name)
            assert view == WHOLE or forms[p] != "none"
            need[p] = needed(view, box, network.graph.nodes[p]["layer"].grid)
        for sign in (1, -1):
            parts = {p: spoiled(exact[p], forms[p], need[p], rng, sign, network.view(p, name)) for p in producers}
            np.testing.assert_allclose(run(parts)[tile], whole[tile], rtol=1e-5, atol=1e-5, err_msg=f"{name} {box}")
        for p in producers if tight else ():
            for less in smaller(network.view(p, name), box, need[p]):
                trials = (spoiled(exact[p], forms[p], less, rng, sign, network.view(p, name)) for sign in (1, -1) * 4)
                assert any(not np.allclose(run({**exact, p: part})[tile], whole[tile]) for part in trials), (
                    f"{name} does not read all of {less} of {p} for {box}"
                )


def spoiled(tensor, form, box, rng, sign, view):
    """The tensor with numbers of one sign and a large magnitude outside of the box."""
    if view == WHOLE:
        return tensor
    wrong = sign * FAR * (1 + rng.random(tensor.shape))
    return np.where(inside(tensor.shape, form, box), tensor, wrong).astype(tensor.dtype)


def convolve(x, w, *, stride=(1, 1), pads=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """A convolution of (N, C, H, W) by (K, C / groups, R, S), by its definition."""
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    p, q = ((extent - r) // s + 1 for extent, r, s in zip(x.shape[2:], reach, stride, strict=True))
    result = np.zeros((x.shape[0], w.shape[0], p, q))
    given, made = w.shape[1], w.shape[0] // groups
    for g, r, s in itertools.product(range(groups), range(w.shape[2]), range(w.shape[3])):
        top, left = r * dilation[0], s * dilation[1]
        part = x[:, g * given : (g + 1) * given, top :: stride[0], left :: stride[1]][:, :, :p, :q]
        result[:, g * made : (g + 1) * made] += np.einsum("ncpq,kc->nkpq", part, w[g * made : (g + 1) * made, :, r, s])
    return result


def pool_max(x, kernel, stride, pad, *, over):
    """The largest of each window; `over` more rows and columns stand at the end, as in a pooling that rounds up."""
    x = np.pad(x, [(0, 0), (0, 0), *[(pad, pad + over)] * 2], constant_values=-np.inf)
    p, q = ((extent - kernel) // stride + 1 for extent in x.shape[2:])
    parts = [x[:, :, r::stride, s::stride][:, :, :p, :q] for r, s in itertools.product(range(kernel), repeat=2)]
    return np.max(parts, axis=0)


def reached(extent, output, stride, shift):
    """The output positions that one tap of a transposed convolution reaches, and the input position of each."""
    at = np.arange(extent)
    position = stride * at + shift
    exists = (position >= 0) & (position < output)
    return position[exists], at[exists]


def convolve_transposed(x, w, output, *, stride, dilation=(1, 1), padding=(0, 0), groups=1):
    """A transposed convolution of (N, C, H, W) by (C, K / groups, R, S) with these output rows and columns."""
    made, given = w.shape[1], w.shape[0] // groups
    result = np.zeros((x.shape[0], made * groups, *output))
    for g, r, s in itertools.product(range(groups), range(w.shape[2]), range(w.shape[3])):
        part = np.einsum("nchw,ck->nkhw", x[:, g * given : (g + 1) * given], w[g * given : (g + 1) * given, :, r, s])
        (y, i), (z, j) = (
            reached(x.shape[2 + a], output[a], stride[a], dilation[a] * tap - padding[a])
            for a, tap in enumerate((r, s))
        )
        result[:, g * made : (g + 1) * made, y[:, None], z] += part[:, :, i[:, None], j]
    return result
