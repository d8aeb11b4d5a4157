#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/safetensors.h"
#include "tests/support/expect.h"

/* ---- files of another program ---- */

struct expected_tensor {
    const char *name;
    enum safetensors_type type;
    const char *shape;
    float first, last;
};

struct expected_file {
    const char *name;
    size_t tensors;
    const char *optimizer; /* how that entry of the metadata begins */
    struct expected_tensor some[6];
};

/* Taken from the files with Python's struct and json modules alone. */
static const struct expected_file parity[] = {
    {"conv_avg_sgd",
     28,
     "{\"type\": \"SGD\"",
     {
         {"x", SAFETENSORS_F32, "(8,12,12,3)", 0.399999768f, 0.203202933f},
         {"y", SAFETENSORS_I32, "(8)", 8, 4},
         {"initial/conv2d/kernel", SAFETENSORS_F32, "(3,3,3,8)", 0.219795376f, 0.0175299179f},
         {"logits", SAFETENSORS_F32, "(8,10)", 0.057420902f, 0.171832755f},
         {"losses", SAFETENSORS_F32, "(10)", 2.32929397f, 2.22507429f},
         {"final/dense_1/bias", SAFETENSORS_F32, "(10)", 0.126612067f, -0.00569199258f},
     }},
    {"conv_max_momentum",
     28,
     "{\"type\": \"SGD\"",
     {
         {"x", SAFETENSORS_F32, "(8,12,12,3)", 0.369683325f, 0.619279802f},
         {"y", SAFETENSORS_I32, "(8)", 6, 7},
         {"initial/conv2d/kernel", SAFETENSORS_F32, "(3,3,3,8)", -0.182879388f, -0.241713434f},
         {"logits", SAFETENSORS_F32, "(8,10)", 0.137059227f, -0.131312147f},
         {"losses", SAFETENSORS_F32, "(10)", 2.34769344f, 2.15086555f},
         {"final/dense_1/bias", SAFETENSORS_F32, "(10)", -0.0680402964f, -0.170317665f},
     }},
    {"dw_avg_nesterov",
     28,
     "{\"type\": \"SGD\"",
     {
         {"x", SAFETENSORS_F32, "(8,12,12,3)", 0.270729154f, 0.037818037f},
         {"y", SAFETENSORS_I32, "(8)", 4, 0},
         {"initial/depthwise_conv2d/kernel", SAFETENSORS_F32, "(3,3,3,2)", -0.182093382f, 0.343903005f},
         {"logits", SAFETENSORS_F32, "(8,10)", -0.0482186303f, -0.125777036f},
         {"losses", SAFETENSORS_F32, "(10)", 2.32528782f, 1.89140546f},
         {"final/dense_1/bias", SAFETENSORS_F32, "(10)", 0.0327154994f, -0.154502004f},
     }},
    {"dw_max_adam",
     28,
     "{\"type\": \"Adam\"",
     {
         {"x", SAFETENSORS_F32, "(8,12,12,3)", 0.339237392f, 0.269382626f},
         {"y", SAFETENSORS_I32, "(8)", 0, 4},
         {"initial/depthwise_conv2d/kernel", SAFETENSORS_F32, "(3,3,3,2)", 0.256591886f, -0.15973708f},
         {"logits", SAFETENSORS_F32, "(8,10)", -0.241696626f, -0.172072306f},
         {"losses", SAFETENSORS_F32, "(10)", 2.23166084f, 2.16945457f},
         {"final/dense_1/bias", SAFETENSORS_F32, "(10)", -0.042363815f, -0.0717761815f},
     }},
    {"sep_avg_rmsprop",
     34,
     "{\"type\": \"RMSprop\"",
     {
         {"x", SAFETENSORS_F32, "(8,12,12,3)", 0.117598474f, 0.931473494f},
         {"y", SAFETENSORS_I32, "(8)", 5, 4},
         {"initial/separable_conv2d/depthwise_kernel", SAFETENSORS_F32, "(3,3,3,1)", 0.284094602f, -0.26671648f},
         {"logits", SAFETENSORS_F32, "(8,10)", 0.0582694933f, 0.0203370992f},
         {"losses", SAFETENSORS_F32, "(10)", 2.30263853f, 2.15727711f},
         {"final/dense_1/bias", SAFETENSORS_F32, "(10)", -0.0819214284f, -0.0277679581f},
     }},
    {"sep_max_adamw",
     34,
     "{\"type\": \"AdamW\"",
     {
         {"x", SAFETENSORS_F32, "(8,12,12,3)", 0.997901678f, 0.683374286f},
         {"y", SAFETENSORS_I32, "(8)", 5, 3},
         {"initial/separable_conv2d/depthwise_kernel", SAFETENSORS_F32, "(3,3,3,1)", 0.156938702f, -0.103171855f},
         {"logits", SAFETENSORS_F32, "(8,10)", -0.0597957373f, -0.161172062f},
         {"losses", SAFETENSORS_F32, "(10)", 2.36132574f, 2.30711937f},
         {"final/dense_1/bias", SAFETENSORS_F32, "(10)", 0.0712404102f, -0.0680263042f},
     }},
};

