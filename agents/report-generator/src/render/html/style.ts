/** The look of an HTML report, on screen and on paper. */
import type { Look } from '../../document/document.ts';

export function styleSheet(look: Look, faces: string, family: string): string {
  return `${faces}
:root{--primary:${look.primary};--accent:${look.accent};--ink:#1f2933;--muted:#5d6875;--line:#e3e7ec;--good:#14805e;--bad:#b3372f}
*{box-sizing:border-box}
body{margin:0;background:#eef1f4;color:var(--ink);font:15px/1.6 ${family};font-variant-numeric:lining-nums}
main{max-width:960px;margin:0 auto;background:#fff;min-height:100vh;padding:0 48px 48px;box-shadow:0 1px 24px rgba(20,30,50,.08)}
header{margin:0 -48px 32px;padding:44px 48px 30px;background:var(--primary);color:#fff;border-top:5px solid var(--accent)}
header .top{display:flex;justify-content:space-between;gap:24px;align-items:flex-start}
header.cover{padding-top:96px;padding-bottom:64px;border-top:0;border-bottom:10px solid var(--accent)}
header h1{margin:6px 0 0;font-size:32px;line-height:1.2}header.cover h1{font-size:46px}
header p{margin:8px 0 0;opacity:.85;font-size:16px}
header .kicker{text-transform:uppercase;letter-spacing:.06em;font-size:12px;font-weight:600;opacity:.75}
[dir=rtl] .kicker{letter-spacing:0}
header .house{font-weight:600;white-space:nowrap}
header img{max-height:56px;max-width:220px;background:#fff;padding:8px;border-radius:4px}
header dl{display:flex;flex-wrap:wrap;gap:6px 36px;margin:24px 0 0;padding-top:16px;border-top:1px solid rgba(255,255,255,.25)}
header dt{font-size:12px;opacity:.7}header dd{margin:0;font-weight:600}
h2.section{margin:40px 0 16px;font-size:21px;color:var(--primary);padding-inline-start:14px;border-inline-start:5px solid var(--accent);line-height:1.3}
h3{margin:0 0 10px;font-size:16px;color:var(--primary)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px}
.card{border:1px solid var(--line);border-top:3px solid var(--primary);border-radius:6px;padding:14px 16px;break-inside:avoid}
.card .label{color:var(--muted);font-size:13px}.card .value{font-size:26px;font-weight:700;line-height:1.35;font-variant-numeric:tabular-nums lining-nums;overflow-wrap:anywhere}
.card .change{font-size:13px;color:var(--muted)}.change i{font-style:normal;font-size:10px}.change .previous{display:block}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}.neutral{font-weight:600}
figure{margin:24px 0;border:1px solid var(--line);border-radius:6px;padding:18px;break-inside:avoid}
figure svg{width:100%;height:auto;display:block;direction:ltr}figcaption,.small{font-size:13px;color:var(--muted)}
.table{margin:28px 0}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{background:var(--primary);color:#fff;text-align:start;font-weight:600;padding:8px 12px;white-space:nowrap}
td{padding:7px 12px;border-bottom:1px solid var(--line);vertical-align:top}
tbody tr:nth-child(even){background:#f7f9fb}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums lining-nums;white-space:nowrap}
tfoot td{font-weight:700;background:#eef2f6}
.finding{border:1px solid var(--line);border-inline-start:4px solid var(--accent);border-radius:4px;padding:14px 18px;margin:12px 0;break-inside:avoid}
.finding p{margin:4px 0}.finding .kind span{background:color-mix(in srgb,var(--accent) 15%,#fff);color:color-mix(in srgb,var(--accent) 70%,#000);font-size:12px;font-weight:600;padding:2px 8px;border-radius:3px}
.finding .kind i{font-style:normal;font-size:11px;color:var(--muted)}.finding .sentence{font-weight:600;font-size:16px}
.inputs span{display:inline-block;margin-inline-end:14px}
.prose pre{background:#f1f3f6;padding:12px;border-radius:4px;overflow:auto}.prose code{background:#f1f3f6;padding:1px 4px;border-radius:3px}
.prose blockquote{margin:12px 0;padding-inline-start:16px;border-inline-start:3px solid var(--accent);color:var(--muted)}
.notes{margin-top:40px;border-top:1px solid var(--line);padding-top:12px;font-size:12.5px;color:var(--muted)}.notes p{margin:3px 0}
@media(max-width:640px){main{padding:0 20px 32px}header{margin:0 -20px 24px;padding:32px 20px 24px}}
@media print{body{background:#fff}main{box-shadow:none;max-width:none}.page-break{break-after:page}thead{display:table-header-group}}`;
}
