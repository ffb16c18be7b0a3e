/** The one style sheet, which stands in each page: its hash is what the pages' policy allows. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f8; --surface: #ffffff; --sunken: #f6f7f8; --text: #1b1f24; --muted: #59616b; --line: #d9dde2; --field: #8a929c;
  --accent: #1a5bb8; --on-accent: #ffffff; --focus: #1a5bb8; --escape: #7a3e9d;
  --good: #14643a; --good-ground: #e4f3ea; --bad: #a11d1d; --bad-ground: #fbe9e8;
  --busy: #1a52a0; --busy-ground: #e6effb; --stuck: #7d4c00; --stuck-ground: #fcefd8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121518; --surface: #1a1e22; --sunken: #14181b; --text: #e4e7ea; --muted: #9da6b0; --line: #31383f; --field: #6d7681;
    --accent: #84b5ff; --on-accent: #0d1a2b; --focus: #84b5ff; --escape: #d3a4f0;
    --good: #7fd6a3; --good-ground: #16321f; --bad: #ff9d97; --bad-ground: #40191a;
    --busy: #93bdff; --busy-ground: #172b48; --stuck: #f0bf6d; --stuck-ground: #3a2a0d;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text); -webkit-text-size-adjust: 100%;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
a { color: var(--accent); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
h1, h2, h3, p, ol, ul, dl, dd, figure, fieldset { margin: 0; padding: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 600; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h1.mono { font-size: 1.3rem; }
h2 { font-size: 1rem; line-height: 1.4; font-weight: 600; }
ol, ul { list-style: none; }
code, pre, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.9em; }
.mono, bdi, dd { overflow-wrap: anywhere; }
time, .number { font-variant-numeric: tabular-nums; }
.escape { color: var(--escape); }
.muted { color: var(--muted); }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--surface); padding: 0.25rem 0.5rem; z-index: 1; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.top { background: var(--surface); border-bottom: 1px solid var(--line); }
.bar { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; display: flex; flex-wrap: wrap; align-items: center; column-gap: 2rem; }
.brand { color: inherit; text-decoration: none; font-weight: 600; letter-spacing: -0.01em; padding: 0.85rem 0; }
.brand span { color: var(--muted); font-weight: 400; }
nav ul { display: flex; gap: 1.25rem; }
.top nav a { display: block; padding: 0.85rem 0; color: var(--muted); text-decoration: none; border-bottom: 2px solid transparent; margin-bottom: -1px; }
.top nav a:hover { color: var(--text); }
.top nav a[aria-current] { color: var(--text); border-bottom-color: var(--accent); }
.rights { margin-left: auto; color: var(--muted); font-size: 0.875rem; padding: 0.5rem 0; max-width: 100%; }
main { max-width: 76rem; margin: 0 auto; padding: 1.75rem 1.5rem 4rem; display: grid; gap: 1.5rem; grid-template-columns: minmax(0, 1fr); }
main:focus { outline: none; }
.title { display: grid; gap: 0.35rem; }
.title .line { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; }
.crumbs { font-size: 0.875rem; }

.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; min-width: 0; }
.panel > header, .panel > .body { padding: 1rem 1.25rem; }
.panel > header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0.25rem 1rem; border-bottom: 1px solid var(--line); padding-block: 0.7rem; }
.panel > header p { color: var(--muted); font-size: 0.875rem; }
.panel > .body { display: grid; gap: 0.85rem; grid-template-columns: minmax(0, 1fr); }
.note p { max-width: 62rem; }
.note { border: 1px solid var(--line); border-left: 4px solid var(--field); border-radius: 6px; background: var(--surface); padding: 0.75rem 1rem; }
.note strong { font-weight: 600; }
.note.good { border-left-color: var(--good); } .note.bad { border-left-color: var(--bad); }
.note.busy { border-left-color: var(--busy); } .note.stuck { border-left-color: var(--stuck); }
.prose { max-width: 44rem; }

form.search { display: grid; gap: 0.9rem 1rem; grid-template-columns: repeat(12, minmax(0, 1fr)); align-items: end; padding: 1.1rem 1.25rem 1.25rem; }
.search .field { grid-column: span 3; } .search .wide { grid-column: span 6; }
.search .actions { grid-column: span 3; }
.field { display: grid; gap: 0.25rem; min-width: 0; grid-template-columns: minmax(0, 1fr); }
label, .label { font-size: 0.8125rem; font-weight: 500; color: var(--muted); }
input, select, button, .button { font: inherit; color: inherit; }
input, select { width: 100%; min-width: 0; height: 2.4rem; padding: 0 0.6rem; border: 1px solid var(--field); border-radius: 5px; background: var(--surface); }
input[aria-invalid] { border-color: var(--bad); }
.actions { display: flex; flex-wrap: wrap; gap: 0.6rem 1rem; align-items: center; }
button, .button {
  display: inline-flex; align-items: center; min-height: 2.4rem; padding: 0 1rem; border-radius: 5px; cursor: pointer; text-decoration: none;
  border: 1px solid var(--field); background: var(--surface); color: var(--text); font-weight: 500;
}
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button:hover, .button:hover { border-color: var(--text); }
.button.danger { color: var(--bad); border-color: var(--bad); }
.button.danger:hover { background: var(--bad-ground); border-color: var(--bad); }
button.danger { background: var(--bad); border-color: var(--bad); color: var(--surface); }

.badge { display: inline-flex; align-items: center; gap: 0.4em; padding: 0.1em 0.6em; border-radius: 99px; font-size: 0.8125rem; font-weight: 500; white-space: nowrap; line-height: 1.5; }
.badge::before { content: ""; width: 0.5em; height: 0.5em; border-radius: 50%; background: currentColor; }
.badge.good { color: var(--good); background: var(--good-ground); } .badge.bad { color: var(--bad); background: var(--bad-ground); }
.badge.busy { color: var(--busy); background: var(--busy-ground); } .badge.stuck { color: var(--stuck); background: var(--stuck-ground); }
.badge.past { color: var(--muted); background: none; box-shadow: inset 0 0 0 1px var(--line); }
.badges { display: inline-flex; flex-wrap: wrap; gap: 0.3rem; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
caption { text-align: left; }
th { text-align: left; font-weight: 500; font-size: 0.8125rem; color: var(--muted); white-space: nowrap; }
th, td { padding: 0.6rem 0.75rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { padding-left: 1.25rem; } th:last-child, td:last-child { padding-right: 1.25rem; }
tbody tr:last-child > * { border-bottom: 0; }
tbody tr:hover { background: var(--sunken); }
tbody th { color: inherit; font-size: inherit; font-weight: 400; white-space: normal; }
td.number, th.number { text-align: right; }
td time { white-space: nowrap; }
.key { font-weight: 500; }
.cards td[data-label="State"], .cards td[data-label="Took"], .cards td[data-label="Claimed"], .cards td[data-label="Expires"] { white-space: nowrap; width: 1%; }
.cards td[data-label="Operation"] { min-width: 8.5rem; } .cards td[data-label="Scope"] { min-width: 6rem; }
.times { font-size: 0.8125rem; color: var(--muted); }
.pages { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1.25rem; padding: 0.8rem 1.25rem; border-top: 1px solid var(--line); }
.empty { padding: 2.25rem 1.25rem; color: var(--muted); }

dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.4rem 1.5rem; }
dl.facts dt { color: var(--muted); font-size: 0.875rem; padding-top: 0.05rem; }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.25fr); gap: 1.5rem; align-items: start; }
.timeline { position: relative; display: grid; }
.timeline li { position: relative; padding: 0 0 0.95rem 1.5rem; display: grid; grid-template-columns: minmax(0, 1fr) max-content; column-gap: 1rem; }
.timeline li:last-child { padding-bottom: 0; }
.timeline li::before { content: ""; position: absolute; left: 0; top: 0.42rem; width: 0.65rem; height: 0.65rem; border-radius: 50%; background: var(--surface); border: 2px solid var(--field); }
.timeline li::after { content: ""; position: absolute; left: calc(0.325rem - 0.5px); top: 1.15rem; bottom: -0.4rem; width: 1px; background: var(--line); }
.timeline li:last-child::after { display: none; }
.timeline li.good::before { border-color: var(--good); background: var(--good); } .timeline li.bad::before { border-color: var(--bad); background: var(--bad); }
.timeline li.busy::before { border-color: var(--busy); background: var(--busy); } .timeline li.stuck::before { border-color: var(--stuck); background: var(--stuck); }
.timeline .what { font-weight: 500; overflow-wrap: anywhere; }
.timeline time, .timeline .after { color: var(--muted); font-size: 0.875rem; }
.timeline .after { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.timeline time, .timeline .more { grid-column: 1 / -1; }
.timeline .more { color: var(--muted); font-size: 0.875rem; }

pre.value { margin: 0; padding: 0.85rem 1rem; max-height: 32rem; overflow: auto; background: var(--sunken); border: 1px solid var(--line); border-radius: 6px; line-height: 1.55; tab-size: 2; white-space: pre; font-size: 0.84rem; }
pre.value.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
.message { font-size: 1.05rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.message strong { font-weight: 600; color: var(--bad); }
.steps { margin-block: -0.5rem; }
details { border-top: 1px solid var(--line); padding: 0.15rem 0; }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; padding: 0.5rem 0; overflow-wrap: anywhere; }
details[open] summary { padding-bottom: 0.6rem; }
details pre.value { margin-bottom: 0.75rem; }
summary .when { color: var(--muted); font-size: 0.875rem; margin-left: 0.75rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; background: var(--line); border-radius: 8px; overflow: hidden; border: 1px solid var(--line); }
.figures div { background: var(--surface); padding: 0.9rem 1.25rem 1rem; display: flex; flex-direction: column; }
.figures dt { color: var(--muted); font-size: 0.8125rem; }
.figures dd { font-size: 1.5rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.figures dd + dd { font-size: 0.8125rem; font-weight: 400; color: var(--muted); letter-spacing: 0; }

@media (max-width: 60rem) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .search .field { grid-column: span 4; } .search .wide, .search .actions { grid-column: span 12; }
}
@media (max-width: 44rem) {
  .bar, main { padding-inline: 1rem; }
  main { padding-top: 1.25rem; gap: 1.1rem; }
  .bar { column-gap: 1.25rem; }
  .rights { margin-left: 0; flex-basis: 100%; padding: 0 0 0.6rem; }
  .search .field { grid-column: span 6; } .search .wide, .search .time, .search .actions { grid-column: span 12; }
  form.search, .panel > .body, .panel > header, .pages { padding-inline: 1rem; }
  dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0; } dl.facts dd { margin-bottom: 0.6rem; }
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards, .cards tbody { display: block; }
  .cards tr { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: 0.2rem 0.75rem; padding: 0.9rem 1rem; border-bottom: 1px solid var(--line); }
  .cards tbody tr:last-child { border-bottom: 0; }
  .cards th, .cards td, .cards td[data-label] { display: contents; text-align: left; white-space: normal; }
  .cards td::before, .cards tbody th::before { content: attr(data-label); color: var(--muted); font-size: 0.8125rem; padding-top: 0.1rem; }
  input, select, button, .button { min-height: 2.75rem; font-size: 16px; }
}
@media (prefers-reduced-motion: no-preference) { a, button, .button { transition: color 0.1s, border-color 0.1s, background-color 0.1s; } }
@media print { .top nav, form.search, .actions, .pages { display: none; } pre.value { max-height: none; white-space: pre-wrap; } }
`;
