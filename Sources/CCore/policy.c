/* policy.c - categorical policies over segments of logits: softmax, sampling, PPO's loss and its derivatives, values.
 *
 * Representation: one flat array of logits; a segment is a decision. Each decision is worked out in one or two passes
 * over its segment, sums in double. Hot calls: sample in a rollout, clipped in an update.
 */
#include "internal.h"
#include "kernels.h"

#include <math.h>
#include <stddef.h>

enum { LEAST = 256 };

/* One decision's logits and what its softmax needs. */
typedef struct segment {
    int64_t begin;
    int32_t size;
    const uint8_t *mask; /* NULL: all allowed */
    float peak;          /* largest allowed logit; -inf where none is */
    double log_sum;      /* log sum exp(logit - peak) */
} segment;

static segment bounds_of(const cafe_segments *s, int64_t i) {
    segment g = {.begin = s->offsets ? s->offsets[i] : i * s->width};
    g.size = s->offsets ? s->offsets[i + 1] - s->offsets[i] : s->width;
    g.mask = s->mask ? s->mask + g.begin : NULL;
    return g;
}

static int allows(const segment *g, int32_t j) {
    return !g->mask || g->mask[j];
}

static segment segment_of(const cafe_segments *s, int64_t i, const float *logits) {
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

static int is_empty(const segment *g) {
    return g->peak == -INFINITY;
}

static float log_probability(const segment *g, const float *logits, int32_t j) {
    return (float)((double)(logits[g->begin + j] - g->peak) - g->log_sum);
}

static double entropy_of(const segment *g, const float *logits) {
    double entropy = 0;
    for (int32_t j = 0; j < g->size; j++) {
        if (!allows(g, j)) continue;
        float lp = log_probability(g, logits, j);
        if (lp > -80) entropy -= (double)expf(lp) * lp;
    }
    return entropy;
}

/* The decisions begin ..< end of a function that wants no memory of its own. */
typedef void decisions_body(const void *arguments, int64_t begin, int64_t end);

/* Calls `body` on every decision, chunk by chunk over the threads. One thread enters no OpenMP region: libomp allocates
 * for a region of one. */
static void over_decisions(int64_t count, decisions_body *body, const void *arguments) {
    chunks c = chunks_of(count, LEAST);
    if (c.threads < 2) {
        body(arguments, 0, count);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++) body(arguments, k * c.size, chunk_end(c, k, count));
}

/* What the functions below lend to their bodies. */
typedef struct lent {
    const kernels *use; /* chosen by the calling thread */
    float *out, *other;
    const cafe_segments *segments;
    const float *logits, *tangents, *old, *weights;
    const int32_t *actions;
    double scale, clip, bonus;
} lent;

static void softmax_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(a->segments, i, a->logits);
        for (int32_t j = 0; j < g.size; j++)
            a->out[g.begin + j] = allows(&g, j) ? expf(log_probability(&g, a->logits, j)) : 0;
    }
}

void cafe_policy_softmax(float *probabilities, const cafe_segments *segments, const float *logits) {
    lent a = {.out = probabilities, .segments = segments, .logits = logits};
    over_decisions(segments->count, softmax_body, &a);
}

static void log_softmax_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(a->segments, i, a->logits);
        for (int32_t j = 0; j < g.size; j++)
            a->out[g.begin + j] = allows(&g, j) ? log_probability(&g, a->logits, j) : -INFINITY;
    }
}

void cafe_policy_log_softmax(float *log_probabilities, const cafe_segments *segments, const float *logits) {
    lent a = {.out = log_probabilities, .segments = segments, .logits = logits};
    over_decisions(segments->count, log_softmax_body, &a);
}

/* The allowed candidate at which the distribution function passes u; the last allowed one where rounding leaves u
 * beyond the sum. */
static int32_t draw(const segment *g, const float *logits, float u) {
    double target = u * exp(g->log_sum), sum = 0;
    int32_t last = -1;
    for (int32_t j = 0; j < g->size; j++) {
        if (!allows(g, j)) continue;
        float weight = expf(logits[g->begin + j] - g->peak);
        if (weight > 0) last = j;
        sum += weight;
        if (sum > target) return j;
    }
    return last;
}

static void sample_range(int32_t *actions, float *log_probabilities, const cafe_segments *segments, const float *logits,
                         const float *uniforms, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(segments, i, logits);
        actions[i] = is_empty(&g) ? -1 : draw(&g, logits, uniforms[i]);
        log_probabilities[i] = actions[i] < 0 ? 0 : log_probability(&g, logits, actions[i]);
    }
}