static void expect_tensor(const struct safetensors *file, const struct expected_tensor *expected) {
    const struct safetensors_tensor *tensor = safetensors_find(file, expected->name);
    char shape[SAFETENSORS_SHAPE_TEXT];
    assert_non_null(tensor);
    assert_int_equal(tensor->type, expected->type);
    assert_string_equal(safetensors_shape_text(tensor, shape, sizeof shape), expected->shape);
    float *values = calloc(tensor->elements, sizeof *values);
    assert_non_null(values);
    safetensors_floats(tensor, values);
    assert_memory_equal(&values[0], &expected->first, sizeof(float));
    assert_memory_equal(&values[tensor->elements - 1], &expected->last, sizeof(float));
    free(values);
}

static void test_parity(void **state) {
    (void)state;
    struct error error = {0};
    for (size_t i = 0; i < sizeof parity / sizeof *parity; i++) {
        char path[128];
        struct safetensors file;
        snprintf(path, sizeof path, "tests/golden/parity/%s.safetensors", parity[i].name);
        int status = safetensors_read(path, &file, &error);
        expect_no_error(&error);
        assert_int_equal(status, 0);
        assert_int_equal(file.tensor_count, parity[i].tensors);
        assert_string_equal(file.tensors[0].name, "x");
        assert_string_equal(safetensors_metadata(&file, "steps"), "10");
        const char *optimizer = safetensors_metadata(&file, "optimizer");
        assert_memory_equal(optimizer, parity[i].optimizer, strlen(parity[i].optimizer));
        assert_null(safetensors_metadata(&file, "step"));
        assert_null(safetensors_find(&file, "X"));
        for (size_t j = 0; j < 6; j++) expect_tensor(&file, &parity[i].some[j]);
        safetensors_free(&file);
    }
}

/* ---- bytes made here ---- */

/* The bytes of a file with this header and `size` bytes of data, 0, 1, 2, ... */
static char *make(const char *header, size_t size, size_t *length) {
    size_t header_size = strlen(header);
    char *bytes = calloc(8 + header_size + size, 1);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (char)(header_size >> (8 * i) & 255);
    memcpy(bytes + 8, header, header_size);
    for (size_t i = 0; i < size; i++) bytes[8 + header_size + i] = (char)i;
    *length = 8 + header_size + size;
    return bytes;
}

static void expect_refused(const char *header, size_t size, const char *message) {
    struct error error = {0};
    struct safetensors file;
    size_t length = 0;
    char *bytes = make(header, size, &length);
    assert_int_equal(safetensors_parse("f.safetensors", bytes, length, &file, &error), -1);
    expect_error(&error, ERROR_DATA, message);
    assert_null(file.bytes);
    safetensors_free(&file); /* holds nothing: harmless */
}

