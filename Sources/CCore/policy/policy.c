/* policy.c - categorical policies over segments of logits: softmax, sampling, KL divergences.
 *
 * Hot call: sample in a rollout.
 */
#include "segments.h"

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

/* Lent: uniforms as weights; log-probabilities go to `out`, actions to where the last argument says. */
typedef void sample_part(const lent *with, int64_t begin, int64_t end, int32_t *actions);

static void sample_range(const lent *with, int64_t begin, int64_t end, int32_t *actions) {
    for (int64_t i = begin; i < end; i++) {
        segment g = segment_of(with->segments, i, with->logits);
        actions[i] = is_empty(&g) ? -1 : draw(&g, with->logits, with->weights[i]);
        with->out[i] = actions[i] < 0 ? 0 : log_probability(&g, with->logits, actions[i]);
    }
}

static void sample_rows(const lent *with, int64_t begin, int64_t end, int32_t *actions) {
    int64_t width = with->segments->width, most = SOME / width / 16 * 16;
    float p[SOME], log_p[SOME], entropy[SOME];
    for (int64_t first = begin; first < end; first += most) {
        int64_t rows = end - first < most ? end - first : most;
        with->use->softmax_rows(p, log_p, entropy, with->logits + first * width, rows, width);
        for (int64_t i = 0; i < rows; i++) {
            const float *row = p + i * width;
            double sum = 0;
            int32_t taken = -1; // the last one with weight where rounding leaves u beyond the sum
            for (int32_t j = 0; j < width && sum <= with->weights[first + i]; j++) {
                if (row[j] > 0) taken = j;
                sum += row[j];
            }
            actions[first + i] = taken;
            with->out[first + i] = taken < 0 ? 0 : log_p[i * width + taken];
        }
    }
}

void cafe_policy_sample(int32_t *actions, float *log_probabilities, const cafe_segments *segments, const float *logits,
                        const float *uniforms) {
    chunks c = chunks_of(segments->count, LEAST);
    lent a = {.use = cafe_kernels(), .out = log_probabilities, .segments = segments, .logits = logits};
    a.weights = uniforms;
    sample_part *part = is_uniform(segments) ? sample_rows : sample_range;
    if (c.threads < 2) { // a step of a rollout: not even an OpenMP region of one
        part(&a, 0, segments->count, actions);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(c.threads)
    for (int64_t k = 0; k < c.count; k++) part(&a, k * c.size, chunk_end(c, k, segments->count), actions);
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

/* ---- KL ---- */

/* q's logits are lent as `tangents`. */
static void kl_body(const void *arguments, int64_t begin, int64_t end) {
    const lent *a = arguments;
    const cafe_segments *s = a->segments;
    if (is_uniform(s)) { // a row in each lane of a vector
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
