/** @jsxImportSource preact */
import { createHash } from "node:crypto";
import type { ComponentChildren, VNode } from "preact";
import { render } from "preact-render-to-string";
import type { Operator } from "../access/operator.ts";
import { visible } from "../values/visible.ts";
import { Stored } from "./parts.tsx";
import { STYLES } from "./styles.ts";

/** Where a page stands. */
export interface Place {
  /** Path of the console, without a slash at its end. */
  readonly base: string;
  readonly operator: Operator;
}

interface PageParts extends Place {
  readonly title: string;
  readonly section?: "records" | "overview";
  readonly children: ComponentChildren;
}

/** What the policy of a page allows as its style sheet. */
export const stylesHash = (): string => createHash("sha256").update(STYLES).digest("base64");

/** A whole page as HTML. */
export function pageOf(parts: PageParts): string {
  return `<!doctype html>\n${render(<Document {...parts} />)}`;
}

function Document({ title, section, base, operator, children }: PageParts): VNode {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`${visible(title)} - onceonly console`}</title>
        {/* The text is our own: nothing that is stored comes into it. */}
        <style dangerouslySetInnerHTML={{ __html: STYLES }} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header class="top">
          <div class="bar">
            <a class="brand" href={`${base}/`}>
              onceonly <span>console</span>
            </a>
            <nav aria-label="Console">
              <ul>
                <Tab href={`${base}/`} isCurrent={section === "records"} name="Records" />
                {operator.scopes === undefined ? (
                  <Tab href={`${base}/overview`} isCurrent={section === "overview"} name="Overview" />
                ) : null}
              </ul>
            </nav>
            <Rights operator={operator} />
          </div>
        </header>
        <main id="main" tabindex={-1}>
          {children}
        </main>
      </body>
    </html>
  );
}

function Tab({ href, name, isCurrent }: { href: string; name: string; isCurrent: boolean }): VNode {
  return (
    <li>
      <a href={href} {...(isCurrent ? { "aria-current": "page" } : {})}>
        {name}
      </a>
    </li>
  );
}

function Rights({ operator: { scopes, mayForget } }: { operator: Operator }): VNode {
  const [scope = "", ...others] = scopes ?? [];
  return (
    <p class="rights">
      {scopes === undefined ? "All scopes" : others.length > 0 ? `${scopes.length} scopes` : "Scope "}
      {scopes !== undefined && others.length === 0 ? <Stored text={scope} /> : null}
      {mayForget ? "" : ", read only"}
    </p>
  );
}
