/* How a graph becomes C: which operations go together in one function, and where in memory every value stands. */
#ifndef CNNTRAIN_CORE_INTEROP_C_PLAN_H
#define CNNTRAIN_CORE_INTEROP_C_PLAN_H

#include "core/graph.h"

enum { C_STEP_MOST = 32 }; /* operations in one loop */

/* One function of the source: one operation, or elementwise ones in a row that share a loop. */
struct c_step {
    int first, count; /* nodes */
    int inner;        /* of elementwise ones: an operand repeats after so many numbers, or lasts for so many; 0: none */
};

enum c_room {
    C_NOWHERE, /* a constant, or known within one step only */
    C_INPUT,   /* what the caller hands in */
    C_OUTPUT,  /* what the caller gets */
    C_WORK,    /* in the work space */
};

struct c_place {
    enum c_room room;
    size_t offset; /* in floats, of the work space */
};

struct c_plan {
    struct c_step *steps;
    int step_count;
    struct c_place *places; /* by value; a reshaped value stands where its origin does */
    size_t work;            /* floats of the work space */
    struct arena arena;
};

/* Plans a graph. c_plan_free it, also after a failure: ERROR_RUN. */
int c_plan_make(struct c_plan *plan, const struct graph *graph, struct error *error);
void c_plan_free(struct c_plan *plan);

/* How an operand is read at number i of a result: as it stands, by i % inner, by i / inner, or as one number. */
enum c_access { C_EACH, C_REPEATED, C_LASTING, C_SINGLE };
enum c_access c_access_of(const struct graph *graph, int operand, int result);
/* Whether two values stand in the same memory. */
bool c_plan_shares(const struct c_plan *plan, int a, int b);

#endif
