/* simd_math.h - template: vectors of LANES floats, their exponential and hyperbolic tangent.
 *
 * Included by kernels_*.c after LANES is defined. Both functions are within 2 ulp over all of float (a test sweeps
 * it): 1.0 for exp, 1.8 for tanh. Polynomials are minimax fits on the reduced argument.
 */
#include <stdint.h>
#include <string.h>

typedef float vf __attribute__((ext_vector_type(LANES)));
typedef int32_t vi __attribute__((ext_vector_type(LANES)));

#define INLINE static inline __attribute__((always_inline))

INLINE vf load(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, vf v) {
    memcpy(p, &v, sizeof v);
}

INLINE vf splat(float x) {
    return (vf)x;
}

/* Lane l of a shuffle of two vectors: their blocks of `s` lanes, the odd ones of the first changed for the
 * even ones of the second (LOW, HIGH: a step of a transposition), and a rotation by s lanes. */
#define LOW(l, s) ((l) & (s) ? LANES + (l) - (s) : (l))
#define HIGH(l, s) ((l) & (s) ? LANES + (l) : (l) + (s))
#define TURN(l, s) (((l) + (s)) % LANES)
#define EACH_4(F, s) F(0, s), F(1, s), F(2, s), F(3, s)
#if LANES == 4
#define EACH(F, s) EACH_4(F, s)
#else
#define EACH_8(F, s) EACH_4(F, s), F(4, s), F(5, s), F(6, s), F(7, s)
#if LANES == 8
#define EACH(F, s) EACH_8(F, s)
#else
#define EACH(F, s) EACH_8(F, s), F(8, s), F(9, s), F(10, s), F(11, s), F(12, s), F(13, s), F(14, s), F(15, s)
#endif
#endif

/* Sum of the lanes in a fixed order. */
INLINE float sum_of(vf v) {
#if LANES > 8
    v += __builtin_shufflevector(v, v, EACH(TURN, 8));
#endif
#if LANES > 4
    v += __builtin_shufflevector(v, v, EACH(TURN, 4));
#endif
    v += __builtin_shufflevector(v, v, EACH(TURN, 2));
    v += __builtin_shufflevector(v, v, EACH(TURN, 1));
    return v[0];
}

#define TRANSPOSE_STEP(s)                                                                                              \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < LANES; i++) if (!(i & (s))) {                               \
        vf low = __builtin_shufflevector(v[i], v[i + (s)], EACH(LOW, s));                                              \
        v[i + (s)] = __builtin_shufflevector(v[i], v[i + (s)], EACH(HIGH, s));                                         \
        v[i] = low;                                                                                                    \
    }

/* Transposes a square of LANES vectors. */
INLINE void transpose(vf v[LANES]) {
    TRANSPOSE_STEP(1)
    TRANSPOSE_STEP(2)
#if LANES > 4
    TRANSPOSE_STEP(4)
#endif
#if LANES > 8
    TRANSPOSE_STEP(8)
#endif
}

/* x = n log 2 + r with n = round(x / log 2), |r| <= log(2) / 2: gives r; n is in the low bits of *t. */
INLINE vf reduced(vf x, vf *t) {
    *t = x * 1.44269504f + 12582912.0f; // 1.5 * 2^23: the low bits are n
    vf n = *t - 12582912.0f;
    vf r = x - n * 0.693359375f;
    return r + n * 2.12194440e-4f;
}

/* exp(x) = p 2^n: gives p, a polynomial in the remainder. */
INLINE vf exp_reduced(vf x, vf *t) {
    vf r = reduced(x, t);
    vf p = splat(1.98756915e-4f);
    p = p * r + 1.39819995e-3f;
    p = p * r + 8.33345205e-3f;
    p = p * r + 4.16657962e-2f;
    p = p * r + 1.66666657e-1f;
    p = p * r + 0.5f;
    p = p * (r * r) + r;
    return p + 1.0f;
}

/* p 2^n in two factors, so that results down to the smallest denormal and up to infinity come out right, or by the
 * processor's instruction for it (the same bits). n is in the low bits of t. */
