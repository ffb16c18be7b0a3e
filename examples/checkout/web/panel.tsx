import { Choice } from "./choice.tsx";
import { LANE_NAMES } from "./lanes.ts";
import type { Settings } from "./settings.ts";

const FAULTS = [
  { value: "none", label: "Nothing", hint: "The payment goes through." },
  {
    value: "lose-response",
    label: "Lose the response",
    hint: "After COMMIT the connection breaks.",
  },
  { value: "delay", label: "Answer 5 s late", hint: "The page gives each attempt 3 s." },
  {
    value: "kill-before-commit",
    label: "Kill the server mid-payment",
    hint: "SIGKILL, card charged but before COMMIT.",
  },
  {
    value: "kill-after-commit",
    label: "Kill the server after COMMIT",
    hint: "SIGKILL, done but not yet answered.",
  },
  { value: "twice", label: "Submit twice", hint: "Two requests at the same time." },
] as const satisfies readonly { value: Settings["fault"]; label: string; hint: string }[];

interface PanelProps {
  readonly settings: Settings;
  readonly onChange: (changes: Partial<Settings>) => void;
}

export function Panel({ settings, onChange }: PanelProps) {
  return (
    <section className="panel" aria-labelledby="panel">
      <h2 id="panel">Break something</h2>
      <Choice
        legend="What goes wrong with the next payment"
        look="list"
        value={settings.fault}
        options={FAULTS}
        onChange={(fault) => onChange({ fault })}
      />
      <Choice
        legend="Pay over"
        look="switch"
        value={settings.protocol}
        options={[
          { value: "tRPC", label: "tRPC" },
          { value: "GraphQL", label: "GraphQL" },
        ]}
        onChange={(protocol) => onChange({ protocol })}
      />
      <Choice
        legend="Pay the cart"
        look="list"
        value={settings.lanes}
        options={[
          { value: "both", label: "In both ways", hint: "First with onceonly, then without a key." },
          { value: "with", label: LANE_NAMES.with },
          { value: "without", label: LANE_NAMES.without },
        ]}
        onChange={(lanes) => onChange({ lanes })}
      />
    </section>
  );
}