static void read_made(const char *header, size_t size, struct safetensors *file) {
    struct error error = {0};
    size_t length = 0;
    char *bytes = make(header, size, &length);
    int status = safetensors_parse("f.safetensors", bytes, length, file, &error);
    expect_no_error(&error);
    assert_int_equal(status, 0);
}

static void test_accepted(void **state) {
    (void)state;
    struct safetensors file;
    read_made("{}", 0, &file);
    assert_int_equal(file.tensor_count, 0);
    safetensors_free(&file);
    /* any order in the header, no padding, empty and scalar tensors, spaces */
    read_made(
        "{\"b\":{\"dtype\":\"I16\",\"shape\":[2],\"data_offsets\":[4,8]}, \"e\":{\"dtype\":\"F64\",\"shape\":[0,3],"
        "\"data_offsets\":[4,4]},\"a\":{\"data_offsets\":[0,4],\"shape\":[],\"dtype\":\"U32\"}}   ",
        8, &file);
    assert_int_equal(file.tensor_count, 3);
    const struct safetensors_tensor *a = safetensors_find(&file, "a"), *e = safetensors_find(&file, "e");
    assert_int_equal(a->rank, 0);
    assert_int_equal(a->elements, 1);
    assert_int_equal(e->elements, 0);
    assert_int_equal(e->shape[1], 3);
    int64_t values[2];
    struct error error = {0};
    assert_int_equal(safetensors_integers(&file, a, values, &error), 0);
    assert_int_equal(values[0], 0x03020100);
    assert_int_equal(safetensors_integers(&file, safetensors_find(&file, "b"), values, &error), 0);
    assert_int_equal(values[1], 0x0706);
    safetensors_floats(e, NULL);
    safetensors_free(&file);
}

#define DAMAGED "; the file is damaged: save or copy it again"
#define A(begin, end) "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" #begin "," #end "]}}"

static void test_damaged_header(void **state) {
    (void)state;
    expect_refused("", 0,
                   "f.safetensors: is no safetensors file, or damaged: its header is empty; save or copy it again");
    expect_refused("[]", 0, "f.safetensors: its header is no JSON object; save or copy it again");
    expect_refused(
        "{\"a\"}", 0,
        "f.safetensors: its header is damaged: line 1, column 5: not valid JSON here; save or copy it again");
    expect_refused("{\"\xFF\":1}", 0,
                   "f.safetensors: its header is damaged: line 1, column 3: not UTF-8 text; save or copy it again");
    expect_refused("{\"a\":1,\"a\":2}", 0,
                   "f.safetensors: a: its header is damaged: stands twice; save or copy it again");
    expect_refused("{\"a\":1}", 0, "f.safetensors: a: is not described by an object" DAMAGED);
    expect_refused("{\"a\":{\"shape\":[],\"data_offsets\":[0,0]}}", 0,
                   "f.safetensors: a: has no dtype in the header" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
                   "f.safetensors: a: has the dtype \"F8\", which is none of BOOL, U8, I8, U16, I16, F16, BF16, U32, "
                   "I32, F32, U64, I64, F64" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}", 0,
                   "f.safetensors: a: has no shape in the header" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
                   "f.safetensors: a: has more than 8 dimensions" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
                   "f.safetensors: a: has a shape that is not made of whole numbers" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4,
                   "f.safetensors: a: has a shape that is not made of whole numbers" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
                   "f.safetensors: a: has a shape too large for any memory" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
                   "f.safetensors: a: has no data_offsets [begin, end] in the header" DAMAGED);
    expect_refused("{\"__metadata__\":3}", 0, "f.safetensors: __metadata__: is no object of strings" DAMAGED);
    expect_refused("{\"__metadata__\":{\"a\":3}}", 0, "f.safetensors: __metadata__: is no object of strings" DAMAGED);
}

