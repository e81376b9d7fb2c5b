/* SPDX-License-Identifier: MIT */
/* Memory outside of the heap and what stands for it: direct buffers, caches of I/O threads, mapped files, zip streams, open jars, images. */
package com.acme.leaks;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;

public final class MemoryLeaks extends Theme {
    private static final int MIB = 1 << 20;
    private static final int INFLATERS = 1_200;
    private static final int DEFLATERS = 60;
    private static final int ARCHIVES = 120;
    private static final int IMAGES = 10;
    private static final int WIDTH = 1_600;
    private static final int HEIGHT = 1_400;

    private static final List<ByteBuffer> UPLOADS = new ArrayList<>();
    private static final List<MappedByteBuffer> MAPPINGS = new ArrayList<>();
    private static final List<Inflater> READERS = new ArrayList<>();
    private static final List<Deflater> WRITERS = new ArrayList<>();
    private static final List<ZipFile> ARCHIVE_LIST = new ArrayList<>();
    private static final List<BufferedImage> THUMBNAILS = new ArrayList<>();

    private final Path folder;

    private MemoryLeaks(Path folder) {
        this.folder = folder;
    }

    private static BufferPoolMXBean pool(String name) {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream().filter(p -> p.getName().equals(name)).findFirst().orElseThrow();
    }

    private static void write(Path file, int piece) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[piece]));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void threadBuffers(int piece) throws InterruptedException {
        for (int i = 0; i < 4; i++) {
            Path file = folder.resolve("log" + i);
            park("writer-" + i, () -> write(file, piece));
        }
    }

    private MappedByteBuffer map(String name, int bytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(folder.resolve(name).toFile(), "rw")) {
            file.setLength(bytes);
            return file.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, bytes);
        }
    }

    private Path archive() throws IOException {
        Path path = folder.resolve("plugin.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
            zip.putNextEntry(new ZipEntry("plugin.properties"));
            zip.write("name=plugin".getBytes());
        }
        return path;
    }

    private static byte[] picture() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_3BYTE_BGR), "bmp", bytes);
        return bytes.toByteArray();
    }

    private void zips() throws IOException {
        Path path = archive();
        for (int i = 0; i < ARCHIVES; i++) {
            /* The JDK shares the directory of a file that did not change: a plugin that is deployed again did. */
            Files.setLastModifiedTime(path, FileTime.fromMillis(1_600_000_000_000L + 1_000L * i));
            ARCHIVE_LIST.add(new ZipFile(path.toFile()));
        }
        /* The JDK keeps them in a static map of its own: no holder is expected. */
        found("zip-indexes", "likely", null, null);
        equal("open jars and zip files", ARCHIVES);
        equal("different files among them", 1);
        says("plugin.zip");
    }

    private void streams() {
        for (int i = 0; i < INFLATERS; i++) {
            READERS.add(new Inflater());
        }
        for (int i = 0; i < DEFLATERS; i++) {
            WRITERS.add(new Deflater());
        }
        found("inflaters", "likely", MemoryLeaks.class, "READERS");
        least("open inflaters", INFLATERS);
        found("deflaters", "seen", MemoryLeaks.class, "WRITERS");
        equal("open deflaters", DEFLATERS);
    }

    private void images() throws IOException {
        byte[] picture = picture();
        for (int i = 0; i < IMAGES; i++) {
            THUMBNAILS.add(ImageIO.read(new ByteArrayInputStream(picture)));
        }
        found("decoded-images", "likely", MemoryLeaks.class, "THUMBNAILS");
        equal("decoded images", IMAGES);
        least("bytes of their pixels", 3L * WIDTH * HEIGHT * IMAGES);
        says(String.format("%,d x %,d", WIDTH, HEIGHT));
    }

    private static void forget(int buffers) {
        for (int i = 0; i < buffers; i++) {
            ByteBuffer.allocateDirect(4 * MIB);
        }
    }

    @Override
    void leak() throws Exception {
        zips();
        streams();
        images();
        MAPPINGS.add(map("segment", 80 * MIB));
        found("mapped-files", "seen", MemoryLeaks.class, "MAPPINGS");
        equal("mappings", pool("mapped").getCount());
        equal("bytes mapped", pool("mapped").getTotalCapacity());
        threadBuffers(4 * MIB);
        found("nio-thread-buffers", "seen", null, null);
        least("threads with a cache", 4);
        least("bytes outside of the heap", 16 * MIB);
        for (int i = 0; i < 24; i++) {
            UPLOADS.add(ByteBuffer.allocateDirect(4 * MIB));
        }
        System.gc();
        forget(20);
        found("direct-buffer-backlog", "seen", null, null);
        equal("buffers that wait", 20);
        equal("bytes outside of the heap", 80 * MIB);
        found("direct-buffers", "likely", MemoryLeaks.class, "UPLOADS");
        equal("buffers that own memory", pool("direct").getCount());
        equal("bytes they own", pool("direct").getTotalCapacity());
        equal("bytes the JDK has counted as reserved", pool("direct").getMemoryUsed());
    }

    @Override
    void healthy() throws Exception {
        Path path = archive();
        for (int i = 0; i < ARCHIVES; i++) {
            Files.setLastModifiedTime(path, FileTime.fromMillis(1_600_000_000_000L + 1_000L * i));
            new ZipFile(path.toFile()).close();
        }
        for (int i = 0; i < INFLATERS; i++) {
            new Inflater().end();
        }
        for (int i = 0; i < DEFLATERS; i++) {
            new Deflater().end();
        }
        byte[] picture = picture();
        for (int i = 0; i < IMAGES; i++) {
            ImageIO.read(new ByteArrayInputStream(picture));
        }
        MAPPINGS.add(map("segment", MIB));
        threadBuffers(8 << 10);
        UPLOADS.add(ByteBuffer.allocateDirect(4 * MIB));
    }

    public static void main(String[] arguments) throws Exception {
        new MemoryLeaks(Path.of(arguments[2])).run(arguments);
    }
}
