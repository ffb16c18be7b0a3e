using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "shop", worker = .shop),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
);

const shop :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "bundled/worker.js"),
    # As the client that Prisma generates imports it.
    (name = "query_compiler_fast_bg.wasm?module", wasm = embed "bundled/query_compiler_fast_bg.wasm"),
  ],
  # The first at which `nodejs_compat` has the modules of Node.
  compatibilityDate = "2024-09-23",
  compatibilityFlags = ["nodejs_compat"],
  bindings = [
    (name = "DATABASE_URL", fromEnvironment = "DATABASE_URL"),
    (name = "SHOP", service = "shop"),
  ],
);
