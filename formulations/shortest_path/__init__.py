"""One layer on fixed hardware: the best of all loop nests, as a shortest path.

The space
---------
A nest is a sequence of temporal loops, nodes (tensor, level) and fan-outs, outermost first. Nodes of one tensor stand
outermost level first. A node stands outside of the fan-out of its level and of those further inside. It stands inside
of the fan-outs of levels further out, or above some of them: then only loops that leave its tile where it is lie
between. Nothing else is asked: levels between two fan-outs are a *region*, in which nodes of different tensors stand in
any order. This is what ``tilewright evaluate`` accepts, and nothing else is left out.

A fan-out that a nest does not use (all factors 1) bounds no region. So there is a search for every set of fan-outs that
bound regions (:func:`solve.machines_of`), each for less than the best value so far, or none if :mod:`floors` shows that
it has nothing better.

What a node costs
-----------------
Write x for the extents of everything inside of a place, D for those of the layer, and out(x) for the product of all
D[d] / x[d]. A node of tensor T holds its tile while loops run that T lacks. Let rho be the trips of those that stand
right outside of it, without another one between (fan-outs may be between). Then

(1) fills = words(T, x) * out(x) / rho, all instances together. If T is the input and the loop outside of those slides
    its tile along one axis, n trips of a step s, then (words + (n - 1) * words / width * min(width, s)) / n stands in
    the place of words(T, x);
(2) the node's parent, the last node of T further out, serves fills / children * apart, where children and apart
    (distinct tiles) are the products over the fan-outs between the two;
(3) the multipliers ask for a word of every tensor in every step.

All of (1) to (3) is known when the node is placed, from the outer part of the nest alone. So the cost of a nest is a
sum over its steps, and a *label* of an outer part needs: the extents x, the region, the level of every tensor's last
node with children and apart since, the tensor that the last loops do not move (``RUN``) with their trips (``RHO``), the
slide of the input, bits in use at the levels of the region, copies and instances. :mod:`labels` has them and the steps
that extend them, :mod:`search` extends them.

Rules that leave nests out, and why nothing is lost
---------------------------------------------------
R1. *A node is not placed below loops of its own region that its tensor lacks, if no other loop moves it in between*
    (``RAN``). Move it up, above these loops: (1) and (2) do not change, since rho falls by their trips and out by as
    much; nor do bits in use. Nodes of other tensors that it passes are not affected.
R2. *The first loop behind a fan-out, in front of all nodes of the region, is over a dim that has a window and that
    the fan-out splits* (``BARE``); others may come behind it. Move a first loop over another dim outside of the fan-
    out: the order of loops is the same, x at every node inside is, so is out, and rho of every tensor. The fan-out
    multicasts the same for weights and outputs. For the input, ``apart`` depends on x[d] only where both dims of an
    axis are split, and a slide's step only where d itself is. A loop behind one that has to stay cannot be moved: it
    would change places with that one, and the input is held by the inner one of the two only.
R3. *Loops that bring the whole tile of every moved tensor are split into primes*, whose order does not matter. A loop
    along which the input's next node slides is one loop of n trips: n - 1 of its moves bring the new words only.
R4. *Loops behind the last node* are put in the last region, in any order, but along dims that share an axis with
    another one: they ask the multipliers' steps and nothing else. What children have apart at the fan-outs that a
    loop passes depends on its dim only along such an axis; loops over these may stand in every region. With rules for
    nests all may, since rules may count the loops of one.
R5. *Dominance* (:func:`kernels.dominance.covers`): of two labels at the same place, of which one is no worse in
    everything that later costs depend on, the other one is dropped: whatever completes it completes the first one at no
    higher cost. For the least energy without a cap, cycles count between labels of equal energy only
    (:meth:`Goal.timing`).
R6. *While two axes of the input that nothing tells apart have their whole extents, the first one is looped over before
    the second one, and spread no less* (:mod:`twins`). Swap the axes in a nest: no cost changes, and of the two nests
    one is left. The rule asks for the point alone, so dominated labels are as replaceable as before.

Bounds
------
:mod:`potentials` fills, from the innermost region outwards, the least cost still to come on the graph without what
couples its steps: bits in use of different tensors (beyond pairs), the gap words of strides, exact slides, and the
parents further out. The latter are handled by *statuses*: a tensor whose parent lies further out is ``TIGHT`` (no loop
of this region brings its next node in again, so the parent serves what crosses the fan-out), ``FREE`` (some do, so it
serves that at least as often as the smallest prime of its lacking dims), ``NONE`` (no node inside: the multipliers ask
the parent) or ``HELD`` (it breaks further out and has been paid). :mod:`bounds` adds what a label's own parents charge
for what crosses the fan-out, exactly; the tables are taken without it. For ``NONE`` the least over every vector of the
fan-out is tabulated with its own multicast.

Numbers: energies are pairs of 60 bits. Bounds are floating point, with a margin larger than their error
(:data:`goal.MARGIN`).
"""
