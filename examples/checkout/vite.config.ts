import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL("web/", import.meta.url)),
  plugins: [react()],
  // The example imports the package by name, as users do, but runs from the sources.
  resolve: { tsconfigPaths: true },
  build: { outDir: fileURLToPath(new URL("dist/", import.meta.url)), emptyOutDir: true },
});
