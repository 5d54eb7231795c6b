/* gaussian.c - KL divergences of diagonal Gaussians given by means and log standard deviations.
 *
 * Representation: row-major [B x Z] matrices. One pass, bound by memory and the exponential.
 */
#include "internal.h"
#include "kernels.h"
#include "shares.h"

#include <math.h>
#include <stddef.h>

enum { LEAST = 256 };

void cafe_gaussian_kl(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q, const float *log_sd_q,
                      int64_t rows, int64_t width) {
    const kernels *use = cafe_kernels();
    chunks c = chunks_of(rows, LEAST);
    if (c.threads < 2) { // a region of one allocates
        use->gaussian_rows(kl, mean_p, log_sd_p, mean_q, log_sd_q, rows, width);
        return;
    }
    shares left;
#pragma omp parallel num_threads(shares_cut(&left, c.count, c.threads))
    {
        int32_t me = omp_get_thread_num();
        for (int64_t k = shares_next(&left, me); k >= 0; k = shares_next(&left, me)) {
            int64_t i = k * c.size, j = i * width;
            use->gaussian_rows(kl + i, mean_p + j, log_sd_p + j, mean_q ? mean_q + j : mean_q,
                               log_sd_q ? log_sd_q + j : log_sd_q, chunk_end(c, k, rows) - i, width);
        }
    }
}
