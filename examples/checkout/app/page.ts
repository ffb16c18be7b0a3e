import { readdirSync, readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** Where Vite builds the page. */
const pageFolder = fileURLToPath(new URL("../dist/", import.meta.url));

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Serves the built page from memory: a handful of files, so no path of a request ever reaches the file system. */
export function servePage(): RequestListener {
  const names = readdirSync(pageFolder, { recursive: true, encoding: "utf8" }).filter((name) =>
    extname(name),
  );
  const files = new Map(
    names.map((name) => [`/${name.replaceAll("\\", "/")}`, readFileSync(pageFolder + name)]),
  );
  return (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = pathname === "/" ? "/index.html" : pathname;
    const body = files.get(path);
    if (body === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" })
        .end(body);
  };
}
