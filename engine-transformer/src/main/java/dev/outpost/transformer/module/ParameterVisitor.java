package dev.outpost.transformer.module;

/** Receives each parameter of a module with its full name. */
@FunctionalInterface
public interface ParameterVisitor {
  /** Called once per parameter, in a fixed order. */
  void visit(String path, Parameter parameter);
}
