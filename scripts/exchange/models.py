"""The models that check.py trains and exports: a row each, every layer in at least one."""

CONV = {"type": "Conv2D", "filters": 5, "kernel_size": 3, "bias_initializer": "random_normal"}
HEAD = [{"type": "Flatten"}, {"type": "Dense", "units": 10, "activation": "softmax"}]


def conv(**settings):
    return dict(CONV, **settings)


def six():
    kinds = {
        "conv": conv(activation="relu", filters=8),
        "dw": {"type": "DepthwiseConv2D", "kernel_size": 3, "activation": "relu"},
        "sep": {"type": "SeparableConv2D", "filters": 8, "kernel_size": 3, "activation": "relu"},
    }
    pools = {"avg": {"type": "AveragePooling2D"}, "max": {"type": "MaxPooling2D"}}
    return {f"{kind}_{pool}": [kinds[kind], pools[pool]] + HEAD for kind in kinds for pool in pools}


def activations():
    names = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softmax", "linear"]
    one_by_one = {name: [conv(activation=name)] + HEAD for name in names}
    one_by_one["gelu_tanh"] = [conv(activation={"type": "gelu", "approximate": True})] + HEAD
    one_by_one["slopes"] = [conv(activation={"type": "leaky_relu", "negative_slope": 0.37}),
                            conv(activation={"type": "elu", "alpha": 0.7})] + HEAD
    return one_by_one


