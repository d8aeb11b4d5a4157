/* A C source in the making, and what the functions of all operations share. */
#ifndef CNNTRAIN_CORE_INTEROP_C_PARTS_H
#define CNNTRAIN_CORE_INTEROP_C_PARTS_H

#include "core/interop/c_names.h"
#include "core/interop/c_plan.h"

/* A source in the making: the parts of its file, one behind the other. */
struct c_source {
    const struct graph *graph;
    const struct c_plan *plan;
    struct c_names names;
    const char **arrays;   /* by value: the name of a constant's array; NULL where it has none yet */
    struct text constants; /* static arrays */
    struct text functions; /* a function a step */
    struct text calls;     /* what the predicting function does */
    bool uses_math;        /* a function of <math.h> */
    struct error *error;
};

/* The name of a constant's array, which is added to the constants where it is not there yet; with a kernel's axes 2 and
 * 3 exchanged where `exchanged`. */
const char *c_array(struct c_source *source, int value, bool exchanged);
/* Begins a step's function, "static void NAME(const float *x, float *y) {", under a comment with its layer and shapes.
 */
void c_begin_function(struct c_source *source, const struct c_step *step, const char *what, const char *arguments);
/* Where a value stands in the predicting function: "work + 12". */
enum { C_POINTER_SIZE = 40 };
char *c_pointer(const struct c_source *source, int value, char buffer[C_POINTER_SIZE]);

#endif
