/* simd_matrix.h - template: small dense products held in registers, and the element-wise passes of a layer.
 *
 * A tile of TALL rows by WIDE vectors stays in registers over the whole sum. Included after simd_math.h; the including
 * file defines TALL_1, TALL_2 and TALL_4, the rows of a tile that is 1, 2 or 4 vectors wide (0: not used).
 */

/* acc[r][v] += sum over l of a[r * row + l * step] * b[l * ldb + v * LANES], r < tall, v < wide: both constants of the
 * caller, so that everything unrolls. */
INLINE void tile_sum(vf acc[8][4], int tall, int wide, const float *a, int64_t row, int64_t step, const float *b,
                     int64_t ldb, int64_t k) {
    for (int64_t l = 0; l < k; l++) {
        vf from[4];
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) from[v] = load(b + l * ldb + v * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < tall; r++) {
            vf x = splat(a[r * row + l * step]);
#pragma clang loop unroll(full)
            for (int v = 0; v < wide; v++) acc[r][v] += x * from[v];
        }
    }
}

INLINE void product_tile(int tall, int wide, float *c, int64_t ldc, const float *a, int64_t lda, const float *b,
                         int64_t ldb, const float *bias, int64_t k) {
    vf acc[8][4];
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) acc[r][v] = bias ? load(bias + v * LANES) : load(c + r * ldc + v * LANES);
    tile_sum(acc, tall, wide, a, lda, 1, b, ldb, k);
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) store(c + r * ldc + v * LANES, acc[r][v]);
}

/* C[tall x cols] += ..., or = with `fresh`; cols <= wide * LANES. */
INLINE void outer_tile(int tall, int wide, float *c, int64_t ldc, int64_t cols, const float *a, int64_t lda,
                       const float *b, int64_t ldb, int64_t m, int fresh) {
    vf acc[8][4];
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) {
            acc[r][v] = splat(0);
            __builtin_prefetch(c + r * ldc + v * LANES, 1); // rows of C are far apart: no pattern to guess
        }
    tile_sum(acc, tall, wide, a, 1, lda, b, ldb, m);
    for (int r = 0; r < tall; r++)
        for (int v = 0; v < wide; v++) {
            float *to = c + r * ldc + v * LANES;
            int64_t left = cols - v * LANES;
            if (left >= LANES) {
                store(to, fresh ? acc[r][v] : load(to) + acc[r][v]);
            } else if (left > 0) {
                float lane[LANES];
                store(lane, acc[r][v]);
                for (int64_t j = 0; j < left; j++) to[j] = fresh ? lane[j] : to[j] + lane[j];
            }
        }
}

/* One function a tile shape, so that a tile's code exists once. */
#define SHAPE(TALL, WIDE)                                                                                              \
    static void product_##TALL##_##WIDE(float *c, int64_t ldc, const float *a, int64_t lda, const float *b,            \
                                        int64_t ldb, const float *bias, int64_t k) {                                   \
        product_tile(TALL, WIDE, c, ldc, a, lda, b, ldb, bias, k);                                                     \
    }                                                                                                                  \
    static void outer_##TALL##_##WIDE(float *c, int64_t ldc, int64_t cols, const float *a, int64_t lda,                \
                                      const float *b, int64_t ldb, int64_t m, int fresh) {                             \
        outer_tile(TALL, WIDE, c, ldc, cols, a, lda, b, ldb, m, fresh);                                                \
    }
#define SHAPES(WIDE)                                                                                                   \
    SHAPE(1, WIDE)                                                                                                     \
    SHAPE(2, WIDE) SHAPE(3, WIDE) SHAPE(4, WIDE) SHAPE(5, WIDE) SHAPE(6, WIDE) SHAPE(7, WIDE) SHAPE(8, WIDE)
SHAPES(1)
SHAPES(2)
SHAPES(4)

typedef void product_shape(float *, int64_t, const float *, int64_t, const float *, int64_t, const float *, int64_t);
typedef void outer_shape(float *, int64_t, int64_t, const float *, int64_t, const float *, int64_t, int64_t, int);
#define ROW(NAME, WIDE)                                                                                                \
    {                                                                                                                  \
        0, NAME##_1_##WIDE, NAME##_2_##WIDE, NAME##_3_##WIDE, NAME##_4_##WIDE, NAME##_5_##WIDE, NAME##_6_##WIDE,       \
            NAME##_7_##WIDE, NAME##_8_##WIDE                                                                           \
    }
static product_shape *const products[5][9] = {[1] = ROW(product, 1), [2] = ROW(product, 2), [4] = ROW(product, 4)};
static outer_shape *const outers[5][9] = {[1] = ROW(outer, 1), [2] = ROW(outer, 2), [4] = ROW(outer, 4)};

/* How many vectors the next panel takes of `left` columns, and how tall its tiles are at most. */
static int panel_width(int64_t left) {
    if (TALL_4 && left > 2 * LANES) return 4;
    if (TALL_2 && left > LANES) return 2;
    return 1;
}
static int panel_height(int wide) {
    return wide == 4 ? TALL_4 : wide == 2 ? TALL_2 : TALL_1;
}

