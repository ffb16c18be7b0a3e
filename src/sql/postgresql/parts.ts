/** Not `now()`, which stands still from BEGIN on: a claim may wait after that. */
export const NOW = "clock_timestamp()";
