"""Where quantised operators have their weights, and their scales and zero points."""

WEIGHTS = {
    "QLinearConv": (3, 8), "ConvInteger": (1,), "QLinearMatMul": (0, 3), "MatMulInteger": (0, 1),
    "DequantizeLinear": (0,),
}  # fmt: skip
"""Places at which whole numbers are weights."""
SCALES = {
    "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2), "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7), "ConvInteger": (2, 3), "MatMulInteger": (2, 3),
}  # fmt: skip
"""Places of scales and zero points, which are settings and not weights."""
