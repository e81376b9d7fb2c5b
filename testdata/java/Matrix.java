/* SPDX-License-Identifier: MIT */
/*
 * A heap whose contents are known to the byte, for every JVM and collector there is (tests/real/matrix.py).
 *
 *     class Matrix
 *       static HOLDER -> Holder  .table -> Node[1000]  -> Node  .values -> int[10]     .next -> the node before
 *       static BOX    -> Object[8]  [3] -> Pair  .second -> Leaf  .text -> String
 *       static WEAK   -> ArrayList of 50 WeakReference to Strong; static STRONG -> Strong[50]
 *
 *     thread "matrix-worker"   parked below Matrix.hold, which has the only Local in a local variable
 *     thread "matrix-waiter"   daemon, in Object.wait below Matrix.await
 *
 * 500 Dead are garbage. Prints "ready" and waits until its input ends; with the argument "oom" it runs out of memory below Matrix.exhaust instead.
 */
package com.acme.matrix;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

final class Node {
    final Node next;
    final int[] values = new int[10];
    final long id;

    Node(Node next, long id) {
        this.next = next;
        this.id = id;
    }
}

final class Holder {
    final Node[] table = new Node[1000];

    Holder() {
        Node last = null;
        for (int i = 0; i < table.length; i++) {
            table[i] = last = new Node(last, i);
        }
    }
}

/* Fields of every type, in three classes, so that gaps between them are filled one way or another. */
class Base {
    byte small = -1;
    double real = 1.5;
}

class Middle extends Base {
    boolean yes = true;
    Object nothing;
    char letter = 'x';
}

final class Leaf extends Middle {
    short tiny = -2;
    int number = 42;
    long large = 1L << 40;
    float single = 0.25f;
    String text = "caf\u00e9 \u20ac";
}

final class Pair {
    Object first;
    Object second = new Leaf();
}

final class Strong {
}

final class Dead {
}

final class Local {
    int mark = 7;
}

public final class Matrix {
    static final Holder HOLDER = new Holder();
    static final Object[] BOX = new Object[8];
    static final Strong[] STRONG = new Strong[50];
    static final List<WeakReference<Strong>> WEAK = new ArrayList<>();
    static final Object LOCK = new Object();
    static volatile boolean stop;
    static volatile int sum;

    private Matrix() {
    }

    public static void main(String[] args) throws Exception {
        BOX[3] = new Pair();
        for (int i = 0; i < STRONG.length; i++) {
            STRONG[i] = new Strong();
            WEAK.add(new WeakReference<>(STRONG[i]));
        }
        for (int i = 0; i < 500; i++) {
            sum += new Dead().hashCode();
        }
        new Thread(Matrix::hold, "matrix-worker").start();
        Thread waiter = new Thread(Matrix::await, "matrix-waiter");
        waiter.setDaemon(true);
        waiter.start();
        Thread.sleep(500);
        if (args.length > 0 && args[0].equals("oom")) {
            exhaust();
        }
        System.out.println("ready");
        System.in.read();
        System.exit(0);
    }

    private static void exhaust() {
        List<byte[]> hoard = new ArrayList<>();
        try {
            while (true) {
                hoard.add(new byte[1 << 20]);
            }
        } catch (OutOfMemoryError e) {
            hoard.clear();
            System.exit(0);
        }
    }

    /* The local is used after the wait, so that it is alive during it. */
    private static void hold() {
        Local local = new Local();
        while (!stop) {
            LockSupport.park();
        }
        sum += local.mark;
    }

    private static void await() {
        try {
            synchronized (LOCK) {
                while (!stop) {
                    LOCK.wait();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
