"""The trainings of parity.py: images (count, (h, w, c)), and the config's model and training.

The labels are the classes in turn. Every case takes about ten steps. Cases with one batch an epoch check the loss of
each step.
"""


def conv(filters, kernel_size, **fields):
    return {"type": "Conv2D", "filters": filters, "kernel_size": kernel_size, **fields}


def depthwise(kernel_size, **fields):
    return {"type": "DepthwiseConv2D", "kernel_size": kernel_size, **fields}


def separable(filters, kernel_size, **fields):
    return {"type": "SeparableConv2D", "filters": filters, "kernel_size": kernel_size, **fields}


def transposed(filters, kernel_size, **fields):
    return {"type": "Conv2DTranspose", "filters": filters, "kernel_size": kernel_size, **fields}


def deformable(filters, kernel_size, **fields):
    return {"type": "DeformableConv2D", "filters": filters, "kernel_size": kernel_size, **fields}


def max_pool(pool_size, **fields):
    return {"type": "MaxPooling2D", "pool_size": pool_size, **fields}


def average_pool(pool_size, **fields):
    return {"type": "AveragePooling2D", "pool_size": pool_size, **fields}


def dense(units, **fields):
    return {"type": "Dense", "units": units, **fields}


def residual(layers, **fields):
    return {"type": "Residual", "layers": layers, **fields}


def normalize(**fields):
    return {"type": "BatchNormalization", **fields}


def activation(name, **fields):
    return {"type": "Activation", "activation": {"type": name, **fields} if fields else name}


def classify(units, **fields):
    return [{"type": "Flatten"}, dense(units, activation="softmax", **fields)]


