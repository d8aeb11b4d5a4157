/* Which places of an image a model needs: how far the probability of a class falls while a patch hides each place
 * (Zeiler and Fergus 2014, section 4.2). */
#ifndef CNNTRAIN_CORE_OCCLUSION_H
#define CNNTRAIN_CORE_OCCLUSION_H

#include "core/dataset.h"
#include "core/model.h"

struct occlusion_request {
    struct model *model;
    const struct kernels *kernels;
    int threads;
    const struct data_room *room;
    const struct component *source; /* of the config: how images are fed */
    const struct normalization *normalization;
    const struct dataset *image; /* of one image, of the model's shape */
    int class_index;
    int patch, stride; /* pixels: a side of the patch, and from a patch to the next; 1 <= stride <= patch */
};

struct occlusion {
    int height, width;
    int patch;          /* pixels a side */
    int patches;        /* that were tried */
    double probability; /* of the class with nothing hidden */
    double largest;     /* fall that one patch makes */
    float *fall;        /* (height, width): mean over the patches that hide this place; negative: hiding it helps */
};

/* Patches stand around every stride-th place, cut off at the edges, in the mean colour of the image. Free it with
 * occlusion_free. ERROR_RUN without memory, or what opening a feed fails with. */
int occlusion_measure(const struct occlusion_request *request, struct occlusion *occlusion, struct error *error);
void occlusion_free(struct occlusion *occlusion);

/* Patches of an image; more than OCCLUSION_PATCHES_MAX are refused by whoever asks for them. */
enum { OCCLUSION_PATCHES_MAX = 65536 };
int64_t occlusion_patches(int height, int width, int stride);

#endif
