/** The hand-over as one HTML file: no script, nothing loaded from anywhere, readable in print. */
import type { HandOver, ReportedDevice } from './hand-over';
import { isSettled } from './hand-over';
import { escapeHtml, PAGE_STYLE, said } from './page';

/** Devices listed one by one; the CSV beside it holds them all. */
const MOST_DEVICES = 20_000;
const MOST_SENTENCES = 200;

const STATE_WORDS: Readonly<Record<ReportedDevice['state'], string>> = {
  'not-imported': 'not imported',
  waiting: 'waiting',
  migrated: 'migrated',
  stale: 'silent since',
  lost: 'lost',
  unknown: 'unknown',
};

export function htmlOf(report: HandOver): string {
  const { facts, counts } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(facts.title)}: hand-over</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<h1>${escapeHtml(facts.title)}</h1>
<p class="quiet">Hand-over of the migration to Fleet${facts.badge === 'unset' ? '' : ` (${facts.badge})`}, ${timeOf(facts.at)}. Prepared by ${escapeHtml(facts.preparedBy)} with ${escapeHtml(facts.tool)}.</p>
${summary(report)}
<h2>Devices</h2>
<div class="counts">
${(['migrated', 'waiting', 'stale', 'lost', 'unknown', 'not-imported'] as const)
  .map((state) => `<div><b>${number(counts[state])}</b>${STATE_WORDS[state]}</div>`)
  .join('\n')}
</div>
<p>A device counts as migrated only with proof that Fleet itself has heard from it after its record was written there. What Fleet’s own screen shows of enrollment is no such proof.</p>
<h2>May the old server be switched off</h2>
${conditions(report)}
<h2>What must be kept alive</h2>
${obligations(report)}
<h2>Exceptions</h2>
${exceptions(facts.devices)}
<h2>Acknowledged</h2>
${acknowledged(report)}
<h2>What was done</h2>
${journals(report)}
<h2>Proof of each device</h2>
${devices(facts.devices)}
</body>
</html>
`;
}

function summary({ facts, counts }: HandOver): string {
  const { source, target, host, topic, push, scepCa } = facts;
  const rows: [string, string][] = [
    ['Old server', `${code(source.reference)}${source.txid === null ? '' : `, transaction ${number(source.txid)}`}`],
    ['Its database', source.sha256 === null ? 'no single file' : `sha256 ${code(source.sha256)}`],
    ['Its newest contact', timeOf(source.instant)],
    [
      'Fleet',
      target === null
        ? 'not asked'
        : `${code(target.place)}, schema ${escapeHtml(target.generation)}${target.migrationId === null ? '' : ` (${escapeHtml(target.migrationId)})`}`,
    ],
    ['Name devices call', host === null ? 'not known' : code(host)],
    ['Push topic', topic === null ? 'not known' : code(topic)],
    ['Push certificate', push === null ? 'not known' : `until ${dayOf(push.notAfter)}, sha256 ${code(push.sha256)}`],
    [
      'SCEP CA',
      scepCa === null
        ? 'not known'
        : `${said(scepCa.subject)}, until ${dayOf(scepCa.notAfter)}, sha256 ${code(scepCa.sha256)}`,
    ],
    [
      'Devices',
      `${number(counts.devices)} at the old server, ${number(counts.migrated)} proven at Fleet, ${number(counts.open)} open`,
    ],
  ];
  return table(
    null,
    rows.map(([head, cell]) => [`<th scope="row">${head}</th>`, `<td>${cell}</td>`]),
  );
}

function conditions({ conditions: all }: HandOver): string {
  const open = all.filter(({ holds }) => !holds).length;
  const head =
    open === 0
      ? '<p class="holds">Yes: every condition holds.</p>'
      : `<p class="open">Not yet: ${number(open)} of ${number(all.length)} conditions are open.</p>`;
  return (
    head +
    table(
      null,
      all.map(({ holds, sentence, remedy }) => [
        `<td class="${holds ? 'holds' : 'open'}">${holds ? '✓ holds' : '✗ open'}</td>`,
        `<td>${escapeHtml(sentence)}${remedy === '' ? '' : `<br><span class="quiet">${escapeHtml(remedy)}</span>`}</td>`,
      ]),
    )
  );
}

function obligations({ obligations: all }: HandOver): string {
  return table(
    ['What', 'Until', 'Owner', 'Why'],
    all.map(({ title, sentence, due, owner }) => [
      td(escapeHtml(title)),
      td(due === null ? 'as long as a device is enrolled' : `next: ${dayOf(due)}`),
      td(owner === null ? '<span class="open">nobody yet</span>' : said(owner)),
      td(escapeHtml(sentence)),
    ]),
  );
}

function exceptions(all: readonly ReportedDevice[]): string {
  const found = all.filter((device) => device.state !== 'migrated' || device.reasons.length > 0);
  if (found.length === 0) return '<p>None.</p>';
  return (
    table(
      ['Device', 'State', 'Reasons', 'Accounted for'],
      found
        .slice(0, MOST_DEVICES)
        .map((device) => [
          td(naming(device)),
          td(STATE_WORDS[device.state]),
          td(device.reasons.map(code).join(' ')),
          td(
            device.accounted === null
              ? isSettled(device)
                ? ''
                : '<span class="open">open</span>'
              : said(`${device.accounted.by}: ${device.accounted.note}`),
          ),
        ]),
    ) + cut(found.length)
  );
}

function acknowledged({ facts }: HandOver): string {
  if (facts.acknowledged.length === 0) return '<p>Nothing had to be.</p>';
  return table(
    ['What', 'Who', 'Why'],
    facts.acknowledged.map(({ code: id, by, note }) => [td(code(id)), td(said(by)), td(said(note))]),
  );
}

function journals({ facts }: HandOver): string {
  if (facts.journals.length === 0) return '<p>No journal was given.</p>';
  return facts.journals
    .map(
      ({
        name,
        sha256,
        operator,
        openedAt,
        planId,
        rehearsal,
        sentences,
      }) => `<p><b>${escapeHtml(name)}</b>${rehearsal ? ' (a rehearsal)' : ''}: begun ${timeOf(openedAt)} by ${escapeHtml(operator)}${planId === null ? '' : `, plan ${code(planId.slice(0, 16))}`}<br><span class="quiet">sha256 ${code(sha256)}</span></p>