void cafe_policy_sample(int32_t *actions, float *log_probabilities, const cafe_segments *segments, const float *logits,
                        const float *uniforms) {
    chunks c = chunks_of(segments->count, LEAST);
    if (c.threads < 2) { // a step of a rollout: not even an OpenMP region of one
        sample_range(actions, log_probabilities, segments, logits, uniforms, 0, segments->count);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++)
        sample_range(actions, log_probabilities, segments, logits, uniforms, k * c.size,
                     chunk_end(c, k, segments->count));
}

void cafe_policy_greedy(int32_t *actions, const cafe_segments *segments, const float *logits) {
    for (int64_t i = 0; i < segments->count; i++) {
        segment g = bounds_of(segments, i);
        float peak = -INFINITY;
        actions[i] = -1;
        for (int32_t j = 0; j < g.size; j++)
            if (allows(&g, j) && logits[g.begin + j] > peak) {
                peak = logits[g.begin + j];
                actions[i] = j;
            }
    }
}

static void evaluate_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(a->segments, i, a->logits);
        int skip = is_empty(&g);
        a->out[i] = skip || a->actions[i] < 0 ? 0 : log_probability(&g, a->logits, a->actions[i]);
        a->other[i] = skip ? 0 : (float)entropy_of(&g, a->logits);
    }
}

void cafe_policy_evaluate(float *log_probabilities, float *entropies, const cafe_segments *segments,
                          const float *logits, const int32_t *actions) {
    lent a = {.out = log_probabilities, .other = entropies, .segments = segments, .logits = logits, .actions = actions};
    over_decisions(segments->count, evaluate_body, &a);
}

/* ---- heads: gradients of  weight * log pi(a) + bonus * entropy  and their R-operator ----
 *
 * The probabilities are worked out once, into the head's own output, and read from there. */

/* p[j] = pi(j), 0 where forbidden. Returns the entropy, 0 where it is not wanted. */
static double probabilities_of(float *p, const segment *g, const float *logits, int wanted) {
    double entropy = 0;
    for (int32_t j = 0; j < g->size; j++) {
        float lp = allows(g, j) ? log_probability(g, logits, j) : -INFINITY;
        p[j] = allows(g, j) ? expf(lp) : 0;
        if (wanted && lp > -80) entropy -= (double)p[j] * lp;
    }
    return entropy;
}

/* Returns the entropy. */
static double head_gradient(float *gradient, const segment *g, const float *logits, int32_t action, double weight,
                            double bonus) {
    float *out = gradient + g->begin;
    double entropy = probabilities_of(out, g, logits, 1);
    for (int32_t j = 0; j < g->size; j++) {
        if (!allows(g, j)) continue;
        double p = out[j], x = weight * ((j == action) - p); // d log pi(a) = 1[j = a] - p
        if (bonus != 0 && p > 0)                             // d entropy = -p (log p + entropy)
            x -= bonus * p * (log_probability(g, logits, j) + entropy);
        out[j] = (float)x;
    }
    return entropy;
}

/* R of the head. Where the weight is a ratio it moves too: R{weight} = ratio_weight * R{log pi(action)}; else
 * 0. */
static inline void head_r(float *out, const segment *g, const float *logits, const float *u, int32_t action,
                          double weight, double ratio_weight, double bonus) {
    float *to = out + g->begin;
    const float *r = u + g->begin;
    double entropy = probabilities_of(to, g, logits, bonus != 0), mean = 0, r_entropy = 0;
    for (int32_t j = 0; j < g->size; j++) // the mean tangent: sum of p * u
        if (allows(g, j)) mean += (double)to[j] * r[j];
    double r_weight = ratio_weight != 0 ? ratio_weight * (r[action] - mean) : 0; // R{log pi(a)}
    for (int32_t j = 0; bonus != 0 && j < g->size; j++)
        if (to[j] > 0) r_entropy -= (double)to[j] * (log_probability(g, logits, j) + entropy) * r[j];
    for (int32_t j = 0; j < g->size; j++) {
        if (!allows(g, j)) continue;
        double p = to[j], r_lp = r[j] - mean, r_p = p * r_lp;
        double x = r_weight * ((j == action) - p) - weight * r_p;
        if (bonus != 0 && p > 0)
            x -= bonus * (r_p * (log_probability(g, logits, j) + entropy) + p * (r_lp + r_entropy));
        to[j] = (float)x;
    }
}

static void clear(float *out, const segment *g) {
    for (int32_t j = 0; j < g->size; j++) out[g->begin + j] = 0;
}

/* The clipped objective of one decision. `active`: the gradient flows through the ratio. */
typedef struct surrogate {
    double log_ratio, ratio, loss;
    int active, clipped;
} surrogate;

