/**
 * The fields of a payload, and where two payloads differ. UUIDs differ at every edit and mean nothing; a reference to a
 * payload by its UUID counts as a reference to that payload. What may be read is listed, so that what nobody thought of is
 * shown as length and hash.
 */
import { Secret } from '../secret';
import { asDictionary, type PropertyListDictionary, type PropertyListValue } from '../sources/property-list';
import type { OpenedProfile, Payload } from './profile';

/** A value as it is shown. */
export interface ShownValue {
  readonly text: string;
  /** True when the text only stands for it: length and hash. */
  readonly masked: boolean;
}

/** One field in which two payloads differ; null where it is absent. */
export interface FieldChange {
  /** `EAPClientConfiguration.AcceptEAPTypes`, `Rules[2].Name`. */
  readonly path: string;
  readonly source: ShownValue | null;
  readonly fleet: ShownValue | null;
}

/** One payload beside the one it becomes. */
export interface PayloadDifference {
  readonly type: string;
  /** As Fleet has it; as the source has it where Fleet has none. */
  readonly identifier: string;
  readonly standing: 'same' | 'changed' | 'only-source' | 'only-fleet';
  readonly changes: readonly FieldChange[];
  /** Changes beyond those that are listed. */
  readonly more: number;
}

interface Leaf {
  readonly canonical: string;
  readonly shown: ShownValue;
}

/** Says nothing of what a payload does. */
const IGNORED: ReadonlySet<string> = new Set(['PayloadUUID', 'PayloadVersion']);

/** Texts that are no secret wherever they stand. */
const READABLE: ReadonlySet<string> = new Set([
  'PayloadType',
  'PayloadIdentifier',
  'PayloadDisplayName',
  'PayloadDescription',
  'PayloadOrganization',
  'PayloadScope',
  'PayloadCertificateFileName',
  'SSID_STR',
  'EncryptionType',
  'ProxyType',
  'ProxyServer',
  'ProxyPACURL',
  'DomainName',
  'HESSID',
  'DisplayedOperatorName',
  'SetupModes',
  'AcceptEAPTypes',
  'TLSTrustedServerNames',
  'TLSMinimumVersion',
  'TLSMaximumVersion',
  'TTLSInnerAuthentication',
  'UserDefinedName',
  'VPNType',
  'VPNSubType',
  'RemoteAddress',
  'LocalIdentifier',
  'RemoteIdentifier',
  'AuthenticationMethod',
  'ServerAddresses',
  'ServerName',
  'ServerURL',
  'DNSProtocol',
  'URL',
  'Name',
  'Subject',
  'Key Type',
  'CACaps',
  'CertServer',
  'CertTemplate',
  'TeamIdentifier',
  'AllowedTeamIdentifiers',
  'AllowedSystemExtensions',
  'BundleIdentifier',
  'Identifier',
  'IdentifierType',
  'RuleType',
  'RuleValue',
  'CodeRequirement',
  'Authorization',
  'ExtensionIdentifier',
  'CatalogURL',
]);

/** Names that betray a secret, whatever is known of the key. */
const SECRET_NAME = /pass|secret|token|challenge|(?<!bundle)key$|pin$|code$|psk|credential|auth.?data|license|serial/i;
/** Leaves of one payload that are compared one by one. */
const MOST_LEAVES = 4_000;
const MOST_CHANGES = 200;
const MOST_CHARACTERS = 300;

/** Compares the payloads of a profile with those it becomes, in Fleet's order, then what only the source has. */
export function comparePayloads(source: OpenedProfile, fleet: OpenedProfile): PayloadDifference[] {
  const rest = [...source.payloads];
  const take = (test: (one: Payload) => boolean): Payload | null => {
    const at = rest.findIndex(test);
    return at < 0 ? null : (rest.splice(at, 1)[0] ?? null);
  };
  // By identifier first, for all of them: only then may what is left be paired by type.
  const exact = fleet.payloads.map((one) =>
    take(({ type, identifier }) => identifier !== '' && identifier === one.identifier && type === one.type),
  );
  const pairs = fleet.payloads.map(
    (one, index) => [exact[index] ?? take(({ type }) => type === one.type), one] as const,
  );
  const found = pairs.map(([before, after]) => differenceOf(before, after, source, fleet));
  return [...found, ...rest.map((before) => differenceOf(before, null, source, fleet))];
}

/** The fields of the profile itself, outside its payloads. */
export function compareRoots(source: OpenedProfile, fleet: OpenedProfile): FieldChange[] {
  return changesOf(leavesOf(withoutContent(source.root), source, ''), leavesOf(withoutContent(fleet.root), fleet, ''))
    .changes;
}

function withoutContent(root: PropertyListDictionary): PropertyListDictionary {
  const copy = Object.create(null) as PropertyListDictionary;
  for (const [key, value] of Object.entries(root)) if (key !== 'PayloadContent') copy[key] = value;
  return copy;
}

function differenceOf(
  before: Payload | null,
  after: Payload | null,
  source: OpenedProfile,
  fleet: OpenedProfile,
): PayloadDifference {
  const type = (after ?? before)?.type ?? '';
  const identifier = (after ?? before)?.identifier ?? '';
  if (before === null || after === null)
    return { type, identifier, standing: before === null ? 'only-fleet' : 'only-source', changes: [], more: 0 };
  const { changes, more } = changesOf(leavesOf(before.body, source, type), leavesOf(after.body, fleet, type));
  return { type, identifier, standing: changes.length === 0 ? 'same' : 'changed', changes, more };
}

