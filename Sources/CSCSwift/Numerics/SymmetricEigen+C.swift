internal import CCore

/// The eigen-decomposition `A = V' diag(values) V` of a symmetric matrix (LAPACK's dsyev through the core).
///
/// A row of `vectors` is a unit eigenvector whose largest component is positive, so the same matrix always gives the
/// same signs.
package struct SymmetricEigen: Sendable {
    /// n.
    package let dimension: Int
    /// The eigenvalues in rising order, n.
    package let values: [Double]
    /// The eigenvectors as rows, row-major n x n.
    package let vectors: [Double]

    /// Decomposes `matrix`, row-major n x n, of which the upper triangle is read. O(n^3), one thread.
    ///
    /// - Throws: `CSCError.invalid` where an element is not finite or LAPACK did not converge.
    package init(_ matrix: [Double], dimension: Int) throws {
        precondition(
            dimension > 0 && matrix.count == dimension * dimension,
            "SymmetricEigen: \(matrix.count) elements for \(dimension) x \(dimension)")
        var values = [Double](repeating: 0, count: dimension)
        var vectors = [Double](repeating: 0, count: dimension * dimension)
        var work = [Double](repeating: 0, count: 3 * dimension + 1)
        let status = cafe_symmetric_eigen(&values, &vectors, &work, matrix, Int32(dimension))
        guard status == 0 else {
            throw CSCError.invalid(
                status < 0
                    ? "eigen-decomposition of a \(dimension) x \(dimension) matrix: an element is not finite"
                    : "eigen-decomposition of a \(dimension) x \(dimension) matrix: \(status) values did not converge")
        }
        self.dimension = dimension
        self.values = values
        self.vectors = vectors
    }
}
