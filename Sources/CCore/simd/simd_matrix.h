/* simd_matrix.h - template: small dense products held in registers, and the element-wise passes of a layer.
 *
 * A tile of TALL rows by WIDE vectors stays in registers over the whole sum. Included after simd_math.h; the including
 * file defines TALL_1, TALL_2 and TALL_4, the rows of a tile that is 1, 2 or 4 vectors wide (0: not used).
 */

/* Outer products of at most this many columns are computed as their transpose. */
enum { NARROW = 16 };
enum { TALLEST = 14 }; /* rows of a tile at most; more than 8 only where it is two vectors wide */

/* acc[r][v] += sum over l of a[r * row + l * step] * b[l * ldb + v * LANES], r < tall, v < wide: both constants of the
 * caller, so that everything unrolls. */
INLINE void tile_sum(vf acc[TALLEST][4], int tall, int wide, const float *a, int64_t row, int64_t step, const float *b,
                     int64_t ldb, int64_t k) {
    const float *from_row[TALLEST];
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++) {
        from_row[r] = a + r * row;
        if (row != 1 && tall <= 8) __asm__("" : "+r"(from_row[r])); // or clang adds up its address anew in every step
    }
    for (int64_t l = 0; l < k; l++) {
        vf from[4];
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) from[v] = load(b + l * ldb + v * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < tall; r++) {
            vf x = splat(from_row[r][l * step]);
#pragma clang loop unroll(full)
            for (int v = 0; v < wide; v++) acc[r][v] += x * from[v];
        }
    }
}

/* C[tall x wide * LANES] = bias + A B, + A2 B2; the factors begin at the tile's rows and columns. */
INLINE void product_tile(int tall, int wide, float *c, int64_t ldc, const factors *f, int count, const float *bias,
                         int64_t k) {
    vf acc[TALLEST][4];
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) acc[r][v] = load(bias + v * LANES);
    for (int s = 0; s < count; s++) tile_sum(acc, tall, wide, f[s].a, f[s].lda, 1, f[s].b, f[s].ldb, k);
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) store(c + r * ldc + v * LANES, acc[r][v]);
}

/* C[tall x cols] += ..., or = with `fresh`; cols <= wide * LANES. */
INLINE void outer_tile(int tall, int wide, float *c, int64_t ldc, int64_t cols, const factors *f, int count, int64_t m,
                       int fresh) {
    vf acc[TALLEST][4];
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) {
            acc[r][v] = splat(0);
            __builtin_prefetch(c + r * ldc + v * LANES, 1); // rows of C are far apart: no pattern to guess
        }
    for (int s = 0; s < count; s++) tile_sum(acc, tall, wide, f[s].a, 1, f[s].lda, f[s].b, f[s].ldb, m);
    if (cols >= wide * LANES) { // constant indices all along: acc stays in registers
#pragma clang loop unroll(full)
        for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < wide; v++)
                if (!fresh) acc[r][v] = load(c + r * ldc + v * LANES) + acc[r][v];
#pragma clang loop unroll(full)
        for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < wide; v++) store(c + r * ldc + v * LANES, acc[r][v]);
        return;
    }
    float tile[TALLEST][4 * LANES];
#pragma clang loop unroll(full)
    for (int r = 0; r < tall; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) store(tile[r] + v * LANES, acc[r][v]);
    for (int r = 0; r < tall; r++)
        for (int64_t j = 0; j < cols && j < wide * LANES; j++)
            c[r * ldc + j] = fresh ? tile[r][j] : c[r * ldc + j] + tile[r][j];
}

/* One function a tile shape, so that a tile's code exists once. */
#define SHAPE(TALL, WIDE)                                                                                              \
    static void product_##TALL##_##WIDE(float *c, int64_t ldc, const factors *f, int count, const float *bias,         \
                                        int64_t k) {                                                                   \
        product_tile(TALL, WIDE, c, ldc, f, count, bias, k);                                                           \
    }                                                                                                                  \
    static void outer_##TALL##_##WIDE(float *c, int64_t ldc, int64_t cols, const factors *f, int count, int64_t m,     \
                                      int fresh) {                                                                     \
        outer_tile(TALL, WIDE, c, ldc, cols, f, count, m, fresh);                                                      \
    }
#define SHAPES(WIDE)                                                                                                   \
    SHAPE(1, WIDE)                                                                                                     \
    SHAPE(2, WIDE) SHAPE(3, WIDE) SHAPE(4, WIDE) SHAPE(5, WIDE) SHAPE(6, WIDE) SHAPE(7, WIDE) SHAPE(8, WIDE)
#define TALL_SHAPES(WIDE)                                                                                              \
    SHAPE(9, WIDE)                                                                                                     \
    SHAPE(10, WIDE) SHAPE(11, WIDE) SHAPE(12, WIDE) SHAPE(13, WIDE) SHAPE(14, WIDE)
SHAPES(1)
SHAPES(2)
SHAPES(4)
TALL_SHAPES(2)

