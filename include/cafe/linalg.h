/* cafe/linalg.h - optimisers, conjugate gradient, eigenproblems. The conventions are in cafe.h. */
#ifndef CAFE_LINALG_H
#define CAFE_LINALG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- linear: symmetric eigenproblems ------------------------------------------------------------------------ */

/* a = V' diag(values) V of a symmetric a[n x n], whose upper triangle is read: values[n] in rising order, row k of
 * vectors[n x n] the unit eigenvector of values[k], its largest component positive. work[3 n + 1]. Returns 0, -1 where
 * an element is not finite (nothing is written), or LAPACK's positive count of values that did not converge. O(n^3),
 * one thread. */
int32_t cafe_symmetric_eigen(double *values, double *vectors, double *work, const double *a, int32_t n);

/* ---- optimize ---------------------------------------------------------------------------------------------------- */

/* One step of Adam ([KB15], algorithm 1, bias-corrected), PyTorch's form: p -= lr * m^ / (sqrt(v^) + eps).
 * step counts from 1. m[P] and v[P] are the moments. */
void cafe_adam_step(float *parameters, float *m, float *v, const float *gradient, int64_t count, int64_t step,
                    double learning_rate, double beta1, double beta2, double epsilon);
/* sum of a_k * b_k, accumulated in double. */
double cafe_dot(const float *a, const float *b, int64_t count);
/* y = y + scale * x. */
void cafe_axpy(float *y, double scale, const float *x, int64_t count);
/* Scales the gradient by max / norm where its Euclidean norm exceeds max; returns the norm before. A norm that is not
 * finite leaves the gradient as it was. */
double cafe_norm_clip(float *gradient, int64_t count, double maximum);

/* Why conjugate gradient stopped. */
enum {
    CAFE_CG_CONVERGED = 0,  /* the recurrence's residual is below the tolerance */
    CAFE_CG_ITERATIONS = 1, /* the allowed iterations are used up */
    CAFE_CG_CURVATURE = 2,  /* p'(A + damping)p <= 0: the operator is not positive definite along p */
    CAFE_CG_NOT_FINITE = 3, /* the operator or the right-hand side gave a number that is not finite */
    CAFE_CG_STAGNATED = 4,  /* no progress in 16 iterations at float precision */
};
typedef struct cafe_cg_report {
    int32_t status;
    int32_t iterations;        /* applications of the operator before the final check */
    double relative_residual;  /* |b - (A + damping) x| / |b|, recomputed from x at the end */
    double smallest_curvature; /* least p'(A + damping)p / p'p met; +inf before the first */
} cafe_cg_report;

/* Solves (A + damping) x = b by conjugate gradient ([HS52]) from x = 0, A symmetric, given only as
 * apply(context, product, vector): product[count] = A vector, overwritten. b is scaled to unit length inside. Vectors
 * are float, scalars double. On non-positive curvature x is the iterate reached so far (0 in the first iteration).
 * scratch[3 * count]. At most `iterations` + 1 applications. */
void cafe_cg_solve(float *x, float *scratch, cafe_cg_report *report, const float *b, int64_t count, double damping,
                   int32_t iterations, double tolerance,
                   void (*apply)(void *context, float *product, const float *vector), void *context);
/* Solves A X = B for a symmetric positive definite A[n x n] (both triangles given) and `count` right-hand sides, row i
 * of b[count x n] being one. Overwrites a with its Cholesky factor and b with the solutions. Returns 0, or k > 0 where
 * the leading minor of order k is not positive definite (b is then unchanged), or -1 for an entry of a or b that is
 * not finite. LAPACK's dposv. O(n^3). */
int32_t cafe_spd_solve(double *a, double *b, int32_t n, int32_t count);

#ifdef __cplusplus
}
#endif
#endif
