// SPDX-License-Identifier: MIT
package com.acme.sizes;

import java.io.PrintStream;
import java.lang.instrument.Instrumentation;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.MutableCallSite;
import java.lang.invoke.VarHandle;
import java.lang.invoke.VolatileCallSite;
import java.lang.ref.Cleaner;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.SoftReference;
import java.lang.ref.WeakReference;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.function.*;
import java.util.stream.*;

/**
 * What a service holds, in small: every kind of object whose size the JVM decides by a rule of its own. It prints "ready", then waits for its
 * standard input to end. Loaded as an agent too (Premain-Class), it writes to the file named by its first argument the size that the JVM gives for the class
 * object of each loaded class.
 */
public final class Sizes {
    static Instrumentation instrumentation;
    static final List<Object> KEPT = new ArrayList<>();

    // ---- fields of all widths, in odd orders, over deep hierarchies ----

    static class A { boolean a1; }
    static class B extends A { long b1; byte b2; }
    static class C extends B { short c1; Object c2; boolean c3; }
    static class D extends C { double d1; char d2; float d3; }
    static class E extends D { Object e1; byte e2; Object e3; int e4; byte e5; }
    static class F extends E { byte f1; byte f2; byte f3; }
    static class G extends F { long g1; }
    static class H extends G { Object h1; }
    static class I extends H { short i1; long i2; byte i3; int i4; }
    static class Empty { }
    static class StillEmpty extends Empty { }
    static class OneByte extends StillEmpty { byte b; }
    static class TwoShorts extends OneByte { short s1; short s2; }
    static class OneRef extends TwoShorts { Object r; }
    static class IntThenLong { int i; long l; }
    static class LongThenInt { long l; int i; }
    static class RefThenLong { Object r; long l; }
    static class RefsAndByte { Object r1; byte b; Object r2; }
    static class SubOfRefs extends RefsAndByte { Object r3; byte b2; long l; }
    static class SubSubOfRefs extends SubOfRefs { Object r4; Object r5; }
    static class Bytes7 { byte b1, b2, b3, b4, b5, b6, b7; }
    static class Bytes7Int extends Bytes7 { int i; }
    static class Bytes7IntByte extends Bytes7Int { byte b; }
    static class Bytes7IntByteLong extends Bytes7IntByte { long l; Object r; }
    static class Doubles { double d1, d2, d3; float f1; char c; }
    static class ManyRefs { Object a, b, c, d, e, f, g; boolean flag; }
    static class MoreRefs extends ManyRefs { Object h; }
    static class StaticsOfAllKinds {
        static byte b = 1; static short s = 2; static char c = 'c'; static int i = 4; static long l = 8L; static float f = 1f; static double d = 2d;
        static boolean z = true; static Object r = new Object(); static String t = "t"; static int[] n = new int[3];
    }
    static class StaticsByteAndRef { static byte b; static Object r = KEPT; }
    static class StaticsRefAndLong { static Object r = KEPT; static long l; static byte b; static Object q; static Object p; }
    static class Tight { int a; int b; int c; }

    @jdk.internal.vm.annotation.Contended
    static class Padded { long hot; Object r; }
    static class PaddedField { int cold; @jdk.internal.vm.annotation.Contended volatile long hot; Object r; }
    static class PaddedGroups {
        int cold;
        @jdk.internal.vm.annotation.Contended("x") long x1; @jdk.internal.vm.annotation.Contended("x") int x2;
        @jdk.internal.vm.annotation.Contended("y") long y1;
    }
    static class BelowPadded extends Padded { int more; byte b; }

    record Point(int x, int y) { }
    record Line(Point from, Point to, String name, byte weight) { }
    enum Colour { RED, GREEN { @Override public String toString() { return "green!"; } }, BLUE }
    interface Shape { double area(); }
    sealed interface Sealed permits Circle, Square { }
    record Circle(double r) implements Sealed, Shape { public double area() { return r * r * 3.14; } }
    record Square(float a, short b) implements Sealed, Shape { public double area() { return a * b; } }

