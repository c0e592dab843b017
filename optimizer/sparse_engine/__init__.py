"""The sparse edge-processing engine: networks of pre-defined sparsity, trained by a pipeline of junctions.

Rules and formulas: Dey, Shao, Chugg, Beerel, ICANN 2017 (arXiv 1711.01343); Dey et al., "A Highly Parallel FPGA
Implementation of Sparse Neural Network Training", ReConFig 2018 (1806.01087); Dey, Huang, Beerel, Chugg, JETCAS 2019
(1812.01164); Dey, Beerel, Chugg, "Interleaver Design for Deep Neural Networks" (1711.06935).
"""
