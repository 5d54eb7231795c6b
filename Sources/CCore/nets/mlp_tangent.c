/* mlp_tangent.c - Pearlmutter's R-operator on batched multilayer perceptrons, for exact Hessian-vector products: the
 * tangents of a direction in parameter space go forward, and R{deltas} come back over deltas kept from the primal pass.
 * mlp_layout.h has the representation. Hot calls: product and outer, twice those of a plain pass.
 */
#include "mlp_layout.h"

static void rforward_block(const cafe_mlp *net, const layout *at, float *r_output, const float *input, int64_t first,
                           int64_t m) {
    for (int32_t l = 0; l < net->layers; l++) {
        int64_t in = net->widths[l], ld = at->ld[l + 1];
        const float *a = l ? at->h[l] + first * at->ld[l] : input + first * in;
        float *r = at->r[l + 1] + first * ld;
        factors f[2] = {{a, at->v[l], l ? at->ld[l] : in, 0}};
        if (l) f[1] = (factors){at->r[l] + first * at->ld[l], at->w[l], at->ld[l], 0};
        times(at, r, f, l ? 2 : 1, at->v[l] + in * ld, m, in, ld); // R z = h V + c + R{h} W
        at->use->derive(r, at->h[l + 1] + first * ld, m * ld, kind_of(net, l + 1));
    }
    int64_t out = net->widths[net->layers], ld = at->ld[net->layers];
    unpad_rows(r_output + first * out, at->r[net->layers] + first * ld, m, out, ld);
}

void cafe_mlp_rforward(float *r_output, float *workspace, const cafe_mlp *net, const float *parameters,
                       const float *direction, const float *input, int64_t rows) {
    layout at = layout_of(net, workspace, rows);
    pack(net, &at, at.w, parameters, 0);
    pack(net, &at, at.v, direction, 0);
    int64_t blocks = (rows + BLOCK - 1) / BLOCK;
    int32_t threads = threads_for(blocks, rows * at.parameters);
    if (threads < 2) { // a region of one allocates
        for (int64_t block = 0; block < blocks; block++)
            rforward_block(net, &at, r_output, input, block * BLOCK, block_rows(block, rows));
        return;
    }
    shares left;
#pragma omp parallel num_threads(shares_cut(&left, blocks, threads))
    {
        int32_t me = omp_get_thread_num();
        for (int64_t block = shares_next(&left, me); block >= 0; block = shares_next(&left, me))
            rforward_block(net, &at, r_output, input, block * BLOCK, block_rows(block, rows));
    }
}

static void deltas_block(const cafe_mlp *net, const layout *at, const float *output_gradient, int64_t first,
                         int64_t m) {
    for (int32_t l = net->layers; l > 0; l--) {
        int64_t ld = at->ld[l];
        float *e = at->e[l] + first * ld, *d = at->d[l] + first * ld;
        if (l == net->layers) {
            pad_rows(e, output_gradient + first * net->widths[l], net->widths[l], m, net->widths[l], ld);
        } else {
            times(at, e, &(factors){at->d[l + 1] + first * at->ld[l + 1], at->wt[l], at->ld[l + 1], 0}, 1, NULL, m,
                  net->widths[l + 1], ld);
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
    if (threads < 2) {
        for (int64_t block = 0; block < blocks; block++)
            deltas_block(net, &at, output_gradient, block * BLOCK, block_rows(block, rows));
        return;
    }
    shares left;
#pragma omp parallel num_threads(shares_cut(&left, blocks, threads))
    {
        int32_t me = omp_get_thread_num();
        for (int64_t block = shares_next(&left, me); block >= 0; block = shares_next(&left, me))
            deltas_block(net, &at, output_gradient, block * BLOCK, block_rows(block, rows));
    }
}

static void rbackward_rows(const cafe_mlp *net, const layout *at, float *gradient, const float *input,
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
        factors outer[2] = {{a, x, lda, ld}}, back[2] = {{x, at->wt[l - 1], ld, 0}, {d, at->vt[l - 1], ld, 0}};
        if (l > 1) outer[1] = (factors){at->r[l - 1] + first * lda, d, lda, ld};
        int joined = l > 1 && at->joined; // one sum: the gradient is read and written once
        at->use->outer(g, outer, joined ? 2 : 1, m, in, net->widths[l], 1, fresh); // R{dW} = h' R{d} + R{h}' d
        if (l == 1) break;
        if (!joined) at->use->outer(g, outer + 1, 1, m, in, net->widths[l], 0, 0);
        times(at, y, back, 2, NULL, m, net->widths[l], lda); // R{e} = R{d} W' + d V'
        float *swap = x;
        x = y, y = swap;
    }
}

static void rbackward_chunk(const cafe_mlp *net, const layout *at, float *gradient, const float *input,
                            const float *r_output_gradient, int64_t chunk, int own, float *scratch) {
    float *partial = partial_of(gradient, at, chunk, own);
    int64_t end = (chunk + 1) * at->chunk < at->rows ? (chunk + 1) * at->chunk : at->rows;
    for (int64_t first = chunk * at->chunk; first < end; first += at->block)
        rbackward_rows(net, at, partial, input, r_output_gradient, first,
                       end - first < at->block ? end - first : at->block,
                       partial != gradient && first == chunk * at->chunk, scratch);
    chunk_done(gradient, at, partial, own);
}

void cafe_mlp_rbackward(float *r_parameter_gradient, float *workspace, const cafe_mlp *net, const float *parameters,
                        const float *direction, const float *input, const float *r_output_gradient, int64_t rows) {
    layout at = layout_of(net, workspace, rows);
    pack_transposed(net, &at, at.wt, parameters, 1);
    pack_transposed(net, &at, at.vt, direction, 1);
    at.joined = at.block > BLOCK;
    if (at.joined) at.block /= 2; // twice the operands of a plain pass are to stay in L2
    int32_t threads = threads_for(at.chunks, rows * at.parameters);
    if (threads < 2) {
        for (int64_t chunk = 0; chunk < at.chunks; chunk++)
            rbackward_chunk(net, &at, r_parameter_gradient, input, r_output_gradient, chunk, 1, at.scratch);
        return;
    }
    shares left;
#pragma omp parallel num_threads(shares_cut(&left, at.chunks, threads))
    {
        int32_t me = omp_get_thread_num();
        for (int64_t chunk = shares_next(&left, me); chunk >= 0; chunk = shares_next(&left, me))
            rbackward_chunk(net, &at, r_parameter_gradient, input, r_output_gradient, chunk,
                            me == 0 && chunk < shares_first(&left), at.scratch + me * at.scratch_size);
    }
    at.direct = shares_first(&left);
    add_partials(r_parameter_gradient, &at);
}