    static final class Service extends Thread {
        final CountDownLatch ready;
        volatile Object local;
        byte odd;
        Service(String name, CountDownLatch ready) { super(name); this.ready = ready; setDaemon(true); }
        @Override public void run() {
            ThreadLocalRandom.current().nextInt();
            ThreadLocal<int[]> own = ThreadLocal.withInitial(() -> new int[17]);
            local = own.get();
            ready.countDown();
            LockSupport.park();
            while (!interrupted()) { LockSupport.park(); }
        }
    }

    static class Loader extends ClassLoader {
        final byte[] pad = new byte[13];
        Loader() { super("sizes", null); }
    }

    // ---- makers ----

    static void layouts() {
        List<Supplier<Object>> makers = List.of(A::new, B::new, C::new, D::new, E::new, F::new, G::new, H::new, I::new, Empty::new, StillEmpty::new, OneByte::new,
            TwoShorts::new, OneRef::new, IntThenLong::new, LongThenInt::new, RefThenLong::new, RefsAndByte::new, SubOfRefs::new, SubSubOfRefs::new,
            Bytes7::new, Bytes7Int::new, Bytes7IntByte::new, Bytes7IntByteLong::new, Doubles::new, ManyRefs::new, MoreRefs::new, Tight::new,
            StaticsOfAllKinds::new, StaticsByteAndRef::new, StaticsRefAndLong::new, Padded::new, PaddedField::new, PaddedGroups::new, BelowPadded::new, Object::new);
        for (Supplier<Object> maker : makers) {
            for (int i = 0; i < 40; i++) {
                KEPT.add(maker.get());
            }
        }
        for (int i = 0; i < 3; i++) { // few of a kind, each alone
            KEPT.add(new Object() { byte b; long l; });
            KEPT.add(new Object() { Object r; short s; });
        }
    }

    static void boxes() {
        for (int i = 0; i < 300; i++) {
            KEPT.add(Integer.valueOf(1000 + i));
            KEPT.add(Long.valueOf(1000L + i));
            KEPT.add(Short.valueOf((short) (1000 + i)));
            KEPT.add(Character.valueOf((char) (1000 + i)));
            KEPT.add(Double.valueOf(i));
            KEPT.add(Float.valueOf(i));
            KEPT.add(new AtomicLong(i));
            KEPT.add(new AtomicBoolean());
            KEPT.add("text number " + i);
            KEPT.add(new StringBuilder("b" + i));
            KEPT.add(Optional.of(i));
            KEPT.add(OptionalLong.of(i));
            KEPT.add(BigInteger.valueOf(1L << (i % 60)).pow(3));
            KEPT.add(new BigDecimal("1." + i));
            KEPT.add(Instant.ofEpochSecond(i));
            KEPT.add(new UUID(i, i));
        }
        KEPT.add(ZonedDateTime.now());
    }

    static void arrays() {
        for (int n = 0; n < 70; n++) {
            KEPT.add(new byte[n]);
            KEPT.add(new boolean[n]);
            KEPT.add(new char[n]);
            KEPT.add(new short[n]);
            KEPT.add(new int[n]);
            KEPT.add(new float[n]);
            KEPT.add(new long[n]);
            KEPT.add(new double[n]);
            KEPT.add(new Object[n]);
            KEPT.add(new String[n]);
            KEPT.add(new Point[n]);
            KEPT.add(new int[n][]);
        }
        KEPT.add(new int[3][4][5]);
        KEPT.add(new byte[3 << 20]);
        KEPT.add(new Object[1 << 18]);
    }

