#include "layers/registry.h"

#include "core/layer.h"

#define LAYER(layer) extern const struct layer_kind layer;
#include "layers/registry.def"
#undef LAYER

static const struct component_kind *const kinds[] = {
#define LAYER(layer) &(layer).component,
#include "layers/registry.def"
#undef LAYER
    NULL,
};

static const struct field common_fields[] = {
    {.key = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct layer_common, name),
     .fallback = "null",
     .nullable = true,
     .help = "in tables and weight files; null: Keras' automatic name"},
    {.key = "trainable",
     .type = FIELD_BOOL,
     .offset = offsetof(struct layer_common, trainable),
     .fallback = "true",
     .help = "false: training leaves the layer's weights as they are"},
    {0},
};

#define ONE_AXIS(layer, sizes) "use " layer " with " sizes " on images of height 1"
#define SLICES(layer) "use " layer " with the slices of a volume as channels"
#define FRAMES "use Conv2D with the frames of a sequence as channels"
#define AUGMENTATION "images are changed while they are loaded: use \"augment\" of \"data\""
#define BRANCHES "layers stand in one line: use Residual for a block whose output is added to its input"

/* Keras' layers that are not meant to be here. */
static const struct component_advice absent[] = {
    {"Conv1D", ONE_AXIS("Conv2D", "\"kernel_size\": [1, k]")},
    {"Convolution1D", ONE_AXIS("Conv2D", "\"kernel_size\": [1, k]")},
    {"Conv1DTranspose", ONE_AXIS("Conv2DTranspose", "\"kernel_size\": [1, k] and \"strides\": [1, s]")},
    {"SeparableConv1D", ONE_AXIS("SeparableConv2D", "\"kernel_size\": [1, k]")},
    {"DepthwiseConv1D", ONE_AXIS("DepthwiseConv2D", "\"kernel_size\": [1, k]")},
    {"LocallyConnected1D", ONE_AXIS("Conv2D", "\"kernel_size\": [1, k]")},
    {"MaxPooling1D", ONE_AXIS("MaxPooling2D", "\"pool_size\": [1, k]")},
    {"MaxPool1D", ONE_AXIS("MaxPooling2D", "\"pool_size\": [1, k]")},
    {"AveragePooling1D", ONE_AXIS("AveragePooling2D", "\"pool_size\": [1, k]")},
    {"AvgPool1D", ONE_AXIS("AveragePooling2D", "\"pool_size\": [1, k]")},
    {"GlobalMaxPooling1D", "use GlobalMaxPooling2D on images of height 1"},
    {"GlobalAveragePooling1D", "use GlobalAveragePooling2D on images of height 1"},
    {"UpSampling1D", ONE_AXIS("UpSampling2D", "\"size\": [1, k]")},
    {"ZeroPadding1D", ONE_AXIS("ZeroPadding2D", "\"padding\": [0, k]")},
    {"Cropping1D", ONE_AXIS("Cropping2D", "\"cropping\": [0, k]")},
    {"SpatialDropout1D", "use SpatialDropout2D on images of height 1"},
    {"Conv3D", SLICES("Conv2D")},
    {"Convolution3D", SLICES("Conv2D")},
    {"Conv3DTranspose", SLICES("Conv2DTranspose")},
    {"MaxPooling3D", SLICES("MaxPooling2D")},
    {"MaxPool3D", SLICES("MaxPooling2D")},
    {"AveragePooling3D", SLICES("AveragePooling2D")},
    {"AvgPool3D", SLICES("AveragePooling2D")},
    {"GlobalMaxPooling3D", SLICES("GlobalMaxPooling2D")},
    {"GlobalAveragePooling3D", SLICES("GlobalAveragePooling2D")},
    {"UpSampling3D", SLICES("UpSampling2D")},
    {"ZeroPadding3D", SLICES("ZeroPadding2D")},
    {"Cropping3D", SLICES("Cropping2D")},
    {"SpatialDropout3D", SLICES("SpatialDropout2D")},
    {"ConvLSTM1D", FRAMES},
    {"ConvLSTM2D", FRAMES},
    {"ConvLSTM3D", FRAMES},
    {"LSTM", FRAMES},
    {"GRU", FRAMES},
    {"SimpleRNN", FRAMES},
    {"RNN", FRAMES},
    {"Bidirectional", FRAMES},
    {"TimeDistributed", FRAMES},
    {"LocallyConnected2D", "use Conv2D, whose weights are the same everywhere in the image"},
    {"ThresholdedReLU", "use ReLU with \"threshold\""},
    {"AlphaDropout", "use Dropout"},
    {"GaussianDropout", "use Dropout or GaussianNoise"},
    {"RandomCrop", AUGMENTATION},
    {"RandomFlip", AUGMENTATION},
    {"RandomTranslation", AUGMENTATION},
    {"RandomRotation", AUGMENTATION},
    {"RandomZoom", AUGMENTATION},
    {"RandomBrightness", AUGMENTATION},
    {"RandomContrast", AUGMENTATION},
    {"Resizing", "images are resized while they are loaded: use \"resize\" of \"data\""},
    {"CenterCrop", "use Cropping2D"},
    {"Normalization", "images are normalized while they are loaded: use \"normalize\" of \"data\", or Rescaling"},
    {"InputLayer", "give \"input_shape\" beside \"model\""},
    {"Input", "give \"input_shape\" beside \"model\""},
    {"Add", BRANCHES},
    {"Concatenate", BRANCHES},
    {"Lambda", "it holds code of Python: use Activation or Rescaling where one of them does the same"},
    {0},
};

const struct component_registry layer_registry = {
    .what = "layer", .kinds = kinds, .common = common_fields, .absent = absent, .list_key = "layers"};
