package dev.outpost.arch;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaModifier.NATIVE;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;

/** The walls of the house: who may lean on whom, and what no room may do. */
@AnalyzeClasses(packages = "dev.outpost", importOptions = ArchitectureTest.WithoutTests.class)
class ArchitectureTest {
  private static final String TENSOR = "dev.outpost.tensor..";
  private static final String AUTOGRAD = "dev.outpost.autograd..";
  private static final String TRANSFORMER = "dev.outpost.transformer..";
  private static final String FACE = "dev.outpost";
  private static final String OFFSITE = "dev.outpost.offsite..";
  private static final String COMMAND_LINE = "dev.outpost.offsite.app..";
  private static final String[] INTERNAL = {
    "dev.outpost.tensor.kernel.scalar..", "dev.outpost.tensor.kernel.vector.."
  };

  /** Production classes only: neither this module's tests nor its sisters' test-jars. */
  static final class WithoutTests implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("/test-classes/") && !location.contains("-tests.jar");
    }
  }

  // Direction of dependencies.

  @ArchTest
  static final ArchRule tensorKnowsNoDerivativesLayersOrParties =
      noClasses()
          .that()
          .resideInAPackage(TENSOR)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(AUTOGRAD, TRANSFORMER, FACE, OFFSITE);

  @ArchTest
  static final ArchRule autogradKnowsNoLayersOrParties =
      noClasses()
          .that()
          .resideInAPackage(AUTOGRAD)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(TRANSFORMER, FACE, OFFSITE);

  @ArchTest
  static final ArchRule transformerKnowsNoFaceAndNoParties =
      noClasses()
          .that()
          .resideInAPackage(TRANSFORMER)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(FACE, OFFSITE);

  @ArchTest
  static final ArchRule theFaceKnowsNoParties =
      noClasses()
          .that()
          .resideInAPackage(FACE)
          .should()
          .dependOnClassesThat()
          .resideInAPackage(OFFSITE);

  @ArchTest
  static final ArchRule nobodyLeansOnTheCommandLine =
      noClasses()
          .that()
          .resideOutsideOfPackage(COMMAND_LINE)
          .should()
          .dependOnClassesThat()
          .resideInAPackage(COMMAND_LINE);

  @ArchTest
  static final ArchRule backendsAreReachedThroughKernelsOnly =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.outpost.tensor.kernel..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(INTERNAL);

  // What only the command line may do.

  @ArchTest
  static final ArchRule onlyTheCommandLinePrints =
      noClasses()
          .that()
          .resideOutsideOfPackage(COMMAND_LINE)
          .should()
          .accessField(System.class, "out")
          .orShould()
          .accessField(System.class, "err")
          .orShould()
          .callMethod(Throwable.class, "printStackTrace");

  @ArchTest
  static final ArchRule onlyTheCommandLineEndsTheProcess =
      noClasses()
          .that()
          .resideOutsideOfPackage(COMMAND_LINE)
          .should()
          .callMethod(System.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "halt", int.class);

  // What nobody may do.

  @ArchTest
  static final ArchRule noStaticStateThatChanges = fields().that().areStatic().should().beFinal();

  @ArchTest
  static final ArchRule noJavaSerialization =
      noClasses()
          .should()
          .dependOnClassesThat()
          .areAssignableTo(ObjectInputStream.class)
          .orShould()
          .dependOnClassesThat()
          .areAssignableTo(ObjectOutputStream.class);

  @ArchTest
  static final ArchRule noNativeMachineLearningFramework =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "ai.djl..",
              "ai.onnxruntime..",
              "org.bytedeco..",
              "org.deeplearning4j..",
              "org.nd4j..",
              "org.pytorch..",
              "org.tensorflow..");

  // The module outpost-wire has them, behind Transport.
  @ArchTest
  static final ArchRule noNetworkLibrary =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.outpost.wire..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.grpc..", "io.netty..", "com.google.protobuf..", "org.bouncycastle..");

  @ArchTest static final ArchRule noNativeMethods = noMethods().should().haveModifier(NATIVE);

  @ArchTest
  static final ArchRule noNativeLibraries =
      noClasses()
          .should()
          .callMethod(System.class, "load", String.class)
          .orShould()
          .callMethod(System.class, "loadLibrary", String.class)
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.lang.foreign.Linker")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.lang.foreign.SymbolLookup");

  // com.sun.management and com.sun.net.httpserver are no internals: the JDK exports them to
  // everyone.
  @ArchTest
  static final ArchRule noInternalsOfTheJdk =
      noClasses()
          .should()
          .dependOnClassesThat(
              resideInAnyPackage("sun..", "com.sun..", "jdk.internal..")
                  .and(not(resideInAnyPackage("com.sun.management", "com.sun.net.httpserver"))));

  @ArchTest
  static final ArchRule onlyTheVectorBackendKnowsTheVectorApi =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.outpost.tensor.kernel.vector..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("jdk.incubator.vector..");

  // What a user of the engine must know: the JDK and nothing else.

  @ArchTest
  static final ArchRule engineSpeaksInTypesOfTheJdk =
      classes()
          .that()
          .resideInAnyPackage(TENSOR, AUTOGRAD, TRANSFORMER, FACE)
          .and()
          .resideOutsideOfPackages(INTERNAL)
          .should(SpeaksOnlyIn.types(engineOrJdk()));

  private static DescribedPredicate<JavaClass> engineOrJdk() {
    return describe(
        "types of the JDK and of the engine",
        type ->
            type.isPrimitive()
                || type.getPackageName().startsWith("java.")
                || type.getPackageName().equals(FACE)
                || type.getPackageName().startsWith("dev.outpost."));
  }
}
