"""Bits per element of every tensor of an ONNX graph, from the types that the model states.

Narrow types say how a model is deployed: 8 bits for int8, uint8 and the float8 types, 4 for int4, uint4 and float4, 2
for int2 and uint2, 16 for int16, uint16, float16 and bfloat16. Models are shipped in float32 however they are deployed,
so float32 and double say nothing, and neither do int32 and int64, which hold indices: such a tensor has the width of
its role. The sums of ConvInteger and MatMulInteger are the exception: int32 is 32 bits there.

Quantization belongs to the layer before it. What a layer writes is the last tensor of what is folded into it: 8 bits
where a QuantizeLinear to int8 ends it. What is folded behind that, a DequantizeLinear first, is done where the tensor
is read: it stays stored as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from onnx import TensorProto

from optimizer.onnx_import.tensors import Tensors
from optimizer.workload.layer import ROLES
from optimizer.workload.precision import role_bits

NARROW = {
    name: bits
    for bits, names in {
        16: ("FLOAT16", "BFLOAT16", "INT16", "UINT16"),
        8: ("INT8", "UINT8", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0"),
        4: ("INT4", "UINT4", "FLOAT4E2M1"),
        2: ("INT2", "UINT2"),
    }.items()
    for name in names
}
"""Bits of the element types that say how a tensor is stored."""
_BY_NUMBER = {number: NARROW[name] for name, number in TensorProto.DataType.items() if name in NARROW}
SUMS = 32
"""Bits of the sums of integer operators."""


class Widths:
    """Bits per element of tensors.

    Parameters
    ----------
    tensors : Tensors
        Their types.
    bits : int or mapping of role to int, optional
        Widths that the user gives: they go before those of the model.

    Raises
    ------
    SpecError
        On an unknown role or a width that is not a positive integer.
    """

    def __init__(self, tensors: Tensors, bits: object) -> None:
        self._tensors = tensors
        self.roles = role_bits(bits)
        self._given = set(bits) if isinstance(bits, Mapping) else set() if bits is None else set(ROLES)
        self._stored: dict[str, int] = {}

    def of(self, tensor: str, role: str) -> int:
        """Bits per element of a tensor in a role of a layer."""
        if role in self._given:
            return self.roles[role]
        return self._stored.get(tensor) or self._typed(tensor) or self.roles[role]

    def holds_sums(self, tensor: str) -> None:
        """Note that a tensor holds the sums of an integer operator."""
        if self._tensors.type_of(tensor).tensor_type.elem_type == TensorProto.INT32:
            self._stored[tensor] = SUMS

    def packed(self, tensor: str, bits: int) -> None:
        """Note that a tensor holds elements of `bits` bits, whatever type they are packed in."""
        self._stored[tensor] = bits

    def same(self, tensor: str, output: str) -> bool:
        """Note that a tensor is stored as a narrow one is: a view of it, dequantized, or a function of it.

        Returns
        -------
        bool
            False where the first one is not narrow, or the type of the other one says how it is stored.
        """
        stored = self._stored.get(tensor) or self._typed(tensor)
        if stored is None or stored >= SUMS or self._typed(output) is not None:
            return False
        self._stored[output] = stored
        return True

    def _typed(self, tensor: str) -> int | None:
        source = self._tensors.stored_as(tensor)
        return _BY_NUMBER.get(self._tensors.type_of(source).tensor_type.elem_type)
