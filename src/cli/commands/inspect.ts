/** `slipway inspect`: what key and certificate files are, and which of them belong together. */
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { misused, refused } from '../../core/failure';
import {
  compare,
  csv,
  exportPart,
  inspectFiles,
  listing,
  type Inspection,
  type Item,
  type PartFormat,
  type PasswordFor,
} from '../../core/inspector';
import { Secret } from '../../core/secret';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { EXIT } from '../exit-code';
import { clockFrom, type CommonOptions } from '../input';
import { secretFrom } from '../secret-input';
import { counted, mark, plain, print, printJson, styled, tell, write } from '../terminal';
import { rfc3339 } from '../time';

const DAY = 86_400_000;

export interface InspectOptions extends CommonOptions {
  readonly passwordFile?: string;
  readonly topic?: string;
  readonly csv?: boolean;
  readonly compare?: string[];
  readonly export?: string;
  readonly format: string;
  readonly out?: string;
  readonly exportPasswordFile?: string;
  readonly withChain?: boolean;
  readonly legacy?: boolean;
}

export async function run(files: string[], options: InspectOptions): Promise<number> {
  const pair = options.compare ?? [];
  if (options.compare && pair.length !== 2)
    misused('usage/compare', '--compare takes two items.', 'Name two files, or numbers as printed, after the files.');
  if (options.export !== undefined && options.out === undefined)
    misused('usage/no-out', '--export needs a file to write to.', 'Add --out FILE.');
  // `inspect --compare a.pem b.pem` names its files only there.
  const paths = [...new Set([...files, ...pair.filter((item) => !files.includes(item) && existsSync(item))])];
  if (paths.length === 0) misused('usage/no-files', 'No file was named.', 'Name files or folders to inspect.');
  const passwords = secretFrom('passwords', options.passwordFile, 'SLIPWAY_PASSWORD');
  const inspection = await inspectFiles(
    paths.map((path) => ({ path })),
    {
      at: clockFrom(options),
      passwordFor: passwords ? oneByOne(passwords) : onTerminal,
      ...(options.topic === undefined ? {} : { snapshotTopics: [options.topic] }),
    },
  );
  if (options.export !== undefined) await exportTo(inspection, options.export, options, passwords);
  else if (options.compare) return compareItems(inspection, pair, options.json === true);
  else if (options.json === true) await printJson(listing(inspection));
  else if (options.csv === true) await write(process.stdout, csv(inspection));
  else await print(...tree(inspection));
  return exitCode(inspection);
}

function exitCode({ items }: Inspection): number {
  const has = (codes: readonly string[], item: Item): boolean => item.problems.some(({ code }) => codes.includes(code));
  const unread = items.filter((item) => item.kind === 'unknown');
  if (items.some((item) => has(['file-unreadable'], item))) return EXIT.unreadable;
  // Nothing at all could be read: that is not a finding about something.
  if (unread.length > 0 && unread.length === items.length) return EXIT.unreadable;
  return items.some(({ problems }) => problems.some(({ severity }) => severity === 'error')) ? EXIT.found : EXIT.fine;
}

/** Each line of the password file is one password; all are tried on everything that is encrypted. */
function oneByOne(passwords: Secret): PasswordFor {
  const lines = passwords
    .revealText()
    .split(/\r?\n/)
    .filter((line) => line !== '');
  return (_file, { attempt }) => {
    const line = lines[attempt - 1];
    return Promise.resolve(line === undefined ? null : new Secret('password', line));
  };
}

/** Asks without showing what is typed; an empty answer gives up, and so does the absence of a terminal. */
const onTerminal: PasswordFor = async (file, { path, attempt }) => {
  if (!process.stdin.isTTY || !process.stderr.isTTY || attempt > 3) return null;
  const where = path === '' ? file : `${file} (${path})`;
  process.stderr.write(`${attempt > 1 ? 'That was not it. ' : ''}Password of ${plain(where)} (empty to skip): `);
  const muted = new Writable({ write: (_chunk, _encoding, done) => done() });
  const ask = createInterface({ input: process.stdin, output: muted, terminal: true });
  try {
    const answer = await new Promise<string>((resolve) => {
      ask.on('close', () => resolve(''));
      ask.question('', resolve);
    });
    return answer === '' ? null : new Secret('password', answer);
  } finally {
    ask.close();
    process.stderr.write('\n');
  }
};

