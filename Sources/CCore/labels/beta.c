/* beta.c - the incomplete beta function at one half, and OptKG's gains, eight pairs at a time.
 *
 * Representation: arrays of parameters owned by the caller; work is in blocks of eight lanes, the last one padded.
 * No multiplication is fused with an addition, so the bits do not depend on the processor's vector width. Hot call:
 * cafe_optkg_gain, once over a row and once over a column of the pairs at each step.
 */
#include "lanes.h"

#include "cafe.h"

enum { MOST_TERMS = 4000 };

INLINE void choose(lanes *out, const bits *mask, const lanes *yes, const lanes *no) {
    *out = (lanes)((*mask & (bits)*yes) | (~*mask & (bits)*no));
}

/* log(x) for positive normal x: x = 2^e m with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m - 1)/(m + 1)). */
INLINE void log_lanes(lanes *value) {
    bits raw = (bits)*value;
    bits e = (raw - 0x3fe6a09e667f3bcdLL) >> 52; /* the bits of sqrt(1/2) */
    lanes m = (lanes)(raw - (e << 52));
    lanes f = (m - 1.0) / (m + 1.0), s = f * f;
    lanes p = s * (1.0 / 23.0) + 1.0 / 21.0;
    p = p * s + 1.0 / 19.0;
    p = p * s + 1.0 / 17.0;
    p = p * s + 1.0 / 15.0;
    p = p * s + 1.0 / 13.0;
    p = p * s + 1.0 / 11.0;
    p = p * s + 1.0 / 9.0;
    p = p * s + 1.0 / 7.0;
    p = p * s + 1.0 / 5.0;
    p = p * s + 1.0 / 3.0;
    p = p * s + 1.0;
    *value = __builtin_convertvector(e, lanes) * 0x1.62e42fefa39efp-1 + 2.0 * f * p;
}

/* exp(x) for x <= 700; e^-700 below -700. */
INLINE void exp_from(lanes *value) {
    bits low = *value < -700.0;
    lanes least = {-700, -700, -700, -700, -700, -700, -700, -700};
    choose(value, &low, &least, value);
    exp_lanes(value);
}

/* Stirling's log Gamma(z) less its constant, z >= 7. */
INLINE void stirling(lanes *out, const lanes *at) {
    lanes z = *at, inverse = 1.0 / z, s = inverse * inverse, l = z;
    log_lanes(&l);
    lanes p = s * (1.0 / 156.0) - 691.0 / 360360.0;
    p = p * s + 1.0 / 1188.0;
    p = p * s - 1.0 / 1680.0;
    p = p * s + 1.0 / 1260.0;
    p = p * s - 1.0 / 360.0;
    p = p * s + 1.0 / 12.0;
    *out = (z - 0.5) * l - z + p * inverse;
}

INLINE void rising(lanes *out, const lanes *at) { /* z (z+1) ... (z+6) */
    lanes z = *at;
    *out = z * (z + 1.0) * (z + 2.0) * (z + 3.0) * (z + 4.0) * (z + 5.0) * (z + 6.0);
}

/* log B(p, q): each log Gamma(z) = Stirling(z + 7) - log(z ... (z+6)), the three products under one logarithm. */
INLINE void log_beta(lanes *out, const lanes *p, const lanes *q) {
    lanes sum = *p + *q, gp, gq, gs, rp, rq, rs;
    lanes p7 = *p + 7.0, q7 = *q + 7.0, s7 = sum + 7.0;
    stirling(&gp, &p7);
    stirling(&gq, &q7);
    stirling(&gs, &s7);
    rising(&rp, p);
    rising(&rq, q);
    rising(&rs, &sum);
    lanes ratio = rs / (rp * rq);
    log_lanes(&ratio);
    *out = gp + gq - gs + 0.918938533204672742 + ratio;
}

