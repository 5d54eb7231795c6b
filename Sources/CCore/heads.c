/* heads.c - PPO's loss and the derivatives of categorical policies over segments of logits, and the loss of values.
 *
 * Hot call: clipped in an update.
 */
#include "segments.h"

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
