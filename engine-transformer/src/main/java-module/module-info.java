/** Layers, model families, text, training and generation. Knows no federation and no emulator. */
module dev.outpost.transformer {
  requires java.desktop;
  requires java.net.http;
  requires transitive dev.outpost.autograd;
  requires static transitive org.jspecify;
  requires tools.jackson.core;

  exports dev.outpost;
  exports dev.outpost.transformer;
  exports dev.outpost.transformer.data;
  exports dev.outpost.transformer.eval;
  exports dev.outpost.transformer.family;
  exports dev.outpost.transformer.hub;
  exports dev.outpost.transformer.image;
  exports dev.outpost.transformer.layer;
  exports dev.outpost.transformer.load;
  exports dev.outpost.transformer.module;
  exports dev.outpost.transformer.peft;
  exports dev.outpost.transformer.privacy;
  exports dev.outpost.transformer.run;
  exports dev.outpost.transformer.text;
  exports dev.outpost.transformer.text.chat;
  exports dev.outpost.transformer.train;
}
