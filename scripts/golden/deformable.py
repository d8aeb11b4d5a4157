#!/usr/bin/env python3
"""Prints the numbers that tests/layers/test_deformable_conv2d.c expects: the output and all gradients of a deformable
convolution by torchvision.ops.deform_conv2d in float64, with whole offsets, broken ones and ones beyond the image.

pip install torch torchvision numpy; scripts/golden/deformable.py
"""
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d

torch.set_default_dtype(torch.float64)
OFFSETS = [0, 0, 0.25, -0.5, -1, 2, 1.75, 9]
LOGITS = [0, 1, -1, 2]


def ramp(*shape):
    """0.1, -0.2, 0.3, ..."""
    values = torch.arange(1.0, torch.Size(shape).numel() + 1) / 10
    values[1::2] *= -1
    return values.reshape(shape)


def show(name, values):
    numbers = ", ".join(f"{v:.7g}F" if "." in f"{v:.7g}" else f"{v:.7g}" for v in values.flatten().tolist())
    print(f"{name}[] = {{{numbers}}};")


def run(modulated):
    """x (1,3,4,2), kernel (2,2,2,3), strides (1,2), same padding: a row below, none to the right."""
    x, kernel, bias = ramp(1, 3, 4, 2), ramp(2, 2, 2, 3), ramp(3)
    said = OFFSETS + LOGITS if modulated else OFFSETS
    offset_kernel, offset_bias = torch.zeros(2, 2, 2, len(said)), torch.tensor(said)
    leaves = [x, kernel, offset_kernel, offset_bias, bias]
    for leaf in leaves:
        leaf.requires_grad_(True)
    image = F.pad(x.permute(0, 3, 1, 2), (0, 0, 0, 1))
    offsets = F.conv2d(image, offset_kernel.permute(3, 2, 0, 1), offset_bias, (1, 2))
    masks = torch.sigmoid(offsets[:, 8:]) if modulated else None
    # beyond the image is 0 either way, so the row below may be part of it
    y = deform_conv2d(image, offsets[:, :8], kernel.permute(3, 2, 0, 1), bias, (1, 2), mask=masks)
    y = y.permute(0, 2, 3, 1)
    gradients = torch.autograd.grad((y * ramp(*y.shape)).sum(), leaves)
    print("modulated" if modulated else "plain")
    for name, values in zip(("y", "dx", "kernel", "offset_kernel", "offset_bias", "bias"), (y.detach(), *gradients)):
        show(name, values)


run(False)
run(True)
