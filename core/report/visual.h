/* Pictures of a model: its kernels, what it makes of an image, where it looks. */
#ifndef CNNTRAIN_CORE_REPORT_VISUAL_H
#define CNNTRAIN_CORE_REPORT_VISUAL_H

#include "core/dataset.h"
#include "core/model.h"
#include "core/occlusion.h"
#include "core/predictions.h"
#include "core/report/album.h"

/* The classes a model knows: a class without a name goes by its number. */
struct visual_classes {
    int count;
    int named; /* of them have names */
    char *const *names;
};
enum { VISUAL_NAME_SIZE = 128 };
const char *visual_class_name(const struct visual_classes *classes, int index, char buffer[VISUAL_NAME_SIZE]);

/* How kernels and maps are shown. */
struct visual_scale {
    bool shared; /* one scale for a layer; else each kernel or map by itself */
    int most;    /* kernels or maps of a layer */
};

/* One image of a data set as it is looked at: bytes as they are, floats from their least to their greatest value; of 3
 * or more channels the first three as RGB, else the first as gray. */
int visual_image(const struct dataset *dataset, int64_t sample, struct picture *picture, struct error *error);
/* `picture` so enlarged or shrunk that its longer side has about `side` pixels. */
int visual_resize(struct picture *picture, int side, struct error *error);

/* The kernels of all convolutions (every weight of four axes), a page for each. With three input channels a kernel is
 * shown in colours, else each of its slices by itself. Adds nothing where the model has none. All of these functions
 * fail with ERROR_RUN alone, without memory or where a picture would be too large. */
int visual_kernels(struct album *album, const struct model *model, const struct visual_scale *scale,
                   struct error *error);

/* The image and the outputs of all layers, one page each; `outputs` are those of a struct trace. */
int visual_features(struct album *album, const struct model *model, float *const *outputs, const struct picture *image,
                    const struct visual_classes *classes, const struct visual_scale *scale, struct error *error);

/* The predictions that are wrong, the most confident first: up to `most` places in the data set into `samples`; returns
 * how many. */
int visual_find_mistakes(const struct predictions *predictions, int most, int64_t *samples);
/* These samples with label, prediction and probability. */
int visual_mistakes(struct album *album, const struct dataset *dataset, const struct predictions *predictions,
                    const int64_t *samples, int count, const struct visual_classes *classes, struct error *error);

/* What a map is about. */
struct visual_subject {
    const struct picture *image; /* of the model's height and width */
    int class_index;             /* the class that is asked about */
    double probability;          /* that the model gives it */
    int label;                   /* the true class; -1: not known */
    const struct visual_classes *classes;
};
/* gradient (height, width, channels): a page with the image, the largest absolute value of each place, and both. */
int visual_saliency(struct album *album, const struct visual_subject *subject, const float *gradient, int channels,
                    struct error *error);
/* The same with the fall of the probability. */
int visual_occlusion(struct album *album, const struct visual_subject *subject, const struct occlusion *occlusion,
                     struct error *error);

/* A contact sheet: a row of images for each class, `per_class` of them from all over the data set, always the same.
 * `title` stands above it. `augmented` (NULL: as they are) is a feed of the same images whose normalization leaves
 * bytes as 0 to 1: they are then shown as the first epoch of a training has them. */
int visual_sheet(struct album *album, const char *title, const struct dataset *dataset, const struct feed *augmented,
                 const struct visual_classes *classes, int per_class, struct error *error);

#endif
