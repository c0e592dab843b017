"""One layer on fixed hardware: the best of all loop nests, as an integer program.

The space is that of :mod:`formulations.shortest_path`: a sequence of temporal loops, fan-outs and nodes (tensor,
level); nodes of one tensor outermost level first, those of different tensors in any order between two fan-outs in use,
and above loops and fan-outs further out as long as nothing moves their tile. Extents are products of primes; variables
are the exponents, so products are sums. Hardware sizes of a menu may be variables of the same program.

What comes into a node is known from the loops inside of it and from those right outside that its tensor sits out:

    words(T, l) = steps / span[T, l]        all instances together; span counts the dims of irr(T) only

and for the input, per axis with windows, ``trips * width``, less what slides. What parents serve, first visits, ports,
rounding and energy follow as in :mod:`traffic` and :mod:`objective`.

* :mod:`nodes`: the extents inside of nodes and around regions, and the order of nodes
* :mod:`runs`: the loops that a tensor sits out: ``span``
* :mod:`slides`: the loop along which the input's tile slides
* :mod:`rules`, :mod:`orders`: what rules for nests ask of factors, tiles, stationary tensors, and orders of loops
* :mod:`sizing`: the hardware point of a menu, and its sizes
* :mod:`machines`: a fan-out that is not used bounds no region
* :mod:`reading`: the nest of a solution; its costs are counted again from the nest (:mod:`formulations.nest_cost`)
* :mod:`solve`: least energy, cycles or a weighted sum; ties; stops
"""
