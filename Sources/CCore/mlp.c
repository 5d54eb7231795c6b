/* mlp.c - batched multilayer perceptrons: forward, backward, and Pearlmutter's R-operator.
 *
 * Representation: the workspace holds, layer by layer, the activations of all rows (and, for the R-operator, their
 * tangents and the primal deltas), every row padded with zeros to a multiple of PAD floats, and padded copies of the
 * parameters made once a call. Rows are swept in blocks of BLOCK through all layers, so that a block's activations
 * stay in cache. Hot calls: product (C = bias + A B) and outer (C += A' B).
 *
 * Weight gradients: each chunk of rows sums into a partial buffer; partials are added in chunk order.
 */
#include "internal.h"
#include "kernels.h"

#include <stddef.h>
#include <string.h>

enum { BLOCK = 64, CHUNK = 128, PARTIALS = 32, WORTH_PANELS = 256 };

static int64_t padded(int64_t width) {
    return (width + PAD - 1) / PAD * PAD;
}

/* Where everything lies in the workspace. Index l of an array is layer l's output side, 0 the input. */
typedef struct layout {
    const kernels *use;
    int64_t rows, chunk, chunks, parameters;
    int32_t threads; /* of a backward call */
    int64_t ld[CAFE_MLP_LAYERS + 1], offset[CAFE_MLP_LAYERS];
    float *h[CAFE_MLP_LAYERS + 1];                   /* activations */
    float *r[CAFE_MLP_LAYERS + 1];                   /* R{activations} */
    float *d[CAFE_MLP_LAYERS + 1];                   /* deltas: dL/dz */
    float *e[CAFE_MLP_LAYERS + 1];                   /* dL/dh */
    float *w[CAFE_MLP_LAYERS];                       /* W and then b, [in + 1 x ld(out)] */
    float *wt[CAFE_MLP_LAYERS];                      /* W', [out x ld(in)] */
    float *v[CAFE_MLP_LAYERS], *vt[CAFE_MLP_LAYERS]; /* the same of the direction */
    float *partial;                                  /* [chunks x parameters] */
    float *scratch;                                  /* [chunks x BLOCK x 4 widest] */
    int64_t scratch_size;
    float *end;
} layout;

static float *take(float **next, int64_t count) {
    float *start = *next;
    *next += padded(count);
    return start;
}

static int64_t chunk_rows(int64_t rows) {
    int64_t size = (rows + PARTIALS - 1) / PARTIALS;
    size = (size + BLOCK - 1) / BLOCK * BLOCK;
    return size < CHUNK ? CHUNK : size;
}

/* The layout of a workspace that begins at `base`; with base NULL `end` counts floats. */
static layout layout_of(const cafe_mlp *net, float *base, int64_t rows) {
    layout at = {.use = cafe_kernels(), .rows = rows, .chunk = chunk_rows(rows)};
    at.chunks = (rows + at.chunk - 1) / at.chunk;
    float *next = (float *)(((uintptr_t)base + 63) / 64 * 64);
    int64_t widest = 0;
    for (int32_t l = 0; l <= net->layers; l++) {
        at.ld[l] = padded(net->widths[l]);
        if (at.ld[l] > widest) widest = at.ld[l];
    }
    for (int32_t l = 0; l < net->layers; l++) {
        at.offset[l] = at.parameters;
        at.parameters += (int64_t)(net->widths[l] + 1) * net->widths[l + 1];
        at.w[l] = take(&next, (net->widths[l] + 1) * at.ld[l + 1]);
        at.wt[l] = take(&next, net->widths[l + 1] * at.ld[l]);
        at.v[l] = take(&next, (net->widths[l] + 1) * at.ld[l + 1]);
        at.vt[l] = take(&next, net->widths[l + 1] * at.ld[l]);
    }
    at.scratch_size = 4 * BLOCK * widest;
    at.scratch = take(&next, at.scratch_size * (at.chunks > PARTIALS ? at.chunks : PARTIALS));
    int64_t most = (rows + CHUNK - 1) / CHUNK; // the chunks of any smaller call too: they do not grow steadily
    at.partial = take(&next, at.parameters * (most < PARTIALS ? most : PARTIALS));
    for (int32_t l = 1; l <= net->layers; l++) at.h[l] = take(&next, rows * at.ld[l]);
    for (int32_t l = 1; l <= net->layers; l++) at.r[l] = take(&next, rows * at.ld[l]);
    for (int32_t l = 1; l <= net->layers; l++) at.d[l] = take(&next, rows * at.ld[l]);
    for (int32_t l = 1; l <= net->layers; l++) at.e[l] = take(&next, rows * at.ld[l]);
    at.end = next;
    return at;
}

