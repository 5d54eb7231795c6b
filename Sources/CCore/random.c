/* random.c - counter-based random streams: Philox4x32-10.
 *
 * Representation: a draw is a pure function of (seed, stream, counter); nothing is stored, so any thread can make
 * any draw and a resumed run continues from three integers. Hot calls: the normals and the shuffles of an update, made
 * of independent draws, each ten rounds of two 32 x 32 -> 64 bit products.
 */
#include "cafe.h"

#include <math.h>

enum { DRAWS = 64 }; /* draws made at a time: they do not wait for one another */

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

uint64_t cafe_random_u64(uint64_t seed, uint64_t stream, uint64_t counter) {
    uint32_t block[4];
    philox(block, seed, stream, counter);
    return (uint64_t)block[0] | (uint64_t)block[1] << 32;
}

void cafe_random_block(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t counter) {
    philox(out, seed, stream, counter);
}

void cafe_random_below(int32_t *out, uint32_t bound, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    for (int64_t i = 0; i < count; i += 4) {
        uint32_t bits[4];
        philox(bits, seed, stream, counter + (uint64_t)i / 4);
        int64_t rest = count - i < 4 ? count - i : 4;
        for (int64_t k = 0; k < rest; k++) out[i + k] = (int32_t)((uint64_t)bits[k] * bound >> 32);
    }
}

void cafe_random_units(float *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    for (int64_t i = 0; i < count; i += 4) {
        uint32_t bits[4];
        philox(bits, seed, stream, counter + (uint64_t)i / 4);
        int64_t rest = count - i < 4 ? count - i : 4;
        for (int64_t k = 0; k < rest; k++) out[i + k] = (float)(bits[k] >> 8) * 0x1p-24f;
    }
}

static void draws(uint64_t *out, uint64_t seed, uint64_t stream, uint64_t counter, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t block[4];
        philox(block, seed, stream, counter + (uint64_t)i);
        out[i] = (uint64_t)block[0] | (uint64_t)block[1] << 32;
    }
}

static double unit_of(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
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
