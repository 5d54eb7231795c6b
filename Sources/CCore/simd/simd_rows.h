/* simd_rows.h - template: exponentials of arrays, divergences row by row, Adam, dot products. After simd_math.h. */

static void map_exp(float *out, const float *in, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, exp_of(load(in + i)));
    float lane[LANES] = {0};
    if (i == count) return;
    memcpy(lane, in + i, sizeof(float) * (size_t)(count - i));
    store(lane, exp_of(load(lane)));
    memcpy(out + i, lane, sizeof(float) * (size_t)(count - i));
}

static void map_tanh(float *out, const float *in, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, tanh_of(load(in + i)));
    float lane[LANES] = {0};
    if (i == count) return;
    memcpy(lane, in + i, sizeof(float) * (size_t)(count - i));
    store(lane, tanh_of(load(lane)));
    memcpy(out + i, lane, sizeof(float) * (size_t)(count - i));
}

/* Columns of LANES rows: z[j] holds column j, a row in each lane. Squares are transposed in registers. */
INLINE void load_columns(vf *z, const float *p, int64_t rows, int64_t width) {
    int64_t j = 0;
    for (; rows == LANES && j + LANES <= width; j += LANES) {
        vf square[LANES];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) square[i] = load(p + i * width + j);
        transpose(square);
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) z[j + i] = square[i];
    }
    for (; j < width; j++) {
        float x[LANES] = {0};
        for (int64_t i = 0; i < rows; i++) x[i] = p[i * width + j];
        z[j] = load(x);
    }
}

/* KL(p || q) of LANES rows at a time, a row in each lane: no sum across lanes is needed. With a = z - max,
 * KL = sum(e^a (a - b)) / sum(e^a) - log sum(e^a) + log sum(e^b). */
static void kl_lanes(float *kl, const float *p, const float *q, int64_t rows, int64_t width) {
    vf a[64], b[64], top_a = splat(-INFINITY), top_b = splat(-INFINITY);
    load_columns(a, p, rows, width);
    load_columns(b, q, rows, width);
    for (int64_t j = 0; j < width; j++) {
        top_a = a[j] > top_a ? a[j] : top_a;
        top_b = b[j] > top_b ? b[j] : top_b;
    }
    vf sum_a = splat(0), sum_b = splat(0), mixed = splat(0);
    for (int64_t j = 0; j < width; j++) {
        vf x = a[j] - top_a, y = b[j] - top_b, e = exp_down(x);
        sum_a += e;
        sum_b += exp_down(y);
        mixed += x <= splat(-87.0f) ? splat(0) : e * (x - y);
    }
    vf result = mixed / sum_a + log_of(sum_b / sum_a);
    if (rows == LANES) {
        store(kl, result);
        return;
    }
    for (int64_t i = 0; i < rows; i++) kl[i] = result[i];
}

static void kl_rows(float *kl, const float *p, const float *q, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i += LANES)
        kl_lanes(kl + i, p + i * width, q + i * width, rows - i < LANES ? rows - i : LANES, width);
}

/* z[j] holds column j of LANES rows. */
INLINE void store_columns(float *p, const vf *z, int64_t rows, int64_t width) {
    for (int64_t j = 0; j < width; j++) {
        float x[LANES];
        store(x, z[j]);
        for (int64_t i = 0; i < rows; i++) p[i * width + j] = x[i];
    }
}

/* Softmax of LANES rows at a time, a row in each lane. The entropy is log sum(e^a) - sum(p a), a = z - max. */
static void softmax_lanes(float *p, float *log_p, float *entropy, const float *logits, int64_t rows, int64_t width) {
    vf a[64], e[64], top = splat(-INFINITY), sum = splat(0), mixed = splat(0);
    load_columns(a, logits, rows, width);
    for (int64_t j = 0; j < width; j++) top = a[j] > top ? a[j] : top;
    for (int64_t j = 0; j < width; j++) {
        a[j] -= top;
        e[j] = exp_of(a[j]);
        sum += e[j];
    }
    vf log_sum = log_of(sum);
    for (int64_t j = 0; j < width; j++) {
        e[j] /= sum;
        mixed += a[j] <= splat(-80.0f) ? splat(0) : e[j] * a[j];
        a[j] -= log_sum;
    }
    store_columns(p, e, rows, width);
    store_columns(log_p, a, rows, width);
    vf h = log_sum - mixed;
    for (int64_t i = 0; i < rows; i++) entropy[i] = h[i];
}

