/* segments.h - the softmax over one decision's logits, PPO's objective of one decision, and passes over many decisions:
 * shared by policy.c, heads.c and heads_tangent.c.
 *
 * Representation: one flat array of logits; a segment is a decision. Each decision is worked out in one or two passes
 * over its segment, sums in double.
 */
#ifndef CAFE_SEGMENTS_H
#define CAFE_SEGMENTS_H

#include "internal.h"
#include "kernels.h"
#include "shares.h"

#include <math.h>
#include <stddef.h>

/* A thread is worth so many decisions. */
enum { LEAST = 256 };

/* One decision's logits and what its softmax needs. */
typedef struct segment {
    int64_t begin;
    int32_t size;
    const uint8_t *mask; /* NULL: all allowed */
    float peak;          /* largest allowed logit; -inf where none is */
    double log_sum;      /* log sum exp(logit - peak) */
} segment;

static inline segment bounds_of(const cafe_segments *s, int64_t i) {
    segment g = {.begin = s->offsets ? s->offsets[i] : i * s->width};
    g.size = s->offsets ? s->offsets[i + 1] - s->offsets[i] : s->width;
    g.mask = s->mask ? s->mask + g.begin : NULL;
    return g;
}

static inline int allows(const segment *g, int32_t j) {
    return !g->mask || g->mask[j];
}

static inline segment segment_of(const cafe_segments *s, int64_t i, const float *logits) {
    segment g = bounds_of(s, i);
    const float *z = logits + g.begin;
    double sum = 0;
    g.peak = -INFINITY;
    for (int32_t j = 0; j < g.size; j++)
        if (allows(&g, j) && z[j] > g.peak) g.peak = z[j];
    for (int32_t j = 0; j < g.size; j++)
        if (allows(&g, j)) sum += expf(z[j] - g.peak);
    g.log_sum = log(sum);
    return g;
}

static inline int is_empty(const segment *g) {
    return g->peak == -INFINITY;
}

static inline float log_probability(const segment *g, const float *logits, int32_t j) {
    return (float)((double)(logits[g->begin + j] - g->peak) - g->log_sum);
}

/* p[j] = pi(j), 0 where forbidden. Returns the entropy, 0 where it is not wanted. */
static inline double probabilities_of(float *p, const segment *g, const float *logits, int wanted) {
    double entropy = 0;
    for (int32_t j = 0; j < g->size; j++) {
        float lp = allows(g, j) ? log_probability(g, logits, j) : -INFINITY;
        p[j] = allows(g, j) ? expf(lp) : 0;
        if (wanted && lp > -80) entropy -= (double)p[j] * lp;
    }
    return entropy;
}

static inline void clear(float *out, const segment *g) {
    for (int32_t j = 0; j < g->size; j++) out[g->begin + j] = 0;
}

/* The clipped objective of one decision. `active`: the gradient flows through the ratio. */
typedef struct surrogate {
    double log_ratio, ratio, loss;
    int active, clipped;
} surrogate;

static inline surrogate surrogate_at(double log_ratio, double ratio, double advantage, double clip) {
    surrogate s = {.log_ratio = log_ratio, .ratio = ratio};
    double bounded = s.ratio < 1 - clip ? 1 - clip : s.ratio > 1 + clip ? 1 + clip : s.ratio;
    s.clipped = fabs(s.ratio - 1) > clip;
    s.active = !s.clipped || (advantage > 0 ? s.ratio < 1 : s.ratio > 1);
    s.loss = -advantage * (s.active ? s.ratio : bounded);
    return s;
}

static inline surrogate surrogate_of(double log_pi, double old, double advantage, double clip) {
    return surrogate_at(log_pi - old, exp(log_pi - old), advantage, clip);
}

/* All decisions have as many candidates, all of them allowed: vectors hold a decision in each lane (`softmax_rows`),
 * SOME logits at a time. Exponentials are the core's own there, the C library's elsewhere. */
enum { SOME = 1024 };
static inline int is_uniform(const cafe_segments *s) {
    return !s->offsets && !s->mask && s->width >= 1 && s->width <= 64;
}

/* The decisions begin ..< end of a function that wants no memory of its own. */
typedef void decisions_body(const void *arguments, int64_t begin, int64_t end);

/* Calls `body` on every decision, chunk by chunk over the threads. One thread enters no OpenMP region: libomp allocates
 * for a region of one. */
static inline void over_decisions(int64_t count, decisions_body *body, const void *arguments) {
    chunks c = chunks_of(count, LEAST);
    if (c.threads < 2) {
        body(arguments, 0, count);
        return;
    }
    shares left;
#pragma omp parallel num_threads(shares_cut(&left, c.count, c.threads))
    {
        int32_t me = omp_get_thread_num();
        for (int64_t k = shares_next(&left, me); k >= 0; k = shares_next(&left, me))
            body(arguments, k * c.size, chunk_end(c, k, count));
    }
}

/* What the functions below lend to their bodies. */
typedef struct lent {
    const kernels *use; /* chosen by the calling thread */
    float *out;
    const cafe_segments *segments;
    const float *logits, *tangents, *old, *weights;
    const int32_t *actions;
    double scale, clip, bonus;
} lent;

#endif
