"""Extents at which a fan-out may lead below all limits."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.kernels import kernel, part


@part
def slid_share(x, z, row, of_dims, vectors, width):
    """The least share of :meth:`layer.Layer.least_share`, for the tensor whose dims are in a row of `of_dims`."""
    share = 1.0
    for d in range(of_dims.shape[1]):
        axis = of_dims[0, d]
        if axis >= 0 and of_dims[row, d]:
            n = of_dims[2, d] // vectors[z, d]
            step = min(1.0, of_dims[1, d] * vectors[z, d] / width[axis, x])
            share = min(share, (1.0 + (n - 1) * step) / n)
    return share


@kernel
def mark_alive(
    xs, zs, of_dims, vectors, width, traffic, plain, closing, both, slid, idle, reach, reach_closing, limit, alive
):  # fmt: skip
    """Mark the pairs of extents inside and outside of a fan-out whose least costs together are within all limits.

    Rows of `of_dims` are the axis of a dim, its coefficient, its extent, and whether W and O lack it.
    """
    for i in range(len(xs)):
        x, z = xs[i], zs[i]
        shares = (slid_share(x, z, 3, of_dims, vectors, width), 1.0, slid_share(x, z, 4, of_dims, vectors, width))
        for e in range(len(reach)):
            good = True
            for k in range(len(limit)):
                if reach[e, z, k] + plain[e, x, k] + idle[k] > limit[k]:
                    good = False
                    break
            for v in range(3):
                if good:
                    break
                good = True
                for k in range(len(limit)):
                    inside = closing[v, e, x, k]
                    if shares[v] < 1.0:
                        inside = min(inside, shares[v] * traffic[1, x] * slid[e, k] + both[v, e, x, k])
                    if reach_closing[v, e, z, k] + inside + idle[k] > limit[k]:
                        good = False
                        break
            if good:
                alive[i] = True
                break
