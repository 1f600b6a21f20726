/**
 * The style of the page that `onescan report --html` writes; colours are told apart in grey, too.
 */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1d2327;--faint:#5a6268;--line:#d9dcde;--card:#fff;
--accept:#2b7bb9;--quarantine:#7a4fb5;--reject:#c2352b;--defer:#b87900;--discard:#7d1d3f;--pass:#6b7580}
@media (prefers-color-scheme:dark){:root{--paper:#14181b;--ink:#e6e9eb;--faint:#a3adb5;--line:#353d43;--card:#1c2226;
--accept:#5aa9e6;--quarantine:#b08be6;--reject:#f0776e;--defer:#e3ac45;--discard:#e077a0;--pass:#9aa5ae}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.35rem;margin:.5rem 0 0}h2{font-size:1.05rem;margin:0 0 .5rem}
header p,.more{color:var(--faint);margin:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1rem 0}
.tile,figure,section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem}
.tile dt{color:var(--faint);font-size:.9rem}.tile dd{margin:0;font-size:1.4rem;font-variant-numeric:tabular-nums}
.tile dd.more{font-size:.9rem}
figure,section{margin:1rem 0}
svg{display:block;width:100%;height:auto}svg.narrow{display:none}svg text{fill:var(--faint);font-size:11px}
.grid{stroke:var(--line);stroke-width:1}.line{fill:none;stroke:currentColor;stroke-width:2}
svg g{fill:currentColor}
.accept,.p50{--own:var(--accept)}.quarantine{--own:var(--quarantine)}.reject{--own:var(--reject)}
.defer,.p95{--own:var(--defer)}.discard{--own:var(--discard)}.pass{--own:var(--pass)}
svg g{color:var(--own)}
.p95 .line{stroke-dasharray:6 3}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:.5rem 0 0;padding:0;font-size:.9rem}
.legend li::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.4em;background:var(--own);border-radius:2px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.25rem .5rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--faint);font-weight:600}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.text{overflow-wrap:anywhere}td.bars{width:30%;vertical-align:middle}svg.bar{height:.6rem}
@media screen and (max-width:46rem){svg.broad{display:none}svg.narrow{display:block}
.rows thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.rows tbody,.rows tr,.rows td{display:block}.rows tr{padding:.5rem 0;border-bottom:1px solid var(--line)}
.rows td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0;text-align:right}
.rows td::before{content:attr(data-name);color:var(--faint);text-align:left;flex:none}.rows td:empty,td.bars,thead td{display:none}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000}body{max-width:none;font-size:11pt}
figure,.tile,tr{break-inside:avoid}.wide{overflow:visible}}
`
