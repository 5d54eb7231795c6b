/* gaussian.c - diagonal Gaussians given by means and log standard deviations: KL, sampling, likelihood.
 *
 * Representation: row-major [B x Z] matrices. Every function is one pass, bound by memory and the exponential.
 */
#include "internal.h"
#include "kernels.h"
#include "shares.h"

#include <math.h>
#include <stddef.h>

enum { LEAST = 256, LEAST_ENTRIES = 8192 };

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

void cafe_gaussian_kl_backward(float *mean_p_gradient, float *log_sd_p_gradient, float *mean_q_gradient,
                               float *log_sd_q_gradient, const float *mean_p, const float *log_sd_p,
                               const float *mean_q, const float *log_sd_q, const float *weights, int64_t rows,
                               int64_t width) {
    chunks c = chunks_of(rows, LEAST);
#pragma omp parallel for schedule(static) num_threads(c.threads) if (c.threads > 1)
    for (int64_t k = 0; k < c.count; k++)
        for (int64_t j = k * c.size * width; j < chunk_end(c, k, rows) * width; j++) {
            float w = weights[j / width], precision = log_sd_q ? expf(-2 * log_sd_q[j]) : 1;
            float difference = mean_p[j] - (mean_q ? mean_q[j] : 0), variance = expf(2 * log_sd_p[j]);
            mean_p_gradient[j] += w * difference * precision;       // (mp - mq) / vq
            log_sd_p_gradient[j] += w * (variance * precision - 1); // vp / vq - 1
            if (mean_q_gradient) mean_q_gradient[j] -= w * difference * precision;
            if (log_sd_q_gradient) // 1 - (vp + (mp - mq)^2) / vq
                log_sd_q_gradient[j] += w * (1 - (variance + difference * difference) * precision);
        }
}

void cafe_gaussian_sample(float *sample, const float *mean, const float *log_sd, const float *noise, int64_t count) {
    chunks c = chunks_of(count, LEAST_ENTRIES);
#pragma omp parallel for schedule(static) num_threads(c.threads) if (c.threads > 1)
    for (int64_t k = 0; k < c.count; k++)
        for (int64_t j = k * c.size; j < chunk_end(c, k, count); j++) sample[j] = mean[j] + expf(log_sd[j]) * noise[j];
}

void cafe_gaussian_sample_backward(float *mean_gradient, float *log_sd_gradient, const float *log_sd,
                                   const float *noise, const float *sample_gradient, int64_t count) {
    chunks c = chunks_of(count, LEAST_ENTRIES);
#pragma omp parallel for schedule(static) num_threads(c.threads) if (c.threads > 1)
    for (int64_t k = 0; k < c.count; k++)
        for (int64_t j = k * c.size; j < chunk_end(c, k, count); j++) {
            mean_gradient[j] += sample_gradient[j];
            log_sd_gradient[j] += sample_gradient[j] * expf(log_sd[j]) * noise[j];
        }
}

void cafe_gaussian_log_likelihood(float *log_likelihood, const float *x, const float *mean, const float *log_sd,
                                  int64_t rows, int64_t width) {
    chunks c = chunks_of(rows, LEAST);
#pragma omp parallel for schedule(static) num_threads(c.threads) if (c.threads > 1)
    for (int64_t k = 0; k < c.count; k++)
        for (int64_t i = k * c.size; i < chunk_end(c, k, rows); i++) {
            double sum = -0.91893853320467274178 * (double)width; // log sqrt(2 pi)
            for (int64_t j = i * width; j < (i + 1) * width; j++) {
                float scaled = (x[j] - mean[j]) * expf(-log_sd[j]);
                sum -= log_sd[j] + 0.5f * scaled * scaled;
            }
            log_likelihood[i] = (float)sum;
        }
}

void cafe_gaussian_log_likelihood_backward(float *mean_gradient, float *log_sd_gradient, const float *x,
                                           const float *mean, const float *log_sd, const float *weights, int64_t rows,
                                           int64_t width) {
    chunks c = chunks_of(rows, LEAST);
#pragma omp parallel for schedule(static) num_threads(c.threads) if (c.threads > 1)
    for (int64_t k = 0; k < c.count; k++)
        for (int64_t j = k * c.size * width; j < chunk_end(c, k, rows) * width; j++) {
            float inverse = expf(-log_sd[j]), scaled = (x[j] - mean[j]) * inverse, w = weights[j / width];
            mean_gradient[j] += w * scaled * inverse;
            if (log_sd_gradient) log_sd_gradient[j] += w * (scaled * scaled - 1);
        }
}