static surrogate surrogate_of(double log_pi, double old, double advantage, double clip) {
    surrogate s = {.log_ratio = log_pi - old};
    s.ratio = exp(s.log_ratio);
    double bounded = s.ratio < 1 - clip ? 1 - clip : s.ratio > 1 + clip ? 1 + clip : s.ratio;
    s.clipped = fabs(s.ratio - 1) > clip;
    s.active = !s.clipped || (advantage > 0 ? s.ratio < 1 : s.ratio > 1);
    s.loss = -advantage * (s.active ? s.ratio : bounded);
    return s;
}

/* Losses of the decisions begin ..< end, summed, and their logit gradients for a mean over n decisions. */
static cafe_policy_loss clipped_range(float *logit_gradient, const cafe_segments *segments, const float *logits,
                                      const int32_t *actions, const float *old_log_probabilities,
                                      const float *advantages, float clip_coef, float entropy_coef, int64_t begin,
                                      int64_t end) {
    int64_t n = segments->count;
    cafe_policy_loss sum = {0};
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(segments, i, logits);
        if (is_empty(&g) || actions[i] < 0) {
            clear(logit_gradient, &g);
            continue;
        }
        surrogate s =
            surrogate_of(log_probability(&g, logits, actions[i]), old_log_probabilities[i], advantages[i], clip_coef);
        sum.policy += s.loss;
        sum.approx_kl += s.ratio - 1 - s.log_ratio;
        sum.clip_fraction += s.clipped;
        double weight = s.active ? -advantages[i] * s.ratio : 0; // d loss / d log pi(a)
        sum.entropy += head_gradient(logit_gradient, &g, logits, actions[i], weight / n, -(double)entropy_coef / n);
    }
    return sum;
}

void cafe_policy_clipped(float *logit_gradient, cafe_policy_loss *loss, const cafe_segments *segments,
                         const float *logits, const int32_t *actions, const float *old_log_probabilities,
                         const float *advantages, float clip_coef, float entropy_coef) {
    int64_t n = segments->count;
    chunks c = chunks_of(n, LEAST);
    cafe_policy_loss partial[MOST_CHUNKS];
    if (c.threads < 2) { // not even an OpenMP region of one
        for (int64_t k = 0; k < c.count; k++)
            partial[k] = clipped_range(logit_gradient, segments, logits, actions, old_log_probabilities, advantages,
                                       clip_coef, entropy_coef, k * c.size, chunk_end(c, k, n));
    } else {
#pragma omp parallel for schedule(static) num_threads(c.threads)
        for (int64_t k = 0; k < c.count; k++)
            partial[k] = clipped_range(logit_gradient, segments, logits, actions, old_log_probabilities, advantages,
                                       clip_coef, entropy_coef, k * c.size, chunk_end(c, k, n));
    }
    *loss = (cafe_policy_loss){0};
    for (int64_t k = 0; k < c.count; k++) {
        loss->policy += partial[k].policy / n;
        loss->entropy += partial[k].entropy / n;
        loss->approx_kl += partial[k].approx_kl / n;
        loss->clip_fraction += partial[k].clip_fraction / n;
    }
}

static void clipped_r_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *with = arguments;
    int64_t n = with->segments->count;
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(with->segments, i, with->logits);
        int32_t a = with->actions[i];
        if (is_empty(&g) || a < 0) {
            clear(with->out, &g);
            continue;
        }
        surrogate s = surrogate_of(log_probability(&g, with->logits, a), with->old[i], with->weights[i], with->clip);
        double weight = s.active ? -with->weights[i] * s.ratio / n : 0;
        if (with->bonus != 0)
            head_r(with->out, &g, with->logits, with->tangents, a, weight, weight, with->bonus);
        else
            head_r(with->out, &g, with->logits, with->tangents, a, weight, weight, 0);
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

static void score_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(a->segments, i, a->logits);
        if (is_empty(&g) || a->actions[i] < 0)
            clear(a->out, &g);
        else
            head_gradient(a->out, &g, a->logits, a->actions[i], a->scale * a->weights[i], a->bonus);
    }
}

void cafe_policy_score(float *logit_gradient, const cafe_segments *segments, const float *logits,
                       const int32_t *actions, const float *weights, float scale, float entropy_coef) {
    lent a = {.out = logit_gradient, .segments = segments, .logits = logits, .actions = actions, .weights = weights};
    a.scale = scale, a.bonus = (double)scale * entropy_coef;
    over_decisions(segments->count, score_body, &a);
}

