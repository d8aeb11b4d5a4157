#include "cmd/picture_input.h"

#include <string.h>

int picture_input_open(struct session *session, const struct shape *input, const char *path, const char *resize,
                       struct picture_input *pictures) {
    *pictures = (struct picture_input){.fit = IMAGE_STRETCH};
    if (resize && !image_fit_find(resize, &pictures->fit))
        return error_set(&session->error, ERROR_CONFIG, "--resize", "must be stretch, crop or fit, got \"%s\"", resize);
    const int channels = input->rank == 3 ? input->size[2] : 0;
    if (channels != 1 && channels != 3)
        return error_set(&session->error, ERROR_DATA, path, "takes images of %d channels; pictures have 1 or 3",
                         channels);
    pictures->size[0] = input->size[0];
    pictures->size[1] = input->size[1];
    pictures->color = channels == 1 ? COLOR_GRAYSCALE : COLOR_RGB;
    return 0;
}

int picture_input_read(const struct picture_input *pictures, const char *path, uint8_t *pixels, struct error *error) {
    struct image image = {0};
    int status = image_read(path, &image, error);
    if (status == 0) status = image_fit(&image, pictures->color, pictures->size, pictures->fit, path, error);
    if (status == 0) memcpy(pixels, image.pixels, (size_t)image.height * (size_t)image.width * (size_t)image.channels);
    image_free(&image);
    return status;
}
