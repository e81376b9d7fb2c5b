/* SPDX-License-Identifier: MIT */
/*
 * Listeners that register and never go: each order's view stays on the bus, and with it the order and its lines.
 *
 *     class Orders
 *       static BUS -> EventBus  .listeners -> ArrayList  .elementData -> Object[]  -> OrderView  .order -> Order  .lines -> OrderLine[]
 *
 * Argument: the number of orders. Each has LINES lines, all of one shared Product. Prints "ready" and waits until its input ends.
 */
package com.acme.orders;

import java.util.ArrayList;
import java.util.List;

interface Listener {
    void changed(String what);
}

final class EventBus {
    private final List<Listener> listeners = new ArrayList<>();

    void register(Listener listener) {
        listeners.add(listener);
    }
}

record Product(String name, long price) {
}

record OrderLine(Product product, int quantity) {
}

final class Order {
    static final int LINES = 3;
    final int number;
    final OrderLine[] lines = new OrderLine[LINES];

    Order(int number, Product product) {
        this.number = number;
        for (int i = 0; i < LINES; i++) {
            lines[i] = new OrderLine(product, i + 1);
        }
    }
}

final class OrderView implements Listener {
    final Order order;
    final long[] pixels = new long[128];

    OrderView(Order order) {
        this.order = order;
    }

    @Override
    public void changed(String what) {
        pixels[0] = what.length();
    }
}

public final class Orders {
    static final EventBus BUS = new EventBus();
    static final Product PRODUCT = new Product("teapot", 4200);

    private Orders() {
    }

    public static void main(String[] args) throws Exception {
        int orders = Integer.parseInt(args[0]);
        for (int i = 0; i < orders; i++) {
            BUS.register(new OrderView(new Order(i, PRODUCT)));
        }
        System.out.println("ready");
        System.in.read();
    }
}
