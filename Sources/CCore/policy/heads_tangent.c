/* heads_tangent.c - the R-operator of the heads in heads.c: how their gradients change along tangents of the logits, and the
 * Fisher head.
 *
 * Called once per direction of conjugate gradient; probabilities lent by the caller (cafe_softmax) save its exponentials.
 * Sums of a decision run in eight lanes, added in a fixed order; nothing is fused, so the bits depend on no vector
 * width. Hot call: tangent_of.
 */
#include "segments.h"

#include "lanes.h"

/* A decision's bounds, and what its softmax needs where nobody lent the probabilities. */
static inline segment head_of(const lent *with, int64_t i) {
    return with->segments->known ? bounds_of(with->segments, i) : segment_of(with->segments, i, with->logits);
}

/* Nothing to differentiate: no candidate is allowed. Such a decision's known probabilities are 0, and so is its R. */
static inline int head_is_empty(const lent *with, const segment *g) {
    return !with->segments->known && is_empty(g);
}

static inline float head_log(const lent *with, const segment *g, int32_t j) {
    return with->segments->known ? with->segments->known->log_probabilities[g->begin + j]
                                 : log_probability(g, with->logits, j);
}

/* The entropy from known probabilities. */
static double known_entropy(const float *p, const float *lp, int32_t size) {
    double entropy = 0;
    for (int32_t j = 0; j < size; j++)
        if (lp[j] > -80) entropy -= (double)p[j] * lp[j];
    return entropy;
}

/* LANES numbers, of which `left` are there. */
typedef float narrow __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
INLINE void widen(lanes *out, const float *p, int32_t left) {
    narrow some = {0};
    if (left >= LANES)
        some = *(const narrow *)p;
    else
        for (int32_t l = 0; l < left; l++) some[l] = p[l];
    *out = __builtin_convertvector(some, lanes);
}

/* R of the head without the entropy: out = moving * (1[j = a] - p) - weight * p * (u - mean), where `mean` is the sum of
 * p * u and moving = ratio_weight * R{log pi(a)}. out may be p. */
WIDE static void tangent_of(float *out, const float *p, const float *u, int32_t size, int32_t action, double weight,
                            double ratio_weight) {
    lanes sum = {0}, a, b;
    for (int32_t j = 0; j < size; j += LANES) {
        widen(&a, p + j, size - j), widen(&b, u + j, size - j);
        sum = sum + a * b;
    }
    double mean = sum_lanes(&sum), moving = ratio_weight != 0 ? ratio_weight * (u[action] - mean) : 0;
    double taken = action >= 0 ? p[action] : 0;
    for (int32_t j = 0; j < size; j += LANES) {
        widen(&a, p + j, size - j), widen(&b, u + j, size - j);
        lanes x = -moving * a - weight * (a * (b - mean));
        narrow some = __builtin_convertvector(x, narrow);
        if (size - j >= LANES)
            *(narrow *)(out + j) = some;
        else
            for (int32_t l = 0; l < size - j; l++) out[j + l] = some[l];
    }
    if (action >= 0) out[action] = (float)(moving * (1 - taken) - weight * (taken * (u[action] - mean)));
}

/* The same with the entropy. */
static void tangent_with_entropy(float *out, const lent *with, const segment *g, const float *p, double entropy,
                                 int32_t action, double weight, double ratio_weight) {
    const float *u = with->tangents + g->begin;
    double mean = 0, r_entropy = 0, bonus = with->bonus;
    for (int32_t j = 0; j < g->size; j++) mean += (double)p[j] * u[j];
    double moving = ratio_weight != 0 ? ratio_weight * (u[action] - mean) : 0;
    for (int32_t j = 0; j < g->size; j++)
        if (p[j] > 0) r_entropy -= (double)p[j] * (head_log(with, g, j) + entropy) * u[j];
    for (int32_t j = 0; j < g->size; j++) {
        double q = p[j], r_lp = u[j] - mean, r_p = q * r_lp;
        double x = moving * ((j == action) - q) - weight * r_p;
        if (q > 0) x -= bonus * (r_p * (head_log(with, g, j) + entropy) + q * (r_lp + r_entropy));
        out[j] = (float)x;
    }
}

/* R of the head of one decision. Where the weight is a ratio it moves too: R{weight} = ratio_weight * R{log pi(action)};
 * else ratio_weight is 0. */
static void head_r(const lent *with, const segment *g, int32_t action, double weight, double ratio_weight) {
    float *out = with->out + g->begin;
    const cafe_softmax *softmax = with->segments->known;
    const float *p = softmax ? softmax->probabilities + g->begin : out;
    double entropy = softmax ? 0 : probabilities_of(out, g, with->logits, with->bonus != 0);
    if (with->bonus == 0) {
        tangent_of(out, p, with->tangents + g->begin, g->size, action, weight, ratio_weight);
    } else {
        if (softmax) entropy = known_entropy(p, softmax->log_probabilities + g->begin, g->size);
        tangent_with_entropy(out, with, g, p, entropy, action, weight, ratio_weight);
    }
    for (int32_t j = 0; g->mask && j < g->size; j++)
        if (!g->mask[j]) out[j] = 0;
}

static void clipped_r_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *with = arguments;
    int64_t n = with->segments->count;
    for (int64_t i = begin; i < end; i++) {
        segment g = head_of(with, i);
        int32_t a = with->actions[i];
        if (head_is_empty(with, &g) || a < 0) {
            clear(with->out, &g);
            continue;
        }
        surrogate s = surrogate_of(head_log(with, &g, a), with->old[i], with->weights[i], with->clip);
        double weight = s.active ? -with->weights[i] * s.ratio / n : 0;
        head_r(with, &g, a, weight, weight);
    }
}

void cafe_policy_clipped_r(float *r_logit_gradient, const cafe_segments *segments, const float *logits,
                           const float *r_logits, const int32_t *actions, const float *old_log_probabilities,
                           const float *advantages, float clip_coef, float entropy_coef) {
    lent a = {.out = r_logit_gradient, .segments = segments, .logits = logits, .tangents = r_logits};
    a.actions = actions, a.old = old_log_probabilities, a.weights = advantages;
    a.clip = clip_coef, a.bonus = -(double)entropy_coef / segments->count;
    over_decisions(segments->count, clipped_r_body, &a);
}

static void fisher_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment g = head_of(a, i);
        if (head_is_empty(a, &g))
            clear(a->out, &g);
        else
            head_r(a, &g, -1, a->scale, 0);
    }
}

void cafe_policy_fisher(float *product, const cafe_segments *segments, const float *logits, const float *r_logits,
                        float scale) {
    lent a = {.out = product, .segments = segments, .logits = logits, .tangents = r_logits, .scale = -(double)scale};
    over_decisions(segments->count, fisher_body, &a);
}
