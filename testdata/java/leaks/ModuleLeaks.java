/* SPDX-License-Identifier: MIT */
/*
 * JBoss Modules, WildFly's class loaders: deployments that were unloaded, held by a static field and by weak references alone, beside one that is loaded.
 *
 * A deployment is a module that exports a copy of one class of this program; its module loader unloads it as WildFly's does when a deployment is removed.
 */
package com.acme.leaks;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jboss.modules.DependencySpec;
import org.jboss.modules.Module;
import org.jboss.modules.ModuleFinder;
import org.jboss.modules.ModuleLoadException;
import org.jboss.modules.ModuleLoader;
import org.jboss.modules.ModuleSpec;
import org.jboss.modules.ResourceLoaderSpec;
import org.jboss.modules.ResourceLoaders;

public final class ModuleLeaks extends Theme {
    private static final int CARTS = 30;
    private static final List<Object> RECENT = new ArrayList<>();
    private static final List<Object> SEEN = new ArrayList<>();

    private final Deployments deployments;

    private ModuleLeaks(Path folder) {
        deployments = new Deployments(folder);
    }

    public static final class Cart {
        public byte[] items = new byte[1_000];
    }

    private static final class Deployments extends ModuleLoader {
        Deployments(Path folder) {
            super(new ModuleFinder[] {new ModuleFinder() {
                @Override
                public ModuleSpec findModule(String name, ModuleLoader loader) throws ModuleLoadException {
                    return specOf(folder, name);
                }
            }});
        }

        private static ModuleSpec specOf(Path folder, String name) throws ModuleLoadException {
            String file = Cart.class.getName().replace('.', '/') + ".class";
            Path target = folder.resolve(name).resolve(file);
            try (InputStream bytes = ModuleLeaks.class.getClassLoader().getResourceAsStream(file)) {
                Files.createDirectories(target.getParent());
                Files.copy(bytes, target);
            } catch (IOException e) {
                throw new ModuleLoadException(e);
            }
            return ModuleSpec.build(name)
                .addResourceRoot(ResourceLoaderSpec.createResourceLoaderSpec(ResourceLoaders.createPathResourceLoader(name, folder.resolve(name))))
                .addDependency(DependencySpec.OWN_DEPENDENCY)
                .create();
        }

        void undeploy(Module module) {
            unloadModuleLocal(module.getName(), module);
        }
    }

    private Module deploy(String name) throws ModuleLoadException {
        return deployments.loadModule("deployment." + name + ".war");
    }

    private static Object make(Module module) throws Exception {
        Object made = module.getClassLoader().loadClass(Cart.class.getName()).getDeclaredConstructor().newInstance();
        if (made.getClass() == Cart.class) {
            throw new IllegalStateException("the deployment has no class of its own");
        }
        return made;
    }

    @Override
    void leak() throws Exception {
        SEEN.add(make(deploy("shop")));
        Module carts = deploy("carts");
        for (int i = 0; i < CARTS; i++) {
            RECENT.add(make(carts));
        }
        deployments.undeploy(carts);
        found("stopped-application", "certain", ModuleLeaks.class, "RECENT");
        says("deployment.carts.war");
        says("UNLOADED");
        equal("instances of these classes", CARTS);
    }

    private void removeProperly() throws Exception {
        Module orders = deploy("orders");
        SEEN.add(new WeakReference<>(make(orders)));
        deployments.undeploy(orders);
    }

    /* No collection before the dump: what is held weakly is still there and must not be called a leak. */
    @Override
    void healthy() throws Exception {
        SEEN.add(make(deploy("shop")));
        removeProperly();
    }

    public static void main(String[] arguments) throws Exception {
        new ModuleLeaks(Path.of(arguments[2])).run(arguments);
    }
}
