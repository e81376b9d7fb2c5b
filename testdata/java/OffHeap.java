/* SPDX-License-Identifier: MIT */
/*
 * Takes known amounts of memory outside of the heap, says "ready" and waits for the end of its input:
 *
 *     16 direct buffers of 4 MiB, each with a slice and a duplicate
 *     a mapped file of 32 MiB, half of it touched
 *     40 threads with stacks of the default size, 4 with 256 KiB
 *     20 inflaters and 10 deflaters in use, 5 ended
 *     the classes of jdk.compiler and java.xml, initialised, and 200 proxies
 */
package com.acme.offheap;

import java.io.RandomAccessFile;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

public final class OffHeap {
    static final int DIRECT_BYTES = 4 << 20;
    static final List<ByteBuffer> BUFFERS = new ArrayList<>();
    static final List<Object> STREAMS = new ArrayList<>();
    static final List<Object> PROXIES = new ArrayList<>();
    static MappedByteBuffer mapped;

    private OffHeap() {
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < 16; i++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(DIRECT_BYTES);
            while (buffer.hasRemaining()) {
                buffer.putLong(i);
            }
            buffer.flip();
            BUFFERS.add(buffer);
            BUFFERS.add(buffer.slice());
            BUFFERS.add(buffer.duplicate());
        }
        map(Path.of(args[0]));
        start(40, 0);
        start(4, 256 << 10);
        streams();
        int classes = load("jdk.compiler") + load("java.xml");
        for (int i = 0; i < 200; i++) {
            URLClassLoader loader = new URLClassLoader(new URL[0]);
            PROXIES.add(Proxy.newProxyInstance(loader, new Class<?>[] {Runnable.class}, (proxy, method, values) -> null));
        }
        System.out.println("classes " + classes);
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
    }

    private static void map(Path file) throws Exception {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(32 << 20);
            mapped = f.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 32 << 20);
        }
        for (int i = 0; i < mapped.capacity() / 2; i += 4096) {
            mapped.put(i, (byte) 1);
        }
    }

    private static void start(int count, long stackBytes) {
        for (int i = 0; i < count; i++) {
            Thread thread = new Thread(null, OffHeap::waitForever, "worker-" + stackBytes + "-" + i, stackBytes);
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static void waitForever() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void streams() throws Exception {
        byte[] text = new byte[200_000];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) (i * 31 >> 3);
        }
        for (int i = 0; i < 35; i++) {
            Deflater deflater = new Deflater();
            byte[] packed = new byte[text.length];
            deflater.setInput(text);
            deflater.finish();
            int length = deflater.deflate(packed);
            Inflater inflater = new Inflater();
            inflater.setInput(packed, 0, length);
            inflater.inflate(new byte[100_000]);
            keepOrEnd(i, deflater, inflater);
        }
    }

    private static void keepOrEnd(int i, Deflater deflater, Inflater inflater) {
        if (i < 10) {
            STREAMS.add(deflater);
        } else {
            deflater.end();
        }
        if (i < 20) {
            STREAMS.add(inflater);
        } else {
            inflater.end();
        }
        if (i >= 30) {
            STREAMS.add(inflater);
        }
    }

    private static int load(String module) throws Exception {
        FileSystem modules = FileSystems.getFileSystem(URI.create("jrt:/"));
        Path top = modules.getPath("modules", module);
        if (!Files.exists(top)) {
            return 0;
        }
        int loaded = 0;
        try (Stream<Path> files = Files.walk(top)) {
            for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                String name = top.relativize(file).toString();
                if (name.endsWith(".class") && !name.equals("module-info.class")) {
                    loaded += initialise(name.substring(0, name.length() - 6).replace('/', '.'));
                }
            }
        }
        return loaded;
    }

    private static int initialise(String name) {
        try {
            Class.forName(name);
            return 1;
        } catch (Throwable e) { // some cannot be initialised outside of their tool
            return 0;
        }
    }
}
