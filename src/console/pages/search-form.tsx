/** @jsxImportSource preact */
import type { VNode } from "preact";
import { type Search, type SearchField, type SearchProblem, STATES } from "../search/search.ts";
import { visible } from "../values/visible.ts";
import type { Place } from "./layout.tsx";

interface SearchFormParts extends Place {
  readonly search: Search;
  readonly problem: SearchProblem | undefined;
}

interface FieldParts {
  readonly name: SearchField;
  readonly label: string;
  readonly search: Search;
  readonly problem: SearchProblem | undefined;
  readonly isTime?: boolean;
  readonly isWide?: boolean;
}

export function SearchForm({ base, operator, search, problem }: SearchFormParts): VNode {
  const shared = { search, problem };
  return (
    <form class="panel search" role="search" method="get" action={`${base}/`} aria-label="Records">
      <Field {...shared} name="key" label="Key as a whole, or the id of a record" isWide />
      <Field {...shared} name="operation" label="Operation" />
      <ScopeField {...shared} scopes={operator.scopes} />
      <StateField {...shared} />
      <Field {...shared} name="from" label="Claimed from (UTC)" isTime />
      <Field {...shared} name="before" label="Claimed before (UTC)" isTime />
      <div class="actions">
        <button class="main" type="submit">
          Search
        </button>
        <a href={`${base}/`}>Clear</a>
      </div>
    </form>
  );
}

function Field({ name, label, search, problem, isTime = false, isWide = false }: FieldParts): VNode {
  const isWrong = problem?.field === name;
  const shared = {
    id: `search-${name}`,
    name,
    value: isTime && isWrong ? "" : search[name],
    autocomplete: "off",
    ...(isWrong ? { "aria-invalid": true, "aria-describedby": "search-problem" } : {}),
  } as const;
  return (
    <div class={isWide ? "field wide" : isTime ? "field time" : "field"}>
      <label for={shared.id}>{label}</label>
      {isTime ? (
        // With a step of minutes, the browser would refuse a time that has seconds.
        <input {...shared} type="datetime-local" step={/:\d\d:/.test(shared.value) ? 1 : 60} />
      ) : (
        <input {...shared} type="text" spellcheck={false} />
      )}
    </div>
  );
}

/** Somebody of one scope has nothing to choose. */
function ScopeField({
  scopes,
  search,
  problem,
}: Pick<FieldParts, "search" | "problem"> & { scopes: readonly string[] | undefined }): VNode {
  if (scopes === undefined) {
    return <Field name="scope" label="Scope" search={search} problem={problem} />;
  }
  return (
    <div class="field">
      <label for="search-scope">Scope</label>
      <select id="search-scope" name="scope">
        {scopes.length > 1 ? <option value="">all of yours</option> : null}
        {scopes.map((scope) => (
          <option value={scope} selected={scope === search.scope}>
            {visible(scope)}
          </option>
        ))}
      </select>
    </div>
  );
}

function StateField({ search }: Pick<FieldParts, "search" | "problem">): VNode {
  return (
    <div class="field">
      <label for="search-state">State</label>
      <select id="search-state" name="state">
        <option value="">any</option>
        {STATES.map((state) => (
          <option value={state} selected={state === search.state}>
            {state.replace("_", " ")}
          </option>
        ))}
      </select>
    </div>
  );
}