typedef void product_shape(float *, int64_t, const factors *, int, const float *, int64_t);
typedef void outer_shape(float *, int64_t, int64_t, const factors *, int, int64_t, int);
#define ROW(NAME, WIDE)                                                                                                \
    0, NAME##_1_##WIDE, NAME##_2_##WIDE, NAME##_3_##WIDE, NAME##_4_##WIDE, NAME##_5_##WIDE, NAME##_6_##WIDE,           \
        NAME##_7_##WIDE, NAME##_8_##WIDE
#define TALL_ROW(NAME) NAME##_9_2, NAME##_10_2, NAME##_11_2, NAME##_12_2, NAME##_13_2, NAME##_14_2
static product_shape *const products[5][TALLEST + 1] = {
    [1] = {ROW(product, 1)}, [2] = {ROW(product, 2), TALL_ROW(product)}, [4] = {ROW(product, 4)}};
static outer_shape *const outers[5][TALLEST + 1] = {
    [1] = {ROW(outer, 1)}, [2] = {ROW(outer, 2), TALL_ROW(outer)}, [4] = {ROW(outer, 4)}};

/* How many vectors the next panel takes of `left` columns, and how tall its tiles are at most. */
static int panel_width(int64_t left) {
    if (TALL_4 && left > 2 * LANES) return 4;
    if (TALL_2 && left > LANES) return 2;
    return 1;
}
static int panel_height(int wide) {
    return wide == 4 ? TALL_4 : wide == 2 ? TALL_2 : TALL_1;
}

/* Tiles as even as can be: 9 rows are 4 + 5, not 8 + 1. `low` tiles have `rows` rows, the others one more. */
typedef struct tiling {
    int32_t rows, low;
} tiling;

INLINE tiling tiling_of(int64_t rows, int tall) {
    int32_t tiles = (int32_t)((rows + tall - 1) / tall), least = tiles ? (int32_t)rows / tiles : 0;
    return (tiling){least, tiles - ((int32_t)rows - least * tiles)};
}
INLINE int32_t rows_of_next(tiling *t) {
    return t->rows + (t->low-- <= 0);
}

static void product(float *c, int64_t ldc, const factors *f, int count, const float *bias, int64_t m, int64_t k,
                    int64_t n) {
    for (int64_t j = 0; j < n;) {
        int wide = panel_width(n - j);
        while (wide * LANES > n - j) wide /= 2;
        int tall = panel_height(wide);
        tiling t = tiling_of(m, tall);
        factors from[2];
        for (int s = 0; s < count; s++) from[s] = (factors){f[s].a, f[s].b + j, f[s].lda, f[s].ldb};
        for (int64_t i = 0, rows; i < m; i += rows) {
            rows = rows_of_next(&t);
            products[wide][rows](c + i * ldc + j, ldc, from, count, bias + j, k);
            for (int s = 0; s < count; s++) from[s].a += rows * from[s].lda;
        }
        j += wide * LANES;
    }
}

