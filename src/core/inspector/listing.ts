/** An inspection as JSON and CSV. */
import { csvText } from '../csv-text';
import type { Inspection } from './inspection';
import type { Item, Problem } from './item';

/** One item as the JSON contract has it; further keys may come, these stay. */
export interface ListedItem {
  readonly file: string;
  readonly kind: string;
  readonly role: string;
  readonly subject: string | null;
  readonly issuer: string | null;
  readonly serial: string | null;
  readonly notBefore: string | null;
  readonly notAfter: string | null;
  readonly sha256: string;
  readonly keyType: string | null;
  readonly keyBits: number | null;
  readonly topic?: string;
  readonly problems: readonly string[];
}

/** `inspect --json`. */
export interface Listing {
  readonly schema: 1;
  readonly items: readonly (ListedItem & Readonly<Record<string, unknown>>)[];
  readonly groups: readonly (readonly number[])[];
  readonly links: Inspection['links'];
  readonly skipped: Inspection['skipped'];
  readonly findings: readonly (Problem & { readonly item: number })[];
}

/** The whole inspection as plain JSON; holds no secret. */
export function listing({ items, groups, links, skipped }: Inspection): Listing {
  return {
    schema: 1,
    items: items.map(listed),
    groups,
    links,
    skipped,
    findings: items.flatMap(({ index, problems }) => problems.map((found) => ({ item: index, ...found }))),
  };
}

function listed(item: Item): ListedItem & Readonly<Record<string, unknown>> {
  const { file, kind, role, subject, issuer, serial, notBefore, notAfter, sha256, keyType, keyBits, ...more } = item;
  const { problems, index: _index, topic, chain, ...rest } = more;
  return {
    file,
    kind,
    role,
    subject,
    issuer,
    serial,
    notBefore: time(notBefore),
    notAfter: time(notAfter),
    sha256,
    keyType,
    keyBits,
    // Absent, not null: the contract has `topic?`.
    ...(topic === null ? {} : { topic }),
    ...rest,
    chain: chain?.state ?? null,
    problems: problems.map(({ code }) => code),
  };
}

const COLUMNS = [
  'file',
  'path',
  'kind',
  'role',
  'subject',
  'issuer',
  'serial',
  'notBefore',
  'notAfter',
  'daysLeft',
  'sha256',
  'sha1',
  'keyType',
  'keyBits',
  'topic',
  'sans',
  'isCa',
  'chain',
  'group',
  'problems',
] as const;

/** The list as CSV; no cell can become a formula. */
export function csv({ items, groups, at }: Inspection): string {
  const groupOf = new Map(groups.flatMap((group, number) => group.map((index) => [index, number] as const)));
  const rows = items.map((item) => {
    const cells: Record<(typeof COLUMNS)[number], string | number | null> = {
      file: item.file,
      path: item.path,
      kind: item.kind,
      role: item.role,
      subject: item.subject ?? '',
      issuer: item.issuer ?? '',
      serial: item.serial ?? '',
      notBefore: time(item.notBefore) ?? '',
      notAfter: time(item.notAfter) ?? '',
      daysLeft: item.notAfter === null ? null : Math.floor((item.notAfter - at) / 86_400_000),
      sha256: item.sha256,
      sha1: item.sha1 ?? '',
      keyType: item.keyType ?? '',
      keyBits: item.keyBits === null ? '' : String(item.keyBits),
      topic: item.topic ?? '',
      sans: item.sans.join(' '),
      isCa: item.kind === 'certificate' ? String(item.isCa) : '',
      chain: item.chain?.state ?? '',
      group: groupOf.get(item.index)?.toString() ?? '',
      problems: item.problems.map(({ code }) => code).join(' '),
    };
    return COLUMNS.map((column) => cells[column]);
  });
  return csvText(COLUMNS, rows, { mark: false });
}

/** RFC 3339, UTC; null stays null. */
function time(milliseconds: number | null): string | null {
  if (milliseconds === null) return null;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('.000Z', 'Z');
}
