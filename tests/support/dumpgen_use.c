/* SPDX-License-Identifier: MIT */
/*
 * The classes every dump has, as texts in the format itself. Field names are those of the JDK's sources; HotSpot up to 20 lists them in
 * reverse order of declaration, 21 and later in order, and so do the texts.
 */
#include "dumpgen_parse.h"

#include <stdio.h>
#include <string.h>

static const char arrays_text[] =
    "class boolean[]\nclass char[]\nclass float[]\nclass double[]\nclass byte[]\nclass "
    "short[]\nclass int[]\n"
    "class long[]\nclass java.lang.Object[]\nclass java.lang.String[]\nclass java.lang.Class[]\n";

static const char boxes_text[] = "class java.lang.Number\n"
                                 "class java.lang.Integer super java.lang.Number fields int value\n"
                                 "class java.lang.Long super java.lang.Number fields long value\n"
                                 "class java.lang.Boolean fields boolean value\n";

static const char references_text[] =
    "class java.lang.ref.Reference fields ref discovered, ref next, ref queue, ref referent\n"
    "class java.lang.ref.SoftReference super java.lang.ref.Reference fields long timestamp statics "
    "long clock=0\n"
    "class java.lang.ref.WeakReference super java.lang.ref.Reference\n"
    "class java.lang.ref.PhantomReference super java.lang.ref.Reference\n"
    "class java.lang.ref.FinalReference super java.lang.ref.Reference\n"
    "class java.lang.ref.Finalizer super java.lang.ref.FinalReference fields ref prev, ref next\n"
    "  statics ref unfinalized=null\n";

static const char jdk6_text[] =
    "strings chars\nsticky boot\n"
    "class java.lang.Object super none\n"
    "class java.lang.Class fields ref name, ref cachedConstructor\n"
    "class java.lang.ClassLoader fields ref parent, ref classes, ref packages\n"
    "class java.lang.String fields int hash, int count, int offset, ref value\n"
    "class java.lang.ThreadGroup fields ref parent, ref name, int maxPriority, boolean daemon\n"
    "class java.lang.Thread fields int threadStatus, long tid, long stackSize, ref "
    "inheritableThreadLocals,\n"
    "  ref threadLocals, ref contextClassLoader, ref group, ref target, boolean daemon, long "
    "eetop, int priority, ref name\n";

static const char jdk8_text[] =
    "strings chars\nsticky boot\n"
    "class java.lang.Object super none\n"
    "class java.lang.Class fields ref classLoader, ref reflectionData, ref name, ref "
    "cachedConstructor\n"
    "class java.lang.ClassLoader fields ref packages, ref classes, ref parallelLockMap, ref "
    "parent\n"
    "class java.lang.String fields int hash, ref value\n"
    "class java.lang.ThreadGroup fields ref parent, ref name, int maxPriority, boolean daemon\n"
    "class java.lang.Thread fields ref uncaughtExceptionHandler, ref blockerLock, ref blocker, ref "
    "parkBlocker,\n"
    "  int threadStatus, long tid, long nativeParkEventPointer, long stackSize, ref "
    "inheritableThreadLocals,\n"
    "  ref threadLocals, ref inheritedAccessControlContext, ref contextClassLoader, ref group, ref "
    "target,\n"
    "  boolean stillborn, boolean daemon, boolean single_step, long eetop, ref threadQ, int "
    "priority, ref name\n";

static const char jdk17_text[] =
    "strings bytes\nsticky boot\n"
    "class java.lang.Object super none\n"
    "class java.lang.Class fields ref classValueMap, ref annotationType, ref annotationData, ref "
    "enumConstantDirectory,\n"
    "  ref enumConstants, ref genericInfo, int classRedefinedCount, ref reflectionData, ref "
    "componentType, ref classData,\n"
    "  ref packageName, ref classLoader, ref module, ref name, ref cachedConstructor\n"
    "class java.lang.ClassLoader fields ref classLoaderValueMap, ref classAssertionStatus, ref "
    "packageAssertionStatus,\n"
    "  boolean defaultAssertionStatus, ref assertionLock, ref defaultDomain, ref classes, ref "
    "packages,\n"
    "  ref parallelLockMap, ref nameAndId, ref unnamedModule, ref name, ref parent\n"
    "class java.lang.String fields boolean hashIsZero, int hash, byte coder, ref value\n"
    "class java.lang.ThreadGroup fields ref parent, ref name, int maxPriority, boolean daemon\n"
    "class java.lang.Thread fields ref uncaughtExceptionHandler, ref blockerLock, ref blocker, ref "
    "parkBlocker,\n"
    "  int threadStatus, long tid, long stackSize, ref inheritableThreadLocals, ref threadLocals,\n"
    "  ref inheritedAccessControlContext, ref contextClassLoader, ref group, ref target, long "
    "eetop, boolean stillborn,\n"
    "  boolean interrupted, boolean daemon, int priority, ref name\n";

