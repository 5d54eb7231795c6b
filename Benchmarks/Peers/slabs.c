/* slabs.c - "C slabs": what a good engineer writes in an afternoon. The batch is cut into slabs of 256 rows over OpenMP,
 * each slab goes through all layers by single-threaded OpenBLAS, and the compiler makes vectors of the plain loops.
 * Built by scripts/bench-peers with gcc -Ofast -march=native -fopenmp; called from Python through ctypes. */
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void openblas_set_num_threads(int count);

enum { SLAB = 256, LAYERS = 8, THREADS = 64 };

void slabs_start(int threads) {
    openblas_set_num_threads(1);
    omp_set_num_threads(threads);
}

static int slab_rows(int64_t rows) {
    int threads = omp_get_max_threads();
    return rows >= (int64_t)SLAB * threads ? SLAB : (int)((rows + threads - 1) / threads);
}

/* A thread's scratch, kept from call to call. */
static float *scratch(size_t floats) {
    static float *held[THREADS];
    static size_t size[THREADS];
    int me = omp_get_thread_num();
    if (size[me] < floats) {
        free(held[me]);
        held[me] = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
        size[me] = floats;
    }
    return held[me];
}

/* h = f(h + b); kind 0 tanh, 1 relu, 2 nothing. */
static void finish(float *restrict h, const float *restrict b, int rows, int width, int kind) {
    for (int i = 0; i < rows; i++, h += width) {
        if (kind == 0)
            for (int j = 0; j < width; j++) h[j] = tanhf(h[j] + b[j]);
        else if (kind == 1)
            for (int j = 0; j < width; j++) h[j] = h[j] + b[j] > 0 ? h[j] + b[j] : 0;
        else
            for (int j = 0; j < width; j++) h[j] += b[j];
    }
}

static void layer(float *out, const float *in, const float *w, const float *b, int rows, int from, int to, int kind) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, to, from, 1, in, from, w, to, 0, out, to);
    finish(out, b, rows, to, kind);
}

static int widest(const int *width, int layers) {
    int most = 0;
    for (int l = 0; l <= layers; l++) most = width[l] > most ? width[l] : most;
    return most;
}

/* parameters: W and then b of each layer, as in our core. */
void slabs_forward(int layers, const int *width, int64_t rows, int kind, const float *parameters, const float *x,
                   float *y) {
    int size = slab_rows(rows), most = widest(width, layers);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t first = 0; first < rows; first += size) {
        int m = rows - first < size ? (int)(rows - first) : size;
        float *buffer = scratch((size_t)2 * size * most);
        const float *in = x + first * width[0], *w = parameters;
        for (int l = 0; l < layers; l++) {
            float *out = l == layers - 1 ? y + first * width[layers] : buffer + (size_t)(l & 1) * size * most;
            layer(out, in, w, w + width[l] * width[l + 1], m, width[l], width[l + 1], l == layers - 1 ? 2 : kind);
            in = out;
            w += (width[l] + 1) * width[l + 1];
        }
    }
}

