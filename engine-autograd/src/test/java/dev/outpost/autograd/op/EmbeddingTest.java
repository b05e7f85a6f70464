package dev.outpost.autograd.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import org.junit.jupiter.api.Test;

class EmbeddingTest {
  private final Tape tape = Tape.recording(Kernels.scalar(), new Workspace());
  private final HeapWeight table = HeapWeight.of(Tensor.of(Shape.of(3, 2), 0, 1, 2, 3, 4, 5));

  @Test
  void picksRows() {
    Var y = Embedding.embedding(tape, tape.leaf(table, false), new int[] {2, 0, 2});
    assertThat(y.value().toArray()).containsExactly(4, 5, 0, 1, 4, 5);
  }

  @Test
  void addsTheGradientsOfARepeatedToken() {
    Gradients gradients = new Gradients();
    int[] ids = {2, 0, 2};
    Var y = Embedding.embedding(tape, tape.leaf(table, true), ids);
    ids[0] = 1; // The caller may reuse its array before the way back.
    tape.backward(Sum.sum(tape, y), gradients);
    assertThat(gradients.get(table).toArray()).containsExactly(1, 1, 0, 0, 2, 2);
  }

  @Test
  void saysWhichTokenIsOutsideTheVocabulary() {
    Var leaf = tape.leaf(table, false);
    assertThatThrownBy(() -> Embedding.embedding(tape, leaf, new int[] {0, 3}))
        .hasMessage(
            "embedding: token id 3 at position 1 is outside the vocabulary of 3 rows"
                + " (table [3, 2])");
    assertThatThrownBy(() -> Embedding.embedding(tape, leaf, new int[] {-1}))
        .hasMessageContaining("token id -1 at position 0");
  }
}
