package dev.outpost.arch;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a caller can see of a class names only permitted types: its parents, and the fields,
 * parameters, results and exceptions of its public and protected members, type arguments included.
 */
final class SpeaksOnlyIn extends ArchCondition<JavaClass> {
  private final DescribedPredicate<JavaClass> permitted;

  private SpeaksOnlyIn(DescribedPredicate<JavaClass> permitted) {
    super("speak to their callers only in " + permitted.getDescription());
    this.permitted = permitted;
  }

  static SpeaksOnlyIn types(DescribedPredicate<JavaClass> permitted) {
    return new SpeaksOnlyIn(permitted);
  }

  @Override
  public void check(JavaClass owner, ConditionEvents events) {
    if (!reachable(owner)) return;
    Stream.concat(owner.getSuperclass().stream(), owner.getInterfaces().stream())
        .forEach(parent -> check(owner, owner.getName(), parent, events));
    owner.getMembers().stream()
        .filter(SpeaksOnlyIn::shown)
        .forEach(member ->
            types(member).forEach(type -> check(owner, member.getFullName(), type, events)));
  }

  private void check(JavaClass owner, String where, JavaType type, ConditionEvents events) {
    for (JavaClass raw : type.getAllInvolvedRawTypes()) {
      JavaClass element = raw.getBaseComponentType();
      if (permitted.test(element)) continue;
      events.add(SimpleConditionEvent.violated(owner, where + " shows " + element.getName()));
    }
  }

  /** Public, and every class around it too. */
  private static boolean reachable(JavaClass owner) {
    boolean open =
        owner.getModifiers().contains(JavaModifier.PUBLIC)
            || owner.getModifiers().contains(JavaModifier.PROTECTED);
    Optional<JavaClass> around = owner.getEnclosingClass();
    return open && (around.isEmpty() || reachable(around.get()));
  }

  private static boolean shown(JavaMember member) {
    return member.getModifiers().contains(JavaModifier.PUBLIC)
        || member.getModifiers().contains(JavaModifier.PROTECTED);
  }

  private static Stream<JavaType> types(JavaMember member) {
    return switch (member) {
      case JavaField field -> Stream.of(field.getType());
      case JavaCodeUnit code ->
          Stream.of(
                  Stream.of(code.getReturnType()),
                  code.getParameterTypes().stream(),
                  code.getExceptionTypes().stream().map(JavaType.class::cast))
              .flatMap(all -> all);
      default -> throw new IllegalStateException("unknown kind of member: " + member);
    };
  }
}