int64_t cafe_mlp_parameters(const cafe_mlp *net) {
    int64_t count = 0;
    for (int32_t l = 0; l < net->layers; l++) count += (int64_t)(net->widths[l] + 1) * net->widths[l + 1];
    return count;
}

int64_t cafe_mlp_workspace(const cafe_mlp *net, int64_t rows) {
    layout at = layout_of(net, NULL, rows);
    return (int64_t)((uintptr_t)at.end / sizeof(float)) + PAD;
}

/* ---- small dense kernels ---- */

/* Copies a [rows x width] matrix, whose rows are lda apart, into rows of ld floats, zeros behind. */
static void pad_rows(float *restrict out, const float *restrict a, int64_t lda, int64_t rows, int64_t width,
                     int64_t ld) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < width; j++) out[i * ld + j] = a[i * lda + j];
        for (int64_t j = width; j < ld; j++) out[i * ld + j] = 0;
    }
}

static void unpad_rows(float *restrict out, const float *restrict a, int64_t rows, int64_t width, int64_t ld) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) out[i * width + j] = a[i * ld + j];
}

/* Transposes a [rows x width] matrix into [width x ld], zeros behind; panels of PANEL columns with `step` PANEL. */
static void pad_transposed(float *restrict out, const float *restrict a, int64_t rows, int64_t width, int64_t ld,
                           int64_t step) {
    for (int64_t first = 0; first < ld; first += step)
        for (int64_t j = 0; j < width; j++) {
            float *restrict to = out + first * width + j * step - first;
            int64_t end = first + step < rows ? first + step : rows;
            for (int64_t i = first; i < end; i++) to[i] = a[i * width + j];
            for (int64_t i = end > first ? end : first; i < first + step; i++) to[i] = 0;
        }
}

/* How far apart rows of a packed matrix [. x ld] are: ld, or PANEL where it lies in panels. */
static int64_t step_of(const layout *at, int64_t ld) {
    return at->rows >= WORTH_PANELS && ld > PANEL && ld % PANEL == 0 ? PANEL : ld;
}

static const float zeros[PANEL];

/* C = bias + A W, C = A W with bias `zeros`, or C += A W with NULL: W [k x n] packed. */
static void times(const layout *at, float *c, const float *a, int64_t lda, const float *w, const float *bias, int64_t m,
                  int64_t k, int64_t n) {
    int64_t step = step_of(at, n);
    for (int64_t j = 0; j < n; j += PANEL) {
        const float *from = bias == zeros ? zeros : bias ? bias + j : NULL;
        at->use->product(c + j, n, a, lda, w + (step < n ? j * k : j), step, from, m, k, n - j < PANEL ? n - j : PANEL);
    }
}

/* gradient[in x out] += a' d and the bias below it, for a layer above the first; with `fresh`, = . */
static void add_outer(const layout *at, float *gradient, const float *a, int64_t lda, const float *d, int64_t ldd,
                      int64_t m, int64_t in, int64_t out, int fresh) {
    if (out > 1) {
        at->use->outer(gradient, a, lda, d, ldd, m, in, out, 1, fresh);
        return;
    }
    at->use->outer(gradient, d, ldd, a, lda, m, 1, in, 0, fresh); // one column is one row of the transpose: no padding
    float sum = 0;
    for (int64_t i = 0; i < m; i++) sum += d[i * ldd];
    gradient[in] = fresh ? sum : gradient[in] + sum;
}

static int32_t kind_of(const cafe_mlp *net, int32_t layer) {
    return layer == net->layers ? net->output : net->hidden;
}

/* Makes w[l] point at layer l's weights and biases in rows of ld(out): the caller's own where they are so already.
 * Wide matrices become panels when there are rows enough to pay for it; the biases stay behind them. */
static void pack(const cafe_mlp *net, const layout *at, float **w, const float *parameters) {
    for (int32_t l = 0; l < net->layers; l++) {
        int64_t in = net->widths[l], out = net->widths[l + 1];
        const float *from = parameters + at->offset[l];
        int64_t ld = at->ld[l + 1], step = step_of(at, ld);
        if (out == step) {
            w[l] = (float *)from; // read only
            continue;
        }
        for (int64_t first = 0; first < ld; first += step)
            pad_rows(w[l] + first * in, from + first, out, in, out - first < step ? out - first : step, step);
        pad_rows(w[l] + in * ld, from + in * out, out, 1, out, ld);
    }
}

