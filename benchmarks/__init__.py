"""How fast GradeBridge is, against what it cannot do without: `python -m benchmarks` (or `make bench`).

A section is a module with one function, `measure`, which starts a site of its own, and returns its figures.
"""
