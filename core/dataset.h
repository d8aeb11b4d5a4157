/* The interface of a data source, and what it delivers: images as bytes with their labels. */
#ifndef CNNTRAIN_CORE_DATASET_H
#define CNNTRAIN_CORE_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/checksum.h"
#include "core/error.h"
#include "core/fields.h"
#include "core/progress.h"

enum {
    DATASET_CLASSES_MAX = 65536,
    DATASET_SIDE_MAX = 4096, /* pixels along height or width */
};

enum pixel_type { PIXEL_UINT8, PIXEL_FLOAT32 };

/* Labelled images of one shape. */
struct dataset {
    int64_t count;
    int height, width, channels;
    enum pixel_type type;
    void *pixels;    /* (count, height, width, channels) of the pixel type; memory_allocate'd */
    int32_t *labels; /* (count), each 0 .. classes-1; memory_allocate'd */
};

/* What a source loads. A part without images has count 0. */
struct data_splits {
    struct dataset train, validation, test;
    int classes;
    char **class_names; /* (classes), each malloc'd; NULL: "0", "1", ... */
};

void dataset_free(struct dataset *dataset);
void data_splits_free(struct data_splits *splits);
/* Bytes of one image's pixels. */
size_t dataset_image_bytes(const struct dataset *dataset);
/* Of the shape, pixels and labels of both, the second of which may be NULL. ERROR_RUN without memory. */
int dataset_checksum(const struct dataset *first, const struct dataset *second, char digits[CHECKSUM_DIGITS + 1],
                     struct error *error);

enum data_color { COLOR_AS_IS, COLOR_RGB, COLOR_GRAYSCALE };

/* Fields every source has; the first member of every source's config struct. `source` is the type key. */
struct data_common {
    const char *path;              /* NULL: the source needs none or knows a place */
    double validation_split;       /* the last floor share of the training set, taken before any shuffle */
    int resize[2];                 /* height, width; 0: as they are */
    int color;                     /* enum data_color */
    struct component normalize;    /* of registry "normalization" */
    struct component_list augment; /* of registry "augmentation" */
};

/* The table of struct data_common, common to every registry of sources. */
extern const struct field data_common_fields[];

/* What a loader is told beside its config. */
struct source_request {
    const void *config;              /* the source's config struct, a data_common first */
    const char *path;                /* where config->path was found, or NULL */
    uint64_t seed;                   /* for sources that generate */
    const struct progress *progress; /* told of images; may be NULL */
};

/* How a source reads its path. */
enum source_path {
    SOURCE_PATH_PLACE, /* a file or folder */
    SOURCE_PATH_PAIR,  /* a file or folder, or two files joined by a comma */
    SOURCE_PATH_WORDS, /* not a place: handed on as it stands */
};

/* What the pictures of a folder or a list are like, by their headers. Starts as zeros. */
struct picture_sizes {
    int64_t count;
    int smallest[2], largest[2]; /* height, width: each by itself */
    double sum[2];               /* of heights, of widths */
    int least_channels, most_channels;
};

struct source_kind {
    struct component_kind component;
    const char *layout; /* what the path holds, in a line: "a folder with train_32x32.mat and test_32x32.mat" */
    bool needs_path;
    enum source_path path_form;
    int image_size[3]; /* height, width, channels of all its images; zeros: known only when they are loaded */
    /* Loads everything there is (resize and colour applied where images are decoded one by one; validation not yet
     * split off) into empty `splits`; on failure the caller frees what they hold. Errors are ERROR_DATA or ERROR_IO and
     * name the file. */
    int (*load)(const struct source_request *request, struct data_splits *splits, struct error *error);
    /* Whether the file or folder at `path` is of this kind, by names alone: 1, with *found what a config should call
     * it, malloc'd; 0; -1 with an error. NULL: nobody can tell. */
    int (*recognize)(const char *path, char **found, struct error *error);
    /* The sizes of its pictures, which may differ, without loading them. NULL: they are alike. */
    int (*measure)(const char *path, struct picture_sizes *sizes, struct error *error);
};

/* Which images a batch holds, and how they become floats: filled by data/loader, read by the engine. */
struct feed {
    const struct dataset *dataset;
    void *state;          /* normalization and augmentation, owned by the loader */
    size_t scratch_bytes; /* work space of one fill call */
    /* x (count, h, w, c): the images `samples`, augmented where `augment` (by seed, epoch and sample), normalized.
     * Pure arithmetic, callable from many threads at once. */
    void (*fill)(const struct feed *feed, const int64_t *samples, int count, uint64_t epoch, bool augment, float *x,
                 void *scratch);
};

/* Normalization as numbers: value = (pixel * scale - mean) / std, by channel. */
struct normalization {
    int channels;
    float scale; /* 1/255 for bytes (1 where they stay unscaled), 1 for floats */
    float mean[4], std[4];
};

/* The data room's functions, handed to core by cmd. */
struct data_room {
    /* Loads the source chosen by `source` (a component of registry "source"), splits off the validation part, applies
     * resize and colour. `base` is the folder that relative paths start from, `fallback` a second one; both may be
     * NULL, like `progress`. The caller frees with data_splits_free. */
    int (*load)(const struct component *source, const char *base, const char *fallback, uint64_t seed,
                const struct progress *progress, struct data_splits *splits, struct error *error);
    /* The normalization a config asks for; "standardize" measures `train`. Images with more than 4 channels: error. */
    int (*measure)(const struct component *source, const struct dataset *train, struct normalization *normalization,
                   struct error *error);
    /* A feed over `dataset`, which must outlive it; close it with `close`. */
    int (*open)(const struct component *source, const struct normalization *normalization,
                const struct dataset *dataset, uint64_t seed, struct feed *feed, struct error *error);
    void (*close)(struct feed *feed);
};

#endif
