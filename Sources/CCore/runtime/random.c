/* random.c - counter-based random streams: Philox4x32-10.
 *
 * Representation: a draw is a pure function of (seed, stream, counter); nothing is stored, so any thread can make
 * any draw and a resumed run continues from three integers. Hot calls: the actions and units of a rollout, the normals
 * and shuffles of an update; ten rounds of two 32 x 32 -> 64 bit products per block, eight blocks in the lanes of vectors.
 */
#include "cafe.h"
#include "wide.h"

#include <math.h>
#include <string.h>

enum { DRAWS = 64, BLOCKS = 8, WORDS = 4 * BLOCKS }; /* draws made at a time; blocks abreast and their words */

static inline void philox(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t counter) {
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* BLOCKS numbers below 2^64, most of them below 2^32. */
typedef uint64_t eight __attribute__((vector_size(BLOCKS * sizeof(uint64_t)), aligned(8)));

/* words[4 k + j] = word j of block counter + k. The bits of `philox`. */
WIDE static void philox_blocks(uint32_t *words, uint64_t seed, uint64_t stream, uint64_t counter) {
    eight c1 = (eight){0, 1, 2, 3, 4, 5, 6, 7} + counter, c0 = c1 & UINT32_MAX, c2 = (eight){0} + (stream & UINT32_MAX),
          c3 = (eight){0} + (stream >> 32);
    c1 = c1 >> 32;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        eight p0 = (c0 & UINT32_MAX) * 0xD2511F53u, p1 = (c2 & UINT32_MAX) * 0xCD9E8D57u;
        c0 = p1 >> 32 ^ c1 ^ (uint64_t)k0;
        c2 = p0 >> 32 ^ c3 ^ (uint64_t)k1;
        c1 = p1 & UINT32_MAX;
        c3 = p0 & UINT32_MAX;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    uint64_t low[BLOCKS], high[BLOCKS];
    c1 = c0 | c1 << 32, c3 = c2 | c3 << 32;
    memcpy(low, &c1, sizeof low);
    memcpy(high, &c3, sizeof high);
    for (int k = 0; k < BLOCKS; k++) {
        words[4 * k] = (uint32_t)low[k];
        words[4 * k + 1] = (uint32_t)(low[k] >> 32);
        words[4 * k + 2] = (uint32_t)high[k];
        words[4 * k + 3] = (uint32_t)(high[k] >> 32);
    }
}

/* The words of the next blocks, up to BLOCKS of them; one or two are sooner done one by one. */
static void blocks_of(uint32_t *words, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    if (count > 2) {
        philox_blocks(words, seed, stream, counter);
        return;
    }
    for (int64_t k = 0; k < count; k++) philox(words + 4 * k, seed, stream, counter + (uint64_t)k);
}

uint64_t cafe_random_u64(uint64_t seed, uint64_t stream, uint64_t counter) {
    uint32_t block[4];
    philox(block, seed, stream, counter);
    return (uint64_t)block[0] | (uint64_t)block[1] << 32;
}

void cafe_random_block(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t counter) {
    philox(out, seed, stream, counter);
}

void cafe_random_below(int32_t *out, uint32_t bound, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    for (int64_t i = 0; i < count; i += WORDS) {
        uint32_t bits[WORDS];
        int64_t some = count - i < WORDS ? count - i : WORDS;
        blocks_of(bits, seed, stream, counter + (uint64_t)i / 4, (some + 3) / 4);
        for (int64_t k = 0; k < some; k++) out[i + k] = (int32_t)((uint64_t)bits[k] * bound >> 32);
    }
}

void cafe_random_units(float *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    for (int64_t i = 0; i < count; i += WORDS) {
        uint32_t bits[WORDS];
        int64_t some = count - i < WORDS ? count - i : WORDS;
        blocks_of(bits, seed, stream, counter + (uint64_t)i / 4, (some + 3) / 4);
        for (int64_t k = 0; k < some; k++) out[i + k] = (float)(int32_t)(bits[k] >> 8) * 0x1p-24f;
    }
}

static void draws(uint64_t *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    for (int64_t i = 0; i < count; i += BLOCKS) {
        uint32_t bits[WORDS];
        int64_t some = count - i < BLOCKS ? count - i : BLOCKS;
        blocks_of(bits, seed, stream, counter + (uint64_t)i, some);
        for (int64_t k = 0; k < some; k++) out[i + k] = (uint64_t)bits[4 * k] | (uint64_t)bits[4 * k + 1] << 32;
    }
}

static double unit_of(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
}

void cafe_random_doubles(double *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    uint64_t bits[DRAWS];
    for (int64_t first = 0; first < count; first += DRAWS) {
        int64_t some = count - first < DRAWS ? count - first : DRAWS;
        draws(bits, seed, stream, counter + (uint64_t)first, some);
        for (int64_t i = 0; i < some; i++) out[first + i] = unit_of(bits[i]);
    }
}

void cafe_random_normals(float *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    uint64_t bits[DRAWS];
    for (int64_t first = 0; first < count; first += DRAWS / 2) {
        int64_t some = count - first < DRAWS / 2 ? count - first : DRAWS / 2;
        draws(bits, seed, stream, counter + 2 * (uint64_t)first, 2 * some);
        for (int64_t i = 0; i < some; i++) {
            double radius = sqrt(-2 * log(1 - unit_of(bits[2 * i])));
            out[first + i] = (float)(radius * cos(0x1.921fb54442d18p+2 * unit_of(bits[2 * i + 1])));
        }
    }
}

void cafe_random_bernoulli(uint8_t *out, double bound, uint64_t seed, uint64_t stream, uint64_t counter,
                           int64_t count) {
    uint64_t bits[DRAWS];
    for (int64_t first = 0; first < count; first += DRAWS) {
        int64_t some = count - first < DRAWS ? count - first : DRAWS;
        draws(bits, seed, stream, counter + (uint64_t)first, some);
        for (int64_t i = 0; i < some; i++) out[first + i] = unit_of(bits[i]) < bound;
    }
}

void cafe_random_shuffle(int32_t *elements, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    uint64_t bits[DRAWS];
    for (int64_t last = count - 1; last > 0; last -= DRAWS) {
        int64_t some = last < DRAWS ? last : DRAWS;
        draws(bits, seed, stream, counter + (uint64_t)(count - 1 - last), some);
        for (int64_t i = 0; i < some; i++) {
            int64_t at = last - i;
            int64_t other = (int64_t)((unsigned __int128)bits[i] * (uint64_t)(at + 1) >> 64);
            int32_t swap = elements[at];
            elements[at] = elements[other];
            elements[other] = swap;
        }
    }
}
