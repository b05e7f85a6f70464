#!/bin/sh
# tornado-args.sh FILE: writes the options that let `java @FILE` run TornadoVM, from the SDK that
# TORNADOVM_HOME names. The SDK's own file chooses a garbage collector and puts the working directory
# on the module path; this one leaves both alone, and tells TornadoVM never to run a kernel that it
# cannot compile on the processor instead, nor coarser functions than those that were asked for.
set -eu
file=$1
sdk=${TORNADOVM_HOME:?'is not set; it must name the folder of the TornadoVM SDK'}
refuse() {
  echo "TORNADOVM_HOME=$sdk: $1; unset it to compute on the processor" >&2
  exit 1
}
[ -d "$sdk" ] || refuse 'no such folder; it must be that of the TornadoVM SDK'
for part in share/java/tornado share/java/graalJars lib etc/exportLists/common-exports; do
  [ -e "$sdk/$part" ] || refuse "has no $part; it must be the folder of a TornadoVM SDK for JDK 25"
done
ls "$sdk"/share/java/tornado/tornado-api-*.jar >/dev/null 2>&1 ||
  refuse 'has no share/java/tornado/tornado-api-….jar; it must be the folder of a TornadoVM SDK for JDK 25'
case $(ls "$sdk"/share/java/tornado/tornado-api-*.jar) in
*jdk21*) refuse 'is an SDK for JDK 21; Outpost needs the one for JDK 25 (its version ends in -jdk25)' ;;
esac

# The backends that this SDK holds, by their jars.
backends=
for jar in "$sdk"/share/java/tornado/tornado-drivers-*.jar; do
  name=${jar##*/tornado-drivers-}
  case $name in
  opencl-[0-9]*) backends="$backends opencl" ;;
  ptx-[0-9]*) backends="$backends ptx" ;;
  cuda-[0-9]*) backends="$backends cuda" ;;
  spirv-[0-9]*) backends="$backends spirv" ;;
  metal-[0-9]*) backends="$backends metal" ;;
  esac
done
[ -n "$backends" ] || refuse 'holds no backend (no share/java/tornado/tornado-drivers-….jar)'

modules=tornado.runtime,tornado.annotation,tornado.drivers.common
natives=ALL-UNNAMED
for b in $backends; do
  modules=$modules,tornado.drivers.$b
  natives=$natives,tornado.drivers.$b
done

# In a file of options a backslash and a quote have a meaning of their own.
quoted() {
  printf '"%s"\n' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}
{
  cat <<OPTIONS
-XX:+UnlockExperimentalVMOptions
-XX:+EnableJVMCI
--enable-preview
--add-modules=ALL-SYSTEM,jdk.incubator.vector,$modules
--enable-native-access=$natives
-Dtornado.load.api.implementation=uk.ac.manchester.tornado.runtime.tasks.TornadoTaskGraph
-Dtornado.load.runtime.implementation=uk.ac.manchester.tornado.runtime.TornadoCoreRuntime
-Dtornado.load.tornado.implementation=uk.ac.manchester.tornado.runtime.common.Tornado
-Dtornado.load.annotation.implementation=uk.ac.manchester.tornado.annotation.ASMClassVisitor
-Dtornado.load.annotation.parallel=uk.ac.manchester.tornado.api.annotations.Parallel
-Dtornado.recover.bailout=False
-Dtornado.enable.fastMathOptimizations=False
-Dtornado.device.memory=1024GB
OPTIONS
  quoted "-Djava.library.path=$sdk/lib"
  echo --module-path
  quoted "$sdk/share/java/tornado"
  echo --upgrade-module-path
  quoted "$sdk/share/java/graalJars"
  for list in common $backends; do
    grep -v '^#' "$sdk/etc/exportLists/$list-exports" | grep . || :
  done
} >"$file.part"
mv -f "$file.part" "$file"