/* The gradient of sum(y * g): forward and backward of a slab in one sweep, a sum a thread. */
void slabs_both(int layers, const int *width, int64_t rows, int kind, const float *parameters, const float *x,
                const float *g, float *y, float *gradient) {
    static float *sums;
    static size_t room;
    int size = slab_rows(rows), most = widest(width, layers), threads = omp_get_max_threads();
    size_t offset[LAYERS], count = 0, kept = 0;
    for (int l = 0; l < layers; l++) {
        offset[l] = count;
        count += (size_t)(width[l] + 1) * width[l + 1];
        kept += width[l + 1];
    }
    if (room < count * threads) {
        free(sums);
        room = count * threads;
        sums = malloc(room * sizeof(float));
    }
#pragma omp parallel
    {
        float *sum = sums + count * omp_get_thread_num();
        memset(sum, 0, count * sizeof(float));
#pragma omp for schedule(dynamic, 1)
        for (int64_t first = 0; first < rows; first += size) {
            int m = rows - first < size ? (int)(rows - first) : size;
            float *buffer = scratch((kept + 2 * most) * size), *h[LAYERS + 1];
            h[0] = (float *)x + first * width[0];
            for (int l = 0; l < layers; l++) {
                h[l + 1] = l == layers - 1 ? y + first * width[layers] : buffer;
                buffer += (size_t)width[l + 1] * size;
                const float *w = parameters + offset[l];
                layer(h[l + 1], h[l], w, w + width[l] * width[l + 1], m, width[l], width[l + 1],
                      l == layers - 1 ? 2 : kind);
            }
            float *d = (float *)g + first * width[layers], *next = buffer, *other = buffer + (size_t)most * size;
            for (int l = layers - 1; l >= 0; l--) {
                int in = width[l], out = width[l + 1];
                float *to = sum + offset[l], *bias = to + in * out;
                cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, m, 1, h[l], in, d, out, 1, to, out);
                for (int i = 0; i < m; i++)
                    for (int j = 0; j < out; j++) bias[j] += d[i * out + j];
                if (l == 0) break;
                cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, in, out, 1, d, out, parameters + offset[l], out,
                            0, next, in);
                const float *a = h[l];
                if (kind == 0)
                    for (int i = 0; i < m * in; i++) next[i] *= 1 - a[i] * a[i];
                else
                    for (int i = 0; i < m * in; i++) next[i] = a[i] > 0 ? next[i] : 0;
                float *free_one = d == g + first * width[layers] ? other : d;
                d = next;
                next = free_one;
            }
        }
    }
    memcpy(gradient, sums, count * sizeof(float));
    for (int t = 1; t < threads; t++)
        for (size_t k = 0; k < count; k++) gradient[k] += sums[t * count + k];
}

void slabs_kl_categorical(float *restrict kl, const float *restrict p, const float *restrict q, int64_t rows,
                          int width) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rows; i++) {
        const float *a = p + i * width, *b = q + i * width;
        float top_a = a[0], top_b = b[0], sum_a = 0, sum_b = 0, sum = 0;
        for (int j = 1; j < width; j++) top_a = a[j] > top_a ? a[j] : top_a, top_b = b[j] > top_b ? b[j] : top_b;
        for (int j = 0; j < width; j++) {
            float x = a[j] - top_a, y = b[j] - top_b, e = expf(x);
            sum_a += e;
            sum_b += expf(y);
            sum += e * (x - y);
        }
        kl[i] = sum / sum_a - logf(sum_a) + logf(sum_b);
    }
}

void slabs_kl_gaussian(float *restrict kl, const float *restrict mp, const float *restrict sp, const float *restrict mq,
                       const float *restrict sq, int64_t rows, int width) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0;
        for (int64_t j = i * width; j < (i + 1) * width; j++) {
            float precision = expf(-2 * sq[j]), d = mp[j] - mq[j];
            sum += sq[j] - sp[j] + 0.5f * (expf(2 * sp[j]) + d * d) * precision - 0.5f;
        }
        kl[i] = sum;
    }
}

/* a = b + s c, the machine's memory speed. */
/* Rounds of Exp3 at BBTA's rate, which changes in every round and with it every weight; arm K / 3 loses least. Where a
 * draw comes from u and whether it loses from v, both drawn beforehand. */
void slabs_exp3(double *restrict losses, double *restrict weights, const double *u, const double *v, int64_t rounds,
                int64_t start, int64_t arms) {
    double scale = log((double)arms) / (double)arms;
    for (int64_t t = 0; t < rounds; t++) {
        double rate = sqrt(scale / (double)(start + t + 1)), least = losses[0], sum = 0;
        for (int64_t j = 1; j < arms; j++) least = losses[j] < least ? losses[j] : least;
        for (int64_t j = 0; j < arms; j++) {
            weights[j] = exp(-rate * (losses[j] - least));
            sum += weights[j];
        }
        double left = u[t] * sum;
        int64_t arm = 0;
        while (arm < arms - 1 && (left -= weights[arm]) >= 0) arm++;
        if (v[t] < (arm == arms / 3 ? 0.2 : 0.6)) losses[arm] += sum / weights[arm];
    }
}

