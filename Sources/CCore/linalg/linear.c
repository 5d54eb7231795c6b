/* linear.c - dense linear algebra that is not a network's: the eigen-decomposition of a symmetric matrix.
 *
 * Representation: row-major n x n, of which the upper triangle is read. LAPACK reads column-major, where the upper
 * triangle of a row-major matrix is the lower one and eigenvectors stand in columns; both cancel, so the eigenvectors
 * come out as rows. Not hot: evolution strategies call it every few generations with n below a few hundred.
 */
#include "cafe.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

int32_t cafe_symmetric_eigen(double *values, double *vectors, double *work, const double *a, int32_t n) {
    (void)cafe_threads_get(); /* sets BLAS to one thread before its first use */
    for (int64_t i = 0; i < (int64_t)n; i++)
        for (int64_t j = i; j < (int64_t)n; j++)
            if (!isfinite(a[i * n + j])) return -1;
    memcpy(vectors, a, (size_t)n * (size_t)n * sizeof(double));
    lapack_int status = LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'L', n, vectors, n, values, work, 3 * n + 1);
    if (status != 0) return (int32_t)status;
    for (int64_t k = 0; k < (int64_t)n; k++) { /* v_k = -v_k where its largest component is negative */
        double *row = vectors + k * n, largest = 0;
        for (int64_t i = 0; i < (int64_t)n; i++)
            if (fabs(row[i]) > fabs(largest)) largest = row[i];
        if (largest < 0)
            for (int64_t i = 0; i < (int64_t)n; i++) row[i] = -row[i];
    }
    return 0;
}
