/* Optimizers: how a gradient moves the weights. Names, defaults and arithmetic are those of Keras 3. A new optimizer is
 * one file in core/optimizers/ and one line in core/optimizers/registry.def. */
#ifndef CNNTRAIN_CORE_OPTIMIZER_H
#define CNNTRAIN_CORE_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/fields.h"

enum { OPTIMIZER_SLOTS_MAX = 4 };

/* Fields every optimizer has; the first member of every optimizer's config struct. The learning rate and the weight
 * decay stand in each kind's own table, since their defaults differ. */
struct optimizer_common {
    double learning_rate;
    double weight_decay;    /* 0: none; else w -= w * weight_decay * rate before the step, for every parameter */
    double clipnorm;        /* the largest norm of one variable's gradient; 0: off */
    double clipvalue;       /* the largest magnitude of one gradient element; 0: off */
    double global_clipnorm; /* the largest norm of all gradients together; 0: off */
};

/* A contiguous range of floats in the parameter, gradient and slot blocks, and where training stands. */
struct optimizer_step {
    float *weights;                    /* (count) */
    const float *gradient;             /* (count) */
    float *slots[OPTIMIZER_SLOTS_MAX]; /* each (count); NULL where the config does not use the slot */
    size_t count;
    double learning_rate; /* of this step: what the schedule and the callbacks made of it */
    int64_t iteration;    /* 1 for the first step of the whole training */
};

struct optimizer_kind {
    struct component_kind component;
    int slots;                                   /* values kept from step to step for each weight, at most */
    const char *slot_names[OPTIMIZER_SLOTS_MAX]; /* as in checkpoints: optimizer/conv2d/kernel/momentum */
    /* Whether this config needs slot `slot`; NULL: all of them are needed. */
    bool (*uses_slot)(const void *config, int slot);
    /* Writes the values before the first step; NULL: zeros. */
    void (*start)(const void *config, float *const *slots, size_t count);
    /* The step itself, weight decay apart. Elements do not influence each other. */
    void (*apply)(const void *config, const struct optimizer_step *step);
};

/* SGD, Adam, AdamW, RMSprop, Adagrad, Nadam. */
extern const struct component_registry optimizer_registry;

/* The fields that all optimizers share, of a component of optimizer_registry. */
const struct optimizer_common *optimizer_common_of(const struct component *optimizer);
/* Whether this optimizer with this config keeps slot `slot` (0 .. OPTIMIZER_SLOTS_MAX-1). */
bool optimizer_uses_slot(const struct component *optimizer, int slot);
/* Fills the slots (each (count), NULL where not used) as they are before the first step. */
void optimizer_start(const struct component *optimizer, float *const *slots, size_t count);
/* One step on a range: weight decay, then the kind's formula; the gradient is already clipped. Ranges of one step may
 * be given to several threads; the result of an element does not depend on where ranges begin and end. */
void optimizer_apply(const struct component *optimizer, const struct optimizer_step *step);

/* The part of the gradient block that belongs to one variable. */
struct optimizer_range {
    size_t offset, size; /* floats */
};

/* Whether the config clips at all. */
bool optimizer_clips(const struct component *optimizer);
/* Clips the gradient in place as the config says, nothing where it says nothing. Norms are summed in double in a fixed
 * order. A norm that is not finite makes the gradient NaN under clipnorm and global_clipnorm, so that the fault shows.
 */
void optimizer_clip(const struct component *optimizer, float *gradient, const struct optimizer_range *variables,
                    size_t count);

/* What the kinds' own files need. */

/* The rows of the learning rate and the weight decay for a kind's table, with their defaults as JSON text. */
#define OPTIMIZER_RATE_FIELD(default_json)                                                                             \
    {                                                                                                                  \
        .key = "learning_rate", .type = FIELD_NUMBER, .offset = offsetof(struct optimizer_common, learning_rate),      \
        .fallback = (default_json), .minimum = 0, .maximum = 1e300, .help = "step size"                                \
    }
#define OPTIMIZER_DECAY_FIELD(default_json)                                                                            \
    {                                                                                                                  \
        .key = "weight_decay", .type = FIELD_NUMBER, .offset = offsetof(struct optimizer_common, weight_decay),        \
        .fallback = (default_json), .nullable = true, .minimum = 0, .maximum = 1e300,                                  \
        .help = "share of each weight, times the rate, taken away before a step; null: none"                           \
    }

/* The check every kind uses: clipnorm, clipvalue and global_clipnorm exclude each other. */
int optimizer_check(const void *config, const struct place *place, struct error *error);

#endif
