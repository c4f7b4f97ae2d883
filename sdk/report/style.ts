import { Html } from "./html.js";

/** The look of a report: one column that reads on paper, on a phone and in the dark. */
export const style = new Html(`<style>
:root{color-scheme:light dark;--ink:#1d2129;--soft:#667085;--line:#d8dde6;--paper:#fff;--band:#f4f6f9;--s0:#b4530a;--s1:#1f5fbf;--s2:#22794a;--s3:#7a3fb0}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaf0;--soft:#9aa4b5;--line:#3a4252;--paper:#161a21;--band:#1f2530;--s0:#f0a05a;--s1:#7db1ff;--s2:#74cf9d;--s3:#c79bf0}}
*{box-sizing:border-box}body{margin:0 auto;padding:32px 24px 64px;max-width:1080px;font:15px/1.55 system-ui,"Noto Sans","Noto Sans CJK SC",sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:26px;margin:0}h2{font-size:19px;margin:40px 0 12px;padding-top:16px;border-top:1px solid var(--line)}h3{font-size:15px;margin:20px 0 6px}
p{margin:6px 0;max-width:76ch}.soft{color:var(--soft)}code{font:13px ui-monospace,monospace}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;min-width:50%}code{overflow-wrap:anywhere}th,td{padding:5px 14px 5px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600;color:var(--soft);font-size:13px}
td.number{white-space:nowrap}.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(380px,100%),1fr));gap:20px}figure{margin:0}figcaption{color:var(--soft);font-size:13px}
.chart{width:100%;height:auto;font:11px system-ui,sans-serif}.chart text{fill:var(--soft)}.chart line{stroke:var(--line)}.chart .grid{opacity:.6}.chart .diagonal{stroke:var(--soft);stroke-dasharray:4 4}
.chart polyline{fill:none}.chart .thin{opacity:.35;stroke-width:1}.chart .bold{stroke-width:2.2}.chart .band{fill:var(--band)}.chart .group{font-weight:600;fill:var(--ink)}.chart .value{fill:var(--ink)}
.chart .passed line{stroke:var(--s2);stroke-dasharray:2 3}.chart .missed line{stroke:var(--s0);stroke-dasharray:2 3}
${[0, 1, 2, 3].map((n) => `.chart polyline.series-${n},.chart line.series-${n}{stroke:var(--s${n})}.chart circle.series-${n}{fill:var(--s${n});fill-opacity:.75}.key.series-${n}::before{content:"";display:inline-block;width:10px;height:10px;border-radius:5px;margin-right:6px;background:var(--s${n})}`).join("")}
.key{margin-right:16px}.item{margin:26px 0;padding:16px 18px;border:1px solid var(--line);border-radius:10px}.pages{display:flex;flex-wrap:wrap;gap:8px;margin:10px 0}.pages figure{text-align:center}.pages img{width:84px;height:84px;object-fit:contain;background:var(--band);border:1px solid var(--line);border-radius:6px;image-rendering:pixelated}
.texts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:18px}.text{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--band);border-radius:8px;padding:10px 12px;margin:6px 0;max-height:420px;overflow:auto}
details summary{cursor:pointer;color:var(--soft);font-size:13px}details .text{font-size:13px}
@media print{.text{max-height:none}body{padding:0}}
</style>`);
