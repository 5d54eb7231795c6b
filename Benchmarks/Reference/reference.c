/* reference.c - see reference.h. */
#include "reference.h"

#include <math.h>

void reference_forward(float *hidden, const int32_t *widths, int32_t layers, const float *parameters,
                       const float *input, int64_t rows) {
    const float *a = input, *w = parameters;
    for (int32_t l = 0; l < layers; l++) {
        int64_t in = widths[l], out = widths[l + 1];
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < out; j++) {
                double z = w[in * out + j];
                for (int64_t k = 0; k < in; k++) z += (double)a[i * in + k] * w[k * out + j];
                hidden[i * out + j] = (float)(l < layers - 1 ? tanh(z) : z);
            }
        a = hidden;
        hidden += rows * out;
        w += (in + 1) * out;
    }
}

void reference_backward(float *gradient, float *delta, const int32_t *widths, int32_t layers, const float *parameters,
                        const float *input, const float *hidden, const float *output_gradient, int64_t rows) {
    int64_t count = 0, widest = 0;
    for (int32_t l = 0; l < layers; l++) count += (int64_t)(widths[l] + 1) * widths[l + 1];
    for (int32_t l = 0; l <= layers; l++) widest = widths[l] > widest ? widths[l] : widest;
    for (int64_t k = 0; k < count; k++) gradient[k] = 0;
    for (int64_t i = 0; i < rows; i++) {
        float *d = delta, *e = delta + widest, *g = gradient + count;
        const float *w = parameters + count, *h = hidden;
        for (int32_t l = 1; l < layers; l++) h += rows * widths[l]; // the last layer's outputs
        for (int64_t j = 0; j < widths[layers]; j++) d[j] = output_gradient[i * widths[layers] + j];
        for (int32_t l = layers - 1; l >= 0; l--) {
            int64_t in = widths[l], out = widths[l + 1];
            g -= (in + 1) * out;
            w -= (in + 1) * out;
            h -= l ? rows * in : 0;
            const float *a = l ? h + i * in : input + i * in;
            for (int64_t j = 0; j < out; j++) g[in * out + j] += d[j];
            for (int64_t k = 0; k < in; k++) {
                double sum = 0;
                for (int64_t j = 0; j < out; j++) {
                    g[k * out + j] += a[k] * d[j];
                    sum += (double)d[j] * w[k * out + j];
                }
                e[k] = (float)(sum * (1 - (double)a[k] * a[k]));
            }
            float *swap = d;
            d = e, e = swap;
        }
    }
}

void reference_kl_categorical(float *kl, const float *p, const float *q, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i++, p += width, q += width) {
        double sum_p = 0, sum_q = 0, sum = 0;
        for (int64_t j = 0; j < width; j++) sum_p += exp(p[j]), sum_q += exp(q[j]);
        for (int64_t j = 0; j < width; j++) {
            double log_p = p[j] - log(sum_p), log_q = q[j] - log(sum_q);
            sum += exp(log_p) * (log_p - log_q);
        }
        kl[i] = (float)sum;
    }
}

void reference_kl_gaussian(float *kl, const float *mean_p, const float *log_sd_p, const float *mean_q,
                           const float *log_sd_q, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t j = i * width; j < (i + 1) * width; j++) {
            double d = (double)mean_p[j] - mean_q[j];
            sum += log_sd_q[j] - log_sd_p[j] + (exp(2.0 * log_sd_p[j]) + d * d) / (2 * exp(2.0 * log_sd_q[j])) - 0.5;
        }
        kl[i] = (float)sum;
    }
}

void reference_softmax(float *probabilities, const float *logits, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i++, logits += width, probabilities += width) {
        double sum = 0;
        for (int64_t j = 0; j < width; j++) sum += exp(logits[j]);
        for (int64_t j = 0; j < width; j++) probabilities[j] = (float)(exp(logits[j]) / sum);
    }
}

void reference_gae(float *advantages, const float *rewards, const float *values, const float *next_values,
                   const float *discounts, const float *lambdas, int64_t actors, int64_t steps) {
    for (int64_t a = 0; a < actors; a++) {
        double next = 0;
        for (int64_t t = (steps - 1) * actors + a; t >= 0; t -= actors) {
            double delta = rewards[t] + (double)discounts[t] * next_values[t] - values[t];
            next = delta + (double)discounts[t] * lambdas[t] * next;
            advantages[t] = (float)next;
        }
    }
}

void reference_adam(float *p, float *m, float *v, const float *g, int64_t count, int64_t step, double rate) {
    for (int64_t i = 0; i < count; i++) {
        m[i] = 0.9f * m[i] + 0.1f * g[i];
        v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
        double first = m[i] / (1 - pow(0.9, (double)step)), second = v[i] / (1 - pow(0.999, (double)step));
        p[i] -= (float)(rate * first / (sqrt(second) + 1e-5));
    }
}

int64_t reference_weights(double *weights, const double *losses, int64_t arms, double rate, double u) {
    double least = losses[0], sum = 0;
    for (int64_t k = 1; k < arms; k++) least = losses[k] < least ? losses[k] : least;
    for (int64_t k = 0; k < arms; k++) sum += weights[k] = exp(-rate * (losses[k] - least));
    double target = u * sum, passed = 0;
    for (int64_t k = 0; k < arms; k++)
        if ((passed += weights[k]) > target) return k;
    return arms - 1;
}

void reference_nearest(int32_t *found, const double *x, const double *y, int64_t count, double at_x, double at_y,
                       int32_t wanted) {
    double best[64];
    int32_t held = 0;
    for (int64_t i = 0; i < count; i++) {
        double d = fabs(x[i] - at_x) + fabs(y[i] - at_y);
        if (held == wanted && d >= best[held - 1]) continue;
        int32_t at = held < wanted ? held++ : held - 1;
        for (; at > 0 && best[at - 1] > d; at--) best[at] = best[at - 1], found[at] = found[at - 1];
        best[at] = d, found[at] = (int32_t)i;
    }
}
