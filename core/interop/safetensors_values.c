/* A tensor's elements as floats or integers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/interop/safetensors.h"

/* The element's bytes as the low bits of an integer. */
static uint64_t bits_at(const struct safetensors_tensor *tensor, size_t index) {
    uint64_t bits = 0;
    size_t size = safetensors_type_size(tensor->type);
    memcpy(&bits, (const char *)tensor->data + index * size, size);
    return bits;
}

/* IEEE 754 binary16: 1 sign bit, 5 of exponent, 10 of fraction. */
static float float_of_half(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 31);
    float fraction = (float)(bits & 1023);
    float magnitude = exponent == 31  ? (fraction > 0 ? NAN : INFINITY)
                      : exponent == 0 ? ldexpf(fraction, -24)
                                      : ldexpf(1024 + fraction, exponent - 25);
    return bits >> 15 & 1 ? -magnitude : magnitude;
}

static float float_of_bits(uint32_t bits) {
    float value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of_double(uint64_t bits) {
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

static float float_at(const struct safetensors_tensor *tensor, size_t index) {
    uint64_t bits = bits_at(tensor, index);
    /* untaken: F32 is copied as it is, and there is no other type */
    switch (tensor->type) {
    case SAFETENSORS_BOOL:
    case SAFETENSORS_U8:
    case SAFETENSORS_U16:
    case SAFETENSORS_U32:
    case SAFETENSORS_U64:
        return (float)bits;
    case SAFETENSORS_I8:
        return (float)(int8_t)bits;
    case SAFETENSORS_I16:
        return (float)(int16_t)bits;
    case SAFETENSORS_I32:
        return (float)(int32_t)bits;
    case SAFETENSORS_I64:
        return (float)(int64_t)bits;
    case SAFETENSORS_F16:
        return float_of_half(bits);
    case SAFETENSORS_BF16:
        return float_of_bits((uint32_t)bits << 16);
    case SAFETENSORS_F32:
        return float_of_bits((uint32_t)bits);
    case SAFETENSORS_F64:
        return float_of_double(bits);
    }
    return 0;
}

void safetensors_floats(const struct safetensors_tensor *tensor, float *values) {
    if (tensor->type == SAFETENSORS_F32) {
        if (tensor->elements) memcpy(values, tensor->data, tensor->elements * sizeof *values);
        return;
    }
    for (size_t i = 0; i < tensor->elements; i++) values[i] = float_at(tensor, i);
}

static int64_t signed_of(uint64_t bits, enum safetensors_type type) {
    switch (type) {
    case SAFETENSORS_I8:
        return (int8_t)bits;
    case SAFETENSORS_I16:
        return (int16_t)bits;
    case SAFETENSORS_I32:
        return (int32_t)bits;
    default:
        return (int64_t)bits;
    }
}

static bool is_floating(enum safetensors_type type) {
    return type == SAFETENSORS_F16 || type == SAFETENSORS_BF16 || type == SAFETENSORS_F32 || type == SAFETENSORS_F64;
}

int safetensors_integers(const struct safetensors *file, const struct safetensors_tensor *tensor, int64_t *values,
                         struct error *error) {
    char place[ERROR_PATH_SIZE];
    snprintf(place, sizeof place, "%s: %s", file->path, tensor->name);
    if (is_floating(tensor->type))
        return error_set(error, ERROR_DATA, place, "has the dtype %s; integers are needed here",
                         safetensors_type_name(tensor->type));
    for (size_t i = 0; i < tensor->elements; i++) {
        uint64_t bits = bits_at(tensor, i);
        if (tensor->type == SAFETENSORS_U64 && bits > INT64_MAX)
            return error_set(error, ERROR_DATA, place, "holds %llu, which is too large; save it as float32",
                             (unsigned long long)bits);
        values[i] = signed_of(bits, tensor->type);
    }
    return 0;
}