void slabs_triad(float *restrict a, const float *restrict b, const float *restrict c, float s, int64_t count) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++) a[i] = b[i] + s * c[i];
}

/* ---- simple_spread: 3 agents, 3 landmarks, random play ---- */

typedef struct world {
    float p[3][2], v[3][2], mark[3][2];
    uint64_t state;
    int step;
} world;

int slabs_world_size(void) {
    return sizeof(world);
}

static uint64_t next_bits(uint64_t *s) {
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

static void begin(world *w) {
    float *place[2] = {&w->p[0][0], &w->mark[0][0]};
    for (int k = 0; k < 12; k++) place[k / 6][k % 6] = (float)(next_bits(&w->state) >> 40) * 0x1p-23f - 1;
    memset(w->v, 0, sizeof w->v);
    w->step = 0;
}

static void observe(const world *w, float *o) {
    for (int i = 0; i < 3; i++, o += 18) {
        int at = 4;
        for (int c = 0; c < 2; c++) o[c] = w->v[i][c], o[2 + c] = w->p[i][c];
        for (int k = 0; k < 3; k++)
            for (int c = 0; c < 2; c++) o[at++] = w->mark[k][c] - w->p[i][c];
        for (int k = 0; k < 3; k++)
            for (int c = 0; c < 2 && k != i; c++) o[at++] = w->p[k][c] - w->p[i][c];
        for (; at < 18; at++) o[at] = 0;
    }
}

static void advance(world *w, float *o, float *reward) {
    static const float push[5][2] = {{0, 0}, {-5, 0}, {5, 0}, {0, -5}, {0, 5}};
    float f[3][2], hits[3] = {0, 0, 0}, far = 0;
    uint64_t bits = next_bits(&w->state);
    for (int i = 0; i < 3; i++) {
        const float *by = push[(bits >> (11 + 17 * i)) % 5];
        f[i][0] = by[0], f[i][1] = by[1];
    }
    for (int i = 0; i < 3; i++)
        for (int j = i + 1; j < 3; j++) {
            float x = w->p[i][0] - w->p[j][0], y = w->p[i][1] - w->p[j][1], d = sqrtf(x * x + y * y);
            float z = (0.3f - d) * 1000;
            if (z < -30) continue;
            float s = 0.1f * (z > 30 ? z : log1pf(expf(z))) / d;
            f[i][0] += s * x, f[i][1] += s * y, f[j][0] -= s * x, f[j][1] -= s * y;
        }
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < 2; c++) {
            w->p[i][c] += w->v[i][c] * 0.1f;
            w->v[i][c] = w->v[i][c] * 0.75f + f[i][c] * 0.1f;
        }
    for (int i = 0; i < 3; i++)
        for (int j = i + 1; j < 3; j++) {
            float x = w->p[i][0] - w->p[j][0], y = w->p[i][1] - w->p[j][1];
            if (x * x + y * y < 0.09f) hits[i] += 1, hits[j] += 1;
        }
    for (int k = 0; k < 3; k++) {
        float least = 1e9f;
        for (int i = 0; i < 3; i++) {
            float x = w->p[i][0] - w->mark[k][0], y = w->p[i][1] - w->mark[k][1];
            least = x * x + y * y < least ? x * x + y * y : least;
        }
        far += sqrtf(least);
    }
    for (int i = 0; i < 3; i++) reward[i] = -0.5f * (far + hits[i]);
    if (++w->step == 25) begin(w);
    observe(w, o);
}

void slabs_worlds_begin(world *w, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        w[i].state = 0x9E3779B97F4A7C15u * (uint64_t)(i + 1);
        begin(w + i);
    }
}

/* `steps` steps of random play of each world; observations [count x 54] and rewards [count x 3] of the last. */
void slabs_worlds_play(world *w, int64_t count, int steps, float *observations, float *rewards) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++)
        for (int t = 0; t < steps; t++) advance(w + i, observations + i * 54, rewards + i * 3);
}
