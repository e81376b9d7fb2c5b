/* SPDX-License-Identifier: MIT */
/*
 * A server with plugins and applications: sixty plugins, each with a loader, a jar and classes of its own, and twelve applications that bring the same
 * library each. All of them are in use.
 *
 * Classes are copies of one, whose name is replaced in the class file by others of the same length.
 */
package com.acme.healthy;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;

public final class PluginProgram {
    private static final int PLUGINS = 60;
    private static final int APPLICATIONS = 12;
    private static final int CLASSES = 60;
    private static final List<Object> PARTS = new ArrayList<>();

    private PluginProgram() {
    }

    public static class PLAIN1 {
        public static final byte[] STATE = new byte[8_000];
    }

    private static byte[] plain() throws IOException {
        try (InputStream in = PluginProgram.class.getResourceAsStream("PluginProgram$PLAIN1.class")) {
            return in.readAllBytes();
        }
    }

    private static final class PluginLoader extends URLClassLoader {
        PluginLoader(URL jar) {
            super(new URL[] {jar}, PluginProgram.class.getClassLoader());
        }
    }

    private static final class ApplicationLoader extends URLClassLoader {
        ApplicationLoader(URL jar) {
            super(new URL[] {jar}, PluginProgram.class.getClassLoader());
        }
    }

    private static String name(int first, int i) {
        return String.format("P%02d%03d", first, i);
    }

    private static URL jar(Path folder, int first) throws IOException {
        Path path = folder.resolve("part-" + first + ".jar");
        String plain = new String(plain(), StandardCharsets.ISO_8859_1);
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(path))) {
            for (int i = 0; i < CLASSES; i++) {
                jar.putNextEntry(new JarEntry("com/acme/healthy/PluginProgram$" + name(first, i) + ".class"));
                jar.write(plain.replace("PLAIN1", name(first, i)).getBytes(StandardCharsets.ISO_8859_1));
            }
        }
        return path.toUri().toURL();
    }

    private static void load(URLClassLoader loader, int first) throws Exception {
        for (int i = 0; i < CLASSES; i++) {
            PARTS.add(loader.loadClass("com.acme.healthy.PluginProgram$" + name(first, i)).getDeclaredConstructor().newInstance());
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Files.createTempDirectory("plugins");
        for (int i = 1; i <= PLUGINS; i++) {
            load(new PluginLoader(jar(folder, i)), i);
        }
        URL library = jar(folder, 0);
        for (int i = 0; i < APPLICATIONS; i++) {
            load(new ApplicationLoader(library), 0);
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        for (Path file : Files.newDirectoryStream(folder)) {
            Files.delete(file);
        }
        Files.delete(folder);
        System.exit(0);
    }
}
