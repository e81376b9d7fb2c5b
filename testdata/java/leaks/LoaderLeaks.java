/* SPDX-License-Identifier: MIT */
/*
 * Class loaders that are closed and still held, by each of the usual causes, and loaders, open jars and classes that pile up.
 *
 * Each loader gets a jar of its own with copies of one class, whose name is replaced in the class file by others of the same length.
 */
package com.acme.leaks;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.CallSite;
import java.lang.invoke.LambdaMetafactory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.rmi.Remote;
import java.rmi.RemoteException;
import java.rmi.server.UnicastRemoteObject;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverManager;
import java.sql.DriverPropertyInfo;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

public final class LoaderLeaks extends Theme {
    private static final int LOADERS = 12;
    private static final int COPIES = 60;
    private static final int PLUGINS = 24;
    private static final int LAMBDAS = 1_200;

    private static final List<Object> SCRIPTS = new ArrayList<>();
    private static final List<ExecutorService> POOLS = new ArrayList<>();
    private static final List<Supplier<?>> FORMATS = new ArrayList<>();
    private static final List<Remote> EXPORTED = new ArrayList<>();
    private static final Logger LOG = Logger.getLogger("com.acme.plugins");
    private static final ThreadLocal<Object> CURRENT = new ThreadLocal<>();

    private final Path folder;
    private int jars;

    private LoaderLeaks(Path folder) {
        this.folder = folder;
    }

    /* What is copied: PLAIN is the class's name, as long as P0000. */
    public static class PLAIN {
        public byte[] state = new byte[16];
    }

    public static final class Worker extends Thread {
        @Override
        public void run() {
            /* Its loader's package is another: nothing of Theme's is visible here. */
            while (!isInterrupted()) {
                LockSupport.park();
            }
        }
    }

    public static final class PluginDriver implements Driver, AutoCloseable {
        /* Only classes of the driver's own loader may do so. */
        @Override
        public void close() throws SQLException {
            DriverManager.deregisterDriver(this);
        }

        @Override
        public Connection connect(String url, Properties info) {
            return null;
        }

        @Override
        public boolean acceptsURL(String url) {
            return false;
        }

        @Override
        public DriverPropertyInfo[] getPropertyInfo(String url, Properties info) {
            return new DriverPropertyInfo[0];
        }

        @Override
        public int getMajorVersion() {
            return 1;
        }

        @Override
        public int getMinorVersion() {
            return 0;
        }

        @Override
        public boolean jdbcCompliant() {
            return false;
        }

        @Override
        public Logger getParentLogger() {
            return null;
        }
    }

    public interface Ping extends Remote {
        void ping() throws RemoteException;
    }

    public static final class PluginRemote implements Ping {
        @Override
        public void ping() {
            /* Nobody calls. */
        }
    }

    public static final class PluginHandler extends Handler {
        @Override
        public void publish(LogRecord record) {
            record.getLevel();
        }

        @Override
        public void flush() {
            /* Nothing is kept. */
        }

        @Override
        public void close() {
            flush();
        }
    }

    /* One kind of loader per cause: the report groups loaders by their class. */
    private static class PluginLoader extends URLClassLoader {
        PluginLoader(URL jar) {
            super(new URL[] {jar}, Theme.class.getClassLoader());
        }