static void softmax_rows(float *p, float *log_p, float *entropy, const float *logits, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i += LANES) {
        int64_t at = i * width;
        softmax_lanes(p + at, log_p + at, entropy + i, logits + at, rows - i < LANES ? rows - i : LANES, width);
    }
}

/* Rows come in from memory in four streams, which are asked for AHEAD floats before their turn: a prefetcher stops at
 * the end of a page. */
enum { AHEAD = 512 };

INLINE vf gaussian_terms(vf mp, vf sp, vf mq, vf sq) {
    vf d = mp - mq, s = sp - sq;
    return 0.5f * (exp_short(2.0f * s) + d * d * exp_short(-2.0f * sq)) - s - 0.5f;
}

/* A row's terms, LANES columns at a time, added lane by lane; its tail goes through zeroed lanes, where p = q and the
 * term is 0. `two` is a constant of the caller: whether there is a q. */
INLINE vf gaussian_row(const float *mean_p, const float *log_sd_p, const float *mean_q, const float *log_sd_q,
                       int64_t width, int two) {
    vf sum = splat(0), mq = splat(0), sq = splat(0);
    int64_t j = 0;
    for (; j + LANES <= width; j += LANES) {
        __builtin_prefetch(mean_p + j + AHEAD), __builtin_prefetch(log_sd_p + j + AHEAD);
        if (two) {
            __builtin_prefetch(mean_q + j + AHEAD), __builtin_prefetch(log_sd_q + j + AHEAD);
            mq = load(mean_q + j), sq = load(log_sd_q + j);
        }
        sum += gaussian_terms(load(mean_p + j), load(log_sd_p + j), mq, sq);
    }
    if (j == width) return sum;
    float lane[4][LANES] = {{0}};
    size_t size = sizeof(float) * (size_t)(width - j);
    memcpy(lane[0], mean_p + j, size);
    memcpy(lane[1], log_sd_p + j, size);
    if (two) memcpy(lane[2], mean_q + j, size), memcpy(lane[3], log_sd_q + j, size);
    return sum + gaussian_terms(load(lane[0]), load(lane[1]), load(lane[2]), load(lane[3]));
}

/* The lanes of LANES rows are added after one transposition; a row's sum does not depend on its neighbours. */
INLINE void gaussian_all(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q,
                         const float *log_sd_q, int64_t rows, int64_t width, int two) {
    for (int64_t i = 0; i < rows; i += LANES) {
        int64_t count = rows - i < LANES ? rows - i : LANES;
        vf sums[LANES];
        for (int64_t r = 0; r < count; r++) {
            int64_t at = (i + r) * width;
            sums[r] = gaussian_row(mean_p + at, log_sd_p + at, two ? mean_q + at : mean_q,
                                   two ? log_sd_q + at : log_sd_q, width, two);
        }
        for (int64_t r = count; r < LANES; r++) sums[r] = splat(0);
        sums_of(sums);
        if (count == LANES)
            store(kl + i, sums[0]);
        else
            for (int64_t r = 0; r < count; r++) kl[i + r] = sums[0][r];
    }
}

static void gaussian_rows(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q,
                          const float *log_sd_q, int64_t rows, int64_t width) {
    if (mean_q)
        gaussian_all(kl, mean_p, log_sd_p, mean_q, log_sd_q, rows, width, 1);
    else
        gaussian_all(kl, mean_p, log_sd_p, mean_q, log_sd_q, rows, width, 0);
}

static void adam(float *restrict p, float *restrict m, float *restrict v, const float *restrict g, int64_t count,
                 float rate, float beta1, float beta2, float scale, float epsilon) {
    for (int64_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        p[i] -= rate * m[i] / (__builtin_sqrtf(v[i]) * scale + epsilon);
    }
}

static double dot(const float *restrict a, const float *restrict b, int64_t count) {
    double lanes[32] = {0}, total = 0;
    int64_t i = 0;
    for (; i + 32 <= count; i += 32)
        for (int64_t j = 0; j < 32; j++) lanes[j] += (double)a[i + j] * b[i + j];
    for (; i < count; i++) total += (double)a[i] * b[i];
    for (int64_t j = 0; j < 32; j++) total += lanes[j];
    return total;
}

#define KERNELS                                                                                                        \
    {                                                                                                                  \
        .product = product, .column = column, .outer = outer, .transpose = transposed, .activate = activate,           \
        .derive = derive, .derive_twice = derive_twice, .exp = map_exp, .tanh = map_tanh, .kl_rows = kl_rows,          \
        .softmax_rows = softmax_rows, .gaussian_rows = gaussian_rows, .adam = adam, .dot = dot                         \
    }
