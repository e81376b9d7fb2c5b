/* SPDX-License-Identifier: MIT */
/*
 * A chat gateway that runs out of memory for three reasons at once, none of which a dominator tree names by itself:
 *
 *     AttachmentRelay.unacknowledged -> PooledHeapByteBuf -> byte[16 MiB] <- PoolChunk <- PoolArena     buffers that nobody releases;
 *                                                                                                      every 5th was, so chunks have gaps
 *     dd-task-scheduler -> DatadogClassLoader -> 12 open jars, classes                                  once per attach of the agent
 *     ImageValidator.recent -> BufferedImage -> DataBufferByte -> byte[4 * width * height]              decoded whole from uploads of a few KiB
 *
 * At last an upload of 20,000 x 20,000 pixels comes, which needs 1.6 GB:
 *
 *     thread "upload-worker"
 *       OutOfMemoryError.<init>      (written by the JVM)
 *       DataBufferByte.<init>
 *       … PNGImageReader, ImageIO.read
 *       ImageValidator.readImage     <- the application's method
 *
 * It fills its heap by shares of Runtime.maxMemory(), whatever -Xmx says, and prints what Netty's own metrics and its own books say.
 *
 * usage: ChatGateway FOLDER JAR...      the jars are copied into FOLDER once per attach
 */
package com.acme.chat;

import datadog.trace.bootstrap.DatadogClassLoader;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PoolArenaMetric;
import io.netty.buffer.PoolChunkListMetric;
import io.netty.buffer.PoolChunkMetric;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.jar.JarFile;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.ImageIO;

/* Attachments on their way to clients, kept until these say that they have them; those of clients that went away stay. */
final class AttachmentRelay {
    static final int ATTACHMENT_BYTES = 1 << 20;
    final PooledByteBufAllocator allocator = new PooledByteBufAllocator(false);
    final Map<Long, ByteBuf> unacknowledged = new ConcurrentHashMap<>();

    void relay(long id) {
        ByteBuf attachment = allocator.heapBuffer(ATTACHMENT_BYTES);
        attachment.writeLong(id);
        unacknowledged.put(id, attachment);
    }

    void acknowledge(long id) {
        unacknowledged.remove(id).release();
    }

    void print() {
        int chunks = 0;
        long used = 0;
        long free = 0;
        for (PoolArenaMetric arena : allocator.metric().heapArenas()) {
            for (PoolChunkListMetric list : arena.chunkLists()) {
                for (PoolChunkMetric chunk : list) {
                    chunks++;
                    free += chunk.freeBytes();
                    used += chunk.chunkSize() - chunk.freeBytes();
                }
            }
        }
        System.out.printf("netty chunks %d used %d free %d buffers %d%n", chunks, used, free, unacknowledged.size());
    }
}

/* Looks whether an upload is an image by decoding all of it, and keeps the last ones for the moderators. */
final class ImageValidator {
    final List<BufferedImage> recent = new ArrayList<>();

    BufferedImage readImage(byte[] upload) throws IOException {
        return ImageIO.read(new ByteArrayInputStream(upload));
    }

    void accept(byte[] upload) throws IOException {
        BufferedImage image = readImage(upload);
        recent.add(image);
        System.out.printf("image %dx%d upload %d%n", image.getWidth(), image.getHeight(), upload.length);
    }
}

/* A PNG of one colour: bytes as a client sends them. */
final class Upload {
    private Upload() {
    }

    static byte[] png(int width, int height, int rows) throws IOException {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(file);
        out.writeLong(0x89504e470d0a1a0aL);
        ByteArrayOutputStream header = new ByteArrayOutputStream();
        DataOutputStream fields = new DataOutputStream(header);
        fields.writeInt(width);
        fields.writeInt(height);
        fields.write(new byte[] {8, 6, 0, 0, 0}); // 8 bits each of red, green, blue, alpha
        chunk(out, "IHDR", header.toByteArray());
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(data, new Deflater(Deflater.BEST_SPEED))) {
            byte[] row = new byte[1 + 4 * width];
            for (int i = 0; i < rows; i++) {
                deflater.write(row);
            }
        }
        chunk(out, "IDAT", data.toByteArray());
        chunk(out, "IEND", new byte[0]);
        return file.toByteArray();
    }

    private static void chunk(DataOutputStream out, String type, byte[] data) throws IOException {
        CRC32 crc = new CRC32();
        byte[] name = type.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        crc.update(name);
        crc.update(data);
        out.writeInt(data.length);
        out.write(name);
        out.write(data);
        out.writeInt((int) crc.getValue());
    }
}

/* The agent is attached anew on every change of the configuration. */
final class Agent {
    static final int ATTACHES = 6;
    static final int CLASSES = 250;

    private Agent() {
    }

    static void attach(Path folder, List<Path> jars) throws IOException {
        Files.createDirectories(folder);
        List<URL> urls = new ArrayList<>();
        for (Path jar : jars) {
            urls.add(Files.copy(jar, folder.resolve(jar.getFileName())).toUri().toURL());
        }
        try (JarFile first = new JarFile(folder.resolve(jars.get(0).getFileName()).toFile())) {
            new DatadogClassLoader(urls.toArray(new URL[0])).start(first, CLASSES);
        }
    }
}

public final class ChatGateway {
    static final int BOMB = 20_000;

    final AttachmentRelay relay = new AttachmentRelay();
    final ImageValidator validator = new ImageValidator();

    private ChatGateway() {
    }

    public static void main(String[] args) throws Exception {
        long heap = Runtime.getRuntime().maxMemory();
        ImageIO.setUseCache(false);
        ChatGateway gateway = new ChatGateway();
        List<Path> jars = new ArrayList<>();
        for (int i = 1; i < args.length; i++) {
            jars.add(Path.of(args[i]));
        }
        for (int i = 0; i < Agent.ATTACHES; i++) {
            Agent.attach(Path.of(args[0], "attach-" + i), jars);
        }
        System.out.printf("agent loaders %d jars %d%n", Agent.ATTACHES, jars.size());
        gateway.relayAll(heap * 5 / 8 / AttachmentRelay.ATTACHMENT_BYTES);
        Thread uploads = new Thread(() -> gateway.uploads(heap / 6), "upload-worker");
        uploads.start();
        uploads.join();
        System.exit(0);
    }

    /* On two event loops, as a server would; every 5th client says that it has its attachment. */
    private void relayAll(long attachments) throws InterruptedException {
        NioEventLoopGroup loops = new NioEventLoopGroup(2, new DefaultThreadFactory("chat-io", true));
        for (long i = 0; i < attachments; i++) {
            long id = i;
            loops.next().submit(() -> relay.relay(id)).sync();
        }
        for (long i = 0; i < attachments; i += 5) {
            relay.acknowledge(i);
        }
        relay.print();
    }

    private void uploads(long bytes) {
        try {
            for (int n = 0; bytes > 0; n++) {
                int width = 2000 + 200 * n;
                int height = 1500;
                validator.accept(Upload.png(width, height, height));
                bytes -= 4L * width * height;
            }
            byte[] bomb = Upload.png(BOMB, BOMB, 16); // room is made for all rows before the first is read
            validator.accept(bomb);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