<ol>${sentences
        .slice(0, MOST_SENTENCES)
        .map((sentence) => `<li>${escapeHtml(sentence)}</li>`)
        .join(
          '',
        )}</ol>${sentences.length > MOST_SENTENCES ? `<p class="quiet">${number(sentences.length - MOST_SENTENCES)} more lines stand in the journal.</p>` : ''}`,
    )
    .join('\n');
}

function devices(all: readonly ReportedDevice[]): string {
  return (
    table(
      ['Device', 'State', 'Proof', 'Imported', 'Wave', 'Last at the old server', 'Certificate ends'],
      all
        .slice(0, MOST_DEVICES)
        .map((device) => [
          td(naming(device)),
          td(STATE_WORDS[device.state]),
          td(device.proof === null ? '' : escapeHtml(device.proof)),
          td(timeOf(device.importedAt)),
          td(device.wave === null ? '' : said(device.wave)),
          td(timeOf(device.lastContactSource)),
          td(dayOf(device.certificateNotAfter)),
        ]),
    ) + cut(all.length)
  );
}

function cut(total: number): string {
  return total > MOST_DEVICES
    ? `<p class="quiet">The first ${number(MOST_DEVICES)} of ${number(total)}; devices.csv holds them all.</p>`
    : '';
}

function naming({ name, serial, udid }: ReportedDevice): string {
  return `${said(name ?? '')} ${serial === null ? '' : code(serial)}<br><span class="quiet">${code(udid)}</span>`;
}

function td(content: string): string {
  return `<td>${content}</td>`;
}

function table(headings: readonly string[] | null, rows: readonly (readonly string[])[]): string {
  const head =
    headings === null ? '' : `<thead><tr>${headings.map((one) => `<th scope="col">${one}</th>`).join('')}</tr></thead>`;
  return `<table>${head}<tbody>${rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n')}</tbody></table>`;
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function timeOf(at: number | null): string {
  if (at === null) return '';
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function dayOf(at: number | null): string {
  return timeOf(at).slice(0, 10);
}
