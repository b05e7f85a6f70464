package dev.outpost.transformer.module;

/**
 * A part of a model that speaks its parameters' names. Modules are immutable: {@link #rewrite}
 * returns a new one and shares what did not change.
 *
 * @param <M> what a rewrite of this module is
 */
public interface Module<M> {
  /** Shows every parameter, its name built from {@code path}. */
  void visit(String path, ParameterVisitor visitor);

  /** This module with every projection and parameter replaced by what {@code rewriter} says. */
  M rewrite(String path, Rewriter rewriter);
}
