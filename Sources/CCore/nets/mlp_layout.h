/* mlp_layout.h - what mlp.c and mlp_tangent.c share: where everything lies in a workspace, packed weights, products of
 * rows with them, and how the gradients of chunks of rows are added.
 *
 * Representation: the workspace holds, layer by layer, the activations of all rows (and, for the R-operator, their
 * tangents and the primal deltas), every row padded with zeros to a multiple of PAD floats, and packed copies of the
 * parameters made once per call. Rows are swept in blocks of BLOCK through all layers, so that a block's activations
 * stay in cache; the gradient of a net with a layer wider than PANEL takes longer blocks, so that it is read and written
 * less often.
 */
#ifndef CAFE_MLP_LAYOUT_H
#define CAFE_MLP_LAYOUT_H

#include "internal.h"
#include "kernels.h"
#include "shares.h"

#include <stddef.h>
#include <string.h>

enum { BLOCK = 64, CHUNK = 128, PARTIALS = 32, WORTH_PANELS = 256 };
/* The longest block of a wide net's gradient, and how many floats of one layer it may have: they stay in L2. */
enum { LONGEST = 256, HELD = 32768 };

static inline int64_t padded(int64_t width) {
    return (width + PAD - 1) / PAD * PAD;
}

/* Where everything lies in the workspace. Index l of an array is layer l's output side, 0 the input. */
typedef struct layout {
    const kernels *use;
    int64_t rows, block, chunk, chunks, parameters; /* block: rows of a step of a backward pass */
    int joined;                                     /* both halves of an R{gradient} in one sum */
    int64_t direct; /* the chunks from the first on that were added to the gradient in order, at once */
    int64_t ld[CAFE_MLP_LAYERS + 1], offset[CAFE_MLP_LAYERS];
    float *h[CAFE_MLP_LAYERS + 1];                   /* activations */
    float *r[CAFE_MLP_LAYERS + 1];                   /* R{activations} */
    float *d[CAFE_MLP_LAYERS + 1];                   /* deltas: dL/dz */
    float *e[CAFE_MLP_LAYERS + 1];                   /* dL/dh */
    float *w[CAFE_MLP_LAYERS];                       /* W and then b, [in + 1 x ld(out)] */
    float *wt[CAFE_MLP_LAYERS];                      /* W', [out x ld(in)] */
    float *v[CAFE_MLP_LAYERS], *vt[CAFE_MLP_LAYERS]; /* the same of the direction */
    float *partial;                                  /* [chunks x parameters] */
    float *scratch;                                  /* [chunks x block x 4 widest] */
    int64_t scratch_size;
    int64_t used; /* floats taken */
} layout;

/* Room for count floats behind the `used` ones; with base NULL it is only counted. */
static inline float *take(float *base, int64_t *used, int64_t count) {
    float *start = base ? base + *used : NULL;
    *used += padded(count);
    return start;
}

/* Rows of a step of a backward pass: BLOCK unless a layer is wider than PANEL. Depends on the net alone. */
static inline int64_t backward_block(const cafe_mlp *net) {
    int64_t widest = 0;
    int wide = 0;
    for (int32_t l = 0; l <= net->layers; l++) {
        if (padded(net->widths[l]) > widest) widest = padded(net->widths[l]);
        wide |= l > 0 && net->widths[l] > PANEL;
    }
    int64_t block = HELD / widest / BLOCK * BLOCK;
    if (!wide || block < BLOCK) return BLOCK;
    return block < LONGEST ? block : LONGEST;
}

/* Rows of a partial gradient: whole blocks where that leaves eight of them. */
static inline int64_t chunk_rows(int64_t rows, int64_t block) {
    int64_t size = (rows + PARTIALS - 1) / PARTIALS;
    size = (size + BLOCK - 1) / BLOCK * BLOCK;
    if (size < CHUNK) size = CHUNK;
    return rows >= 8 * block ? (size + block - 1) / block * block : size;
}

