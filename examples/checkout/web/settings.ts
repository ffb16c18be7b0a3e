import { useState } from "react";
import type { Fault } from "../app/faults.ts";
import type { Lane } from "./lanes.ts";

/** What is chosen in the panel. The page itself causes "twice"; the server causes all other faults. */
export interface Settings {
  readonly protocol: "tRPC" | "GraphQL";
  /** In which ways the cart is paid: "both", one after the other. */
  readonly lanes: Lane | "both";
  readonly fault: Fault | "twice";
}

const NAME = "checkout.settings";
const DEFAULTS: Settings = { protocol: "tRPC", lanes: "both", fault: "lose-response" };

/** Kept over reloads: reloading the page is one of the things to try. */
export function useSettings() {
  const [settings, setSettings] = useState<Settings>(() => ({
    ...DEFAULTS,
    ...(JSON.parse(sessionStorage.getItem(NAME) ?? "{}") as Partial<Settings>),
  }));
  const change = (changes: Partial<Settings>) => {
    const next = { ...settings, ...changes };
    sessionStorage.setItem(NAME, JSON.stringify(next));
    setSettings(next);
  };
  return { settings, change };
}