static void pack_transposed(const cafe_mlp *net, const layout *at, float *const *wt, const float *parameters,
                            int32_t lowest) {
    for (int32_t l = lowest; l < net->layers; l++)
        pad_transposed(wt[l], parameters + at->offset[l], net->widths[l], net->widths[l + 1], at->ld[l],
                       step_of(at, at->ld[l]));
}

/* How many threads are worth it for `tasks` tasks of `work` multiplications together. */
static int32_t threads_for(int64_t tasks, int64_t work) {
    if (tasks < 2 || work < 100000) return 1;
    int32_t threads = cafe_threads_get();
    return threads < tasks ? threads : (int32_t)tasks;
}

static int64_t block_rows(int64_t block, int64_t rows) {
    int64_t left = rows - block * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

extern int omp_get_thread_num(void);

/* ---- forward ---- */

static void forward_block(const cafe_mlp *net, const layout *at, float *output, const float *input, int64_t first,
                          int64_t m, float *scratch) {
    const float *a = input + first * net->widths[0];
    int64_t lda = net->widths[0];
    for (int32_t l = 0; l < net->layers; l++) {
        int64_t ld = at->ld[l + 1];
        float *h = scratch ? scratch + (l & 1 ? at->scratch_size / 2 : 0) : at->h[l + 1] + first * ld;
        if (l && net->widths[l + 1] == 1) // a single output: a dot product a row, no padded columns
            at->use->column(h, a, lda, at->w[l], at->w[l][net->widths[l] * ld], m, net->widths[l]);
        else
            times(at, h, a, lda, at->w[l], at->w[l] + net->widths[l] * ld, m, net->widths[l], ld);
        at->use->activate(h, m * ld, kind_of(net, l + 1));
        a = h, lda = ld;
    }
    int64_t out = net->widths[net->layers];
    unpad_rows(output + first * out, a, m, out, lda);
}

static void forward(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                    int64_t rows, int keep) {
    layout at = layout_of(net, workspace, rows);
    pack(net, &at, at.w, parameters);
    int64_t blocks = (rows + BLOCK - 1) / BLOCK;
    int32_t threads = threads_for(blocks, rows * at.parameters);
    if (threads < 2) { // a rollout's call: not even an OpenMP region of one
        for (int64_t block = 0; block < blocks; block++)
            forward_block(net, &at, output, input, block * BLOCK, block_rows(block, rows), keep ? NULL : at.scratch);
        return;
    }
    if (threads > PARTIALS) threads = PARTIALS;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t block = 0; block < blocks; block++)
        forward_block(net, &at, output, input, block * BLOCK, block_rows(block, rows),
                      keep ? NULL : at.scratch + omp_get_thread_num() * at.scratch_size);
}

void cafe_mlp_forward(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                      int64_t rows) {
    forward(output, workspace, net, parameters, input, rows, 1);
}

void cafe_mlp_predict(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                      int64_t rows) {
    forward(output, workspace, net, parameters, input, rows, 0);
}

/* ---- backward ---- */

static void add(float *restrict gradient, const float *restrict partial, int64_t count) {
    for (int64_t i = 0; i < count; i++) gradient[i] += partial[i];
}

/* gradient[begin ..< end] += the same part of each partial, in chunk order. */
static void add_piece(float *gradient, const layout *at, int64_t begin, int64_t end) {
    for (int64_t c = 0; c < at->chunks; c++)
        add(gradient + begin, at->partial + c * at->parameters + begin, end - begin);
}

/* The partials of several threads are added to `gradient`. */
static void add_partials(float *gradient, const layout *at) {
    if (at->threads < 2) return;
    int64_t piece = 4096, pieces = (at->parameters + piece - 1) / piece;
    int32_t threads = threads_for(pieces, at->parameters * at->chunks);
    if (threads < 2) {
        add_piece(gradient, at, 0, at->parameters);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t p = 0; p < pieces; p++)
        add_piece(gradient, at, p * piece, (p + 1) * piece < at->parameters ? (p + 1) * piece : at->parameters);
}

/* Where a chunk adds its gradient: the caller's if it is the only one; one partial for all chunks of a single thread,
 * which stays in cache and is added to the caller's after each; or a partial of its own. */
static float *partial_of(float *gradient, const layout *at, int64_t chunk) {
    if (at->chunks == 1) return gradient;
    return at->partial + (at->threads < 2 ? 0 : chunk * at->parameters);
}

static void chunk_done(float *gradient, const layout *at) {
    if (at->chunks > 1 && at->threads < 2) add(gradient, at->partial, at->parameters);
}