function changesOf(
  before: ReadonlyMap<string, Leaf>,
  after: ReadonlyMap<string, Leaf>,
): { readonly changes: FieldChange[]; readonly more: number } {
  const changes: FieldChange[] = [];
  let more = 0;
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [left, right] = [before.get(path), after.get(path)];
    if (left?.canonical === right?.canonical) continue;
    if (changes.length < MOST_CHANGES) changes.push({ path, source: left?.shown ?? null, fleet: right?.shown ?? null });
    else more += 1;
  }
  return { changes, more };
}

/** Every leaf of a payload by its path. Lists of plain values are one leaf: an entry more is one change. */
function leavesOf(body: PropertyListDictionary, profile: OpenedProfile, type: string): Map<string, Leaf> {
  const names = new Map(
    profile.payloads.filter(({ uuid }) => uuid !== '').map((one) => [one.uuid, `${one.type} ${one.identifier}`]),
  );
  const leaves = new Map<string, Leaf>();
  const put = (path: string, key: string, value: PropertyListValue): void => {
    if (leaves.size < MOST_LEAVES)
      leaves.set(path, { canonical: canonicalOf(value, names), shown: shownOf(key, value, type, names) });
    else {
      // What is beyond is compared as one.
      const known = leaves.get('…')?.canonical ?? '';
      const canonical = new Secret('', `${known}\n${path}=${canonicalOf(value, names)}`).sha256();
      leaves.set('…', { canonical, shown: { text: `‹more fields, sha256 ${canonical.slice(0, 12)}…›`, masked: true } });
    }
  };
  const walk = (path: string, key: string, value: PropertyListValue): void => {
    const inner = asDictionary(value);
    if (inner !== null && Object.keys(inner).length > 0) {
      for (const [name, entry] of Object.entries(inner)) {
        if (path === '' && IGNORED.has(name)) continue;
        walk(path === '' ? pathPart(name) : `${path}.${pathPart(name)}`, name, entry);
      }
      return;
    }
    if (Array.isArray(value) && value.some((entry) => Array.isArray(entry) || asDictionary(entry) !== null)) {
      value.forEach((entry, index) => walk(`${path}[${index}]`, key, entry));
      return;
    }
    put(path, key, value);
  };
  walk('', '', body);
  return leaves;
}

/** Keys are written by others: bounded, and without what would pass for the path itself. */
function pathPart(name: string): string {
  return /^[\w -]{1,80}$/.test(name) ? name : JSON.stringify(name.slice(0, 80));
}

/** A text that is the same exactly when the values are. */
function canonicalOf(value: PropertyListValue, names: ReadonlyMap<string, string>): string {
  if (typeof value === 'string') return JSON.stringify(names.has(value) ? ['ref', names.get(value)] : ['s', value]);
  // 1 and 1.0 are two types in a property list, but one to whoever reads them.
  if (typeof value === 'number') return `n${value}`;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Date) return `d${value.toISOString()}`;
  if (Buffer.isBuffer(value)) return `x${value.toString('base64')}`;
  if (Array.isArray(value)) return `[${value.map((entry) => canonicalOf(entry, names)).join(',')}]`;
  return '{}';
}

function shownOf(key: string, value: PropertyListValue, type: string, names: ReadonlyMap<string, string>): ShownValue {
  if (typeof value === 'boolean') return plain(value ? 'yes' : 'no');
  if (value instanceof Date) return plain(value.toISOString());
  const isSecret = SECRET_NAME.test(key);
  if (typeof value === 'number') {
    // A number may be somebody's PIN, and so small a thing is found from its hash.
    const known = !isSecret && (type === '' || type.startsWith('com.apple.'));
    return known ? plain(String(value)) : { text: '‹number›', masked: true };
  }
  if (Buffer.isBuffer(value)) return { text: String(new Secret('data', value)), masked: true };
  if (typeof value === 'string') {
    const referred = names.get(value);
    if (referred !== undefined) return plain(`→ ${referred}`);
    const isOpen = !isSecret && READABLE.has(key) && !hidesCredentials(value);
    return isOpen ? plain(value) : { text: String(new Secret(labelOf(key), value)), masked: true };
  }
  if (Array.isArray(value)) {
    const parts = value.slice(0, 20).map((entry) => shownOf(key, entry, type, names));
    const text =
      parts.map((part) => part.text).join(', ') + (value.length > 20 ? `, and ${value.length - 20} more` : '');
    return { text: value.length === 0 ? '(empty list)' : cut(text), masked: parts.some(({ masked }) => masked) };
  }
  return plain('(empty)');
}

/** A URL may carry a password, or a token behind its question mark. */
function hidesCredentials(text: string): boolean {
  return /:\/\/[^/]*@/.test(text) || /:\/\/.*[?#]/.test(text) || text.includes('-----BEGIN');
}

function plain(text: string): ShownValue {
  return { text: text === '' ? '(empty)' : cut(text), masked: false };
}

function cut(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}

function labelOf(key: string): string {
  return /^[\w -]{1,40}$/.test(key) ? key : 'text';
}
