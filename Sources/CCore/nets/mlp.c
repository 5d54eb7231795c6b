/* mlp.c - batched multilayer perceptrons: forward and backward. mlp_layout.h has the representation.
 *
 * Hot calls: product (C = bias + A B) and outer (C += A' B). Weight gradients: each chunk of rows sums into a partial
 * buffer; partials are added in chunk order.
 */
#include "mlp_layout.h"

int64_t cafe_mlp_workspace(const cafe_mlp *net, int64_t rows) {
    layout at = layout_of(net, NULL, rows);
    return at.used + PAD;
}

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
            times(at, h, &(factors){a, at->w[l], lda, 0}, 1, at->w[l] + net->widths[l] * ld, m, net->widths[l], ld);
        at->use->activate(h, m * ld, kind_of(net, l + 1));
        a = h, lda = ld;
    }
    int64_t out = net->widths[net->layers];
    unpad_rows(output + first * out, a, m, out, lda);
}

static void forward(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                    int64_t rows, int keep) {
    layout at = layout_of(net, workspace, rows);
    pack(net, &at, at.w, parameters, 1);
    int64_t blocks = (rows + BLOCK - 1) / BLOCK;
    int32_t threads = threads_for(blocks, rows * at.parameters);
    if (threads < 2) { // a rollout's call: not even an OpenMP region of one
        for (int64_t block = 0; block < blocks; block++)
            forward_block(net, &at, output, input, block * BLOCK, block_rows(block, rows), keep ? NULL : at.scratch);
        return;
    }
    shares left;
#pragma omp parallel num_threads(shares_cut(&left, blocks, threads))
    {
        int32_t me = omp_get_thread_num();
        for (int64_t block = shares_next(&left, me); block >= 0; block = shares_next(&left, me))
            forward_block(net, &at, output, input, block * BLOCK, block_rows(block, rows),
                          keep ? NULL : at.scratch + me * at.scratch_size);
    }
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

/* gradient[in x out] += a' d and the bias below it, for a layer above the first; with `fresh`, = . */
static void add_outer(const layout *at, float *gradient, const float *a, int64_t lda, const float *d, int64_t ldd,
                      int64_t m, int64_t in, int64_t out, int fresh) {
    if (out > 1) {
        at->use->outer(gradient, &(factors){a, d, lda, ldd}, 1, m, in, out, 1, fresh);
        return;
    }
    at->use->outer(gradient, &(factors){d, a, ldd, lda}, 1, m, 1, in, 0,
                   fresh); // one column is one row of the transpose: no padding
    float sum = 0;
    for (int64_t i = 0; i < m; i++) sum += d[i * ldd];
    gradient[in] = fresh ? sum : gradient[in] + sum;
}

static void backward_rows(const cafe_mlp *net, const layout *at, float *gradient, float *input_gradient,
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
            at->use->outer(g, &(factors){a, d, net->widths[0], at->ld[1]}, 1, m, net->widths[0], net->widths[1], 1,
                           fresh);
        if (!l && !input_gradient) break;
        times(at, e, &(factors){d, at->wt[l], at->ld[l + 1], 0}, 1, NULL, m, net->widths[l + 1], at->ld[l]);
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
                           const float *input, const float *output_gradient, int64_t chunk, int own, float *scratch) {
    float *partial = partial_of(gradient, at, chunk, own);
    int64_t end = (chunk + 1) * at->chunk < at->rows ? (chunk + 1) * at->chunk : at->rows;
    for (int64_t first = chunk * at->chunk; first < end; first += at->block)
        backward_rows(net, at, partial, input_gradient, input, output_gradient, first,
                      end - first < at->block ? end - first : at->block,
                      partial != gradient && first == chunk * at->chunk, scratch);
    chunk_done(gradient, at, partial, own);
}

void cafe_mlp_backward(float *parameter_gradient, float *input_gradient, float *workspace, const cafe_mlp *net,
                       const float *parameters, const float *input, const float *output_gradient, int64_t rows) {
    layout at = layout_of(net, workspace, rows);
    pack_transposed(net, &at, at.wt, parameters, input_gradient ? 0 : 1);
    int32_t threads = threads_for(at.chunks, rows * at.parameters);
    if (threads < 2) {
        for (int64_t chunk = 0; chunk < at.chunks; chunk++)
            backward_chunk(net, &at, parameter_gradient, input_gradient, input, output_gradient, chunk, 1, at.scratch);
        return;
    }
    shares left;
#pragma omp parallel num_threads(shares_cut(&left, at.chunks, threads))
    {
        int32_t me = omp_get_thread_num();
        for (int64_t chunk = shares_next(&left, me); chunk >= 0; chunk = shares_next(&left, me))
            backward_chunk(net, &at, parameter_gradient, input_gradient, input, output_gradient, chunk,
                           me == 0 && chunk < shares_first(&left), at.scratch + me * at.scratch_size);
    }
    at.direct = shares_first(&left);
    add_partials(parameter_gradient, &at);
}
