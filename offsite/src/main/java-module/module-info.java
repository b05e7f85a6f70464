/** Offsite-tuning: a model's owner, a data's owner, and what passes between them. */
module dev.outpost.offsite {
  requires ejml.core;
  requires ejml.ddense;
  requires info.picocli;
  requires java.logging;
  requires jdk.httpserver;
  requires jdk.management;
  requires transitive dev.outpost.transformer;
  requires static transitive org.jspecify;

  exports dev.outpost.offsite.artifact;
  exports dev.outpost.offsite.bench;
  exports dev.outpost.offsite.compare;
  exports dev.outpost.offsite.control;
  exports dev.outpost.offsite.emulator;
  exports dev.outpost.offsite.federated;
  exports dev.outpost.offsite.live;
  exports dev.outpost.offsite.page;
  exports dev.outpost.offsite.report;
  exports dev.outpost.offsite.simulation;
  exports dev.outpost.offsite.split;
  exports dev.outpost.offsite.svd;
  exports dev.outpost.offsite.tune;

  uses dev.outpost.offsite.federated.Transport;
  uses dev.outpost.offsite.simulation.ClientRunner.Maker;

  opens dev.outpost.offsite.app to
      info.picocli;
}