/** The item that is meant by a number, the beginning of a fingerprint, or a file that holds only one thing. */
function itemFor({ items }: Inspection, text: string): Item {
  const byNumber = /^\d{1,5}$/.test(text) ? items[Number(text)] : undefined;
  if (byNumber) return byNumber;
  const hex = text.replaceAll(':', '').toLowerCase();
  const byHash = /^[0-9a-f]{6,64}$/.test(hex)
    ? items.filter(({ sha256, sha1 }) => sha256.startsWith(hex) || sha1 === hex)
    : [];
  const byFile = items.filter(({ file, alsoIn }) => file === text || alsoIn.some((place) => place.file === text));
  const found = byHash.length > 0 ? byHash : byFile;
  const [first] = found;
  if (!first)
    return misused(
      'usage/item',
      `There is no item ${text}.`,
      'Name it by the number or fingerprint that inspect prints.',
    );
  // Of a file with several things the first certificate is meant, else the choice is the operator's.
  const certificates = found.filter(({ kind }) => kind === 'certificate');
  if (found.length > 1 && certificates.length !== 1)
    refused(
      'inspect/several-items',
      `${text} holds ${counted(found.length, 'thing')}.`,
      `Name one by its number: ${found
        .map(({ index }) => index)
        .slice(0, 10)
        .join(', ')}.`,
    );
  return found.length === 1 ? first : (certificates[0] ?? first);
}

async function exportTo(
  inspection: Inspection,
  which: string,
  options: InspectOptions,
  passwords: Secret | null,
): Promise<void> {
  const out = options.out ?? '';
  refuseExisting(out);
  const password =
    secretFrom('export password', options.exportPasswordFile, 'SLIPWAY_EXPORT_PASSWORD') ?? firstLine(passwords);
  const part = await exportPart(inspection, itemFor(inspection, which), options.format as PartFormat, {
    ...(password ? { password } : {}),
    ...(options.withChain ? { withChain: true } : {}),
    ...(options.legacy ? { legacy: true } : {}),
  });
  await writePrivate(out, part.reveal());
  tell(`Written: ${plain(out)} (0600, ${counted(part.length, 'byte')})`);
}

function firstLine(passwords: Secret | null): Secret | null {
  const line = passwords?.revealText().split(/\r?\n/)[0] ?? '';
  return line === '' ? null : new Secret('export password', line);
}

async function compareItems(
  inspection: Inspection,
  [first = '', second = '']: string[],
  json: boolean,
): Promise<number> {
  const a = itemFor(inspection, first);
  const b = itemFor(inspection, second);
  const differences = compare(a, b);
  if (json) {
    const name = ({ index, file, path, sha256 }: Item): object => ({ item: index, file, path, sha256 });
    await printJson({ schema: 1, a: name(a), b: name(b), same: differences.length === 0, differences });
  } else if (differences.length === 0) await print('They are the same.');
  else
    await print(
      ...differences.flatMap(({ field, a: before, b: after }) => [
        styled(plain(field), 'bold'),
        `  ${styled('-', 'red')} ${plain(before)}`,
        `  ${styled('+', 'green')} ${plain(after)}`,
      ]),
    );
  return differences.length === 0 ? EXIT.fine : EXIT.found;
}

/** Issuers first, what they issued below them, and under each certificate what has the same key. */
function tree(inspection: Inspection): string[] {
  const { items, groups, at } = inspection;
  const lines: string[] = [];
  const shown = new Set<number>();
  const groupOf = new Map(groups.flatMap((group) => group.map((index) => [index, group] as const)));
  const issued = new Map<number, number[]>();
  for (const { index, chain } of items) {
    const issuer = chain?.path[1];
    if (issuer !== undefined) issued.set(issuer, [...(issued.get(issuer) ?? []), index]);
  }
  const show = (item: Item, depth: number): void => {
    if (shown.has(item.index)) return;
    shown.add(item.index);
    lines.push(...describe(item, depth, at));
    if (item.kind === 'certificate')
      for (const index of groupOf.get(item.index) ?? []) {
        const member = items[index];
        if (member) show(member, depth + 1);
      }
    for (const index of issued.get(item.index) ?? []) {
      const child = items[index];
      if (child) show(child, depth + 1);
    }
  };
  const certificates = items.filter(({ kind }) => kind === 'certificate');
  for (const item of certificates) if (item.chain?.path.length === 1) show(item, 0);
  // Certificates that certify each other have no root.
  for (const item of certificates) show(item, 0);
  for (const item of items) show(item, 0);
  lines.push('', summary(inspection));
  return lines;
}