static void score_r_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(a->segments, i, a->logits);
        double weight = a->scale * a->weights[i];
        if (is_empty(&g) || a->actions[i] < 0)
            clear(a->out, &g);
        else if (a->bonus != 0)
            head_r(a->out, &g, a->logits, a->tangents, a->actions[i], weight, 0, a->bonus);
        else
            head_r(a->out, &g, a->logits, a->tangents, a->actions[i], weight, 0, 0);
    }
}

void cafe_policy_score_r(float *r_logit_gradient, const cafe_segments *segments, const float *logits,
                         const float *r_logits, const int32_t *actions, const float *weights, float scale,
                         float entropy_coef) {
    lent a = {.out = r_logit_gradient, .segments = segments, .logits = logits, .tangents = r_logits};
    a.actions = actions, a.weights = weights, a.scale = scale, a.bonus = (double)scale * entropy_coef;
    over_decisions(segments->count, score_r_body, &a);
}

static void fisher_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(a->segments, i, a->logits);
        if (is_empty(&g))
            clear(a->out, &g);
        else
            head_r(a->out, &g, a->logits, a->tangents, -1, a->scale, 0, 0);
    }
}

void cafe_policy_fisher(float *product, const cafe_segments *segments, const float *logits, const float *r_logits,
                        float scale) {
    lent a = {.out = product, .segments = segments, .logits = logits, .tangents = r_logits, .scale = -(double)scale};
    over_decisions(segments->count, fisher_body, &a);
}

/* ---- KL ---- */

/* q's logits are lent as `tangents`. */
static void kl_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    const cafe_segments *s = a->segments;
    if (!s->offsets && !s->mask && s->width >= 1 && s->width <= 64) { // a row in each lane of a vector
        int64_t at = begin * s->width;
        a->use->kl_rows(a->out + begin, a->logits + at, a->tangents + at, end - begin, s->width);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        segment p = segment_of(s, i, a->logits), q = segment_of(s, i, a->tangents);
        double sum = 0;
        for (int32_t j = 0; j < p.size; j++) {
            if (!allows(&p, j)) continue;
            float lp = log_probability(&p, a->logits, j);
            if (lp > -80) sum += (double)expf(lp) * (lp - log_probability(&q, a->tangents, j));
        }
        a->out[i] = (float)sum;
    }
}

void cafe_categorical_kl(float *kl, const cafe_segments *segments, const float *logits_p, const float *logits_q) {
    lent a = {.use = cafe_kernels(), .out = kl, .segments = segments, .logits = logits_p, .tangents = logits_q};
    over_decisions(segments->count, kl_body, &a);
}

static void kl_backward_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    for (int64_t i = begin; i < end; i++) {
        segment p = segment_of(a->segments, i, a->logits), q = segment_of(a->segments, i, a->tangents);
        float kl = 0;
        cafe_segments one = {.mask = p.mask, .count = 1, .width = p.size};
        cafe_categorical_kl(&kl, &one, a->logits + p.begin, a->tangents + p.begin);
        for (int32_t j = 0; j < p.size; j++) {
            if (!allows(&p, j)) continue;
            float lp = log_probability(&p, a->logits, j), lq = log_probability(&q, a->tangents, j);
            float pj = expf(lp);
            if (a->out && pj > 0) a->out[p.begin + j] += a->weights[i] * pj * (lp - lq - kl);
            if (a->other) a->other[p.begin + j] += a->weights[i] * (expf(lq) - pj);
        }
    }
}

void cafe_categorical_kl_backward(float *gradient_p, float *gradient_q, const cafe_segments *segments,
                                  const float *logits_p, const float *logits_q, const float *weights) {
    lent a = {.out = gradient_p, .other = gradient_q, .segments = segments, .logits = logits_p, .tangents = logits_q};
    a.weights = weights;
    over_decisions(segments->count, kl_backward_body, &a);
}

/* ---- values ---- */

double cafe_value_loss(float *gradient, const float *values, const float *old_values, const float *returns,
                       float clip_coef, int64_t count) {
    double total = 0;
    for (int64_t i = 0; i < count; i++) {
        double error = (double)values[i] - returns[i], used = error;
        int moves = 1;
        if (clip_coef > 0) {
            double step = (double)values[i] - old_values[i];
            double bounded = step < -clip_coef ? -clip_coef : step > clip_coef ? clip_coef : step;
            double other = old_values[i] + bounded - returns[i];
            if (bounded != step && other * other > error * error) used = other, moves = 0;
        }
        total += 0.5 * used * used;
        gradient[i] = moves ? (float)(error / count) : 0;
    }
    return count > 0 ? total / count : 0;
}