static const char jdk25_text[] =
    "strings bytes\nsticky boot\norder classes roots objects\n"
    "class java.lang.Object super none\n"
    "class java.lang.Class fields ref classLoader, ref componentType, ref module, ref name, ref "
    "packageName\n"
    "class java.lang.ClassLoader fields ref parent, ref name, ref unnamedModule, ref nameAndId, "
    "ref parallelLockMap,\n"
    "  ref packages, ref classes, ref defaultDomain\n"
    "class java.lang.String fields ref value, byte coder, int hash, boolean hashIsZero\n"
    "class java.lang.ThreadGroup fields ref parent, ref name, int maxPriority, boolean daemon\n"
    "class java.lang.Thread$FieldHolder fields ref group, ref task, long stackSize, int priority, "
    "boolean daemon,\n"
    "  int threadStatus\n"
    "class java.lang.Thread fields long eetop, long tid, ref name, boolean interrupted, ref "
    "contextClassLoader,\n"
    "  ref holder, ref threadLocals, ref inheritableThreadLocals, ref scopedValueBindings, ref "
    "interruptLock,\n"
    "  ref parkBlocker, ref nioBlocker, ref cont, ref uncaughtExceptionHandler, ref container, ref "
    "headStackableScopes\n"
    "class java.lang.VirtualThread super java.lang.Thread fields ref scheduler, ref cont, ref "
    "runContinuation, int state,\n"
    "  boolean parkPermit, ref carrierThread, ref termination\n";

/* What the agent of JDK 8 and before does differently from the JVM itself. */
static const char agent_text[] = "hprof 1.0.1 id 4\nframing dump\nnames dotted\norder roots "
                                 "objects classes\nbase 0x50000001 dense\nalign 1\n";

static const char minimal_text[] =
    "sticky boot\n"
    "class java.lang.Object super none\nclass java.lang.Class\nclass java.lang.ClassLoader\n";

static const char collections_text[] =
    "class java.util.AbstractCollection\n"
    "class java.util.AbstractList super java.util.AbstractCollection fields int modCount\n"
    "class java.util.ArrayList super java.util.AbstractList fields int size, ref elementData\n"
    "class java.util.LinkedList super java.util.AbstractList fields ref last, ref first, int size\n"
    "class java.util.LinkedList$Node fields ref prev, ref next, ref item\n"
    "class java.util.AbstractMap fields ref values, ref keySet\n"
    "class java.util.HashMap super java.util.AbstractMap fields float loadFactor, int threshold, "
    "int modCount,\n"
    "  int size, ref entrySet, ref table\n"
    "class java.util.HashMap$Node fields ref next, ref value, ref key, int hash\n"
    "class java.util.HashMap$Node[]\n"
    "class java.util.HashSet fields ref map\n"
    "class java.util.concurrent.ConcurrentHashMap super java.util.AbstractMap fields ref "
    "counterCells, int cellsBusy,\n"
    "  int transferIndex, int sizeCtl, long baseCount, ref nextTable, ref table\n"
    "class java.util.concurrent.ConcurrentHashMap$Node fields ref next, ref val, ref key, int "
    "hash\n"
    "class java.util.concurrent.ConcurrentHashMap$Node[]\n";

static const struct {
    const char *name;
    const char *texts[5];
} uses[] = {
    {"jdk6", {jdk6_text, arrays_text, boxes_text, references_text}},
    {"jdk8", {jdk8_text, arrays_text, boxes_text, references_text}},
    {"jdk17", {jdk17_text, arrays_text, boxes_text, references_text}},
    {"jdk25", {jdk25_text, arrays_text, boxes_text, references_text}},
    {"agent", {agent_text, jdk6_text, arrays_text, boxes_text, references_text}},
    {"minimal", {minimal_text}},
    {"collections", {collections_text}},
};

bool gen_use(struct gen_file *f, const char *what, struct gen_error *error)
{
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (strcmp(uses[i].name, what) != 0) {
            continue;
        }
        for (size_t k = 0; k < 5 && uses[i].texts[k] != NULL; k++) {
            if (!parse_text(f, what, uses[i].texts[k], error)) {
                return false;
            }
        }
        return true;
    }
    snprintf(error->message, sizeof error->message,
             "unknown '%.40s': there are jdk6 jdk8 jdk17 jdk25 agent minimal collections", what);
    return false;
}