static void test_damaged_places(void **state) {
    (void)state;
    expect_refused(A(0, 12), 8, "f.safetensors: a: stands at bytes 0 to 12, but the file has 8 bytes of data" DAMAGED);
    expect_refused(A(8, 0), 8, "f.safetensors: a: stands at bytes 8 to 0, but the file has 8 bytes of data" DAMAGED);
    expect_refused(A(0, -8), 8, "f.safetensors: a: has no data_offsets [begin, end] in the header" DAMAGED);
    expect_refused(A(0, 1e300), 8, "f.safetensors: a: has no data_offsets [begin, end] in the header" DAMAGED);
    expect_refused(A(0, 4), 4, "f.safetensors: a: has 4 bytes of data, which is not F32 of (2)" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
                   "f.safetensors: a: has a shape that is not made of whole numbers" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F64\",\"shape\":[2147483648,1073741824],\"data_offsets\":[0,0]}}", 0,
                   "f.safetensors: a: has 0 bytes of data, which is not F64 of (2147483648,1073741824)" DAMAGED);
    expect_refused(A(4, 12), 12, "f.safetensors: a: has bytes before it that belong to no tensor" DAMAGED);
    expect_refused(A(0, 8), 9, "f.safetensors: ends with 1 byte of no tensor; it is damaged: copy it again");
    expect_refused("{}", 3, "f.safetensors: ends with 3 bytes of no tensor; it is damaged: copy it again");
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                   12, "f.safetensors: b: overlaps another tensor in the file" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                   8, "f.safetensors: b: overlaps another tensor in the file" DAMAGED);
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}",
                   16, "f.safetensors: b: has bytes before it that belong to no tensor" DAMAGED);
}

static void expect_bytes_refused(const char *bytes, size_t length, const char *message) {
    struct error error = {0};
    struct safetensors file;
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    assert_int_equal(safetensors_parse("f.safetensors", copy, length, &file, &error), -1);
    expect_error(&error, ERROR_DATA, message);
}

static void test_damaged_length(void **state) {
    (void)state;
    expect_bytes_refused("", 0, "f.safetensors: has 0 bytes, too few for a safetensors file; copy it again");
    expect_bytes_refused("\2\0\0\0\0\0\0", 7,
                         "f.safetensors: has 7 bytes, too few for a safetensors file; copy it again");
    expect_bytes_refused(
        "\3\0\0\0\0\0\0\0{}", 10,
        "f.safetensors: was cut off or is damaged: its header has 3 bytes, but only 2 follow; copy it again");
    expect_bytes_refused("\x89PNG\r\n\x1a\n and more", 17,
                         "f.safetensors: is no safetensors file, or damaged: its header would have "
                         "727905341920923785 bytes, at most 16777216 are read");
    expect_bytes_refused("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10,
                         "f.safetensors: is no safetensors file, or damaged: its header would have "
                         "18446744073709551615 bytes, at most 16777216 are read");
}

static void test_unreadable(void **state) {
    (void)state;
    struct error error = {0};
    struct safetensors file;
    assert_int_equal(safetensors_read("tests/none.safetensors", &file, &error), -1);
    expect_error(&error, ERROR_IO, "tests/none.safetensors: cannot open the file: No such file or directory");
    assert_int_equal(safetensors_read("tests", &file, &error), -1);
    expect_error(&error, ERROR_IO, "tests: is a folder; a file is needed here");
}

/* ---- values ---- */

static void expect_values(enum safetensors_type type, const void *bytes, size_t count, const float *expected) {
    struct safetensors_tensor tensor = {.name = "t", .type = type, .rank = 1, .elements = count};
    float values[16] = {0};
    char shifted[129]; /* a tensor may stand at any address */
    assert_true(count <= 16);
    memcpy(shifted + 1, bytes, count * safetensors_type_size(type));
    tensor.data = shifted + 1;
    safetensors_floats(&tensor, values);
    assert_memory_equal(values, expected, count * sizeof *values);
}