static void backward_block(const cafe_mlp *net, const layout *at, float *gradient, float *input_gradient,
                           const float *input, const float *output_gradient, int64_t first, int64_t m, int fresh,
                           float *scratch) {
    int32_t top = net->layers;
    float *d = scratch, *e = scratch + at->scratch_size / 2;
    pad_rows(d, output_gradient + first * net->widths[top], net->widths[top], m, net->widths[top], at->ld[top]);
    at->use->derive(d, at->h[top] + first * at->ld[top], m * at->ld[top], net->output);
    for (int32_t l = top - 1; l >= 0; l--) {
        const float *a = l ? at->h[l] + first * at->ld[l] : input + first * net->widths[0];
        float *g = gradient + at->offset[l];
        if (l)
            add_outer(at, g, a, at->ld[l], d, at->ld[l + 1], m, net->widths[l], net->widths[l + 1], fresh);
        else
            at->use->outer(g, a, net->widths[0], d, at->ld[1], m, net->widths[0], net->widths[1], 1, fresh);
        if (!l && !input_gradient) break;
        times(at, e, d, at->ld[l + 1], at->wt[l], zeros, m, net->widths[l + 1], at->ld[l]);
        if (l) at->use->derive(e, a, m * at->ld[l], net->hidden);
        float *swap = d;
        d = e, e = swap;
    }
    if (!input_gradient) return;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < net->widths[0]; j++)
            input_gradient[(first + i) * net->widths[0] + j] += d[i * at->ld[0] + j];
}

static void backward_chunk(const cafe_mlp *net, const layout *at, float *gradient, float *input_gradient,
                           const float *input, const float *output_gradient, int64_t chunk, float *scratch) {
    float *partial = partial_of(gradient, at, chunk);
    int64_t end = (chunk + 1) * at->chunk < at->rows ? (chunk + 1) * at->chunk : at->rows;
    for (int64_t first = chunk * at->chunk; first < end; first += BLOCK)
        backward_block(net, at, partial, input_gradient, input, output_gradient, first,
                       end - first < BLOCK ? end - first : BLOCK, at->chunks > 1 && first == chunk * at->chunk,
                       scratch);
    chunk_done(gradient, at);
}

void cafe_mlp_backward(float *parameter_gradient, float *input_gradient, float *workspace, const cafe_mlp *net,
                       const float *parameters, const float *input, const float *output_gradient, int64_t rows) {
    layout at = layout_of(net, workspace, rows);
    pack_transposed(net, &at, at.wt, parameters, input_gradient ? 0 : 1);
    int32_t threads = at.threads = threads_for(at.chunks, rows * at.parameters);
    if (threads < 2) {
        for (int64_t chunk = 0; chunk < at.chunks; chunk++)
            backward_chunk(net, &at, parameter_gradient, input_gradient, input, output_gradient, chunk, at.scratch);
    } else {
#pragma omp parallel for schedule(static) num_threads(threads)
        for (int64_t chunk = 0; chunk < at.chunks; chunk++)
            backward_chunk(net, &at, parameter_gradient, input_gradient, input, output_gradient, chunk,
                           at.scratch + omp_get_thread_num() * at.scratch_size);
    }
    add_partials(parameter_gradient, &at);
}

/* ---- R-operator ---- */

static void rforward_block(const cafe_mlp *net, const layout *at, float *r_output, const float *input, int64_t first,
                           int64_t m) {
    for (int32_t l = 0; l < net->layers; l++) {
        int64_t in = net->widths[l], ld = at->ld[l + 1];
        const float *a = l ? at->h[l] + first * at->ld[l] : input + first * in;
        float *r = at->r[l + 1] + first * ld;
        times(at, r, a, l ? at->ld[l] : in, at->v[l], at->v[l] + in * ld, m, in, ld);            // R z = h V + c
        if (l) times(at, r, at->r[l] + first * at->ld[l], at->ld[l], at->w[l], NULL, m, in, ld); // + R{h} W
        at->use->derive(r, at->h[l + 1] + first * ld, m * ld, kind_of(net, l + 1));
    }
    int64_t out = net->widths[net->layers], ld = at->ld[net->layers];
    unpad_rows(r_output + first * out, at->r[net->layers] + first * ld, m, out, ld);
}

