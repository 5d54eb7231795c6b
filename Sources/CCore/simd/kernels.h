/* kernels.h - the innermost loops, of which there is one set a vector width: AVX-512, AVX2 with FMA, and 128-bit for
 * everything else. kernels_*.c compile the templates simd_*.h; cafe_kernels() picks a set once per call.
 *
 * All of them run on the caller's thread. Widths called `n` or `ld` are multiples of PAD.
 */
#ifndef CAFE_KERNELS_H
#define CAFE_KERNELS_H

#include "cafe.h"

/* Rows of matrices inside the core are padded to a multiple of this many floats. */
enum { PAD = 16 };
/* Matrices of weights wider than this are cut into panels of so many columns, one after the other. */
enum { PANEL = 64 };
/* `outer` copies A close together in strips of so many columns, of panels of at most this many rows. */
enum { OUTER_ROWS = 128, STRIP = 48 };

/* A and B of a product, whose rows are lda and ldb apart. */
typedef struct factors {
    const float *a, *b;
    int64_t lda, ldb;
} factors;

typedef struct kernels {
    /* C[m x n] = bias + A[m x k] B[k x n], with count 2 + A2 B2 of the same sizes; bias = zeros for none. Rows of C are
     * ldc apart. A sum runs over k in order, so that a row's result does not depend on m. */
    void (*product)(float *c, int64_t ldc, const factors *f, int count, const float *bias, int64_t m, int64_t k,
                    int64_t n);
    /* c[i * PAD] = bias + A[m x k] w, zeros in the other PAD - 1 places; w is followed by zeros up to a multiple of PAD.
     * Rows of A are lda apart, lda a multiple of PAD. */
    void (*column)(float *c, const float *a, int64_t lda, const float *w, float bias, int64_t m, int64_t k);
    /* C[k x width] += A[m x k]' B[m x width], with count 2 + A2' B2 in the same sum; rows of B are padded with zeros, of
     * C width apart. With `sums`, row k of C gets the column sums of the first B. With `fresh`, C is overwritten. */
    void (*outer)(float *c, const factors *f, int count, int64_t m, int64_t k, int64_t width, int sums, int fresh);
    /* out[width x rows] = a[rows x width]', rows of out ldo apart; the rest of its rows stays as it is. */
    void (*transpose)(float *out, int64_t ldo, const float *a, int64_t rows, int64_t width);
    /* h = tanh(h), or relu; kind is a CAFE_ activation. count is a multiple of PAD. */
    void (*activate)(float *h, int64_t count, int32_t kind);
    /* x *= f'(z) given h = f(z). */
    void (*derive)(float *x, const float *h, int64_t count, int32_t kind);
    /* x = x f'(z) + e f''(z) R{z} given r = R{h}. */
    void (*derive_twice)(float *x, const float *h, const float *r, const float *e, int64_t count, int32_t kind);
    /* out = exp(in), any count; in place is allowed. */
    void (*exp)(float *out, const float *in, int64_t count);
    void (*tanh)(float *out, const float *in, int64_t count);
    /* Softmax of `rows` rows of `width` <= 64 unmasked logits: KL(p || q). */
    void (*kl_rows)(float *kl, const float *p, const float *q, int64_t rows, int64_t width);
    /* Of rows as these: probabilities and their logarithms [rows x width], entropies [rows]. */
    void (*softmax_rows)(float *p, float *log_p, float *entropy, const float *logits, int64_t rows, int64_t width);
    /* KL of diagonal Gaussians; mean_q and log_sd_q may be NULL (standard normal). */
    void (*gaussian_rows)(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q,
                          const float *log_sd_q, int64_t rows, int64_t width);
    void (*adam)(float *p, float *m, float *v, const float *g, int64_t count, float rate, float beta1, float beta2,
                 float scale, float epsilon);
    double (*dot)(const float *a, const float *b, int64_t count);
} kernels;

extern const kernels cafe_kernels_portable;
#if defined(__x86_64__)
extern const kernels cafe_kernels_avx2;
extern const kernels cafe_kernels_avx512;
#endif

/* The widest set that this processor runs and cafe_vectors_set allows. */
const kernels *cafe_kernels(void);

#endif