    static void collections() {
        Map<String, Object> map = new ConcurrentHashMap<>();
        IntStream.range(0, 500).forEach(i -> map.put("key" + i, new LinkedList<>(List.of(i, i + 1))));
        KEPT.add(map);
        KEPT.add(new TreeMap<>(map));
        KEPT.add(new LinkedHashMap<>(map));
        KEPT.add(new WeakHashMap<>(map));
        KEPT.add(new IdentityHashMap<>(map));
        KEPT.add(new ConcurrentSkipListMap<>(map));
        KEPT.add(new ArrayDeque<>(map.keySet()));
        KEPT.add(new PriorityQueue<>(map.keySet()));
        KEPT.add(new EnumMap<>(Map.of(Colour.RED, 1)));
        KEPT.add(EnumSet.allOf(Colour.class));
        KEPT.add(new BitSet(100));
        KEPT.add(Map.of(1, 2, 3, 4));
        KEPT.add(new CopyOnWriteArrayList<>(map.keySet()));
        KEPT.add(Collections.synchronizedMap(new HashMap<>(map)));
        KEPT.add(map.keySet().stream().collect(Collectors.groupingBy(String::length)));
        KEPT.add(new LinkedBlockingQueue<>(map.keySet()));
        KEPT.add(new DelayQueue<>());
        KEPT.add(new Exchanger<>());
        KEPT.add(new Phaser(3));
        KEPT.add(new SubmissionPublisher<String>());
        KEPT.add(new StampedLock());
        KEPT.add(new ReentrantReadWriteLock());
        KEPT.add(new Semaphore(2));
    }

    static void records() {
        for (int i = 0; i < 200; i++) {
            Point p = new Point(i, -i);
            KEPT.add(new Line(p, new Point(0, 0), "l" + i, (byte) i));
            KEPT.add(new Circle(i));
            KEPT.add(new Square(i, (short) i));
            int n = i;
            KEPT.add((IntUnaryOperator) x -> x + n);
            KEPT.add((Supplier<Object>) () -> p);
            KEPT.add((Runnable) () -> System.out.println(n + p.x));
        }
        KEPT.add(Colour.GREEN);
        KEPT.add((Function<Object, String>) String::valueOf);
        KEPT.add((Comparator<String>) String::compareTo);
    }

    static void references() {
        ReferenceQueue<Object> queue = new ReferenceQueue<>();
        Cleaner cleaner = Cleaner.create();
        KEPT.add(queue);
        KEPT.add(cleaner);
        for (int i = 0; i < 60; i++) {
            Object o = new Object();
            KEPT.add(o);
            KEPT.add(new WeakReference<>(o));
            KEPT.add(new SoftReference<>(o));
            KEPT.add(new PhantomReference<>(o, queue));
            cleaner.register(o, () -> { });
            KEPT.add(ByteBuffer.allocateDirect(64));
            KEPT.add(ByteBuffer.allocate(i));
        }
    }

