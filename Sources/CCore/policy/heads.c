/* heads.c - PPO's loss and the derivatives of categorical policies over segments of logits, and the loss of values.
 * heads_tangent.c has the second derivatives.
 *
 * Hot call: clipped in an update.
 */
#include "segments.h"

#include <string.h>

/* ---- heads: gradients of  weight * log pi(a) + bonus * entropy ----
 *
 * The probabilities are worked out once, into the head's own output, and read from there. */

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

static void add_surrogate(cafe_policy_loss *sum, const surrogate *s) {
    sum->policy += s->loss;
    sum->approx_kl += s->ratio - 1 - s->log_ratio;
    sum->clip_fraction += s->clipped;
}

/* Losses of the decisions begin ..< end, summed, and their logit gradients for a mean over n decisions. Lent: advantages
 * as weights, -entropy_coef / n as the bonus. */
typedef cafe_policy_loss clipped_part(const lent *with, int64_t begin, int64_t end);

static cafe_policy_loss clipped_range(const lent *with, int64_t begin, int64_t end) {
    int64_t n = with->segments->count;
    cafe_policy_loss sum = {0};
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(with->segments, i, with->logits);
        int32_t action = with->actions[i];
        if (is_empty(&g) || action < 0) {
            clear(with->out, &g);
            continue;
        }
        double advantage = with->weights[i];
        surrogate s = surrogate_of(log_probability(&g, with->logits, action), with->old[i], advantage, with->clip);
        add_surrogate(&sum, &s);
        double weight = s.active ? -advantage * s.ratio : 0; // d loss / d log pi(a)
        sum.entropy += head_gradient(with->out, &g, with->logits, action, weight / n, with->bonus);
    }
    return sum;
}

/* The same of decisions alike in width, without a mask. */
static cafe_policy_loss clipped_rows(const lent *with, int64_t begin, int64_t end) {
    int64_t n = with->segments->count, width = with->segments->width, most = SOME / width / 16 * 16;
    cafe_policy_loss sum = {0};
    float log_p[SOME], entropy[SOME], log_ratio[SOME], ratio[SOME], bonus = (float)with->bonus;
    for (int64_t first = begin; first < end; first += most) {
        int64_t rows = end - first < most ? end - first : most;
        const int32_t *actions = with->actions + first;
        float *p = with->out + first * width;
        with->use->softmax_rows(p, log_p, entropy, with->logits + first * width, rows, width);
        for (int64_t i = 0; i < rows; i++)
            log_ratio[i] = actions[i] < 0 ? 0 : log_p[i * width + actions[i]] - with->old[first + i];
        with->use->exp(ratio, log_ratio, rows);
        for (int64_t i = 0; i < rows; i++, p += width) {
            if (actions[i] < 0) {
                memset(p, 0, (size_t)width * sizeof *p);
                continue;
            }
            double advantage = with->weights[first + i];
            surrogate s = surrogate_at(log_ratio[i], ratio[i], advantage, with->clip);
            add_surrogate(&sum, &s);
            sum.entropy += entropy[i];
            float weight = s.active ? (float)(-advantage * s.ratio / n) : 0;
            for (int64_t j = 0; j < width; j++)
                p[j] = p[j] == 0 ? 0 : p[j] * (-weight - bonus * (log_p[i * width + j] + entropy[i]));
            p[actions[i]] += weight;
        }
    }
    return sum;
}

void cafe_policy_clipped(float *logit_gradient, cafe_policy_loss *loss, const cafe_segments *segments,
                         const float *logits, const int32_t *actions, const float *old_log_probabilities,
                         const float *advantages, float clip_coef, float entropy_coef) {
    int64_t n = segments->count;
    chunks c = chunks_of(n, LEAST);
    lent a = {.use = cafe_kernels(), .out = logit_gradient, .segments = segments, .logits = logits};
    a.actions = actions, a.old = old_log_probabilities, a.weights = advantages;
    a.clip = clip_coef, a.bonus = -(double)entropy_coef / n;
    clipped_part *part = is_uniform(segments) ? clipped_rows : clipped_range;
    cafe_policy_loss partial[MOST_CHUNKS];
    if (c.threads < 2) { // not even an OpenMP region of one
        for (int64_t k = 0; k < c.count; k++) partial[k] = part(&a, k * c.size, chunk_end(c, k, n));
    } else {
#pragma omp parallel for schedule(static) num_threads(c.threads)
        for (int64_t k = 0; k < c.count; k++) partial[k] = part(&a, k * c.size, chunk_end(c, k, n));
    }
    *loss = (cafe_policy_loss){0};
    for (int64_t k = 0; k < c.count; k++) {
        loss->policy += partial[k].policy / n;
        loss->entropy += partial[k].entropy / n;
        loss->approx_kl += partial[k].approx_kl / n;
        loss->clip_fraction += partial[k].clip_fraction / n;
    }
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