        /* Its own classes first, as servers and plugin systems do. */
        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                return known != null ? known : name.startsWith("com.acme.leaks.LoaderLeaks$") ? findClass(name) : super.loadClass(name, resolve);
            }
        }
    }

    private static final class ContextPlugins extends PluginLoader {
        ContextPlugins(URL jar) {
            super(jar);
        }
    }

    private static final class ThreadPlugins extends PluginLoader {
        ThreadPlugins(URL jar) {
            super(jar);
        }
    }

    private static final class LocalPlugins extends PluginLoader {
        LocalPlugins(URL jar) {
            super(jar);
        }
    }

    private static final class DriverPlugins extends PluginLoader {
        DriverPlugins(URL jar) {
            super(jar);
        }
    }

    private static final class HookPlugins extends PluginLoader {
        HookPlugins(URL jar) {
            super(jar);
        }
    }

    private static final class RemotePlugins extends PluginLoader {
        RemotePlugins(URL jar) {
            super(jar);
        }
    }

    private static final class LogPlugins extends PluginLoader {
        LogPlugins(URL jar) {
            super(jar);
        }
    }

    private static final class ScriptLoader extends PluginLoader {
        ScriptLoader(URL jar) {
            super(jar);
        }
    }

    private static byte[] classFile(String name) throws IOException {
        try (InputStream in = LoaderLeaks.class.getResourceAsStream("LoaderLeaks$" + name + ".class")) {
            return in.readAllBytes();
        }
    }

    private static void put(JarOutputStream jar, String name, byte[] bytes) throws IOException {
        jar.putNextEntry(new JarEntry("com/acme/leaks/LoaderLeaks$" + name + ".class"));
        jar.write(bytes);
    }

    private URL jar() throws IOException {
        Path path = folder.resolve("plugin-" + jars++ + ".jar");
        String plain = new String(classFile("PLAIN"), StandardCharsets.ISO_8859_1);
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(path))) {
            for (int i = 0; i < COPIES; i++) {
                String name = String.format("P%04d", i);
                put(jar, name, plain.replace("PLAIN", name).getBytes(StandardCharsets.ISO_8859_1));
            }
            put(jar, "Worker", classFile("Worker"));
            for (String part : List.of("PluginDriver", "Ping", "PluginRemote", "PluginHandler")) {
                put(jar, part, classFile(part));
            }
        }
        return path.toUri().toURL();
    }

    private interface Use {
        void of(PluginLoader loader) throws Exception;
    }

    private interface Maker {
        PluginLoader make(URL jar);
    }

    private static Object make(PluginLoader loader, String name) throws ReflectiveOperationException {
        return loader.loadClass("com.acme.leaks.LoaderLeaks$" + name).getDeclaredConstructor().newInstance();
    }

    private void closed(int count, Maker maker, Use use) throws Exception {
        for (int i = 0; i < count; i++) {
            PluginLoader loader = maker.make(jar());
            make(loader, "P0000");
            use.of(loader);
            loader.close();
        }
    }

    private static void foundClosed(Class<?> kind, String cause) {
        found("closed-loaders", "seen", null, null);
        says(kind.getName());
        says(cause);
        equal("closed loaders", LOADERS);
    }

    private static void withContext(PluginLoader loader) throws InterruptedException {
        park("context", () -> Thread.currentThread().setContextClassLoader(loader));
    }

    private static void withThread(PluginLoader loader) throws ReflectiveOperationException {
        Thread thread = (Thread) make(loader, "Worker");
        thread.setDaemon(true);
        thread.start();
    }

    private static void withLocal(PluginLoader loader) throws Exception {
        ExecutorService pool = Executors.newSingleThreadExecutor();
        Object value = make(loader, "P0001");
        pool.submit(() -> CURRENT.set(value)).get();
        POOLS.add(pool);
    }

    /* RMI remembers the context class loader with which an object was exported. */
    private static void withRemote(PluginLoader loader) throws Exception {
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        Thread.currentThread().setContextClassLoader(loader);
        try {
            Remote remote = (Remote) make(loader, "PluginRemote");
            UnicastRemoteObject.exportObject(remote, 0);
            EXPORTED.add(remote);
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    private void causes() throws Exception {
        closed(LOADERS, ContextPlugins::new, LoaderLeaks::withContext);
        foundClosed(ContextPlugins.class, "the context class loader of a thread that still runs");
        closed(LOADERS, ThreadPlugins::new, LoaderLeaks::withThread);
        foundClosed(ThreadPlugins.class, "a thread whose class it defined and that was not stopped");
        closed(LOADERS, LocalPlugins::new, LoaderLeaks::withLocal);
        foundClosed(LocalPlugins.class, "a thread local of a thread that lives longer than it");
        closed(LOADERS, DriverPlugins::new, loader -> DriverManager.registerDriver((Driver) make(loader, "PluginDriver")));
        foundClosed(DriverPlugins.class, "a JDBC driver that it registered");
        closed(LOADERS, HookPlugins::new, loader -> Runtime.getRuntime().addShutdownHook((Thread) make(loader, "Worker")));
        foundClosed(HookPlugins.class, "a shutdown hook that it registered");
        closed(LOADERS, RemotePlugins::new, LoaderLeaks::withRemote);
        foundClosed(RemotePlugins.class, "an exported RMI object or RMI's own threads");
        closed(LOADERS, LogPlugins::new, loader -> LOG.addHandler((Handler) make(loader, "PluginHandler")));
        foundClosed(LogPlugins.class, "a level, handler or logger of java.util.logging");
    }

    private void scripts() throws Exception {
        for (int i = 0; i < PLUGINS; i++) {
            ScriptLoader loader = new ScriptLoader(jar());
            for (int k = 0; k < COPIES; k++) {
                SCRIPTS.add(make(loader, String.format("P%04d", k)));
            }
        }
        found("loader-copies", "seen", null, null);
        says(ScriptLoader.class.getName());
        equal("class loaders", PLUGINS);
        equal("classes they defined", (long) PLUGINS * COPIES);
        found("open-jars-of-loaders", "seen", null, null);
        says(ScriptLoader.class.getName());
        equal("class loaders", PLUGINS);
        equal("open jars (java.util.zip.ZipFile$Source)", PLUGINS);
        equal("different files among them", PLUGINS);
        found("duplicate-classes", "seen", null, null);
        least("class names loaded 3 times or more", COPIES);
        least("most copies of one class", PLUGINS);
    }

    private static String text() {
        return "formatted";
    }

    private static Supplier<?> format() throws Throwable {
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        MethodType type = MethodType.methodType(String.class);
        CallSite site = LambdaMetafactory.metafactory(lookup, "get", MethodType.methodType(Supplier.class), MethodType.methodType(Object.class),
            lookup.findStatic(LoaderLeaks.class, "text", type), type);
        return (Supplier<?>) site.getTarget().invoke();
    }

    private static void formats(int count) throws Exception {
        for (int i = 0; i < count; i++) {
            try {
                FORMATS.add(format());
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Override
    void leak() throws Exception {
        causes();
        scripts();
        formats(LAMBDAS);
        found("generated-classes", "seen", null, null);
        says(LoaderLeaks.class.getName());
        least("generated classes", LAMBDAS);
    }

    @Override
    void healthy() throws Exception {
        closed(LOADERS, ContextPlugins::new, loader -> make(loader, "P0001"));
        closed(LOADERS, DriverPlugins::new, loader -> {
            Driver driver = (Driver) make(loader, "PluginDriver");
            DriverManager.registerDriver(driver);
            ((AutoCloseable) driver).close();
        });
        closed(LOADERS, RemotePlugins::new, LoaderLeaks::withRemote);
        for (Remote remote : EXPORTED) {
            UnicastRemoteObject.unexportObject(remote, true);
        }
        EXPORTED.clear();
        closed(LOADERS, LogPlugins::new, loader -> {
            Handler handler = (Handler) make(loader, "PluginHandler");
            LOG.addHandler(handler);
            LOG.removeHandler(handler);
        });
        for (int i = 0; i < 2; i++) {
            SCRIPTS.add(make(new ScriptLoader(jar()), "P0000"));
        }
        formats(10);
    }

    public static void main(String[] arguments) throws Exception {
        new LoaderLeaks(Path.of(arguments[2])).run(arguments);
    }
}