    static void invocations() throws Throwable {
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        MethodHandle length = lookup.findVirtual(String.class, "length", MethodType.methodType(int.class));
        VarHandle hot = lookup.findVarHandle(Padded.class, "hot", long.class);
        KEPT.add(length);
        KEPT.add(hot);
        KEPT.add(MethodHandles.dropArguments(length, 0, int.class, Object.class));
        KEPT.add(new MutableCallSite(length));
        KEPT.add(new VolatileCallSite(length));
        KEPT.add(AtomicLongFieldUpdater.newUpdater(PaddedFieldHolder.class, "value"));
        KEPT.add(AtomicReferenceFieldUpdater.newUpdater(Service.class, Object.class, "local"));
        KEPT.add(Proxy.newProxyInstance(Sizes.class.getClassLoader(), new Class<?>[] {Shape.class}, (proxy, method, args) -> 1.0));
        KEPT.add(StackWalker.getInstance().walk(s -> s.collect(Collectors.toList())));
        KEPT.add(StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE).walk(s -> s.map(StackWalker.StackFrame::getDeclaringClass).collect(Collectors.toList())));
        KEPT.add(new Throwable("kept").getStackTrace());
        KEPT.add(new IllegalStateException("kept"));
        KEPT.add(Sizes.class.getDeclaredMethods());
        KEPT.add(Sizes.class.getDeclaredFields());
        KEPT.add(Line.class.getRecordComponents());
        KEPT.add(String.class.getConstructors());
        KEPT.add(new Loader());
        KEPT.add(new Loader());
        KEPT.add(Object.class.getModule());
        KEPT.add(java.util.regex.Pattern.compile("(a|b)+[c-f]{2,5}(?<name>x)"));
        KEPT.add(Locale.getDefault());
        KEPT.add(String.format("%05d %s", 5, "x"));
    }

    static class PaddedFieldHolder { volatile long value; }

    static void threads() throws Exception {
        CountDownLatch ready = new CountDownLatch(8);
        for (int i = 0; i < 8; i++) {
            Service s = new Service("service-" + i, ready);
            KEPT.add(s);
            s.start();
        }
        ready.await();
        ExecutorService pool = Executors.newFixedThreadPool(3, daemon());
        ScheduledExecutorService timer = Executors.newScheduledThreadPool(1, daemon());
        KEPT.add(pool);
        KEPT.add(timer);
        KEPT.add(timer.schedule(() -> 1, 5, TimeUnit.HOURS));
        List<CompletableFuture<Integer>> futures = new ArrayList<>();
        LongAdder adder = new LongAdder();
        Map<Integer, Integer> shared = new ConcurrentHashMap<>();
        for (int i = 0; i < 64; i++) {
            int n = i;
            futures.add(CompletableFuture.supplyAsync(() -> { for (int k = 0; k < 20000; k++) { adder.increment(); shared.merge(k % 64 + n * 64, 1, Integer::sum); } return n; }, pool));
        }
        for (CompletableFuture<Integer> future : futures) { future.get(); }
        KEPT.add(futures);
        KEPT.add(adder);
        KEPT.add(shared);
        KEPT.add(ForkJoinPool.commonPool().submit(() -> IntStream.range(0, 100000).parallel().map(i -> i ^ 5).sum()).get());
        new java.util.Timer("timer", true).schedule(new TimerTask() { @Override public void run() { } }, 10_000_000);
        Thread sleeper = new Thread(() -> { synchronized (KEPT) { while (true) { try { KEPT.wait(); } catch (InterruptedException e) { return; } } } }, "waiter");
        sleeper.setDaemon(true);
        sleeper.start();
        virtualThreads();
    }

    static ThreadFactory daemon() {
        return task -> { Thread t = new Thread(task); t.setDaemon(true); return t; };
    }

    static void virtualThreads() throws Exception {
        try {
            java.lang.reflect.Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
            CountDownLatch parked = new CountDownLatch(20);
            for (int i = 0; i < 20; i++) {
                int depth = i;
                KEPT.add(start.invoke(null, (Runnable) () -> dive(depth, parked)));
            }
            parked.await();
        } catch (NoSuchMethodException e) {
            KEPT.add(e.getMessage());
        }
    }

    static int dive(int depth, CountDownLatch parked) {
        if (depth > 0) {
            return dive(depth - 1, parked) + 1;
        }
        parked.countDown();
        while (true) { LockSupport.park(); }
    }

    // ---- the agent ----

    public static void premain(String file, Instrumentation given) {
        instrumentation = given;
    }

    static void writeClassObjects(String file) throws Exception {
        try (PrintStream out = new PrintStream(file, "UTF-8")) {
            for (Class<?> c : instrumentation.getAllLoadedClasses()) {
                out.println(c.getName() + "\t" + instrumentation.getObjectSize(c));
            }
        }
    }

    public static void main(String[] args) throws Throwable {
        layouts();
        boxes();
        arrays();
        collections();
        records();
        references();
        invocations();
        threads();
        Thread.sleep(args.length > 1 ? Long.parseLong(args[1]) : 300); // parked threads get unmounted
        if (instrumentation != null) {
            writeClassObjects(args[0]);
        }
        System.out.println("ready");
        while (System.in.read() >= 0) { }
    }
}
