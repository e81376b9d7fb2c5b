/* SPDX-License-Identifier: MIT */
/* javac at work: the same sources are compiled again and again, from memory to memory, while it is looked at. */
package com.acme.healthy;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

public final class CompilerProgram {
    private static volatile int compiled;

    private CompilerProgram() {
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, String text) {
            super(URI.create("string:///" + name + ".java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreErrors) {
            return text;
        }
    }

    private static final class Target extends SimpleJavaFileObject {
        Target(String name, Kind kind) {
            super(URI.create("mem:///" + name + kind.extension), kind);
        }

        @Override
        public OutputStream openOutputStream() {
            return new ByteArrayOutputStream();
        }
    }

    public static void main(String[] args) throws Exception {
        Thread worker = new Thread(CompilerProgram::compileForever, "compiler");
        worker.setDaemon(true);
        worker.start();
        while (compiled < 5) {
            Thread.onSpinWait();
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
    }

    private static void compileForever() {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        JavaFileManager files = new ForwardingJavaFileManager<>(compiler.getStandardFileManager(null, null, null)) {
            @Override
            public JavaFileObject getJavaFileForOutput(Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
                return new Target(name, kind);
            }
        };
        while (compiler.getTask(null, files, null, null, null, sources()).call()) {
            compiled++;
        }
    }

    private static List<Source> sources() {
        List<Source> sources = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            StringBuilder text = new StringBuilder("import java.util.*;\nimport java.util.stream.*;\npublic class C" + i + " {\n");
            for (int k = 0; k < 20; k++) {
                text.append("  int m" + k + "(List<String> in) { return in.stream().map(s -> s + " + k + ").collect(Collectors.toMap(s -> s, String::length)).size(); }\n");
            }
            sources.add(new Source("C" + i, text.append("}\n").toString()));
        }
        return sources;
    }
}
