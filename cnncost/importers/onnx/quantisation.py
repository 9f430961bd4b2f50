"""Where quantised operators have their weights, and their scales and zero points."""

WEIGHTS = {
    "QLinearConv": (3, 8), "ConvInteger": (1,), "QLinearMatMul": (0, 3), "MatMulInteger": (0, 1),
    "DequantizeLinear": (0,), "DynamicQuantizeMatMul": (1,), "MatMulIntegerToFloat": (1,),
    "MatMulNBits": (1,), "QGemm": (3, 6), "QAttention": (1,),
}  # fmt: skip
"""Places at which whole numbers are weights."""
SCALES = {
    "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2), "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7), "ConvInteger": (2, 3), "MatMulInteger": (2, 3),
    "DynamicQuantizeMatMul": (2, 3), "MatMulIntegerToFloat": (2, 3, 4, 5), "MatMulNBits": (2, 3, 4),
    "QGemm": (1, 2, 4, 5, 7, 8), "QAttention": (3, 4, 6, 7), "RotaryEmbedding": (1, 2, 3), "STFT": (2,),
}  # fmt: skip
"""Places of scales, zero points, sines of positions and windows of frames: settings, and no weights."""
