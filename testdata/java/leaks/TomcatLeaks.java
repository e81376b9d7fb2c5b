/* SPDX-License-Identifier: MIT */
/*
 * Tomcat: sessions that never expire, and applications that were undeployed and are still held, by a static field and by a thread of their own.
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
import org.apache.catalina.Context;
import org.apache.catalina.Manager;
import org.apache.catalina.Session;
import org.apache.catalina.startup.Tomcat;

public final class TomcatLeaks extends Theme {
    private static final int SESSIONS = 1_200;
    private static final int CARTS = 30;
    private static final int IDLE = 300;
    private static final long TWO_HOURS = 7_200_000;
    /* Ours, and Tomcat's JdbcLeakPrevention, which it defines in every loader that it stops. */
    private static final int CLASSES = 2;
    private static final String WORKER = "orders-worker";

    private final Path folder;
    private final Tomcat tomcat = new Tomcat();

    private TomcatLeaks(Path folder) {
        this.folder = folder;
    }

    private static final class Recent {
        static final List<Object> CARTS = new ArrayList<>();
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

    private void start() throws Exception {
        tomcat.setBaseDir(folder.toString());
        tomcat.getHost();
        tomcat.start();
    }

    private Context deploy(String name, Class<?> part) throws Exception {
        String file = part.getName().replace('.', '/') + ".class";
        Path target = folder.resolve(name).resolve("WEB-INF/classes").resolve(file);
        Files.createDirectories(target.getParent());
        try (InputStream bytes = TomcatLeaks.class.getClassLoader().getResourceAsStream(file)) {
            Files.copy(bytes, target);
        }
        return tomcat.addContext("/" + name, folder.resolve(name).toString());
    }

    private static Object make(Context application, Class<?> part) throws Exception {
        Object made = application.getLoader().getClassLoader().loadClass(part.getName()).getDeclaredConstructor().newInstance();
        if (made.getClass() == part) {
            throw new IllegalStateException("the application has no class of its own");
        }
        return made;
    }

    private void undeploy(Context application) {
        tomcat.getHost().removeChild(application);
    }

    private static void open(Manager manager, int index, int seconds) {
        Session session = manager.createSession(null);
        if (index < IDLE) {
            session.setCreationTime(System.currentTimeMillis() - TWO_HOURS);
        }
        session.setMaxInactiveInterval(seconds);
        session.getSession().setAttribute("cart", new byte[1_000]);
    }

    private static Thread startWorker(Context application) throws Exception {
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

    @Override
    void leak() throws Exception {
        start();
        Context shop = deploy("shop", Cart.class);
        for (int i = 0; i < SESSIONS; i++) {
            open(shop.getManager(), i, -1);
        }
        found("tomcat-sessions", "likely", null, null);
        equal("sessions", SESSIONS);
        equal("sessions that never expire", SESSIONS);
        equal("idle for 30 minutes and more", IDLE);
        least("longest idle, in seconds", TWO_HOURS / 1_000);
        least("bytes kept", SESSIONS * 1_000L);

        Context carts = deploy("carts", Cart.class);
        for (int i = 0; i < CARTS; i++) {
            Recent.CARTS.add(make(carts, Cart.class));
        }
        undeploy(carts);
        found("stopped-application", "certain", null, null);
        equal("classes it defined", CLASSES);
        equal("instances of these classes", CARTS);

        Context orders = deploy("orders", Worker.class);
        startWorker(orders);
        undeploy(orders);
        found("stopped-application", "certain", null, null);
        says(WORKER);
        equal("classes it defined", CLASSES);
        equal("instances of these classes", 1);
    }

    private void useProperly() throws Exception {
        Context shop = deploy("shop", Cart.class);
        for (int i = 0; i < SESSIONS; i++) {
            open(shop.getManager(), i, 1_800);
        }
        for (Session session : shop.getManager().findSessions()) {
            session.isValid();
        }
        Context carts = deploy("carts", Cart.class);
        make(carts, Cart.class);
        undeploy(carts);
        Context orders = deploy("orders", Worker.class);
        Thread worker = startWorker(orders);
        worker.interrupt();
        worker.join();
        undeploy(orders);
    }

    @Override
    void healthy() throws Exception {
        start();
        useProperly();
        collect();
    }

    public static void main(String[] arguments) throws Exception {
        new TomcatLeaks(Path.of(arguments[2])).run(arguments);
    }
}