function describe(item: Item, depth: number, at: number): string[] {
  const indent = '  '.repeat(Math.min(depth, 12));
  const name = item.subject ?? describeFacts(item);
  const key = item.keyType === null ? '' : ` · ${item.keyType}${item.keyBits === null ? '' : ` ${item.keyBits}`}`;
  const role = item.role === 'unknown' ? '' : ` (${item.role})`;
  const lines = [
    `${indent}${styled(`[${item.index}]`, 'dim')} ${styled(item.kind, 'bold')}${role}${key}${name === '' ? '' : ` · ${plain(name)}`}`,
  ];
  const inner = `${indent}    `;
  const places = [item, ...item.alsoIn].map(({ file, path }) => plain(path === '' ? file : `${file}: ${path}`));
  lines.push(`${inner}${places.slice(0, 3).join(' = ')}${places.length > 3 ? ` and ${places.length - 3} more` : ''}`);
  if (item.topic !== null) lines.push(`${inner}topic ${plain(item.topic)}`);
  if (item.sans.length > 0)
    lines.push(`${inner}${plain(item.sans.slice(0, 8).join(', '))}${item.sans.length > 8 ? ', …' : ''}`);
  if (item.serial !== null)
    lines.push(`${inner}serial ${item.serial}${item.chain ? ` · chain ${item.chain.state}` : ''}`);
  if (item.notAfter !== null) lines.push(`${inner}${expiry(item, at)}`);
  const keyed = item.kind === 'key' || item.kind === 'public-key';
  if (item.kind !== 'unknown')
    lines.push(`${inner}${keyed && !item.locked ? 'public key sha256' : 'sha256'} ${item.sha256}`);
  for (const { code, severity, sentence, remedy } of item.problems) {
    lines.push(`${inner}${mark(severity)} ${plain(sentence)} ${styled(code, 'dim')}`);
    if (severity !== 'info') lines.push(`${inner}  ${plain(remedy)}`);
  }
  return lines;
}

function describeFacts({ kind, facts, locked }: Item): string {
  const text = (key: string): string => {
    const value = facts[key];
    if (value === undefined || value === null) return '';
    return typeof value === 'object' ? value.join(', ') : String(value);
  };
  switch (kind) {
    case 'key':
      return locked ? `encrypted, ${text('encryption')}` : '';
    case 'bundle':
      return [text('format'), text('encryption')].filter((part) => part !== '').join(', ');
    case 'profile':
      return `${text('identifier')} · ${text('payloadTypes')}`;
    case 'abm-token':
      return locked ? `for ${text('recipients')}` : `consumer key ${text('consumerKeyPrefix')}…`;
    case 'message':
      return locked ? `for ${text('recipients')}` : text('encryption');
    case 'push-request':
      return `signed by ${text('vendor')}`;
    case 'database':
      return `${text('program')}, ${text('devices')} devices, ${text('enrolled')} enrolled`;
    case 'revocation-list':
      return text('issuer');
    default:
      return '';
  }
}

function expiry({ notBefore, notAfter }: Item, at: number): string {
  const from = notBefore === null ? '' : `${rfc3339(notBefore).slice(0, 10)} to `;
  const end = notAfter ?? 0;
  const days = Math.floor(Math.abs(end - at) / DAY);
  const left = end < at ? `expired ${counted(days, 'day')} ago` : `${counted(days, 'day')} left`;
  return `${from}${rfc3339(end).slice(0, 10)} · ${styled(left, end < at ? 'red' : days < 30 ? 'yellow' : 'green')}`;
}

function summary({ items, skipped }: Inspection): string {
  const count = (severity: string): number =>
    items.reduce((sum, { problems }) => sum + problems.filter((found) => found.severity === severity).length, 0);
  const parts = [counted(items.length, 'item'), counted(count('error'), 'error'), counted(count('warning'), 'warning')];
  if (skipped.length > 0) parts.push(`${counted(skipped.length, 'file')} of no kind we know`);
  return parts.join(' · ');
}
