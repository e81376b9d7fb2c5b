/* SPDX-License-Identifier: MIT */
/*
 * A class loader as an agent has one: the name and package of the real thing, nothing of its code. It finds classes in jars of its own
 * that it unpacked before anything else does, and keeps all of them open.
 *
 *     thread "dd-task-scheduler"   .contextClassLoader -> DatadogClassLoader -> ucp -> URLClassPath -> JarLoader -> JarFile -> ZipFile$Source
 *                                                                           \-> classes
 */
package datadog.trace.bootstrap;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.concurrent.CountDownLatch;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

public final class DatadogClassLoader extends URLClassLoader {
    public DatadogClassLoader(URL[] jars) {
        super("datadog", jars, ClassLoader.getPlatformClassLoader());
    }

    /* Loads up to `most` classes of a jar and leaves a thread behind that has this loader for its context. */
    public void start(JarFile jar, int most) throws IOException {
        jar.stream().map(JarEntry::getName).filter(name -> name.endsWith(".class") && !name.startsWith("META-INF"))
            .sorted().limit(most).forEach(this::load);
        for (URL url : getURLs()) {
            String file = url.getPath();
            findResource("META-INF/MANIFEST.MF-of-" + file.substring(file.lastIndexOf('/') + 1)); // opens every jar on the way
        }
        Thread scheduler = new Thread(DatadogClassLoader::waitForever, "dd-task-scheduler");
        scheduler.setContextClassLoader(this);
        scheduler.setDaemon(true);
        scheduler.start();
    }

    private void load(String entry) {
        try {
            Class.forName(entry.substring(0, entry.length() - ".class".length()).replace('/', '.'), false, this);
        } catch (ClassNotFoundException | LinkageError e) {
            // a class that needs what is not there
        }
    }

    private static void waitForever() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
