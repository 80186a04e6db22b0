"""Numbers side by side: types for compiled kernels that hold `LANES` numbers and compute with all of them at once.

Arrays hold lanes last, flat: element i of an array of lanes is at ``array[i * LANES : (i + 1) * LANES]``.  LLVM turns
them into what the processor has, one AVX-512 register, two of AVX2, four of NEON; the results are the same.  The
numbers are float64, or float32 where the array or scalar they come from is.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, register_model

LANES = 8
"""Sequences that are computed side by side."""

_FLAGS = ir.VectorType(ir.IntType(1), LANES)
_BYTE = ir.IntType(8)


class _LanesType(types.Type):
    def __init__(self, scalar: Any) -> None:
        self.scalar = scalar
        element = ir.DoubleType() if scalar is types.float64 else ir.FloatType()
        self.vector = ir.VectorType(element, LANES)
        self.words = ir.VectorType(ir.IntType(scalar.bitwidth), LANES)
        super().__init__(name=f"Lanes({scalar})")


_lanes_of = {scalar: _LanesType(scalar) for scalar in (types.float64, types.float32)}


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: Any) -> None:
        super().__init__(manager, type_, type_.vector)


def _place(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Pointer to element `index` of a flat array of lanes."""
    data = context.make_array(array_type)(context, builder, array).data
    offset = builder.mul(index, ir.Constant(index.type, LANES))
    vector = _lanes_of[array_type.dtype].vector
    return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())


def _zero(type_: _LanesType) -> Any:
    return ir.Constant(type_.vector, [0.0] * LANES)


def _all(builder: Any, scalar: Any, vector_type: Any) -> Any:
    """A scalar in all lanes."""
    lane = ir.IntType(32)
    vector = builder.insert_element(ir.Constant(vector_type, ir.Undefined), scalar, lane(0))
    mask = ir.Constant(ir.VectorType(lane, LANES), [0] * LANES)
    return builder.shuffle_vector(vector, ir.Constant(vector_type, ir.Undefined), mask)


@intrinsic
def load(typing_context, array, index):
    """Element `index` of a flat array of lanes."""

    def generate(context, builder, signature, arguments):
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        value = builder.load(_place(context, builder, signature.args[0], arguments[0], index))
        value.align = signature.args[0].dtype.bitwidth // 8
        return value

    return _lanes_of[array.dtype](array, index), generate


@intrinsic
def store(typing_context, array, index, value):
    """Set element `index` of a flat array of lanes."""

    def generate(context, builder, signature, arguments):
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        stored = builder.store(arguments[2], _place(context, builder, signature.args[0], arguments[0], index))
        stored.align = signature.args[0].dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, index, value), generate


@intrinsic
def same(typing_context, scalar):
    """A scalar in all lanes."""

    def generate(context, builder, signature, arguments):
        return _all(builder, arguments[0], signature.return_type.vector)

    scalar = scalar if scalar in _lanes_of else types.float64
    return _lanes_of[scalar](scalar), generate


@intrinsic
def add_product(typing_context, total, one, other):
    """total + one * other, in one rounding where the processor can."""

    def generate(context, builder, signature, arguments):
        product = builder.fmul(arguments[1], arguments[2], flags=["contract"])
        return builder.fadd(arguments[0], product, flags=["contract"])

    return total(total, total, total), generate


@intrinsic
def subtract_product(typing_context, total, one, other):
    """total - one * other, in one rounding where the processor can."""

    def generate(context, builder, signature, arguments):
        product = builder.fmul(arguments[1], arguments[2], flags=["contract"])
        return builder.fsub(arguments[0], product, flags=["contract"])

    return total(total, total, total), generate


def _elementwise(operation: Callable[[Any, Any, Any, Any], Any]) -> Callable:
    @intrinsic
    def compute(typing_context, one, other):
        def generate(context, builder, signature, arguments):
            return operation(builder, *arguments, signature.return_type)

        return one(one, one), generate

    return compute


add = _elementwise(lambda builder, one, other, lanes: builder.fadd(one, other))
subtract = _elementwise(lambda builder, one, other, lanes: builder.fsub(one, other))
multiply = _elementwise(lambda builder, one, other, lanes: builder.fmul(one, other))
divide = _elementwise(lambda builder, one, other, lanes: builder.fdiv(one, other))


def _larger_size(builder, one, other, lanes):
    """max(one, |other|), and the second where it is no number."""
    without_sign = ir.Constant(lanes.words, [2 ** (lanes.scalar.bitwidth - 1) - 1] * LANES)
    size = builder.bitcast(builder.and_(builder.bitcast(other, lanes.words), without_sign), lanes.vector)
    return builder.select(builder.fcmp_ordered(">=", one, size), one, size)


larger_size = _elementwise(_larger_size)


@intrinsic
def positive(typing_context, value):
    """The lanes in which a value is positive, as a byte: bit i is lane i."""

    def generate(context, builder, signature, arguments):
        flags = builder.fcmp_ordered(">", arguments[0], _zero(signature.args[0]))
        return builder.bitcast(flags, _BYTE)

    return types.uint8(value), generate


@intrinsic
def relu(typing_context, value):
    """max(value, 0), and the value where it is no number."""

    def generate(context, builder, signature, arguments):
        zero = _zero(signature.return_type)
        return builder.select(builder.fcmp_ordered("<=", arguments[0], zero), zero, arguments[0])

    return value(value), generate


@intrinsic
def where(typing_context, flags, value):
    """A value in the lanes of a byte of flags, zero in the others."""

    def generate(context, builder, signature, arguments):
        chosen = builder.bitcast(arguments[0], _FLAGS)
        return builder.select(chosen, arguments[1], _zero(signature.return_type))

    return value(types.uint8, value), generate
