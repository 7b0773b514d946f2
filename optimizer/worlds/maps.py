"""Linear maps with one pattern and other weights in every world."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.plan.curves import Floats

__all__ = ["Index", "Map", "shared", "summed"]

Index = NDArray[np.intp]


class Map:
    """A linear map with one pattern and, maybe, other weights in every world."""

    def __init__(self, pattern: Any, data: Floats) -> None:
        """*data* has shape (nnz,) or (n_worlds, nnz)."""
        self.matrix = sparse.csr_array(pattern)
        self.data = data
        self.alike = data.ndim == 1
        self.row = np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))

    @classmethod
    def of(cls, pattern: Any, data: Floats) -> Map:
        """That of a sparse matrix, with its entries in every world, shape (n_worlds, nnz)."""
        matrix = sparse.csr_array(pattern)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return cls(matrix, data[0] if not np.ptp(data, axis=0).any() else data)

    def __call__(self, x: Floats) -> Floats:
        """The map of rows of *x*, (n_in,) or (n_worlds, n_in), in every world."""
        if self.alike:
            return np.asarray((self.matrix @ x.T).T, float)
        return summed(self.data * x[..., self.matrix.indices], self.row, self.matrix.shape[0])

    def back(self, y: Floats) -> Floats:
        """The transposed map of rows of *y*, (n_worlds, n_out)."""
        if self.alike:
            return np.asarray((self.matrix.T @ y.T).T, float)
        into = np.asarray(self.matrix.indices, np.intp)
        return summed(self.data * y[:, self.row], into, self.matrix.shape[1])


def summed(parts: Floats, into: Index, n: int) -> Floats:
    """Columns of *parts* added up by the number each goes *into*, shape (n_worlds, n)."""
    adder = sparse.csr_array((np.ones(len(into)), (np.arange(len(into)), into)), (len(into), n))
    return np.asarray(parts @ adder, float)


def shared(rows: Floats) -> Floats:
    """One row where all are the same."""
    return rows[:1] if len(rows) > 1 and not np.ptp(rows, axis=0).any() else rows
