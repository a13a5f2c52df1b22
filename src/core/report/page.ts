/** What the pages of a report have in common: their look on screen and paper, and text made harmless. */

export const PAGE_STYLE = `
:root{color-scheme:light}
*{box-sizing:border-box}body{overflow-wrap:break-word;margin:0 auto;max-width:1100px;padding:40px 32px;font:13px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:#1d2430;background:#fff}
h1{font-size:24px;margin:0 0 4px}h2{font-size:16px;margin:36px 0 10px;border-bottom:1px solid #d8dde4;padding-bottom:6px}
p{margin:0 0 8px;max-width:75ch}.quiet{color:#5b6675}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;vertical-align:top;padding:5px 12px 5px 0;border-bottom:1px solid #d8dde4}
th{font-weight:600;color:#5b6675;white-space:nowrap}td.num{text-align:right}code{font:12px/1.4 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}.said{overflow-wrap:anywhere}
.holds{color:#17663a;font-weight:600;white-space:nowrap}.open{color:#9c2b22;font-weight:600;white-space:nowrap}
.counts{display:flex;flex-wrap:wrap;gap:8px;margin:12px 0}.counts div{background:#f5f7f9;border:1px solid #d8dde4;border-radius:6px;padding:8px 14px;min-width:110px}
.counts b{display:block;font-size:20px}ol{margin:4px 0 12px;padding-left:22px}
@media print{body{padding:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}thead{display:table-header-group}}
`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What somebody called something or said, in a cell: it breaks anywhere, and leaves the other columns their room. */
export function said(text: string): string {
  return `<span class="said">${escapeHtml(text)}</span>`;
}

/** Also characters that would turn the direction of what follows around: a device's name is anybody's text. */
export function escapeHtml(text: string): string {
  return (
    text
      .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
      // eslint-disable-next-line no-control-regex -- control characters are what it looks for
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '\ufffd')
  );
}
