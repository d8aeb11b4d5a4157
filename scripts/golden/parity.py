#!/usr/bin/env python3
"""Writes the short trainings of tests/golden/training, which tests/core/test_parity.c and
tests/cmd/test_parity_program.c repeat.

Everything is computed in float64. Convolutions and the slopes of all layers are PyTorch's; `same` padding, pooling at
the edges, batch statistics, penalties, clipping, schedules and optimizers are written out here as Keras has them.

pip install torch numpy; scripts/golden/parity.py [CASE...]
"""
import json
import math
import pathlib
import struct
import sys
import zlib

import numpy
import torch
import torch.nn.functional as F

from parity_cases import CASES

FOLDER = pathlib.Path(__file__).parents[2] / "tests/golden/training"
NAMES = {
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "SeparableConv2D": "separable_conv2d",
    "Conv2DTranspose": "conv2d_transpose",
    "DeformableConv2D": "deformable_conv2d",
    "Dense": "dense",
    "BatchNormalization": "batch_normalization",
    "Residual": "residual",
}
torch.set_default_dtype(torch.float64)


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def component(value):
    """The name of an activation, optimizer and so on, and its fields."""
    return (value, {}) if isinstance(value, str) else (value["type"], value)


# ---- layers: x is (n,c,h,w), or (n,c) behind a Flatten ----