/* I_{1/2}(p, q) with p >= q: x^p (1-x)^q / (p B(p,q)) times the continued fraction (modified Lentz). */
INLINE void tail_lanes(lanes *out, const lanes *a, const lanes *b) {
    bits swap = *a < *b;
    lanes p, q, front;
    choose(&p, &swap, b, a);
    choose(&q, &swap, a, b);
    log_beta(&front, &p, &q);
    front = (p + q) * -0x1.62e42fefa39efp-1 - front;
    exp_from(&front);
    bits open = p > 0.0; /* a lane that has converged keeps its value, whatever its neighbours still need */
    lanes sum = p + q, c = p * 0.0 + 1.0, d = 1.0 / (1.0 - 0.5 * sum / (p + 1.0)), f = d;
    for (int m = 1; m < MOST_TERMS; m++) {
        double t = (double)m;
        lanes even = 0.5 * t * (q - t) / ((p + (2 * t - 1)) * (p + 2 * t));
        d = 1.0 / (1.0 + even * d);
        c = 1.0 + even / c;
        lanes next = f * d * c;
        lanes odd = -0.5 * (p + t) * (sum + t) / ((p + 2 * t) * (p + (2 * t + 1)));
        d = 1.0 / (1.0 + odd * d);
        c = 1.0 + odd / c;
        lanes change = d * c;
        next = next * change;
        choose(&f, &open, &next, &f);
        open &= (change > 1.0 + 1e-14) | (change < 1.0 - 1e-14);
        if (!(open[0] | open[1] | open[2] | open[3] | open[4] | open[5] | open[6] | open[7])) break;
    }
    *out = front * f / p;
}

/* Lanes [k, k + 8) of an array that advances by stride; the last value repeats past the end. */
INLINE void load(lanes *out, const double *from, int64_t stride, int64_t k, int64_t n) {
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t index = k + lane < n ? k + lane : n - 1;
        (*out)[lane] = from[index * stride];
    }
}

INLINE void store(double *to, const lanes *from, int64_t k, int64_t n) {
    for (int64_t lane = 0; lane < LANES && k + lane < n; lane++) to[k + lane] = (*from)[lane];
}

WIDE void cafe_beta_tail(double *tail, const double *a, const double *b, int64_t n) {
    for (int64_t k = 0; k < n; k += LANES) {
        lanes x, y, t;
        load(&x, a, 1, k, n);
        load(&y, b, 1, k, n);
        tail_lanes(&t, &x, &y);
        store(tail, &t, k, n);
    }
}

/* The task's parameters after one label, matched to E and E2 (m1, m2), from the worker's side u : v = P(right) :
 * P(wrong) weights as they multiply theta's moments: E = a ((a+1) u + b v) / ((a+b+1) (a u + b v)). */
INLINE void matched(lanes *a2, lanes *b2, const lanes *a, const lanes *b, const lanes *u, const lanes *v) {
    lanes total = *a + *b, norm = *a * *u + *b * *v;
    lanes m1 = *a * ((*a + 1.0) * *u + *b * *v) / ((total + 1.0) * norm);
    lanes m2 = *a * (*a + 1.0) * ((*a + 2.0) * *u + *b * *v) / ((total + 1.0) * (total + 2.0) * norm);
    lanes size = (m1 - m2) / (m2 - m1 * m1);
    *a2 = m1 * size;
    *b2 = (1.0 - m1) * size;
}

WIDE void cafe_optkg_gain(double *gain, const double *a, const double *b, const double *tail, int64_t task_stride,
                          const double *c, const double *d, int64_t worker_stride, int64_t n) {
    for (int64_t k = 0; k < n; k += LANES) {
        lanes p, q, before, u, v, p2, q2, plus, minus;
        load(&p, a, task_stride, k, n);
        load(&q, b, task_stride, k, n);
        load(&before, tail, task_stride, k, n);
        load(&u, c, worker_stride, k, n);
        load(&v, d, worker_stride, k, n);
        matched(&p2, &q2, &p, &q, &u, &v); // Z = +1
        tail_lanes(&plus, &p2, &q2);
        matched(&p2, &q2, &p, &q, &v, &u); // Z = -1
        tail_lanes(&minus, &p2, &q2);
        bits first = plus < minus;
        choose(&plus, &first, &plus, &minus);
        plus = before - plus;
        store(gain, &plus, k, n);
    }
}
