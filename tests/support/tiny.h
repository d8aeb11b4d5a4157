/* A small model on a few made-up images, ready to train within milliseconds. */
#ifndef CNNTRAIN_TESTS_SUPPORT_TINY_H
#define CNNTRAIN_TESTS_SUPPORT_TINY_H

#include "core/config.h"
#include "core/engine.h"
#include "core/model.h"

enum { TINY_SIDE = 8, TINY_CHANNELS = 2, TINY_CLASSES = 3 };

/* JSON with single quotes, which C strings hold better; `data` and `training` may be NULL: {}. */
struct tiny_setup {
    const char *model, *data, *training;
    int train, validation, test; /* images */
    int threads;
    const char *cpu;   /* the kernels' table; NULL: the fastest */
    bool inference;    /* the engine only evaluates */
    bool keep_outputs; /* of the engine's options */
};

/* A convolution, batch normalization, pooling, dropout and a dense layer. */
extern const char tiny_model[];

struct tiny {
    struct config config;
    struct data_splits splits;
    struct normalization normalization;
    struct feed train, validation; /* without fill where there are no images */
    struct model model;
    struct engine *engine;
};

/* `text` with double quotes for its single ones; the caller frees it. */
char *tiny_json(const char *text);
/* {"name": "tiny", "data": {"source": "synth", ...}, "model": ..., "training": ...}; the caller frees it. */
char *tiny_config_text(const struct tiny_setup *setup);
/* Bytes (8,8,2) of three classes that differ in where they are bright; the same at every call. */
void tiny_splits(struct data_splits *splits, int train, int validation, int test);

/* Reads the config, makes the images and opens model, feeds and engine; the model is initialized. */
void tiny_open(struct tiny *tiny, const struct tiny_setup *setup);
void tiny_close(struct tiny *tiny);

/* 0, 1, 2, ... as samples of batches: at least 4096 of them. */
const int64_t *tiny_samples(void);

#endif
