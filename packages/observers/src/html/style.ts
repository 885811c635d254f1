/** The style sheet of HTML reports: light and dark, by the reader's setting; prints without the dark. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1d2430; --faint: #667085; --line: #e3e7ee; --panel: #f6f8fb;
  --float: #8a94a6; --eager: #2f7de1; --graph: #12976a; --debug: #c98a1b; --note: #fff4d6; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #12161d; --text: #e4e8ef; --faint: #98a2b3;
  --line: #2b3340; --panel: #1a202a; --float: #7d879a; --eager: #5b9cf0; --graph: #3dbb8e; --debug: #dba842; --note: #3a3017; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 24px; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 32px 0 12px; }
dl { display: flex; flex-wrap: wrap; gap: 8px 32px; margin: 0; }
dt { color: var(--faint); font-size: 13px; }
dd { margin: 0; }
.note { background: var(--note); border-radius: 6px; padding: 10px 14px; margin: 20px 0 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--faint); font-weight: 500; font-size: 13px; }
.left { text-align: left; }
.right { text-align: right; }
tr.float32 td { color: var(--faint); }
.legend { color: var(--faint); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 16px; }
.charts.single { grid-template-columns: 1fr; }
figure { margin: 0; padding: 14px 16px; background: var(--panel); border-radius: 8px; }
figcaption { font-weight: 500; margin-bottom: 8px; }
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 12px; fill: var(--text); dominant-baseline: central; }
svg .label { text-anchor: end; }
svg .value { fill: var(--faint); font-variant-numeric: tabular-nums; }
rect.float { fill: var(--float); } rect.eager { fill: var(--eager); } rect.graph { fill: var(--graph); } rect.debug { fill: var(--debug); }
rect.good { fill: var(--graph); } rect.poor { fill: var(--debug); }
details { border: 1px solid var(--line); border-radius: 8px; margin-bottom: 8px; padding: 8px 14px; }
summary { cursor: pointer; }
details table { margin-top: 8px; }
`;
