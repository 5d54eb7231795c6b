/* wide.h - functions compiled once a vector width, of which the loader picks the widest that the processor has. For plain
 * loops and vectors of a fixed size whose results do not depend on the width; kernels.h has those that do. */
#ifndef CAFE_WIDE_H
#define CAFE_WIDE_H

#if defined(__x86_64__) && !defined(CAFE_ONE_TARGET)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif
#define INLINE static inline __attribute__((always_inline))

#endif
