/* A layer from JSON text and an input shape, run on given numbers. */
#ifndef CNNTRAIN_TESTS_SUPPORT_LAYER_CASE_H
#define CNNTRAIN_TESTS_SUPPORT_LAYER_CASE_H

#include "core/layer.h"
#include "core/layer_run.h"
#include "core/memory.h"
#include "tests/support/expect.h"

struct layer_case {
    struct arena arena;
    struct layer layer;
    struct layer_run run;
    struct error error; /* of a layer that could not be made */
};

/* Makes model[0] of a document "test.json", such as {"type": "Dense", "units": 3}. Where it has layers inside, they
 * begin with `input`, and the layer's own input is what they end with. False, with the error, where its config or shape
 * is refused. Close it in either case. */
bool layer_case_try(struct layer_case *test, const char *json, struct shape input);
/* The same, failing the test where the layer is refused, and with memory for `images` images. */
void layer_case_open(struct layer_case *test, const char *json, struct shape input, int images);
void layer_case_close(struct layer_case *test);

/* Fails the test unless the layer is refused with "place: message". */
void assert_refused(const char *json, struct shape input, const char *expected);
/* Fails the test unless the layer has this output shape. */
void assert_output(const char *json, struct shape input, struct shape output);

/* Copies into x or a parameter; 1, 2, 3, ... where numbers is NULL. */
void layer_case_input(struct layer_case *test, const float *numbers);
void layer_case_parameter(struct layer_case *test, int index, const float *numbers);
/* dy is `number` everywhere. */
void layer_case_dy(struct layer_case *test, float number);

/* Fails the test unless all count numbers lie within tolerance. */
void assert_numbers(const float *found, const float *expected, size_t count, double tolerance);

#endif
