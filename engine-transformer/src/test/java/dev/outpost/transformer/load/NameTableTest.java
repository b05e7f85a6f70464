package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.family.Gpt2;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NameTableTest {
  private final NameTable names = new Gpt2().names();

  @ParameterizedTest
  @CsvSource({
    "embed.token.weight, transformer.wte.weight",
    "embed.position.weight, transformer.wpe.weight",
    "blocks.0.norm1.weight, transformer.h.0.ln_1.weight",
    "blocks.47.attn.qkv.bias, transformer.h.47.attn.c_attn.bias",
    "blocks.10.attn.out.weight, transformer.h.10.attn.c_proj.weight",
    "blocks.3.mlp.up.weight, transformer.h.3.mlp.c_fc.weight",
    "blocks.3.mlp.down.bias, transformer.h.3.mlp.c_proj.bias",
    "norm.bias, transformer.ln_f.bias",
    "head.weight, lm_head.weight"
  })
  void translatesBothWays(String ours, String theirs) {
    assertThat(names.theirs(ours)).isEqualTo(theirs);
    assertThat(names.ours(theirs)).contains(ours);
  }

  @Test
  void everyParameterOfAModelComesBackUnderItsName() {
    assertThat(TinyModels.random(12, 1).parameters().keySet())
        .allSatisfy(ours -> assertThat(names.ours(names.theirs(ours))).contains(ours));
  }

  @Test
  void namesWithoutThePrefixAreTheSame() {
    assertThat(names.ours("h.2.ln_2.bias")).contains("blocks.2.norm2.bias");
    assertThat(names.ours("wte.weight")).contains("embed.token.weight");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "transformer.lm_head.weight",
        "transformer.transformer.wte.weight",
        "h.x.ln_1.weight",
        "h..ln_1.weight",
        "h.01.ln_1.weight",
        "h.-1.ln_1.weight",
        "h.1.2.ln_1.weight",
        "h.12345678.ln_1.weight",
        "h.1.ln_1.weight.more",
        "classifier.weight",
        ""
      })
  void anUnknownNameHasNoTranslation(String theirs) {
    assertThat(names.ours(theirs)).isEmpty();
  }

  @Test
  void maskBuffersAreIgnoredWithAndWithoutPrefix() {
    assertThat(names.ignores("transformer.h.11.attn.bias")).isTrue();
    assertThat(names.ignores("h.0.attn.masked_bias")).isTrue();
    assertThat(names.ignores("h.0.attn.c_attn.bias")).isFalse();
  }

  @Test
  void aParameterThatNoFileKnowsIsRefusedByName() {
    assertThatThrownBy(() -> names.theirs("blocks.0.attn.qkv.lora_a.weight"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("blocks.0.attn.qkv.lora_a.weight");
  }
}