INLINE vf scaled(vf p, vf t) {
#ifdef SCALED
    return SCALED(p, t - 12582912.0f);
#else
    vi k = __builtin_bit_cast(vi, t) - 0x4B400000, half = k >> 1;
    vf low = __builtin_bit_cast(vf, (half + 127) << 23), high = __builtin_bit_cast(vf, (k - half + 127) << 23);
    return p * low * high;
#endif
}

INLINE vf exp_bounded(vf x) {
    x = splat(89.0f) < x ? splat(89.0f) : x;
    return splat(-104.0f) > x ? splat(-104.0f) : x;
}

/* exp; NaN stays NaN. */
INLINE vf exp_of(vf x) {
    vf t, p = exp_reduced(exp_bounded(x), &t);
    return scaled(p, t);
}

/* exp within 2 ulp, by a polynomial two steps shorter: for divergences, where the exponential is all the work. */
INLINE vf exp_short(vf x) {
    vf t, r = reduced(exp_bounded(x), &t), p = splat(1.38146104e-3f);
    p = p * r + 8.36871099e-3f;
    p = p * r + 4.16683890e-2f;
    p = p * r + 1.66665211e-1f;
    p = p * r + 0.49999994f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return scaled(p, t);
}

/* exp of x <= 0, the smallest normal number and not less below -87: a factor less than exp_of has. */
INLINE vf exp_down(vf x) {
    x = splat(-87.0f) > x ? splat(-87.0f) : x;
    vf t, p = exp_reduced(x, &t);
    return p * __builtin_bit_cast(vf, (__builtin_bit_cast(vi, t) << 23) + 0x3F800000);
}

/* log of a normal positive number: x = 2^n m, sqrt(1/2) <= m < sqrt(2), log m by Cephes' polynomial in m - 1.
 * Within 2 ulp where |log x| > 1/8, and 1e-8 absolute below. */
INLINE vf log_of(vf x) {
    vi bits = __builtin_bit_cast(vi, x) - 0x3F3504F3;
    vf n = __builtin_convertvector(bits >> 23, vf);
    vf r = __builtin_bit_cast(vf, (bits & 0x007FFFFF) + 0x3F3504F3) - 1.0f, z = r * r;
    vf p = splat(7.0376836292e-2f);
    p = p * r - 1.1514610310e-1f;
    p = p * r + 1.1676998740e-1f;
    p = p * r - 1.2420140846e-1f;
    p = p * r + 1.4249322787e-1f;
    p = p * r - 1.6668057665e-1f;
    p = p * r + 2.0000714765e-1f;
    p = p * r - 2.4999993993e-1f;
    p = p * r + 3.3333331174e-1f;
    p = p * (r * z) - n * 2.12194440e-4f;
    p = p - 0.5f * z;
    return r + p + n * 0.693359375f;
}

/* tanh |x| = 1 - 2 / (exp(2|x|) + 1), and below 0.6, where that would cancel, an odd polynomial. With 2|x| =
 * n log 2 + 2r the exponential's remainder is a polynomial in r. NaN stays NaN. */
INLINE vf tanh_of(vf x) {
    vi sign = __builtin_bit_cast(vi, x) & (int32_t)0x80000000;
    vf a = __builtin_bit_cast(vf, __builtin_bit_cast(vi, x) ^ sign);
    a = splat(9.02f) < a ? splat(9.02f) : a;
    vf u = a * a;
    vf near = splat(-0.00589515611f);
    near = near * u + 0.0207959692f;
    near = near * u - 0.0537838293f;
    near = near * u + 0.133319241f;
    near = near * u - 0.33333298f;
    near = near * (u * a) + a;
    vf t = a * 2.88539008f + 12582912.0f; // 1.5 * 2^23: the low bits are n
    vf r = a - (t - 12582912.0f) * 0.34657359f;
    vf p = splat(0.265999174f);
    p = p * r + 0.67024878f;
    p = p * r + 1.33336931f;
    p = p * r + 1.99996915f;
    p = p * (r * r) + (r + r);
    vf power = __builtin_bit_cast(vf, (__builtin_bit_cast(vi, t) << 23) + 0x3F800000);
    vf y = 1.0f - 2.0f / (p * power + (power + 1.0f));
    y = a < splat(0.6f) ? near : y;
    return __builtin_bit_cast(vf, __builtin_bit_cast(vi, y) | sign);
}