void cafe_mlp_rforward(float *r_output, float *workspace, const cafe_mlp *net, const float *parameters,
                       const float *direction, const float *input, int64_t rows) {
    layout at = layout_of(net, workspace, rows);
    pack(net, &at, at.w, parameters);
    pack(net, &at, at.v, direction);
    int64_t blocks = (rows + BLOCK - 1) / BLOCK;
    int32_t threads = threads_for(blocks, rows * at.parameters);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t block = 0; block < blocks; block++)
        rforward_block(net, &at, r_output, input, block * BLOCK, block_rows(block, rows));
}

static void deltas_block(const cafe_mlp *net, const layout *at, const float *output_gradient, int64_t first,
                         int64_t m) {
    for (int32_t l = net->layers; l > 0; l--) {
        int64_t ld = at->ld[l];
        float *e = at->e[l] + first * ld, *d = at->d[l] + first * ld;
        if (l == net->layers) {
            pad_rows(e, output_gradient + first * net->widths[l], net->widths[l], m, net->widths[l], ld);
        } else {
            times(at, e, at->d[l + 1] + first * at->ld[l + 1], at->ld[l + 1], at->wt[l], zeros, m, net->widths[l + 1],
                  ld);
        }
        memcpy(d, e, sizeof(float) * (size_t)(m * ld));
        at->use->derive(d, at->h[l] + first * ld, m * ld, kind_of(net, l));
    }
}

void cafe_mlp_deltas(float *workspace, const cafe_mlp *net, const float *parameters, const float *output_gradient,
                     int64_t rows) {
    layout at = layout_of(net, workspace, rows);
    pack_transposed(net, &at, at.wt, parameters, 1);
    int64_t blocks = (rows + BLOCK - 1) / BLOCK;
    int32_t threads = threads_for(blocks, rows * at.parameters);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t block = 0; block < blocks; block++)
        deltas_block(net, &at, output_gradient, block * BLOCK, block_rows(block, rows));
}

static void rbackward_block(const cafe_mlp *net, const layout *at, float *gradient, const float *input,
                            const float *r_output_gradient, int64_t first, int64_t m, int fresh, float *scratch) {
    int32_t top = net->layers;
    float *x = scratch, *y = scratch + at->scratch_size / 2; // R{delta} of this layer and of the one below
    pad_rows(x, r_output_gradient + first * net->widths[top], net->widths[top], m, net->widths[top], at->ld[top]);
    for (int32_t l = top; l > 0; l--) {
        int64_t ld = at->ld[l], in = net->widths[l - 1], lda = l > 1 ? at->ld[l - 1] : in;
        const float *d = at->d[l] + first * ld;
        at->use->derive_twice(x, at->h[l] + first * ld, at->r[l] + first * ld, at->e[l] + first * ld, m * ld,
                              kind_of(net, l));
        const float *a = l > 1 ? at->h[l - 1] + first * lda : input + first * in;
        float *g = gradient + at->offset[l - 1];
        at->use->outer(g, a, lda, x, ld, m, in, net->widths[l], 1, fresh); // R{dW} = h' R{d} + R{h}' d
        if (l == 1) break;
        at->use->outer(g, at->r[l - 1] + first * lda, lda, d, ld, m, in, net->widths[l], 0, 0);
        times(at, y, x, ld, at->wt[l - 1], zeros, m, net->widths[l], lda); // R{e} = R{d} W' + d V'
        times(at, y, d, ld, at->vt[l - 1], NULL, m, net->widths[l], lda);
        float *swap = x;
        x = y, y = swap;
    }
}

void cafe_mlp_rbackward(float *r_parameter_gradient, float *workspace, const cafe_mlp *net, const float *parameters,
                        const float *direction, const float *input, const float *r_output_gradient, int64_t rows) {
    layout at = layout_of(net, workspace, rows);
    pack_transposed(net, &at, at.wt, parameters, 1);
    pack_transposed(net, &at, at.vt, direction, 1);
    int32_t threads = at.threads = threads_for(at.chunks, rows * at.parameters);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t chunk = 0; chunk < at.chunks; chunk++) {
        float *partial = partial_of(r_parameter_gradient, &at, chunk);
        int64_t end = (chunk + 1) * at.chunk < rows ? (chunk + 1) * at.chunk : rows;
        for (int64_t first = chunk * at.chunk; first < end; first += BLOCK)
            rbackward_block(net, &at, partial, input, r_output_gradient, first,
                            end - first < BLOCK ? end - first : BLOCK, at.chunks > 1 && first == chunk * at.chunk,
                            at.scratch + omp_get_thread_num() * at.scratch_size);
        chunk_done(r_parameter_gradient, &at);
    }
    add_partials(r_parameter_gradient, &at);
}
