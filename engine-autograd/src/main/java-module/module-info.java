/** Derivatives of the tensor module's arithmetic. Knows no layer names, no files. */
module dev.outpost.autograd {
  requires transitive dev.outpost.tensor;
  requires static transitive org.jspecify;

  exports dev.outpost.autograd;
  exports dev.outpost.autograd.op;
  exports dev.outpost.autograd.optim;
}
