/* SPDX-License-Identifier: MIT */
/*
 * Jetty 9: an application that was undeployed and is still held by a static field of the server's program, and one that was restarted while a thread
 * of its first life goes on. The healthy run does the same and lets go.
 *
 * Each application has a copy of this program's nested classes in WEB-INF/classes, where its loader looks before it asks its parent.
 */
package com.acme.leaks;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.handler.ContextHandlerCollection;
import org.eclipse.jetty.webapp.WebAppContext;

public final class JettyLeaks extends Theme {
    private static final int CARTS = 30;
    private static final String WORKER = "orders-worker";
    private static final List<Object> RECENT = new ArrayList<>();

    private final Path folder;
    private final Server server = new Server();
    private final ContextHandlerCollection applications = new ContextHandlerCollection();

    private JettyLeaks(Path folder) {
        this.folder = folder;
    }

    public static final class Cart {
        public byte[] items = new byte[1_000];
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

    private WebAppContext deploy(String name, Class<?> part) throws Exception {
        String file = part.getName().replace('.', '/') + ".class";
        Path target = folder.resolve(name).resolve("WEB-INF/classes").resolve(file);
        Files.createDirectories(target.getParent());
        try (InputStream bytes = JettyLeaks.class.getClassLoader().getResourceAsStream(file)) {
            Files.copy(bytes, target);
        }
        WebAppContext application = new WebAppContext(folder.resolve(name).toString(), "/" + name);
        applications.addHandler(application);
        application.start();
        return application;
    }

    private void undeploy(WebAppContext application) throws Exception {
        application.stop();
        applications.removeHandler(application);
    }

    private static Object make(WebAppContext application, Class<?> part) throws Exception {
        Object made = application.getClassLoader().loadClass(part.getName()).getDeclaredConstructor().newInstance();
        if (made.getClass() == part) {
            throw new IllegalStateException("the application has no class of its own");
        }
        return made;
    }

    private static Thread startWorker(WebAppContext application) throws Exception {
        Thread worker = (Thread) make(application, Worker.class);
        worker.setName(WORKER);
        worker.setDaemon(true);
        worker.start();
        /* A stopped loader gives no classes: the worker must have all of its own by then. */
        while (worker.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        return worker;
    }

    private void start() throws Exception {
        server.setHandler(applications);
        server.start();
        deploy("shop", Cart.class);
    }

    @Override
    void leak() throws Exception {
        start();
        WebAppContext carts = deploy("carts", Cart.class);
        for (int i = 0; i < CARTS; i++) {
            RECENT.add(make(carts, Cart.class));
        }
        undeploy(carts);
        found("stopped-application", "certain", JettyLeaks.class, "RECENT");
        says(JettyLeaks.class.getName() + ".RECENT");
        says("/carts/");
        equal("classes it defined", 1);
        equal("instances of these classes", CARTS);

        WebAppContext orders = deploy("orders", Worker.class);
        startWorker(orders);
        orders.stop();
        orders.start();
        make(orders, Worker.class);
        found("stopped-application", "certain", null, null);
        says(WORKER);
        says("/orders/");
        equal("instances of these classes", 1);
    }

    private void useProperly() throws Exception {
        WebAppContext carts = deploy("carts", Cart.class);
        make(carts, Cart.class);
        undeploy(carts);
        WebAppContext orders = deploy("orders", Worker.class);
        Thread worker = startWorker(orders);
        worker.interrupt();
        worker.join();
        orders.stop();
        orders.start();
    }

    @Override
    void healthy() throws Exception {
        start();
        useProperly();
        collect();
    }

    public static void main(String[] arguments) throws Exception {
        new JettyLeaks(Path.of(arguments[2])).run(arguments);
    }
}
