/* SPDX-License-Identifier: MIT */
/*
 * Whether what a class loader belongs to still runs, as far as its server or the JDK keeps books of it:
 *
 *     org.apache.catalina.loader.WebappClassLoaderBase.state          Tomcat: an enum
 *     org.eclipse.jetty.*webapp.WebAppClassLoader._context._state     Jetty: a number (to 9) or an enum (from 10); ee8, ee9, ee10 … of 12
 *     org.jboss.modules.ModuleClassLoader.module                      WildFly: LOADED while its module loader knows the module, else UNLOADED
 *     java.net.URLClassLoader.ucp.closed                              the JDK: OPEN or CLOSED
 *
 * Jetty closes the loader of an application that it stops and gives the same context a new one when it starts again: a closed loader is stopped,
 * whatever the context says.
 */
#ifndef HA_QUERY_Q_LOADER_STATE_H
#define HA_QUERY_Q_LOADER_STATE_H

#include "ha/query/q_query.h"

struct ha_loader_state {
    const char *text; /* "STARTED", "UNLOADED", "CLOSED"; in q's arena or a constant; NULL: nobody keeps books, or the dump does not tell */
    bool application; /* a server keeps the state */
    bool stopped;     /* the server has stopped or unloaded what the loader belongs to */
};

/* loader: any object. Without memory the text is missing. */
void ha_loader_state_read(struct ha_query *q, ha_obj loader, struct ha_loader_state *ret);

#endif