static void product(float *c, int64_t ldc, const float *a, int64_t lda, const float *b, int64_t ldb, const float *bias,
                    int64_t m, int64_t k, int64_t n) {
    for (int64_t j = 0; j < n;) {
        int wide = panel_width(n - j);
        while (wide * LANES > n - j) wide /= 2;
        int tall = panel_height(wide);
        int64_t tiles = (m + tall - 1) / tall;
        for (int64_t t = 0, i = 0; t < tiles; t++) {
            int64_t rows = (m - i) / (tiles - t); // tiles as even as can be: 9 rows are 5 + 4, not 8 + 1
            products[wide][rows](c + i * ldc + j, ldc, a + i * lda, lda, b + j, ldb, bias ? bias + j : bias, k);
            i += rows;
        }
        j += wide * LANES;
    }
}

static void column(float *c, const float *a, int64_t lda, const float *w, float bias, int64_t m, int64_t k) {
    for (int64_t i = 0; i < m; i += 8) {
        int64_t rows = m - i < 8 ? m - i : 8;
        vf acc[8];
        for (int r = 0; r < 8; r++) acc[r] = splat(0);
        for (int64_t j = 0; j < k; j += LANES) {
            float lane[LANES];
            for (int64_t v = 0; v < LANES; v++) lane[v] = j + v < k ? w[(j + v) * PAD] : 0;
            vf from = load(lane);
            for (int64_t r = 0; r < 8; r++) acc[r] += from * load(a + (i + (r < rows ? r : 0)) * lda + j);
        }
        for (int64_t r = 0; r < rows; r++) {
            float *to = c + (i + r) * PAD;
            for (int64_t v = 0; v < PAD; v += LANES) store(to + v, splat(0));
            to[0] = sum_of(acc[r]) + bias;
        }
    }
}

/* Rows of 512 bytes and more fall on few sets of a cache: a panel of them evicts itself. */
INLINE int crowded(int64_t ld) {
    return ld >= 128;
}

/* Copies m rows of `wide` vectors that are ld floats apart close together; wide is a constant of the caller. */
INLINE void gather(int wide, float *out, const float *a, int64_t ld, int64_t m) {
    for (int64_t i = 0; i < m; i++, a += ld, out += wide * LANES) {
        vf row[STRIP / LANES > 4 ? STRIP / LANES : 4];
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) row[v] = load(a + v * LANES);
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) store(out + v * LANES, row[v]);
    }
}

/* The panel of B that is `wide` vectors wide, copied to `near` where its rows lie far apart. */
INLINE const float *panel_of(float *near, const float *b, int64_t *ld, int64_t m, int wide) {
    if (m > OUTER_ROWS || !crowded(*ld)) return b;
    if (wide == 4)
        gather(4, near, b, *ld, m);
    else if (wide == 2)
        gather(2, near, b, *ld, m);
    else
        gather(1, near, b, *ld, m);
    *ld = wide * LANES;
    return near;
}

static void outer(float *c, const float *a, int64_t lda, const float *b, int64_t ldb, int64_t m, int64_t k,
                  int64_t width, int sums, int fresh) {
    static const float one = 1;
    float near_a[OUTER_ROWS * STRIP], near_b[OUTER_ROWS * 4 * LANES];
    int strips = m <= OUTER_ROWS && crowded(lda) && width > 4 * LANES;
    for (int64_t j = 0; j < width;) {
        int wide = panel_width(width - j);
        while (wide * LANES > ldb - j) wide /= 2;
        int tall = panel_height(wide);
        int64_t ld = ldb;
        const float *from = panel_of(near_b, b + j, &ld, m, wide);
        for (int64_t first = 0; first < k;) {
            int64_t columns = strips && k - first > STRIP ? STRIP : k - first, tiles = (columns + tall - 1) / tall;
            const float *left = a + first;
            int64_t step = lda;
            if (columns == STRIP && strips) gather(STRIP / LANES, near_a, left, lda, m), left = near_a, step = STRIP;
            for (int64_t t = 0, i = 0; t < tiles; t++) {
                int64_t rows = (columns - i) / (tiles - t);
                outers[wide][rows](c + (first + i) * width + j, width, width - j, left + i, step, from, ld, m, fresh);
                i += rows;
            }
            first += columns;
        }
        if (sums) outers[wide][1](c + k * width + j, width, width - j, &one, 0, from, ld, m, fresh);
        j += wide * LANES;
    }
}

static void activate(float *h, int64_t count, int32_t kind) {
    if (kind == CAFE_TANH)
        for (int64_t i = 0; i < count; i += LANES) store(h + i, tanh_of(load(h + i)));
    else if (kind == CAFE_RELU)
        for (int64_t i = 0; i < count; i += LANES) {
            vf z = load(h + i);
            store(h + i, z > splat(0) ? z : splat(0));
        }
}

static void derive(float *x, const float *h, int64_t count, int32_t kind) {
    if (kind == CAFE_TANH)
        for (int64_t i = 0; i < count; i += LANES) {
            vf y = load(h + i);
            store(x + i, load(x + i) * (1.0f - y * y));
        }
    else if (kind == CAFE_RELU)
        for (int64_t i = 0; i < count; i += LANES) store(x + i, load(h + i) > splat(0) ? load(x + i) : splat(0));
}

static void derive_twice(float *x, const float *h, const float *r, const float *e, int64_t count, int32_t kind) {
    if (kind != CAFE_TANH) {
        derive(x, h, count, kind);
        return;
    }
    for (int64_t i = 0; i < count; i += LANES) {
        vf y = load(h + i);
        store(x + i, load(x + i) * (1.0f - y * y) - 2.0f * y * load(r + i) * load(e + i));
    }
}