static void test_floats(void **state) {
    (void)state;
    const float nothing[] = {1.5f, -0.0f, FLT_MAX}, integers[] = {0, 1, -1, -128, 127};
    expect_values(SAFETENSORS_F32, nothing, 3, nothing);
    expect_values(SAFETENSORS_F64, (const double[]){0.1, 1e-300, -1e300, 16777217}, 4,
                  (const float[]){0.1f, 0, -INFINITY, 16777216});
    /* binary16: 1, -2, the largest, the smallest normal, the smallest of all, infinity, minus zero */
    expect_values(SAFETENSORS_F16, (const uint16_t[]){0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x7C00, 0x8000, 0x3555},
                  8, (const float[]){1, -2, 65504, 0x1p-14f, 0x1p-24f, INFINITY, -0.0f, 0.333251953125f});
    expect_values(SAFETENSORS_BF16, (const uint16_t[]){0x3F80, 0xC049, 0x7F80}, 3,
                  (const float[]){1, -3.140625f, INFINITY});
    expect_values(SAFETENSORS_I8, (const int8_t[]){0, 1, -1, -128, 127}, 5, integers);
    expect_values(SAFETENSORS_I16, (const int16_t[]){0, 1, -1, -128, 127}, 5, integers);
    expect_values(SAFETENSORS_I32, (const int32_t[]){0, 1, -1, -128, 127}, 5, integers);
    expect_values(SAFETENSORS_I64, (const int64_t[]){0, 1, -1, -128, 127}, 5, integers);
    expect_values(SAFETENSORS_U8, (const uint8_t[]){0, 255}, 2, (const float[]){0, 255});
    expect_values(SAFETENSORS_U16, (const uint16_t[]){0, 65535}, 2, (const float[]){0, 65535});
    expect_values(SAFETENSORS_U32, (const uint32_t[]){0, UINT32_MAX}, 2, (const float[]){0, 0x1p32f});
    expect_values(SAFETENSORS_U64, (const uint64_t[]){0, UINT64_MAX}, 2, (const float[]){0, 0x1p64f});
    expect_values(SAFETENSORS_BOOL, (const uint8_t[]){0, 1}, 2, (const float[]){0, 1});
}

static void test_half_is_not_a_number(void **state) {
    (void)state;
    const uint16_t bits = 0x7E00;
    struct safetensors_tensor tensor = {.name = "t", .type = SAFETENSORS_F16, .elements = 1, .data = &bits};
    float value = 0;
    safetensors_floats(&tensor, &value);
    assert_true(isnan(value));
}

static void test_integers(void **state) {
    (void)state;
    struct error error = {0};
    struct safetensors file = {.path = "f.safetensors"};
    const uint64_t large[] = {7, UINT64_MAX};
    const int8_t small[] = {-3, 4};
    int64_t values[2];
    struct safetensors_tensor tensor = {.name = "y", .type = SAFETENSORS_U64, .elements = 2, .data = large};
    assert_int_equal(safetensors_integers(&file, &tensor, values, &error), -1);
    expect_error(&error, ERROR_DATA,
                 "f.safetensors: y: holds 18446744073709551615, which is too large; save it as float32");
    tensor.type = SAFETENSORS_F64;
    assert_int_equal(safetensors_integers(&file, &tensor, values, &error), -1);
    expect_error(&error, ERROR_DATA, "f.safetensors: y: has the dtype F64; integers are needed here");
    tensor.type = SAFETENSORS_I8;
    tensor.data = small;
    assert_int_equal(safetensors_integers(&file, &tensor, values, &error), 0);
    assert_int_equal(values[0], -3);
    assert_int_equal(values[1], 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parity),         cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_damaged_header), cmocka_unit_test(test_damaged_places),
        cmocka_unit_test(test_damaged_length), cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_floats),         cmocka_unit_test(test_half_is_not_a_number),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
