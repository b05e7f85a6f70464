# Finds a JDK 25. Sourced by mvnw, outpost and .ci/run; plain POSIX sh, starts no Java.
#
#   find_jdk25         prints the home of the first JDK 25 found, or returns 1
#   explain_no_jdk25   says on stderr what is missing and how to get it
#
# Order: JAVA_HOME, PATH, JDK_25, JAVA_HOME_25, JAVA_HOME_25_X64, JAVA_HOME_25_ARM64, then the folders
# that system packages, SDKMAN, IntelliJ, Homebrew, macOS and unpacked archives use.

# The version line of a JDK's own `release` file, e.g. 25.0.3; empty when there is none.
jdk_version() {
  [ -r "$1/release" ] || return 0
  while IFS='=' read -r jdk_key jdk_value || [ -n "$jdk_key" ]; do
    if [ "$jdk_key" = JAVA_VERSION ]; then
      jdk_value=${jdk_value#\"}
      printf '%s\n' "${jdk_value%%\"*}"
      return 0
    fi
  done <"$1/release"
}

# True for a JDK (with compiler) of version 25.
is_jdk25() {
  [ -n "$1" ] && [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] || return 1
  case "$(jdk_version "$1")" in
  25 | 25.* | 25-* | 25+*) return 0 ;;
  *) return 1 ;;
  esac
}

# The home of the `java` that PATH leads to, symbolic links followed.
jdk_on_path() {
  jdk_java=$(command -v java 2>/dev/null) || return 0
  jdk_java=$(readlink -f "$jdk_java" 2>/dev/null || printf '%s\n' "$jdk_java")
  jdk_bin=${jdk_java%/*}
  printf '%s\n' "${jdk_bin%/*}"
}

find_jdk25() {
  for jdk_home in "${JAVA_HOME-}" "$(jdk_on_path)" "${JDK_25-}" "${JAVA_HOME_25-}" \
    "${JAVA_HOME_25_X64-}" "${JAVA_HOME_25_ARM64-}"; do
    if is_jdk25 "$jdk_home"; then
      printf '%s\n' "$jdk_home"
      return 0
    fi
  done
  # OUTPOST_JDK_FOLDERS (colon-separated) replaces the usual folders; the tests use it.
  jdk_found=$(
    set +f
    if [ -n "${OUTPOST_JDK_FOLDERS+set}" ]; then
      IFS=:
      for jdk_folder in $OUTPOST_JDK_FOLDERS; do
        for jdk_home in "$jdk_folder"/*; do
          ! is_jdk25 "$jdk_home" || { printf '%s\n' "$jdk_home" && exit 0; }
        done
      done
      exit 1
    fi
    for jdk_home in /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* \
      "${HOME-}"/.sdkman/candidates/java/* "${HOME-}"/.jdks/* "${HOME-}"/.jdks/*/Contents/Home \
      "${HOME-}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
      /Library/Java/JavaVirtualMachines/*/Contents/Home \
      /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
      /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
      /opt/* /opt/java/* /opt/jdk/*; do
      ! is_jdk25 "$jdk_home" || { printf '%s\n' "$jdk_home" && exit 0; }
    done
    exit 1
  ) || return 1
  printf '%s\n' "$jdk_found"
}

explain_no_jdk25() {
  jdk_path_home=$(jdk_on_path)
  if [ -n "$jdk_path_home" ]; then
    jdk_path_version=$(jdk_version "$jdk_path_home")
    jdk_have="the \`java\` on PATH is ${jdk_path_version:-of another version} ($jdk_path_home)"
  else
    jdk_have="there is no \`java\` on PATH"
  fi
  if [ -n "${JAVA_HOME-}" ]; then
    jdk_home_version=$(jdk_version "$JAVA_HOME")
    jdk_have="$jdk_have, JAVA_HOME is ${jdk_home_version:-not a JDK} ($JAVA_HOME)"
  fi
  printf '%s\n' "Outpost needs a JDK 25, and none was found: $jdk_have.
Looked in JAVA_HOME, PATH, JDK_25, JAVA_HOME_25, /usr/lib/jvm, ~/.sdkman, ~/.jdks, /Library/Java and /opt.
Get one in any of these ways (it need not become the default Java), then run the same command again:
  any system      unpack https://adoptium.net/temurin/releases/?version=25 and set JAVA_HOME to it
  SDKMAN          sdk install java 25-tem
  Debian, Ubuntu  apt install openjdk-25-jdk, or temurin-25-jdk from https://packages.adoptium.net
  Fedora          dnf install java-25-openjdk-devel
  macOS           brew install --cask temurin@25
  Windows         winget install EclipseAdoptium.Temurin.25.JDK" >&2
}
