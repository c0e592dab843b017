"""Which factors of a fan-out, with which extents inside and outside of it, may lead below all limits."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.kernels import kernel, part
from optimizer.checker.again.nest_graph.packed import AXIS, COEFFICIENT


@kernel
def meet(first, chosen, times, idle, inside, inner, index, strides, outer, limit, found, state):
    """List (vector, place of the extents in `inside`, extents outside) of fan-outs that are not out by the least costs
    ``inner[i, k]`` inside and ``outer[z, k]`` outside of any end.

    ``times[n, d, i]`` is the index of divisor i of dim d times the factor of vector n, or -1, and ``index[x, d]`` that
    of a divisor of x. From the `first` of the chosen vectors on, as long as there is room for all extents; the number
    of entries and of vectors done go to `state`.
    """
    count, dims = 0, len(strides)
    for c in range(first, len(chosen)):
        n = chosen[c]
        state[0], state[1] = count, c
        if count + len(inside) > len(found):
            return
        for i in range(len(inside)):
            x, z = inside[i], 0
            for d in range(dims):
                j = times[n, d, index[x, d]]
                if j < 0:
                    z = -1
                    break
                z += j * strides[d]
            good = z >= 0
            for k in range(len(limit)):
                if good and outer[z, k] + inner[i, k] + idle[n, k] > limit[k]:
                    good = False
            if good:
                found[count, 0], found[count, 1], found[count, 2] = n, i, z
                count += 1
    state[0], state[1] = count, len(chosen)


@part
def slid_share(x, z, lacks, extents, of_dims, of_points):
    """The least share of :meth:`layer.Layer.least_share`, of a tensor that lacks some dims (as bits)."""
    share, dims = 1.0, of_dims.shape[1]
    for d in range(dims):
        if of_dims[AXIS, d] >= 0 and lacks >> d & 1:
            n = extents[d] // of_points[z, d]
            step = min(1.0, of_dims[COEFFICIENT, d] * of_points[z, d] / of_points[x, dims + 3 + of_dims[AXIS, d]])
            share = min(share, (1.0 + (n - 1) * step) / n)
    return share


@kernel
def mark(
    pairs, idle, inside, inner, outer, of_dims, of_points, extents, lacks, traffic, costs, low, slid, reach, limit,
    alive, lowers, bottom, ends,
):  # fmt: skip
    """Mark the entries of `meet` whose least costs together are within all limits.

    Rows ``costs[i]`` have for every end those inside, three with a tensor held, and three with the input held too, each
    for all criteria; ``reach[z]`` have the first four outside, and ``low[i]`` the least of them inside, whatever
    slides. With `lowers` the costs of what is marked go to the bottom of the region outside as well, which has these
    four, and `ends` tells at which of its ends.
    """
    count = len(limit)
    for r in range(len(pairs)):
        n, i, z = pairs[r, 0], pairs[r, 1], pairs[r, 2]
        x, good = inside[i], True
        for k in range(count):
            if outer[z, k] + inner[i, k] + idle[n, k] > limit[k]:
                good = False
        if not good:
            continue
        here, there, exact, idles, weights, outputs = low[i], reach[z], costs[i], idle[n], -1.0, -1.0
        for place in range(len(here) // count):
            good, e, column = True, place // 4, place % 4
            for k in range(count):
                if there[place * count + k] + here[place * count + k] + idles[k] > limit[k]:
                    good = False
            if not good:
                continue
            if weights < 0.0:
                weights = slid_share(x, z, lacks[0], extents, of_dims, of_points)
                outputs = slid_share(x, z, lacks[2], extents, of_dims, of_points)
            for other in range(4 if lowers else 1):
                u = (column + other) % 4
                share = weights if u == 1 else outputs if u == 3 else 1.0
                for k in range(count):
                    at = (7 * e + u) * count + k
                    cost = exact[at]
                    if share < 1.0:  # a loop slides the input, whose node may then be held too
                        cost = min(cost, share * traffic[x] * slid[e, k] + exact[at + 3 * count])
                    if other == 0 and there[place * count + k] + cost + idles[k] > limit[k]:
                        good = False
                    if good and lowers:
                        bottom[k, u, e, z] = min(bottom[k, u, e, z], cost + idles[k])
            if good:
                alive[r], ends[e, z] = True, True
                if not lowers:
                    break