/* The sum of the lanes of each of LANES vectors, one in each lane of v[0]: added in the order of sum_of. */
INLINE void sums_of(vf v[LANES]) {
    transpose(v);
#pragma clang loop unroll(full)
    for (int half = LANES / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
        for (int r = 0; r < half; r++) v[r] += v[r + half];
}

static void column(float *c, const float *a, int64_t lda, const float *w, float bias, int64_t m, int64_t k) {
    for (int64_t i = 0; i < m; i += LANES) {
        int64_t rows = m - i < LANES ? m - i : LANES;
        vf acc[LANES];
#pragma clang loop unroll(full)
        for (int r = 0; r < LANES; r++) acc[r] = splat(0);
        for (int64_t j = 0; j < k; j += LANES) {
            vf from = load(w + j);
            const float *at = a + i * lda + j;
#pragma clang loop unroll(full)
            for (int r = 0; r < LANES; r++) {
                acc[r] += from * load(at);
                at += r + 1 < rows ? lda : 0;
            }
        }
        sums_of(acc);
        float sum[LANES];
        store(sum, acc[0] + splat(bias));
        for (int64_t r = 0; r < rows; r++) {
            float *to = c + (i + r) * PAD;
            for (int64_t v = 0; v < PAD; v += LANES) store(to + v, splat(0));
            to[0] = sum[r];
        }
    }
}

/* Rows of a kilobyte and more fall on few sets of a cache: a strip of them evicts itself. */
INLINE int crowded(int64_t ld) {
    return ld >= 256;
}

/* Copies a strip of m rows that are ld floats apart close together. */
static void gather(float *out, const float *a, int64_t ld, int64_t m) {
    for (int64_t i = 0; i < m; i++, a += ld, out += STRIP) {
        vf row[STRIP / LANES];
#pragma clang loop unroll(full)
        for (int v = 0; v < STRIP / LANES; v++) row[v] = load(a + v * LANES);
#pragma clang loop unroll(full)
        for (int v = 0; v < STRIP / LANES; v++) store(out + v * LANES, row[v]);
    }
}

/* k rows of C. */
static void outer_rows(float *c, const factors *f, int count, int64_t m, int64_t k, int64_t width, int fresh) {
    for (int64_t j = 0; j < width;) {
        int wide = panel_width(width - j);
        while (wide * LANES > f->ldb - j) wide /= 2;
        int tall = panel_height(wide);
        tiling t = tiling_of(k, tall);
        factors from[2];
        for (int s = 0; s < count; s++) from[s] = (factors){f[s].a, f[s].b + j, f[s].lda, f[s].ldb};
        for (int64_t i = 0, rows; i < k; i += rows) {
            rows = rows_of_next(&t);
            outers[wide][rows](c + i * width + j, width, width - j, from, count, m, fresh);
            for (int s = 0; s < count; s++) from[s].a += rows;
        }
        j += wide * LANES;
    }
}

/* c[columns x width] += near[width x ld]', or = with `fresh`. */
static void add_transposed(float *c, const float *near, int64_t ld, int64_t columns, int64_t width, int fresh) {
    for (int64_t j = 0; j < columns; j += LANES)
        for (int64_t i = 0; i < width; i += LANES) {
            vf square[LANES];
#pragma clang loop unroll(full)
            for (int r = 0; r < LANES; r++) square[r] = i + r < width ? load(near + (i + r) * ld + j) : splat(0);
            transpose(square);
            int64_t rows = columns - j < LANES ? columns - j : LANES, left = width - i;
            float *to = c + j * width + i;
            for (int64_t r = 0; r < rows; r++, to += width) {
                if (left >= LANES) {
                    store(to, fresh ? square[r] : load(to) + square[r]);
                    continue;
                }
                float lane[LANES];
                store(lane, square[r]);
                for (int64_t l = 0; l < left; l++) to[l] = fresh ? lane[l] : to[l] + lane[l];
            }
        }
}

/* C[k x width] of few columns, worked out as its transpose: vectors run along A's rows, no lane is idle. */
static void outer_narrow(float *c, const factors *f, int count, int64_t m, int64_t k, int64_t width, int fresh) {
    _Alignas(64) float near[NARROW * 4 * LANES];
    for (int64_t j = 0; j < k;) {
        int wide = panel_width(k - j);
        while (wide * LANES > f->lda - j) wide /= 2;
        int64_t ld = wide * LANES, columns = k - j < ld ? k - j : ld;
        tiling t = tiling_of(width, panel_height(wide));
        for (int64_t i = 0, rows; i < width; i += rows) {
            factors from[2];
            for (int s = 0; s < count; s++) from[s] = (factors){f[s].b + i, f[s].a + j, f[s].ldb, f[s].lda};
            rows = rows_of_next(&t);
            outers[wide][rows](near + i * ld, ld, ld, from, count, m, 1);
        }
        add_transposed(c + j * width, near, ld, columns, width, fresh);
        j += ld;
    }
}

static void outer(float *c, const factors *f, int count, int64_t m, int64_t k, int64_t width, int sums, int fresh) {
    static const float one = 1;
    if (width <= NARROW && k > width && f->lda % PAD == 0) {
        outer_narrow(c, f, count, m, k, width, fresh);
        if (sums) outer_rows(c + k * width, &(factors){&one, f->b, 0, f->ldb}, 1, m, 1, width, fresh);
        return;
    }
    _Alignas(64) float near[2][OUTER_ROWS * STRIP];
    int strips = m <= OUTER_ROWS && width > 4 * LANES && crowded(f->lda);
    int64_t first = 0;
    for (; strips && k - first >= STRIP; first += STRIP) {
        factors from[2];
        for (int s = 0; s < count; s++) {
            gather(near[s], f[s].a + first, f[s].lda, m);
            from[s] = (factors){near[s], f[s].b, STRIP, f[s].ldb};
        }
        outer_rows(c + first * width, from, count, m, STRIP, width, fresh);
    }
    factors rest[2];
    for (int s = 0; s < count; s++) rest[s] = (factors){f[s].a + first, f[s].b, f[s].lda, f[s].ldb};
    outer_rows(c + first * width, rest, count, m, k - first, width, fresh);
    if (sums) outer_rows(c + k * width, &(factors){&one, f->b, 0, f->ldb}, 1, m, 1, width, fresh);
}

static void transposed(float *out, int64_t ldo, const float *a, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i += LANES)
        for (int64_t j = 0; j < width; j += LANES) {
            if (rows - i < LANES || width - j < LANES) {
                for (int64_t k = j; k < width && k < j + LANES; k++)
                    for (int64_t r = i; r < rows && r < i + LANES; r++) out[k * ldo + r] = a[r * width + k];
                continue;
            }
            vf square[LANES];
#pragma clang loop unroll(full)
            for (int r = 0; r < LANES; r++) square[r] = load(a + (i + r) * width + j);
            transpose(square);
#pragma clang loop unroll(full)
            for (int r = 0; r < LANES; r++) store(out + (j + r) * ldo + i, square[r]);
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
