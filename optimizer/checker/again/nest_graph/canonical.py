"""Which loops may come next: places of loops that some best nest of every kind has.

**Lemma.** For every nest there is one that costs no more (energy, bits in use at every level, bits at every port),
  with

1. right inside of a fan-out, before any node of the region, only loops over dims d along which the input slides (an
   axis of two terms) and that the fan-out splits;
2. right inside of a node of T only loops over irr(T); of the input also over dims with a window or a stride, and over
   all dims if some axis has two terms; of a node that sits out loops outside of its region, over all dims;
3. besides, after those of (2), loops over irr(V) of one tensor V that has a node further in than the region, or one
   loop along which the input slides; from there to the next fan-out only loops over irr(V) (V the input for a slide).
   This is the *closing* run. The loop that slides may also stand right outside of a node of the input.

*Proof.* Call a loop over d *idle* if it stands right inside of a node, or a fan-out, (with loops of (2), or (1),
  allowed between) and none of the rules allows it there. Let it move outwards past that node or fan-out, and out of
  all loops that stand with it in the same place. That happens finitely often, as the sum of the numbers of items
  outside of loops falls. No move costs anything:

* *Past a node of T, d not in irr(T).* T is W or O, or it is the input and d is on an axis of one term of coefficient
  1, and no axis has two: then its words grow in proportion to the extent of d. So the tile has one over n of the
  words, n the trips, and comes in n times as often: as many words as before. It needs fewer bits. T did not sit out
  loops outside of its region, so a loop right outside of it breaks nothing. What other nodes hold does not change:
  those outside of the old place still have the loop inside of them, and those inside still outside.
* *Past other loops of its place.* Nodes further in sit out, or slide along, the loops right outside of them only. Had
  such a node profited from the loops of this place up to and with this one, all loops from it inwards to that node
  would be over irr(V) (or, of the input, from the slide on), so that this is the closing run of (3), and allowed. So
  no node profits from it, and what comes in between a node and the loops it profits from does not grow.
* *Past a fan-out.* Shares of distinct tiles of W and O depend on its factors only. Those of the input depend on the
  extent of d inside only if both dims of an axis of two terms are split, and then d is. If d is split but on no such
  axis, slides do not count (a step is never less than the width). If d is not split, the step of a loop over d is the
  same on both sides. No node stands between, and the order of loops is the same.

Runs of a tensor in its own region are not needed: its node stands outside of them at the same cost. ∎
"""

from __future__ import annotations

import numpy as np

from formulations.problem import I, LayerProblem
from optimizer.checker.again.nest_graph.lattice import Ints, sliding_dims


def dims_inside(problem: LayerProblem) -> Ints:
    """Per tensor the dims of (2), as bits, for a node that sits out nothing."""
    dims = range(len(problem.extents))
    masks = [sum(1 << d for d in dims if problem.irrelevant_to[d] == t) for t in range(3)]
    if sliding_dims(problem):
        masks[I] = (1 << len(problem.extents)) - 1
    else:
        masks[I] |= sum(1 << d for d, has in enumerate(problem.halo) if has)
    return np.array(masks, np.int64)
