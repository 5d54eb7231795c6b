/* reference.h - the kernels as one writes them first: plain loops, no blocking, no vectors by hand, one thread. What the
 * suite divides our speed by, and checks our results against: sums are doubles. Matrices are row-major, and networks
 * lie in memory as in cafe.h. */
#ifndef REFERENCE_H
#define REFERENCE_H
#include <stdint.h>

/* Heap allocations of the process so far, of all threads and libraries: malloc, calloc, realloc and their kin. */
int64_t reference_allocations(void);

/* hidden [rows x sum of the widths above the input]: all layers' outputs, layer after layer; tanh below the last. */
void reference_forward(float *hidden, const int32_t *widths, int32_t layers, const float *parameters,
                       const float *input, int64_t rows);
/* gradient = dL/dparameters given dL/doutput and the hidden layers of reference_forward; delta [2 x widest]. */
void reference_backward(float *gradient, float *delta, const int32_t *widths, int32_t layers, const float *parameters,
                        const float *input, const float *hidden, const float *output_gradient, int64_t rows);
void reference_kl_categorical(float *kl, const float *p, const float *q, int64_t rows, int64_t width);
void reference_kl_gaussian(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q,
                           const float *log_sd_q, int64_t rows, int64_t width);
void reference_softmax(float *probabilities, const float *logits, int64_t rows, int64_t width);
/* Advantages [T x A] of steps that continue to the last. */
void reference_gae(float *advantages, const float *rewards, const float *values, const float *next_values,
                   const float *discounts, const float *lambdas, int64_t actors, int64_t steps);
void reference_adam(float *p, float *m, float *v, const float *g, int64_t count, int64_t step, double rate);
/* weights = exp(-rate (losses - min)); returns the arm at which their running sum passes u times the sum. */
int64_t reference_weights(double *weights, const double *losses, int64_t arms, double rate, double u);
/* The `wanted` nearest of `count` points by Manhattan distance, by looking at all. found[wanted] */
void reference_nearest(int32_t *found, const double *x, const double *y, int64_t count, double at_x, double at_y,
                       int32_t wanted);
#endif
