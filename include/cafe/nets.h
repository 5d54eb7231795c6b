/* cafe/nets.h - multilayer perceptrons and elementary functions. The conventions are in cafe.h. */
#ifndef CAFE_NETS_H
#define CAFE_NETS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mlp: multilayer perceptrons, batched -------------------------------------------------------------------- */

/* Element-wise functions of a layer. */
enum { CAFE_IDENTITY = 0, CAFE_TANH = 1, CAFE_RELU = 2 };
/* The most layers of weights that a net may have. */
enum { CAFE_MLP_LAYERS = 16 };

/* A net's shape. widths[layers + 1] runs from the input to the output width, each at least 1; `hidden` is applied
 * after every layer but the last, `output` after the last. The struct and `widths` are borrowed for the call.
 *
 * Parameters are one buffer, layer by layer: W [in x out] row-major, then b [out]: sum of (in + 1) * out floats. A layer computes
 * z = h W + b, h' = f(z). relu's derivative at 0 is 0. */
typedef struct cafe_mlp {
    const int32_t *widths;
    int32_t layers;
    int32_t hidden;
    int32_t output;
} cafe_mlp;

/* How many floats of workspace suffice for up to `rows` rows of every function below. Pages are touched only by the
 * functions that need them. O(layers). */
int64_t cafe_mlp_workspace(const cafe_mlp *net, int64_t rows);

/* output[B x widths[layers]] = net(input[B x widths[0]]). Keeps the activations in the workspace for the functions
 * below, which must follow with the same net, parameters, input and rows. O(B P). */
void cafe_mlp_forward(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                      int64_t rows);
/* The same output, bit for bit, without keeping the activations: for rollouts and evaluation. Less memory traffic; the
 * workspace then serves no backward. */
void cafe_mlp_predict(float *output, float *workspace, const cafe_mlp *net, const float *parameters, const float *input,
                      int64_t rows);
/* After cafe_mlp_forward: adds to parameter_gradient[P] the gradient of sum(output * G), G = output_gradient[B x out],
 * and, unless input_gradient is NULL, adds to input_gradient[B x in]. O(B P). */
void cafe_mlp_backward(float *parameter_gradient, float *input_gradient, float *workspace, const cafe_mlp *net,
                       const float *parameters, const float *input, const float *output_gradient, int64_t rows);
/* Pearlmutter's R{.} ([Pearlmutter94]), after cafe_mlp_forward:
 * r_output = d/de net(input; parameters + e * direction) at e = 0, direction[P]. Keeps R of the activations. */
void cafe_mlp_rforward(float *r_output, float *workspace, const cafe_mlp *net, const float *parameters,
                       const float *direction, const float *input, int64_t rows);
/* After cafe_mlp_forward: stores in the workspace what cafe_mlp_rbackward needs of the ordinary backward pass under
 * output_gradient. Once per gradient: any number of (rforward, rbackward) pairs may follow. */
void cafe_mlp_deltas(float *workspace, const cafe_mlp *net, const float *parameters, const float *output_gradient,
                     int64_t rows);
/* After cafe_mlp_deltas and cafe_mlp_rforward: adds to r_parameter_gradient[P] the directional derivative of what
 * cafe_mlp_backward computes, when the output gradient itself changes at rate r_output_gradient[B x out].
 * With G and R{G} from a loss, this is the exact Hessian-vector product of that loss. O(B P). */
void cafe_mlp_rbackward(float *r_parameter_gradient, float *workspace, const cafe_mlp *net, const float *parameters,
                        const float *direction, const float *input, const float *r_output_gradient, int64_t rows);

/* ---- elementary functions --------------------------------------------------------------------------------------- */

/* out = exp(in), within 2 ulp over all of float (measured: 1.0): inf above 88.72, denormals and 0 below, NaN kept. In
 * place is allowed. One thread. */
void cafe_exp(float *out, const float *in, int64_t count);
/* out = tanh(in), within 2 ulp over all of float (measured: 1.8). */
void cafe_tanh(float *out, const float *in, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
