package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import java.util.Optional;

/** The tensor types of GGUF by their number in the file, with the size of their blocks. */
enum GgufType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q8_1(9, 32, 40),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  Q8_K(15, 256, 292),
  IQ2_XXS(16, 256, 66),
  IQ2_XS(17, 256, 74),
  IQ3_XXS(18, 256, 98),
  IQ1_S(19, 256, 50),
  IQ4_NL(20, 32, 18),
  IQ3_S(21, 256, 110),
  IQ2_S(22, 256, 82),
  IQ4_XS(23, 256, 136),
  I8(24, 1, 1),
  I16(25, 1, 2),
  I32(26, 1, 4),
  I64(27, 1, 8),
  F64(28, 1, 8),
  IQ1_M(29, 256, 56),
  BF16(30, 1, 2),
  TQ1_0(34, 256, 54),
  TQ2_0(35, 256, 66),
  MXFP4(39, 32, 17),
  NVFP4(40, 64, 36),
  Q1_0(41, 128, 18);

  private final int number;
  private final int blockSize;
  private final int blockBytes;

  GgufType(int number, int blockSize, int blockBytes) {
    this.number = number;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  int number() {
    return number;
  }

  int blockSize() {
    return blockSize;
  }

  int blockBytes() {
    return blockBytes;
  }

  static Optional<GgufType> of(int number) {
    for (GgufType t : values()) if (t.number == number) return Optional.of(t);
    return Optional.empty();
  }

  static GgufType of(DType dtype) {
    return switch (dtype) {
      case F32 -> F32;
      case F16 -> F16;
      case BF16 -> BF16;
      case Q8_0 -> Q8_0;
      case Q4_0 -> Q4_0;
      case Q4_1 -> Q4_1;
      case Q5_0 -> Q5_0;
      case Q5_1 -> Q5_1;
      case Q4_K -> Q4_K;
      case Q5_K -> Q5_K;
      case Q6_K -> Q6_K;
    };
  }

  /** The type as one the engine computes with, if it is one. */
  Optional<DType> computable() {
    for (DType d : DType.values()) if (of(d) == this) return Optional.of(d);
    return Optional.empty();
  }
}
