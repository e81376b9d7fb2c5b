/* SPDX-License-Identifier: MIT */
/* Hibernate (3.6 over HSQLDB): a session that reads everything, and queries whose lists have every length; beside pages that are cleared and one query. */
package com.acme.leaks;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.hibernate.Query;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.Configuration;

public final class HibernateLeaks extends Theme {
    private static final int ORDERS = 8_000;
    private static final int PAGE = 100;
    private static final int QUERIES = 120;
    private static final int LIST = 500;
    private static final int TEXT = 5_000;
    private static final String MAPPING = String.join("\n",
        "<!DOCTYPE hibernate-mapping PUBLIC '-//Hibernate/Hibernate Mapping DTD 3.0//EN' 'http://hibernate.sourceforge.net/hibernate-mapping-3.0.dtd'>",
        "<hibernate-mapping><class name='" + Order.class.getName() + "' table='orders' lazy='false'>",
        "<id name='id' access='field'><generator class='assigned'/></id>",
        /* Made by the database for each row: what it stores, HSQLDB would give to everyone. */
        "<property name='text' access='field' formula=\"repeat('x', " + TEXT + ")\"/></class></hibernate-mapping>");

    private static SessionFactory factory;
    private static Session report;
    private static final List<Order> SEEN = new ArrayList<>();

    public static class Order {
        int id;
        String text;
    }

    private static void open() {
        factory = new Configuration()
            .setProperty("hibernate.connection.driver_class", "org.hsqldb.jdbc.JDBCDriver")
            .setProperty("hibernate.connection.url", "jdbc:hsqldb:mem:orders")
            .setProperty("hibernate.connection.username", "SA")
            .setProperty("hibernate.dialect", "org.hibernate.dialect.HSQLDialect")
            .setProperty("hibernate.hbm2ddl.auto", "create")
            .setProperty("hibernate.query.plan_cache_max_strong_references", Integer.toString(QUERIES))
            .addXML(MAPPING)
            .buildSessionFactory();
        Session session = factory.openSession();
        session.beginTransaction();
        for (int i = 0; i < ORDERS; i++) {
            Order order = new Order();
            order.id = i;
            session.save(order);
            if (i % PAGE == PAGE - 1) {
                session.flush();
                session.clear();
            }
        }
        session.getTransaction().commit();
        session.close();
    }

    private static Query find(Session session, int count) {
        String list = IntStream.range(0, count).mapToObj(i -> ":p" + i).collect(Collectors.joining(", "));
        Query query = session.createQuery("from " + Order.class.getName() + " where id in (" + list + ")");
        IntStream.range(0, count).forEach(i -> query.setInteger("p" + i, i));
        return query;
    }

    @Override
    void leak() throws Exception {
        open();
        report = factory.openSession();
        report.createQuery("from " + Order.class.getName()).list();
        found("hibernate-session", "likely", HibernateLeaks.class, "report");
        equal("entities in the largest session", ORDERS);
        least("bytes kept", ORDERS * (long) TEXT);
        for (int i = 0; i < QUERIES; i++) {
            Session session = factory.openSession();
            find(session, LIST + i);
            session.close();
        }
        found("hibernate-plan-cache", "seen", HibernateLeaks.class, "factory");
        equal("plan caches", 1);
    }

    @Override
    @SuppressWarnings("unchecked")
    void healthy() throws Exception {
        open();
        report = factory.openSession();
        for (int i = 0; i < ORDERS; i += PAGE) {
            List<Order> page = report.createQuery("from " + Order.class.getName() + " order by id").setFirstResult(i).setMaxResults(PAGE).list();
            SEEN.add(page.get(0));
            report.clear();
        }
        for (int i = 0; i < QUERIES; i++) {
            Session session = factory.openSession();
            find(session, LIST);
            session.close();
        }
    }

    public static void main(String[] arguments) throws Exception {
        new HibernateLeaks().run(arguments);
    }
}
