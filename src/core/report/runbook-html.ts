/** The runbook on paper: both columns, who confirmed what and when, and a box to tick by hand. */
import { escapeHtml, PAGE_STYLE, said } from './page';
import { COLUMNS, runbookLines, type Cell, type RunbookFile } from './runbook';

const MARKS: Readonly<Record<Cell['state'], string>> = { done: '☑', attention: '⚠', open: '☐' };

export function runbookHtml({ columns }: RunbookFile, title: string, at: number): string {
  const body = runbookLines(columns).map(
    ({ title: step, lines }) => `<h2>${escapeHtml(step)}</h2>
<table><thead><tr><th scope="col">What</th>${COLUMNS.map((column) => `<th scope="col">${column}</th>`).join('')}</tr></thead><tbody>
${lines
  .map(
    (line) =>
      `<tr><td><b>${escapeHtml(line.title)}</b><br><span class="quiet">${escapeHtml(line.why)}</span></td>${COLUMNS.map((column) => `<td>${cellHtml(line[column])}</td>`).join('')}</tr>`,
  )
  .join('\n')}
</tbody></table>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}: runbook</title>
<style>${PAGE_STYLE}td{width:33%}</style>
</head>
<body>
<h1>${escapeHtml(title)}: runbook</h1>
<p class="quiet">As of ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC.</p>
${body.join('\n')}
</body>
</html>
`;
}

function cellHtml(cell: Cell | null): string {
  if (cell === null) return '☐';
  const tick =
    cell.tick === null
      ? ''
      : `<br><span class="quiet">${said(cell.tick.by)}, ${new Date(cell.tick.at).toISOString().slice(0, 16).replace('T', ' ')} UTC</span>`;
  return `${MARKS[cell.state]} ${said(cell.sentence)}${tick}`;
}
