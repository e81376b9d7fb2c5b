/* SPDX-License-Identifier: MIT */
/*
 * Class names without what differs from run to run, so that two runs of a program can be compared.
 *
 *     com.acme.Foo$$Lambda/0x00007f1c3c001200         com.acme.Foo$$Lambda
 *     com.acme.Foo$$Lambda$17/0x0000000800c03000      com.acme.Foo$$Lambda
 *     jdk.proxy2.$Proxy31, com.sun.proxy.$Proxy9      jdk.proxyN.$ProxyN, com.sun.proxy.$ProxyN
 *     jdk.internal.reflect.GeneratedMethodAccessor7   jdk.internal.reflect.GeneratedMethodAccessorN
 *     Order$$EnhancerBySpringCGLIB$$1f2e3d4c          Order$$EnhancerBySpringCGLIB$$N
 *     Order$HibernateProxy$k3Jd8sLq                   Order$HibernateProxy$N
 *     Order_$$_jvst1f3_a                              Order_$$_jvstN
 *
 * Dimensions of arrays stay. Other names come out as they are.
 */
#ifndef HA_QUERY_Q_NAMES_H
#define HA_QUERY_Q_NAMES_H

#include "ha/base/sbuf.h"

/* Appends the stable form of a class name. */
void ha_name_stable(const char *name, struct ha_sbuf *out);

/* Appends the stable form of a reference's name: an index "[17]" as "[]", a local "<local> frame 3 …" as "<local>". */
void ha_field_stable(const char *field, struct ha_sbuf *out);

#endif