/* The layout of a workspace that begins at `base`; with base NULL `used` counts its floats. */
static inline layout layout_of(const cafe_mlp *net, float *base, int64_t rows) {
    layout at = {.use = cafe_kernels(), .rows = rows, .block = backward_block(net)};
    at.chunk = chunk_rows(rows, at.block);
    at.chunks = (rows + at.chunk - 1) / at.chunk;
    base = (float *)(((uintptr_t)base + 63) / 64 * 64);
    int64_t widest = 0;
    for (int32_t l = 0; l <= net->layers; l++) {
        at.ld[l] = padded(net->widths[l]);
        if (at.ld[l] > widest) widest = at.ld[l];
    }
    for (int32_t l = 0; l < net->layers; l++) {
        at.offset[l] = at.parameters;
        at.parameters += (int64_t)(net->widths[l] + 1) * net->widths[l + 1];
        at.w[l] = take(base, &at.used, (net->widths[l] + 1) * at.ld[l + 1]);
        at.wt[l] = take(base, &at.used, net->widths[l + 1] * at.ld[l]);
        at.v[l] = take(base, &at.used, (net->widths[l] + 1) * at.ld[l + 1]);
        at.vt[l] = take(base, &at.used, net->widths[l + 1] * at.ld[l]);
    }
    at.scratch_size = 4 * at.block * widest;
    at.scratch = take(base, &at.used, at.scratch_size * (at.chunks > PARTIALS ? at.chunks : PARTIALS));
    int64_t most = (rows + CHUNK - 1) / CHUNK; // the chunks of any smaller call too: they do not grow steadily
    at.partial = take(base, &at.used, at.parameters * (most < PARTIALS ? most : PARTIALS));
    for (int32_t l = 1; l <= net->layers; l++) at.h[l] = take(base, &at.used, rows * at.ld[l]);
    for (int32_t l = 1; l <= net->layers; l++) at.r[l] = take(base, &at.used, rows * at.ld[l]);
    for (int32_t l = 1; l <= net->layers; l++) at.d[l] = take(base, &at.used, rows * at.ld[l]);
    for (int32_t l = 1; l <= net->layers; l++) at.e[l] = take(base, &at.used, rows * at.ld[l]);
    return at;
}

/* ---- small dense kernels ---- */

/* Copies a [rows x width] matrix, whose rows are lda apart, into rows of ld floats, zeros behind. Narrow ones go column by
 * column: a call of memcpy or memset a row would cost more than the row. */
static inline void pad_rows(float *restrict out, const float *restrict a, int64_t lda, int64_t rows, int64_t width,
                            int64_t ld) {
    if (width < PAD) {
        memset(out, 0, sizeof(float) * (size_t)(rows * ld));
        for (int64_t j = 0; j < width; j++)
            for (int64_t i = 0; i < rows; i++) out[i * ld + j] = a[i * lda + j];
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < width; j++) out[i * ld + j] = a[i * lda + j];
        for (int64_t j = width; j < ld; j++) out[i * ld + j] = 0;
    }
}

static inline void unpad_rows(float *restrict out, const float *restrict a, int64_t rows, int64_t width, int64_t ld) {
    for (int64_t j = 0; j < width && width < PAD; j++)
        for (int64_t i = 0; i < rows; i++) out[i * width + j] = a[i * ld + j];
    for (int64_t i = 0; i < rows && width >= PAD; i++)
        for (int64_t j = 0; j < width; j++) out[i * width + j] = a[i * ld + j];
}

/* Transposes a [rows x width] matrix into [width x ld], zeros behind; panels of PANEL columns with `step` PANEL. */
static inline void pad_transposed(const kernels *use, float *restrict out, const float *restrict a, int64_t rows,
                                  int64_t width, int64_t ld, int64_t step) {
    for (int64_t first = 0; first < ld; first += step) {
        float *to = out + first * width;
        int64_t count = rows - first < step ? rows - first : step;
        use->transpose(to, step, a + first * width, count, width);
        for (int64_t j = 0; j < width; j++)
            for (int64_t i = count; i < step; i++) to[j * step + i] = 0;
    }
}

/* How far apart rows of a packed matrix [. x ld] are: ld, or PANEL where it lies in panels. */
static inline int64_t step_of(const layout *at, int64_t ld) {
    return at->rows >= WORTH_PANELS && ld > PANEL && ld % PANEL == 0 ? PANEL : ld;
}

static const float zeros[PANEL];