# name -> layers, for images of SIZE; a model with a layer that the program does not know is left out.
SIZE = (13, 10)
MODELS = {
    **six(),
    **activations(),
    "same_even": [conv(kernel_size=[2, 4], padding="same"), conv(kernel_size=4, strides=[2, 3], padding="same")] + HEAD,
    "same_strides": [conv(kernel_size=3, strides=2, padding="same"), conv(kernel_size=2, strides=3, padding="same")]
    + HEAD,
    "dilation": [conv(dilation_rate=[2, 3]), conv(dilation_rate=2, padding="same", kernel_size=[2, 3])] + HEAD,
    "groups": [conv(filters=6, groups=3), conv(filters=9, groups=3, use_bias=False), conv(filters=18, groups=9)] + HEAD,
    "depthwise": [{"type": "DepthwiseConv2D", "kernel_size": [2, 3], "depth_multiplier": 3, "padding": "same",
                   "strides": 2, "bias_initializer": "random_normal"},
                  {"type": "DepthwiseConv2D", "kernel_size": 2, "dilation_rate": 2, "use_bias": False}] + HEAD,
    "separable": [{"type": "SeparableConv2D", "filters": 6, "kernel_size": [3, 2], "depth_multiplier": 2,
                   "padding": "same", "strides": 2, "activation": "elu"},
                  {"type": "SeparableConv2D", "filters": 4, "kernel_size": 2, "use_bias": False}] + HEAD,
    "pools_same": [{"type": "AveragePooling2D", "pool_size": [2, 3], "padding": "same", "strides": [1, 2]},
                   {"type": "MaxPooling2D", "pool_size": 3, "strides": 2, "padding": "same"},
                   {"type": "AveragePooling2D", "pool_size": 4, "strides": 1, "padding": "same"}] + HEAD,
    "pools_valid": [{"type": "MaxPooling2D", "pool_size": 3, "strides": 2},
                    {"type": "AveragePooling2D", "pool_size": [2, 1]}] + HEAD,
    "sum_pooling": [{"type": "SumPooling2D", "pool_size": [2, 3]},
                    {"type": "SumPooling2D", "pool_size": 3, "strides": 2, "padding": "same"}] + HEAD,
    "global_average": [conv(filters=10), {"type": "GlobalAveragePooling2D"}, {"type": "Softmax"}],
    "global_max": [conv(filters=7), {"type": "GlobalMaxPooling2D", "keepdims": True}] + HEAD,
    "nearest": [conv(strides=2), {"type": "UpSampling2D", "size": [2, 3]}] + HEAD,
    "bilinear": [conv(strides=2), {"type": "UpSampling2D", "size": [3, 2], "interpolation": "bilinear"}] + HEAD,
    "frames": [{"type": "ZeroPadding2D", "padding": [[1, 2], [0, 3]]}, conv(),
               {"type": "Cropping2D", "cropping": [[2, 0], [1, 3]]}] + HEAD,
    "reshape": [conv(filters=4), {"type": "Reshape", "target_shape": [4, -1, 2]}, conv(kernel_size=2),
                {"type": "Reshape", "target_shape": [-1, 3]}, {"type": "Activation", "activation": "tanh"}] + HEAD,
    "reshape_first": [{"type": "Reshape", "target_shape": [26, 5, 3]}, conv()] + HEAD,
    "dense_only": [{"type": "Flatten"}, {"type": "Dense", "units": 12, "activation": "sigmoid", "use_bias": False},
                   {"type": "Dense", "units": 10, "activation": "softmax"}],
    "prelu": [conv(), {"type": "PReLU", "alpha_initializer": "random_normal"},
              {"type": "PReLU", "alpha_initializer": "random_normal", "shared_axes": [1, 2]},
              {"type": "PReLU", "alpha_initializer": "random_normal", "shared_axes": [1]}] + HEAD,
    "dropouts": [conv(), {"type": "SpatialDropout2D", "rate": 0.2}, {"type": "GaussianNoise", "stddev": 0.1},
                 {"type": "Dropout", "rate": 0.3}] + HEAD,
    "normalization": [conv(use_bias=False), {"type": "BatchNormalization", "momentum": 0.5},
                      {"type": "Activation", "activation": "relu"},
                      {"type": "BatchNormalization", "scale": False, "center": False, "momentum": 0.5},
                      {"type": "LayerNormalization"},
                      {"type": "LayerNormalization", "axis": [1, 2, 3], "center": False},
                      {"type": "LayerNormalization", "axis": [2, 3], "scale": False},
                      {"type": "Flatten"}, {"type": "BatchNormalization", "momentum": 0.5},
                      {"type": "LayerNormalization"}, {"type": "Dense", "units": 10, "activation": "softmax"}],
    "rescaling": [{"type": "Rescaling", "scale": 2, "offset": -1}, conv()] + HEAD,
    "softmax_inside": [conv(), {"type": "Softmax"}, {"type": "Activation", "activation": "softmax"}] + HEAD,
    "transposed": [conv(strides=3), {"type": "Conv2DTranspose", "filters": 4, "kernel_size": 3, "strides": 2,
                                     "bias_initializer": "random_normal"},
                   {"type": "Conv2DTranspose", "filters": 3, "kernel_size": [2, 3], "padding": "same",
                    "strides": [3, 2]},
                   {"type": "Conv2DTranspose", "filters": 2, "kernel_size": 3, "dilation_rate": 2,
                    "use_bias": False}] + HEAD,
    "transposed_sparse": [conv(strides=3), {"type": "Conv2DTranspose", "filters": 4, "kernel_size": [2, 1],
                                            "strides": [3, 2], "bias_initializer": "random_normal"}] + HEAD,
    "rectified": [conv(), {"type": "ReLU"}, conv(), {"type": "LeakyReLU"}, conv(), {"type": "ELU"}] + HEAD,
    "relu_bounds": [conv(), {"type": "ReLU", "max_value": 0.4, "negative_slope": 0.1}, conv(),
                    {"type": "ReLU", "threshold": 0.05, "negative_slope": 0.2},
                    {"type": "ActivityRegularization", "l2": 0.01}] + HEAD,
    "circular": [conv(padding="circular", kernel_size=[2, 3]),
                 conv(padding="circular", dilation_rate=2), conv(padding="circular", strides=2),
                 {"type": "DepthwiseConv2D", "kernel_size": 3, "padding": "circular"},
                 {"type": "SeparableConv2D", "filters": 4, "kernel_size": 2, "padding": "circular"}] + HEAD,
    "deformable": [conv(), {"type": "DeformableConv2D", "filters": 6, "kernel_size": 3, "padding": "same",
                            "offset_kernel_initializer": "glorot_uniform"}] + HEAD,
    "deformable_modulated": [{"type": "DeformableConv2D", "filters": 4, "kernel_size": [2, 3], "strides": 2,
                              "modulated": True, "offset_kernel_initializer": "glorot_uniform",
                              "offset_bias_initializer": "random_normal"},
                             {"type": "DeformableConv2D", "filters": 3, "kernel_size": 2, "dilation_rate": 2,
                              "modulated": True, "use_bias": False,
                              "offset_kernel_initializer": "glorot_uniform"}] + HEAD,
    "output_padding": [conv(strides=3), {"type": "Conv2DTranspose", "filters": 4, "kernel_size": 3, "strides": 3,
                                         "padding": "same", "output_padding": [1, 2]}] + HEAD,
    "residual": [conv(activation="relu"),
                 {"type": "Residual", "layers": [conv(padding="same", activation="relu"), conv(padding="same")],
                  "activation": "relu"},
                 {"type": "Residual", "layers": [conv(filters=7, padding="same", strides=2),
                                                 {"type": "BatchNormalization", "momentum": 0.5}]},
                 {"type": "Flatten"},
                 {"type": "Residual", "layers": [{"type": "Dense", "units": 12, "activation": "tanh"}]},
                 {"type": "Dense", "units": 10, "activation": "softmax"}],
}
