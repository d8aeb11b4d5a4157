#include "tests/support/registries.h"

#include "core/activation.h"
#include "core/callback.h"
#include "core/constraint.h"
#include "core/initializer.h"
#include "core/optimizer.h"
#include "core/regularizer.h"
#include "core/schedule.h"
#include "data/room.h"
#include "layers/registry.h"

static const struct component_registry *const items[] = {
    &layer_registry,      &activation_registry,    &initializer_registry,  &regularizer_registry,
    &constraint_registry, &optimizer_registry,     &schedule_registry,     &callback_registry,
    &source_registry,     &normalization_registry, &augmentation_registry, NULL,
};

const struct registries test_registries = {items};