/* C = bias + A W, and with count 2 + A2 W2: W [k x n] packed, bias NULL for none. */
static inline void times(const layout *at, float *c, const factors *f, int count, const float *bias, int64_t m,
                         int64_t k, int64_t n) {
    int64_t step = step_of(at, n);
    for (int64_t j = 0; j < n; j += PANEL) {
        factors panel[2];
        for (int s = 0; s < count; s++) panel[s] = (factors){f[s].a, f[s].b + (step < n ? j * k : j), f[s].lda, step};
        at->use->product(c + j, n, panel, count, bias ? bias + j : zeros, m, k, n - j < PANEL ? n - j : PANEL);
    }
}

static inline int32_t kind_of(const cafe_mlp *net, int32_t layer) {
    return layer == net->layers ? net->output : net->hidden;
}

/* Makes w[l] point at layer l's weights and biases in rows of ld(out): the caller's own where they are so already.
 * Wide matrices become panels when there are rows enough to pay for it; the biases stay behind them. With `columns` a
 * single output above the first layer is packed for `column`. */
static inline void pack(const cafe_mlp *net, const layout *at, float **w, const float *parameters, int columns) {
    for (int32_t l = 0; l < net->layers; l++) {
        int64_t in = net->widths[l], out = net->widths[l + 1];
        const float *from = parameters + at->offset[l];
        int64_t ld = at->ld[l + 1], step = step_of(at, ld);
        if (out == step) {
            w[l] = (float *)from; // read only
            continue;
        }
        if (columns && l && out == 1) { // the weights, zeros, the bias behind
            pad_rows(w[l], from, in, 1, in, padded(in));
            w[l][in * ld] = from[in];
            continue;
        }
        for (int64_t first = 0; first < ld; first += step)
            pad_rows(w[l] + first * in, from + first, out, in, out - first < step ? out - first : step, step);
        pad_rows(w[l] + in * ld, from + in * out, out, 1, out, ld);
    }
}

static inline void pack_transposed(const cafe_mlp *net, const layout *at, float *const *wt, const float *parameters,
                                   int32_t lowest) {
    for (int32_t l = lowest; l < net->layers; l++)
        pad_transposed(at->use, wt[l], parameters + at->offset[l], net->widths[l], net->widths[l + 1], at->ld[l],
                       step_of(at, at->ld[l]));
}

/* How many threads are worth it for `tasks` tasks of `work` multiplications together. */
static inline int32_t threads_for(int64_t tasks, int64_t work) {
    if (tasks < 2 || work < 100000) return 1;
    int32_t threads = cafe_threads_get();
    if (threads > PARTIALS) threads = PARTIALS;
    return threads < tasks ? threads : (int32_t)tasks;
}

static inline int64_t block_rows(int64_t block, int64_t rows) {
    int64_t left = rows - block * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

/* ---- gradients of chunks of rows ---- */

static inline void add(float *restrict gradient, const float *restrict partial, int64_t count) {
    for (int64_t i = 0; i < count; i++) gradient[i] += partial[i];
}

/* gradient[begin ..< end] += the same part of each partial that is left, in chunk order. */
static inline void add_piece(float *gradient, const layout *at, int64_t begin, int64_t end) {
    for (int64_t c = at->direct; c < at->chunks; c++)
        add(gradient + begin, at->partial + c * at->parameters + begin, end - begin);
}

/* The partials that are left are added to `gradient`. */
static inline void add_partials(float *gradient, const layout *at) {
    if (at->direct == at->chunks) return;
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

/* Where the gradient of a chunk goes. `own` ones, which the first thread takes in order, are added to the caller's: at
 * once where a chunk is one block, else by one partial for all of them, which stays in cache. The others have partials
 * of their own, which are added in order at the end: the same bits, whoever took a chunk. */
static inline float *partial_of(float *gradient, const layout *at, int64_t chunk, int own) {
    if (!own) return at->partial + chunk * at->parameters;
    return at->chunks == 1 || at->chunk <= at->block ? gradient : at->partial;
}

static inline void chunk_done(float *gradient, const layout *at, const float *partial, int own) {
    if (own && partial == at->partial) add(gradient, at->partial, at->parameters);
}

#endif
