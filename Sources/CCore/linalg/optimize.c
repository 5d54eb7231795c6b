/* optimize.c - Adam, norms, conjugate gradient and a small Cholesky solve.
 *
 * Representation: flat float vectors; every scalar that decides something is a double. Hot calls: cafe_adam_step and
 * the vector operations of cafe_cg_solve, all of them bound by memory.
 */
#include "internal.h"
#include "kernels.h"

#include <lapacke.h>
#include <math.h>

enum { LEAST = 8192 };

void cafe_adam_step(float *parameters, float *m, float *v, const float *gradient, int64_t count, int64_t step,
                    double learning_rate, double beta1, double beta2, double epsilon) {
    float rate = (float)(learning_rate / (1 - pow(beta1, (double)step)));
    float scale = (float)(1 / sqrt(1 - pow(beta2, (double)step)));
    const kernels *use = cafe_kernels();
    chunks c = chunks_of(count, LEAST);
    if (c.threads < 2) { // a small net: not even an OpenMP region of one
        use->adam(parameters, m, v, gradient, count, rate, (float)beta1, (float)beta2, scale, (float)epsilon);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++) {
        int64_t i = k * c.size;
        use->adam(parameters + i, m + i, v + i, gradient + i, chunk_end(c, k, count) - i, rate, (float)beta1,
                  (float)beta2, scale, (float)epsilon);
    }
}

double cafe_dot(const float *a, const float *b, int64_t count) {
    chunks c = chunks_of(count, LEAST);
    const kernels *use = cafe_kernels();
    double partial[MOST_CHUNKS], total = 0;
    if (c.threads < 2) {
        for (int64_t k = 0; k < c.count; k++)
            total += use->dot(a + k * c.size, b + k * c.size, chunk_end(c, k, count) - k * c.size);
        return total;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++)
        partial[k] = use->dot(a + k * c.size, b + k * c.size, chunk_end(c, k, count) - k * c.size);
    for (int64_t k = 0; k < c.count; k++) total += partial[k];
    return total;
}

static void axpy_range(float *restrict y, float scale, const float *restrict x, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] += scale * x[i];
}

void cafe_axpy(float *y, double scale, const float *x, int64_t count) {
    chunks c = chunks_of(count, LEAST);
    float s = (float)scale;
    if (c.threads < 2) {
        axpy_range(y, s, x, 0, count);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++) axpy_range(y, s, x, k * c.size, chunk_end(c, k, count));
}

static void scale_add_range(float *restrict y, float scale, const float *restrict x, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = scale * y[i] + x[i];
}

/* y = scale * y + x */
static void scale_add(float *y, double scale, const float *x, int64_t count) {
    chunks c = chunks_of(count, LEAST);
    float s = (float)scale;
    if (c.threads < 2) {
        scale_add_range(y, s, x, 0, count);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++) scale_add_range(y, s, x, k * c.size, chunk_end(c, k, count));
}

static void scale_range(float *y, float scale, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] *= scale;
}

static void scale_by(float *y, double scale, int64_t count) {
    chunks c = chunks_of(count, LEAST);
    float s = (float)scale;
    if (c.threads < 2) {
        scale_range(y, s, 0, count);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++) scale_range(y, s, k * c.size, chunk_end(c, k, count));
}

double cafe_norm_clip(float *gradient, int64_t count, double maximum) {
    double norm = sqrt(cafe_dot(gradient, gradient, count));
    if (isfinite(norm) && norm > maximum) scale_by(gradient, maximum / norm, count);
    return norm;
}

/* ---- conjugate gradient ---- */

/* product = (A + damping) v */
static void damped(void (*apply)(void *, float *, const float *), void *context, float *product, const float *v,
                   int64_t count, double damping) {
    apply(context, product, v);
    if (damping != 0) cafe_axpy(product, damping, v, count);
}

void cafe_cg_solve(float *x, float *scratch, cafe_cg_report *report, const float *b, int64_t count, double damping,
                   int32_t iterations, double tolerance,
                   void (*apply)(void *context, float *product, const float *vector), void *context) {
    float *r = scratch, *p = scratch + count, *q = scratch + 2 * count;
    *report = (cafe_cg_report){.status = CAFE_CG_CONVERGED, .smallest_curvature = INFINITY};
    for (int64_t i = 0; i < count; i++) x[i] = 0;
    double norm = sqrt(cafe_dot(b, b, count));
    if (norm == 0) return;
    if (!isfinite(norm)) {
        report->status = CAFE_CG_NOT_FINITE;
        report->relative_residual = 1;
        return;
    }
    for (int64_t i = 0; i < count; i++) p[i] = r[i] = (float)(b[i] / norm); // r = p = b / |b|
    double rho = cafe_dot(r, r, count), best = rho;
    int32_t since_best = 0;
    report->status = CAFE_CG_ITERATIONS;
    while (report->iterations < iterations) {
        damped(apply, context, q, p, count, damping); // q = (A + damping) p
        report->iterations++;
        double curve = cafe_dot(p, q, count), length = cafe_dot(p, p, count);
        if (!isfinite(curve)) {
            report->status = CAFE_CG_NOT_FINITE;
            break;
        }
        if (curve / length < report->smallest_curvature) report->smallest_curvature = curve / length;
        if (curve <= 0) {
            report->status = CAFE_CG_CURVATURE;
            break;
        }
        double alpha = rho / curve;
        cafe_axpy(x, alpha, p, count);  // x = x + alpha p
        cafe_axpy(r, -alpha, q, count); // r = r - alpha q
        double next = cafe_dot(r, r, count);
        if (sqrt(next) <= tolerance) {
            report->status = CAFE_CG_CONVERGED;
            break;
        }
        since_best = next < best ? 0 : since_best + 1;
        if (next < best) best = next;
        if (since_best >= 16) {
            report->status = CAFE_CG_STAGNATED;
            break;
        }
        scale_add(p, next / rho, r, count); // p = r + beta p
        rho = next;
    }
    damped(apply, context, q, x, count, damping);
    for (int64_t i = 0; i < count; i++) r[i] = (float)(b[i] / norm) - q[i];
    report->relative_residual = sqrt(cafe_dot(r, r, count));
    scale_by(x, norm, count);
}

int32_t cafe_spd_solve(double *a, double *b, int32_t n, int32_t count) {
    if (n < 1) return 0;
    for (int64_t i = 0; i < (int64_t)n * n; i++)
        if (!isfinite(a[i])) return -1;
    for (int64_t i = 0; i < (int64_t)n * count; i++)
        if (!isfinite(b[i])) return -1;
    // A is symmetric and row i of b is column i to Fortran: no copy is needed.
    return LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'L', n, count, a, n, b, n);
}