def training(optimizer, batch_size, epochs=10, **fields):
    return {"epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, **fields}


SAME = {"padding": "same"}
RELU = {"activation": "relu"}


def combination(convolve, pool, optimizer):
    """One of the six: two blocks and two dense layers."""
    model = [convolve(8), pool(2), convolve(12), pool(2), {"type": "Flatten"}, dense(16, **RELU)]
    return {
        "images": (6, (8, 8, 3)),
        "model": [*model, dense(10, activation="softmax")],
        "training": training(optimizer, 6),
    }


def conv_block(filters):
    return conv(filters, 3, **SAME, **RELU)


def depthwise_block(filters):
    return depthwise(3, depth_multiplier=2, **SAME, **RELU)


def separable_block(filters):
    return separable(filters, 3, **SAME, **RELU)


NESTEROV = {"type": "SGD", "learning_rate": 0.02, "momentum": 0.9, "nesterov": True}

CASES = {
    "conv_avg_sgd": combination(conv_block, average_pool, {"type": "SGD", "learning_rate": 0.05}),
    "conv_max_momentum": combination(
        conv_block, max_pool, {"type": "SGD", "learning_rate": 0.02, "momentum": 0.9}
    ),
    "dw_avg_nesterov": combination(depthwise_block, average_pool, NESTEROV),
    "dw_max_adam": combination(depthwise_block, max_pool, {"type": "Adam"}),
    "sep_avg_rmsprop": combination(separable_block, average_pool, {"type": "RMSprop"}),
    "sep_max_adamw": combination(separable_block, max_pool, {"type": "AdamW", "learning_rate": 0.01}),
    "conv_strides_valid": {
        "images": (6, (13, 15, 2)),
        "model": [
            conv(5, 3, strides=[2, 1], activation="tanh"),
            conv(7, [3, 2], strides=[2, 3], **RELU),
            *classify(5),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "clipnorm": 0.2}, 6),
    },
    "conv_strides_same": {
        "images": (6, (10, 14, 3)),
        "model": [
            conv(6, 3, strides=[2, 1], **SAME, activation="tanh"),
            conv(5, [4, 3], strides=[2, 3], **SAME, **RELU),
            *classify(4),
        ],
        "training": training({"type": "Adam", "learning_rate": 0.01, "amsgrad": True, "beta_2": 0.9}, 6),
    },
    "conv_even_kernels": {
        "images": (6, (7, 9, 1)),
        "model": [
            conv(6, 2, **SAME, activation="elu"),
            conv(4, 4, **SAME, activation={"type": "leaky_relu", "negative_slope": 0.3}),
            *classify(3),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "global_clipnorm": 0.5}, 6),
    },
    "conv_wide_kernels": {
        "images": (5, (9, 10, 3)),
        "model": [
            conv(5, 1, activation="gelu"),
            conv(4, [3, 7], **SAME, activation="silu"),
            conv(6, 5, activation="sigmoid"),
            *classify(5),
        ],
        "training": training({"type": "Nadam", "learning_rate": 0.005}, 5),
    },
    "conv_dilation": {
        "images": (5, (10, 11, 2)),
        "model": [
            conv(6, 3, dilation_rate=2, **SAME, activation="tanh"),
            conv(5, [2, 3], dilation_rate=[1, 2], use_bias=False, **RELU),
            conv(4, 3, dilation_rate=[2, 1], **SAME, **RELU),
            *classify(3),
        ],
        "training": training({"type": "Adagrad", "learning_rate": 0.02}, 5),
    },
    "conv_groups": {
        "images": (6, (8, 9, 4)),
        "model": [
            conv(6, 3, groups=2, **SAME, **RELU),
            conv(12, [3, 2], groups=6, strides=2, activation="tanh"),
            conv(6, 3, groups=3, dilation_rate=2, **SAME, **RELU),
            *classify(4),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "clipvalue": 0.02}, 6),
    },
    "depthwise_multipliers": {
        "images": (6, (11, 10, 2)),
        "model": [
            depthwise(3, depth_multiplier=3, strides=2, **SAME, activation="tanh"),
            depthwise([3, 2], dilation_rate=2, **SAME, **RELU),
            depthwise([2, 3], depth_multiplier=2, use_bias=False, activation="elu"),
            *classify(4),
        ],
        "training": training({"type": "RMSprop", "learning_rate": 0.005, "momentum": 0.5}, 6),
    },
    "separable_strides": {
        "images": (6, (11, 12, 3)),
        "model": [
            separable(6, 3, depth_multiplier=2, strides=2, **SAME, use_bias=False, activation="tanh"),
            separable(5, [2, 3], dilation_rate=[2, 1], **SAME, **RELU),
            separable(4, 2, depth_multiplier=3, dilation_rate=2, **RELU),
            *classify(4),
        ],
        "training": training(
            {"type": "RMSprop", "learning_rate": 0.005, "centered": True, "momentum": 0.5, "epsilon": 1e-5}, 6
        ),
    },
    "conv_transposed": {
        "images": (6, (6, 5, 2)),
        "model": [
            conv(9, 3, strides=2, **SAME, **RELU),
            transposed(5, 3, strides=2, **SAME, activation="tanh"),
            transposed(3, [2, 4], strides=[3, 2], use_bias=False, **RELU),
            transposed(2, 3, dilation_rate=2, activation="elu"),
            max_pool(4),
            *classify(4),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.05, "momentum": 0.9}, 6),
    },
    "conv_circular": {
        "images": (6, (7, 6, 2)),
        "model": [
            conv(10, 3, padding="circular", activation="tanh"),
            conv(8, [4, 3], padding="circular", groups=2, strides=[1, 2], **RELU),
            depthwise(3, padding="circular", depth_multiplier=2, activation="elu"),
            separable(5, [2, 3], padding="circular", dilation_rate=2, **RELU),
            *classify(4),
        ],
        "training": training({"type": "Adam", "learning_rate": 0.01}, 6),
    },
    "conv_deformable": {
        "images": (6, (7, 6, 3)),
        "model": [
            deformable(5, 3, **SAME, activation="tanh"),
            deformable(6, [2, 3], modulated=True, strides=[1, 2], use_bias=False, **RELU),
            *classify(4),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.05, "momentum": 0.9}, 6),
    },
    "max_pool_overlap": {
        "images": (6, (14, 12, 1)),
        "model": [
            conv(5, 3, **SAME, activation="tanh"),
            max_pool(3, strides=2, **SAME),
            conv(6, 2, **SAME, **RELU),
            max_pool(3, strides=2),
            *classify(4),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "momentum": 0.5}, 6),
    },
    "average_pool_overlap": {
        "images": (6, (14, 12, 1)),
        "model": [
            conv(5, 3, **SAME, activation="tanh"),
            average_pool(3, strides=2, **SAME),
            conv(6, 2, **SAME, **RELU),
            average_pool(3, strides=2),
            *classify(4),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.01}, 6),
    },
    "pool_rectangles": {
        "images": (6, (9, 13, 2)),
        "model": [
            conv(5, 3, activation="tanh"),
            max_pool([2, 3], strides=[1, 2], **SAME),
            conv(6, 2, **RELU),
            average_pool([2, 3], strides=[1, 2], **SAME),
            max_pool([3, 2], strides=[1, 2]),
            average_pool([2, 1], strides=1),
            *classify(4),
        ],
        "training": training({"type": "Adam", "learning_rate": 0.005, "weight_decay": 0.2}, 6),
    },
    "global_average": {
        "images": (7, (6, 7, 3)),
        "model": [
            conv(33, 3, **SAME, activation="tanh"),
            conv(17, 1, **RELU),
            {"type": "GlobalAveragePooling2D"},
            dense(4, activation="softmax"),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.5}, 7),
    },
    "global_max": {
        "images": (7, (6, 7, 3)),
        "model": [
            depthwise(3, depth_multiplier=6, **SAME, activation="tanh"),
            conv(17, 2),
            {"type": "GlobalMaxPooling2D"},
            dense(4, activation="softmax"),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "momentum": 0.8, "nesterov": True}, 7),
    },
    "batch_normalization": {
        "images": (10, (7, 8, 3)),
        "model": [
            conv(6, 3, use_bias=False),
            normalize(),
            activation("relu"),
            conv(8, 3, strides=2, use_bias=False),
            normalize(momentum=0.9, epsilon=0.01, scale=False),
            activation("tanh"),
            {"type": "Flatten"},
            dense(9, use_bias=False),
            normalize(momentum=0.8, center=False),
            dense(4, activation="softmax"),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.05, "momentum": 0.9}, 10),
    },
    "activations": {
        "images": (6, (5, 6, 2)),
        "model": [
            conv(8, 3, **SAME, activation="softmax"),
            activation("leaky_relu"),
            conv(6, 3, activation={"type": "gelu", "approximate": True}),
            {"type": "Flatten"},
            dense(9, activation="elu"),
            dense(8, activation="gelu"),
            dense(8, activation={"type": "elu", "alpha": 0.5}),
            dense(7, activation="silu"),
            dense(9, activation="tanh"),
            dense(8, activation="sigmoid"),
            dense(7, activation="softmax"),
            dense(4, activation="softmax"),
        ],
        "training": training({"type": "Adam", "learning_rate": 0.02}, 6),
    },
    "regularizers": {
        "images": (6, (7, 7, 2)),
        "model": [
            conv(4, 3, use_bias=False, kernel_regularizer={"type": "L1", "l1": 0.02}),
            normalize(gamma_regularizer={"type": "L2", "l2": 0.05}, beta_regularizer="L1"),
            depthwise(
                2,
                depth_multiplier=2,
                activation="tanh",
                depthwise_regularizer={"type": "L1L2", "l1": 0.003, "l2": 0.02},
                bias_regularizer={"type": "L1", "l1": 0.04},
            ),
            separable(
                5,
                2,
                activation="tanh",
                depthwise_regularizer={"type": "L2", "l2": 0.03},
                pointwise_regularizer="L1",
                bias_regularizer={"type": "L2", "l2": 0.5},
            ),
            conv(4, 2, activation="tanh", kernel_regularizer="L2", bias_regularizer="L2"),
            *classify(4, kernel_regularizer="L2", bias_regularizer={"type": "L1L2", "l1": 0.01, "l2": 0.1}),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "clipnorm": 0.3}, 6),
    },
    "constraints": {
        "images": (6, (7, 7, 2)),
        "model": [
            conv(4, 3, kernel_constraint={"type": "MaxNorm", "max_value": 0.8, "axis": [0, 1, 2]}, use_bias=False),
            normalize(gamma_constraint={"type": "MaxNorm", "max_value": 1.5}, beta_constraint="NonNeg"),
            depthwise(2, activation="tanh", depthwise_constraint={"type": "UnitNorm", "axis": [0, 1]}),
            separable(
                5,
                2,
                activation="tanh",
                depthwise_constraint={"type": "MinMaxNorm", "min_value": 0.3, "max_value": 0.6, "axis": [0, 1]},
                pointwise_constraint={"type": "MinMaxNorm", "rate": 0.5, "axis": 3},
                bias_constraint="NonNeg",
            ),
            {"type": "Flatten"},
            dense(70, activation="tanh", kernel_constraint={"type": "MaxNorm", "max_value": 0.9}),
            dense(4, activation="softmax", kernel_constraint={"type": "UnitNorm", "axis": -1}),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.2, "momentum": 0.5}, 6),
    },
    "activity_regularizers": {
        "images": (7, (7, 7, 2)),
        "model": [
            conv(4, 3, **RELU, activity_regularizer={"type": "L1", "l1": 0.003}),
            max_pool(2),
            {"type": "ActivityRegularization", "l1": 0.002, "l2": 0.004},
            depthwise(2, depth_multiplier=2, activation="gelu", activity_regularizer={"type": "L2", "l2": 0.02}),
            {"type": "Flatten"},
            dense(9, activation="tanh", activity_regularizer={"type": "L1L2", "l1": 0.01, "l2": 0.02}),
            dense(4, activation="softmax", kernel_regularizer="L2"),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "momentum": 0.5}, 4, epochs=5),
    },
    "residual": {
        "images": (6, (9, 10, 3)),
        "model": [
            residual([conv(3, 3, **SAME, activation="tanh"), conv(3, 3, **SAME)], **RELU),
            residual([conv(6, 3, strides=2, **SAME, **RELU), conv(6, 3, **SAME)], activation="tanh"),
            max_pool(2),
            residual([separable(6, 3, **SAME, **RELU)], projection=True, use_bias=False),
            {"type": "Flatten"},
            residual([dense(9, activation="tanh")], activation="elu"),
            residual([dense(9, **RELU)], activity_regularizer={"type": "L2", "l2": 0.001}),
            dense(4, activation="softmax"),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.05, "momentum": 0.5}, 6),
    },
    "residual_nested": {
        "images": (7, (8, 8, 2)),
        "model": [
            residual(
                [
                    residual([conv(2, 3, **SAME, **RELU)], activation="relu"),
                    residual([residual([depthwise(3, **SAME, activation="tanh")]), conv(5, 1)]),
                ],
                kernel_regularizer={"type": "L2", "l2": 0.01},
            ),
            max_pool(2),
            *classify(4),
        ],
        "training": training({"type": "Adam", "learning_rate": 0.005}, 7),
    },
    "residual_normalization": {
        "images": (75, (7, 6, 2)),
        "model": [
            conv(5, 3, **SAME, use_bias=False),
            normalize(momentum=0.7),
            activation("relu"),
            residual(
                [
                    conv(5, 3, **SAME, use_bias=False),
                    normalize(momentum=0.7),
                    activation("relu"),
                    conv(5, 3, **SAME, use_bias=False),
                    normalize(momentum=0.7),
                ],
                **RELU,
            ),
            residual([normalize(momentum=0.5), activation("relu"), conv(7, 3, strides=[2, 1], **SAME)]),
            {"type": "GlobalAveragePooling2D"},
            dense(4, activation="softmax"),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.1, "momentum": 0.9}, 75),
    },
    "label_smoothing": {
        "images": (6, (6, 6, 4)),
        "model": [conv(5, 3, activation="tanh"), max_pool(2), *classify(5)],
        "training": training({"type": "Adam", "learning_rate": 0.01, "clipnorm": 0.1}, 6, label_smoothing=0.2),
    },
    "warm_up_cosine": {
        "images": (6, (6, 7, 3)),
        "model": [conv(5, 3, **SAME, **RELU), average_pool(2), *classify(4)],
        "training": training(
            {"type": "AdamW", "learning_rate": 0.03, "weight_decay": 0.1},
            6,
            schedule={"type": "CosineDecay", "warmup_epochs": 3, "alpha": 0.1},
        ),
    },
    "partial_batch": {
        "images": (7, (7, 6, 2)),
        "model": [conv(5, 3, use_bias=False), normalize(momentum=0.7), activation("relu"), *classify(4)],
        "training": training(
            {"type": "SGD", "learning_rate": 0.1, "momentum": 0.5},
            4,
            epochs=5,
            schedule={"type": "ExponentialDecay", "decay_rate": 0.6, "warmup_epochs": 1.5},
        ),
    },
    "batch_of_one": {
        "images": (2, (6, 5, 1)),
        "model": [conv(4, 3, **SAME, **RELU), max_pool(2), *classify(3)],
        "training": training({"type": "SGD", "learning_rate": 0.05, "momentum": 0.5}, 1, epochs=5),
    },
    "large_batch": {
        "images": (75, (5, 6, 1)),
        "model": [
            conv(6, 3, **SAME, use_bias=False),
            normalize(momentum=0.5),
            activation("relu"),
            average_pool(2),
            *classify(4),
        ],
        "training": training({"type": "SGD", "learning_rate": 0.5}, 75),
    },
}
