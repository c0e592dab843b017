"""Compiled kernels of the checker's own search.

They keep their compiled code in a folder of their own, which is named after the sources of all kernels: the compiler's
cache looks at one file only. Light optimization halves the time to compile and costs no speed here.
"""