def pad(x, layer, kernel, stride, dilation, value=0.0):
    """Keras' border: the odd row or column goes to the bottom or the right."""
    if layer.get("padding", "valid") == "valid":
        return x
    if layer["padding"] == "circular":
        whole = [(k - 1) * d for k, d in zip(kernel, dilation)]
        borders = [(total // 2, total - total // 2) for total in whole]
        return F.pad(x, (*borders[1], *borders[0]), mode="circular")
    borders = []
    for size, k, s, d in zip(x.shape[2:], kernel, stride, dilation):
        total = max((math.ceil(size / s) - 1) * s + (k - 1) * d + 1 - size, 0)
        borders.append((total // 2, total - total // 2))
    return F.pad(x, (*borders[1], *borders[0]), value=value)


def convolve(x, layer, kernel, bias, groups):
    """kernel is (f,c,kh,kw), PyTorch's order."""
    stride, dilation = pair(layer.get("strides", 1)), pair(layer.get("dilation_rate", 1))
    x = pad(x, layer, kernel.shape[2:], stride, dilation)
    return F.conv2d(x, kernel, bias, stride, 0, dilation, groups)


def convolve_depthwise(x, layer, kernel, bias):
    """kernel is (kh,kw,c,m); output channel c*m comes from input channel c."""
    height, width, channels, multiplier = kernel.shape
    kernel = kernel.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    return convolve(x, layer, kernel, bias, channels)


def conv2d(weight, layer, x):
    groups, filters = layer.get("groups", 1), layer["filters"]
    kernel = weight("kernel", (*pair(layer["kernel_size"]), x.shape[1] // groups, filters))
    return convolve(x, layer, kernel.permute(3, 2, 0, 1), weight("bias", (filters,)), groups)


def depthwise_conv2d(weight, layer, x):
    multiplier = layer.get("depth_multiplier", 1)
    kernel = weight("kernel", (*pair(layer["kernel_size"]), x.shape[1], multiplier))
    return convolve_depthwise(x, layer, kernel, weight("bias", (x.shape[1] * multiplier,)))


def separable_conv2d(weight, layer, x):
    multiplier, filters = layer.get("depth_multiplier", 1), layer["filters"]
    depthwise = weight("depthwise_kernel", (*pair(layer["kernel_size"]), x.shape[1], multiplier))
    pointwise = weight("pointwise_kernel", (1, 1, x.shape[1] * multiplier, filters))
    x = convolve_depthwise(x, layer, depthwise, None)
    return F.conv2d(x, pointwise.permute(3, 2, 0, 1), weight("bias", (filters,)))


def conv2d_transpose(weight, layer, x):
    """PyTorch makes all that the kernels reach; the rest is what Keras keeps of it."""
    size, stride, dilation = pair(layer["kernel_size"]), pair(layer.get("strides", 1)), pair(layer.get("dilation_rate", 1))
    kernel = weight("kernel", (*size, layer["filters"], x.shape[1]))
    y = F.conv_transpose2d(x, kernel.permute(3, 2, 0, 1), None, stride, dilation=dilation)
    same, borders = layer.get("padding") == "same", []
    for n, k, s, d in zip(x.shape[2:], size, stride, dilation):
        extent = (k - 1) * d + 1
        reached = (n - 1) * s + extent
        output = n * s if same else (n - 1) * s + max(extent, s)
        before = max(reached - output, 0) // 2
        borders.append((-before, output - reached + before))
    y = F.pad(y, (*borders[1], *borders[0]))
    bias = weight("bias", (layer["filters"],))
    return y if bias is None else y + bias.view(1, -1, 1, 1)


def bilinear(x, row, column):
    """x (n,c,h,w) between its pixels at row, column (n,p); 0 beyond the image. (n,c,p)"""
    n, c, height, width = x.shape
    top, left = row.detach().floor(), column.detach().floor()
    y = 0
    for i in (0, 1):
        for j in (0, 1):
            r, p = top + i, left + j
            inside = (r >= 0) & (r < height) & (p >= 0) & (p < width)
            at = (r.clamp(0, height - 1) * width + p.clamp(0, width - 1)).long()
            cell = x.reshape(n, c, -1).gather(2, at[:, None].expand(n, c, -1))
            share = (row - top if i else top + 1 - row) * (column - left if j else left + 1 - column)
            y = y + cell * (share * inside)[:, None]
    return y


def deformable_conv2d(weight, layer, x):
    """As torchvision.ops.deform_conv2d defines it: offsets (y,x) tap by tap, then the taps' masks."""
    size, stride, dilation = pair(layer["kernel_size"]), pair(layer.get("strides", 1)), pair(layer.get("dilation_rate", 1))
    taps, filters, modulated = size[0] * size[1], layer["filters"], layer.get("modulated", False)
    outputs = (3 if modulated else 2) * taps
    kernel = weight("kernel", (*size, x.shape[1], filters))
    bias = weight("bias", (filters,))
    offset_kernel = weight("offset_kernel", (*size, x.shape[1], outputs))
    offsets = convolve(x, layer, offset_kernel.permute(3, 2, 0, 1), weight("offset_bias", (outputs,)), 1)
    n, _, height, width = offsets.shape
    before = [0, 0]
    if layer.get("padding") == "same":
        steps = zip(x.shape[2:], size, stride, dilation)
        before = [max((math.ceil(m / s) - 1) * s + (k - 1) * d + 1 - m, 0) // 2 for m, k, s, d in steps]
    rows = (torch.arange(height) * stride[0] - before[0]).view(-1, 1).expand(height, width)
    columns = (torch.arange(width) * stride[1] - before[1]).view(1, -1).expand(height, width)
    y = 0
    for t in range(taps):
        row = rows + t // size[1] * dilation[0] + offsets[:, 2 * t]
        column = columns + t % size[1] * dilation[1] + offsets[:, 2 * t + 1]
        seen = bilinear(x, row.reshape(n, -1), column.reshape(n, -1))
        if modulated:
            seen = seen * torch.sigmoid(offsets[:, 2 * taps + t]).reshape(n, 1, -1)
        y = y + torch.einsum("ncp,cf->nfp", seen, kernel[t // size[1], t % size[1]])
    y = y.reshape(n, filters, height, width)
    return y if bias is None else y + bias.view(1, -1, 1, 1)


def windows(layer):
    size = pair(layer.get("pool_size", 2))
    return size, pair(layer.get("strides") or size)


def max_pooling2d(weight, layer, x):
    size, stride = windows(layer)
    return F.max_pool2d(pad(x, layer, size, stride, (1, 1), -math.inf), size, stride)


def average_pooling2d(weight, layer, x):
    """The mean over the cells inside the image."""
    size, stride = windows(layer)
    cells = pad(torch.ones_like(x), layer, size, stride, (1, 1))
    return F.avg_pool2d(pad(x, layer, size, stride, (1, 1)), size, stride) / F.avg_pool2d(cells, size, stride)


def flatten(weight, layer, x):
    return x.permute(0, 2, 3, 1).reshape(len(x), -1)


def dense(weight, layer, x):
    y = x @ weight("kernel", (x.shape[1], layer["units"]))
    return y + weight("bias", (layer["units"],)) if layer.get("use_bias", True) else y


def batch_normalization(weight, layer, x):
    size, axes = (x.shape[1],), [0, *range(2, x.dim())]
    gamma = weight("gamma", size) if layer.get("scale", True) else torch.ones(size)
    beta = weight("beta", size) if layer.get("center", True) else torch.zeros(size)
    moving_mean, moving_variance = weight("moving_mean", size), weight("moving_variance", size)
    mean, variance = moving_mean, moving_variance
    if weight.network.training:
        mean, variance = x.mean(axes), x.var(axes, unbiased=False)
        weight.move("moving_mean", mean, layer.get("momentum", 0.99))
        weight.move("moving_variance", variance, layer.get("momentum", 0.99))
    shape = [1, -1] + [1] * (x.dim() - 2)
    scale = gamma / torch.sqrt(variance + layer.get("epsilon", 1e-3))
    return (x - mean.view(shape)) * scale.view(shape) + beta.view(shape)


LAYERS = {
    "Conv2D": conv2d,
    "DepthwiseConv2D": depthwise_conv2d,
    "SeparableConv2D": separable_conv2d,
    "Conv2DTranspose": conv2d_transpose,
    "DeformableConv2D": deformable_conv2d,
    "MaxPooling2D": max_pooling2d,
    "AveragePooling2D": average_pooling2d,
    "GlobalMaxPooling2D": lambda weight, layer, x: x.amax((2, 3)),
    "GlobalAveragePooling2D": lambda weight, layer, x: x.mean((2, 3)),
    "Flatten": flatten,
    "Dense": dense,
    "Activation": lambda weight, layer, x: x,
    "ActivityRegularization": lambda weight, layer, x: x,
    "BatchNormalization": batch_normalization,
}

ACTIVATIONS = {
    "linear": lambda x, fields: x,
    "relu": lambda x, fields: F.relu(x),
    "leaky_relu": lambda x, fields: torch.where(x > 0, x, fields.get("negative_slope", 0.2) * x),
    "elu": lambda x, fields: F.elu(x, fields.get("alpha", 1.0)),
    "gelu": lambda x, fields: gelu(x, fields.get("approximate", False)),
    "silu": lambda x, fields: x * torch.sigmoid(x),
    "tanh": lambda x, fields: torch.tanh(x),
    "sigmoid": lambda x, fields: torch.sigmoid(x),
    "softmax": lambda x, fields: torch.softmax(x, 1),
}


def gelu(x, approximate):
    if approximate:
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# ---- the network ----


def penalty(regularizer, values):
    name, fields = component(regularizer)
    l1 = fields.get("l1", 0.01 if name == "L1" else 0.0)
    l2 = fields.get("l2", 0.01 if name == "L2" else 0.0)
    return l1 * values.abs().sum() + l2 * (values**2).sum()


def constrain(constraint, w):
    name, fields = component(constraint)
    if name == "NonNeg":
        return w.clamp(min=0)
    axis = fields.get("axis", 0)
    norm = torch.sqrt((w * w).sum(axis, keepdim=True))
    if name == "UnitNorm":
        return w / (1e-7 + norm)
    low, high = fields.get("min_value", 0.0), fields.get("max_value", 2.0 if name == "MaxNorm" else 1.0)
    rate = fields.get("rate", 1.0)
    return w * ((rate * norm.clamp(low, high) + (1 - rate) * norm) / (1e-7 + norm))


class Weights:
    """What a layer calls for its weights; those of an unknown name are made, as float32 numbers."""

    def __init__(self, network, name, layer):
        self.network, self.name, self.layer = network, name, layer

    def __call__(self, part, shape):
        if part == "bias" and not self.layer.get("use_bias", True):
            return None
        values = self.network.values
        full = f"{self.name}/{part}"
        if full not in values:
            values[full] = torch.tensor(self.make(part, shape).astype("f4").astype("f8"))
            if not part.startswith("moving_"):
                self.network.trainable.append(full)
        self.penalize(part, values[full])
        if self.of_part(part, "constraint"):
            self.network.constraints[full] = self.of_part(part, "constraint")
        return values[full]

    def make(self, part, shape):
        rng = self.network.rng
        if part in ("gamma", "moving_variance"):
            return rng.uniform(0.5, 1.5, shape)
        if len(shape) == 1:
            return rng.normal(0, 0.1, shape)
        inputs = math.prod(shape[:-1]) if len(shape) == 2 or shape[0] * shape[1] == 1 else math.prod(shape[:3])
        if part == "depthwise_kernel" or self.layer["type"] == "DepthwiseConv2D":
            inputs = shape[0] * shape[1]
        limit = math.sqrt(6 / (inputs + shape[-1]))
        return rng.uniform(-limit, limit, shape)

    def of_part(self, part, what):
        """The regularizer or constraint of a weight."""
        key = part.replace("_kernel", "") if self.layer["type"] == "SeparableConv2D" else part
        if self.layer["type"] == "DepthwiseConv2D" and part == "kernel":
            key = "depthwise"
        return self.layer.get(f"{key}_{what}")

    def penalize(self, part, values):
        if self.of_part(part, "regularizer"):
            self.network.penalty = self.network.penalty + penalty(self.of_part(part, "regularizer"), values)

    def move(self, part, value, momentum):
        full = f"{self.name}/{part}"
        self.network.moved[full] = self.network.values[full] * momentum + value.detach() * (1 - momentum)


class Network:
    def __init__(self, layers, rng):
        self.layers, self.rng = layers, rng
        self.values, self.trainable = {}, []
        self.training = False
        self.penalty, self.activity, self.moved = torch.zeros(()), torch.zeros(()), {}
        self.constraints = {}

    def logits(self, x, training):
        """The last layer's softmax is left to the loss."""
        self.training, self.penalty, self.activity, self.moved = training, torch.zeros(()), torch.zeros(()), {}
        self.seen = {}
        for layer in self.layers[:-1]:
            x = self.apply(layer, x)
        return self.apply(self.layers[-1], x, is_last=True)

    def weights_of(self, layer):
        """Under the layer's automatic name, the next of its kind."""
        base = NAMES.get(layer["type"], "")
        self.seen[base] = self.seen.get(base, -1) + 1
        return Weights(self, f"{base}_{self.seen[base]}" if self.seen[base] else base, layer)

    def apply(self, layer, x, is_last=False):
        if layer["type"] == "Residual":
            x = self.residual(layer, x)
        else:
            x = LAYERS[layer["type"]](self.weights_of(layer), layer, x)
        activation, fields = component(layer.get("activation") or "linear")
        if not is_last:
            x = ACTIVATIONS[activation](x, fields)
        regularizer = layer if layer["type"] == "ActivityRegularization" else layer.get("activity_regularizer")
        if regularizer:
            self.activity = self.activity + penalty(regularizer, x) / len(x)
        return x

    def residual(self, layer, x):
        y = x
        for inner in layer["layers"]:
            y = self.apply(inner, y)
        weight = self.weights_of(layer)
        if layer.get("projection", "auto") is not True and x.shape == y.shape:
            return x + y
        channels, filters = x.shape[1], y.shape[1]
        if x.dim() == 2:
            return y + x @ weight("kernel", (channels, filters)) + weight("bias", (filters,))
        stride = [round(size / small) for size, small in zip(x.shape[2:], y.shape[2:])]
        kernel = weight("kernel", (1, 1, channels, filters)).permute(3, 2, 0, 1)
        return y + F.conv2d(x, kernel, weight("bias", (filters,)), stride)


def cross_entropy(logits, y, smoothing):
    classes = logits.shape[1]
    targets = F.one_hot(y, classes) * (1 - smoothing) + smoothing / classes
    return -(targets * torch.log_softmax(logits, 1)).sum(1).mean()


# ---- optimizers: each returns what is taken off a weight ----


def sgd(w, g, s, t, rate, momentum=0.0, nesterov=False):
    s["v"] = momentum * s.get("v", 0) - rate * g
    return -(momentum * s["v"] - rate * g if nesterov else s["v"])


def rmsprop(w, g, s, t, rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
    s["a"] = rho * s.get("a", 0) + (1 - rho) * g
    s["m"] = momentum * s.get("m", 0) + rate * g / torch.sqrt(s["v"] - (s["a"] ** 2 if centered else 0) + epsilon)
    return s["m"]


def adam(w, g, s, t, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    s["m"] = s.get("m", 0) * beta_1 + g * (1 - beta_1)
    s["v"] = s.get("v", 0) * beta_2 + g * g * (1 - beta_2)
    s["largest"] = torch.maximum(s.get("largest", torch.zeros_like(g)), s["v"]) if amsgrad else s["v"]
    rate = rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return rate * s["m"] / (torch.sqrt(s["largest"]) + epsilon)


def nadam(w, g, s, t, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    now, after = (beta_1 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
    s["u"] = s.get("u", 1.0) * now
    s["m"] = s.get("m", 0) * beta_1 + g * (1 - beta_1)
    s["v"] = s.get("v", 0) * beta_2 + g * g * (1 - beta_2)
    mean = after * s["m"] / (1 - s["u"] * after) + (1 - now) * g / (1 - s["u"])
    return rate * mean / (torch.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)


def adagrad(w, g, s, t, rate, initial_accumulator_value=0.1, epsilon=1e-7):
    s["a"] = s.get("a", initial_accumulator_value) + g * g
    return rate * g / torch.sqrt(s["a"] + epsilon)


OPTIMIZERS = {"SGD": sgd, "RMSprop": rmsprop, "Adam": adam, "AdamW": adam, "Nadam": nadam, "Adagrad": adagrad}
COMMON = ("type", "learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm")


def clip(gradients, optimizer):
    if "clipvalue" in optimizer:
        limit = optimizer["clipvalue"]
        return {name: g.clamp(-limit, limit) for name, g in gradients.items()}
    norms = {name: g.norm() for name, g in gradients.items()}
    if "global_clipnorm" in optimizer:
        whole = math.sqrt(sum(norm**2 for norm in norms.values()))
        norms = dict.fromkeys(norms, whole)
    limit = optimizer.get("clipnorm", optimizer.get("global_clipnorm", math.inf))
    return {name: g * min(1.0, limit / max(float(norms[name]), 1e-300)) for name, g in gradients.items()}


def rate_at(training, step, steps_per_epoch):
    """step is 0 for the first of the training; the decay begins behind the warm-up."""
    base = training["optimizer"].get("learning_rate", 0.01 if training["optimizer"]["type"] == "SGD" else 0.001)
    if "schedule" not in training:
        return base
    name, fields = component(training["schedule"])
    warmup = round(fields.get("warmup_epochs", 0) * steps_per_epoch)
    if step < warmup:
        return base * (step + 1) / warmup
    step, left = step - warmup, training["epochs"] * steps_per_epoch - warmup
    if name == "CosineDecay":
        alpha = fields.get("alpha", 0.0)
        return base * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * min(step / left, 1))) + alpha)
    if name == "ExponentialDecay":
        return base * fields["decay_rate"] ** (step / steps_per_epoch)
    raise ValueError(name)


# ---- training ----


class Training:
    def __init__(self, network, training):
        self.network, self.training = network, training
        self.optimizer, self.slots, self.step = training["optimizer"], {}, 0

    def gradients(self, loss):
        names = self.network.trainable
        return dict(zip(names, torch.autograd.grad(loss, [self.network.values[name] for name in names])))

    def take_step(self, x, y, steps_per_epoch):
        """Returns the loss with its penalties, and the gradients without those of the weights."""
        network, penalties = self.network, {}
        network.values = {name: value.detach() for name, value in network.values.items()}
        for name in network.trainable:
            network.values[name].requires_grad_(True)
        loss = cross_entropy(network.logits(x, True), y, self.training.get("label_smoothing", 0.0))
        loss = loss + network.activity
        plain = self.gradients(loss)
        if network.penalty.requires_grad:
            leaves = [network.values[name] for name in network.trainable]
            penalties = dict(zip(network.trainable, torch.autograd.grad(network.penalty, leaves, allow_unused=True)))
        whole = {name: g if penalties.get(name) is None else g + penalties[name] for name, g in plain.items()}
        self.move(whole, rate_at(self.training, self.step, steps_per_epoch))
        self.step += 1
        return (loss + network.penalty).item(), plain

    def move(self, gradients, rate):
        fields = {key: value for key, value in self.optimizer.items() if key not in COMMON}
        kind = self.optimizer["type"]
        decay = self.optimizer.get("weight_decay", 0.004 if kind == "AdamW" else 0.0)
        values = {name: value.detach() for name, value in self.network.values.items()}
        for name, g in clip(gradients, self.optimizer).items():
            w = values[name] * (1 - decay * rate)
            slots = self.slots.setdefault(name, {})
            values[name] = w - OPTIMIZERS[kind](w, g, slots, self.step + 1, rate, **fields)
            if name in self.network.constraints:
                values[name] = constrain(self.network.constraints[name], values[name])
        values.update(self.network.moved)
        self.network.values = values


def images(rng, count, shape, classes):
    """x (n,h,w,c) in [0, 1), y (n), the first labels each class once."""
    return rng.random((count, *shape)).astype("f4"), (numpy.arange(count) % classes).astype("i4")


def run(name, case):
    rng = numpy.random.default_rng(zlib.crc32(name.encode()) + case.get("seed", 0))
    model, training = case["model"], case["training"]
    x, y = images(rng, *case["images"], model[-1]["units"])
    inputs, labels = torch.tensor(x.astype("f8").transpose(0, 3, 1, 2)), torch.tensor(y).long()
    network = Network(model, rng)
    first_logits = network.logits(inputs, False).detach()
    initial = dict(network.values)

    session, losses, first = Training(network, training), [], None
    batch, count = training["batch_size"], len(x)
    for _ in range(training["epochs"]):
        total = 0.0
        for at in range(0, count, batch):
            part = slice(at, min(at + batch, count))
            loss, gradients = session.take_step(inputs[part], labels[part], math.ceil(count / batch))
            total += loss * (part.stop - part.start)
            first = first or gradients
        losses.append(total / count)
    probabilities = torch.softmax(network.logits(inputs, False), 1).detach()

    config = {
        "name": name,
        "input_shape": list(x.shape[1:]),
        "data": {"source": "npy", "path": "x.npy,y.npy"},
        "model": model,
        "training": {**training, "shuffle": False},
    }
    tensors = {"x": x, "y": y, "logits": first_logits, "losses": losses, "probabilities": probabilities}
    for prefix, values in (("initial", initial), ("gradient", first), ("final", network.values)):
        tensors.update({f"{prefix}/{key}": value.detach() for key, value in values.items()})
    return config, tensors


def write(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, values in tensors.items():
        values = numpy.asarray(values)
        values = numpy.ascontiguousarray(values.astype("i4" if values.dtype == "i4" else "f4"))
        end = len(data) + values.nbytes
        kind = "I32" if values.dtype == "i4" else "F32"
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), end]}
        data += values.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main(names):
    for name in names or CASES:
        config, tensors = run(name, CASES[name])
        path = FOLDER / f"{name}.safetensors"
        write(path, tensors, {"config": json.dumps(config)})
        print(f"{name:24} {path.stat().st_size:6} bytes, loss {tensors['losses'][0]:.4f} to {tensors['losses'][-1]:.4f}")


main(sys.argv[1:])
