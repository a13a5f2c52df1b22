/**
 * What an installed enrollment profile asks of one that shall take its place: a table of fields with their values in a
 * form in which equal means equal. UUIDs are not in it (they differ at every download); a reference to a payload by its
 * UUID counts as a reference to that payload's identifier.
 */
import { createHash } from 'node:crypto';
import { asDictionary, textOf, type PropertyListDictionary, type PropertyListValue } from '../sources/property-list';
import { SCEP_TYPE, scepContentOf, type Enrollment } from './enrollment';

/** One field: its value to compare, and a way to show it that holds no secret. */
export interface Requirement {
  readonly value: string;
  readonly shown: string;
}

/** By field: `PayloadIdentifier`, `mdm.ServerURL`, `scep.AllowAllAppsAccess`, `payload com.apple.security.pkcs1 …`. */
export type Requirements = ReadonlyMap<string, Requirement>;

/** May change, wherever they stand: names for people, and UUIDs (spec/micromdm.md 5.8). */
const FREE: ReadonlySet<string> = new Set([
  'PayloadUUID',
  'PayloadDisplayName',
  'PayloadDescription',
  'PayloadOrganization',
]);

/** May change in a SCEP request: "URL, challenge, subject and CA may all change" (spec/micromdm.md 5.8). */
const FREE_IN_REQUEST: ReadonlySet<string> = new Set([
  'URL',
  'Challenge',
  'Subject',
  'SubjectAltName',
  'Name',
  'Keysize',
  'Key Type',
  'Key Usage',
  'CAFingerprint',
  'CACaps',
  'Retries',
  'RetryDelay',
]);

/** Absent means false, says Apple's reference. */
const FALSE_BY_DEFAULT: ReadonlySet<string> = new Set([
  'PayloadRemovalDisallowed',
  'CheckOutWhenRemoved',
  'SignMessage',
  'UseDevelopmentAPNS',
]);

/** Fields whose values are shown as they are; of everything else only length and hash are. */
const SHOWN: ReadonlySet<string> = new Set([
  'PayloadIdentifier',
  'PayloadType',
  'PayloadVersion',
  'PayloadScope',
  'PayloadRemovalDisallowed',
  'RemovalDate',
  'DurationUntilRemoval',
  'HasRemovalPasscode',
  'mdm.PayloadIdentifier',
  'mdm.PayloadVersion',
  'mdm.ServerURL',
  'mdm.CheckInURL',
  'mdm.Topic',
  'mdm.AccessRights',
  'mdm.SignMessage',
  'mdm.CheckOutWhenRemoved',
  'mdm.ServerCapabilities',
  'mdm.UseDevelopmentAPNS',
  'mdm.EnrollmentMode',
  'scep.PayloadIdentifier',
  'scep.PayloadVersion',
  'scep.AllowAllAppsAccess',
  'scep.KeyIsExtractable',
]);

/** The fields of a profile that its successor must keep. */
export function requirementsOf({ form, root, payloads, mdm, identity }: Enrollment): Requirements {
  const found = new Map<string, Requirement>();
  const partial = form === 'listing';
  const names = new Map<string, string>();
  for (const part of [root, ...payloads]) {
    const uuid = textOf(part, 'PayloadUUID');
    if (uuid !== null && uuid !== '') names.set(uuid, part === root ? 'profile' : `payload ${nameOf(part)}`);
  }
  const put = (field: string, value: PropertyListValue): void => {
    const canonical = canonicalOf(value, names);
    found.set(field, { value: canonical, shown: SHOWN.has(field) ? shownOf(value) : masked(canonical) });
  };
  const putAll = (prefix: string, from: PropertyListDictionary, except: (key: string) => boolean): void => {
    for (const [key, value] of Object.entries(from)) {
      if (FREE.has(key) || except(key) || (value === false && FALSE_BY_DEFAULT.has(key))) continue;
      put(`${prefix}${key}`, key === 'ServerCapabilities' ? sorted(value) : value);
    }
  };
  putAll('', root, (key) => key === 'PayloadContent' || key === 'ConsentText');
  if (mdm !== null) putAll('mdm.', mdm, (key) => key === 'PayloadType' || key === 'IdentityCertificateUUID');
  if (identity !== null && textOf(identity, 'PayloadType') === SCEP_TYPE) {
    putAll('scep.', identity, (key) => key === 'PayloadType' || key === 'PayloadContent');
    const content = scepContentOf(identity);
    // A Mac lists a SCEP payload's content, but not all of it.
    if (content !== null && !partial) putAll('scep.', content, (key) => FREE_IN_REQUEST.has(key));
  }
  const seen = new Map<string, number>();
  for (const payload of payloads) {
    if (payload === mdm || payload === identity) continue;
    const name = nameOf(payload);
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    const field = `payload ${name}${before === 0 ? '' : ` (${before + 1})`}`;
    const whole = canonicalOf(payload, names, (key) => key === 'PayloadUUID');
    found.set(field, { value: partial ? '' : whole, shown: partial ? 'listed' : masked(whole) });
  }
  return found;
}

/** A digest of what is required: profiles with the same one can be followed by the same profile. */
export function digestOf(requirements: Requirements): string {
  const entries = [...requirements].map(([field, { value }]) => [field, value]).sort(byFirst);
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex');
}

function byFirst([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Type and identifier of a payload: what Apple knows it by. */
export function nameOf(payload: PropertyListDictionary): string {
  return `${textOf(payload, 'PayloadType') ?? '?'} ${textOf(payload, 'PayloadIdentifier') ?? '?'}`;
}

function sorted(value: PropertyListValue): PropertyListValue {
  if (!Array.isArray(value)) return value;
  return [...new Set(value.filter((entry) => typeof entry === 'string'))].sort();
}

/** A text that is the same exactly when the values are: keys sorted, kinds told apart, references by name. */
function canonicalOf(
  value: PropertyListValue,
  names: ReadonlyMap<string, string>,
  without: (key: string) => boolean = () => false,
): string {
  if (typeof value === 'string') return JSON.stringify(names.has(value) ? ['ref', names.get(value)] : ['s', value]);
  if (typeof value === 'number') return `n${value}`;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Date) return `d${value.toISOString()}`;
  if (Buffer.isBuffer(value)) return `x${value.toString('base64')}`;
  if (Array.isArray(value)) return `[${value.map((entry) => canonicalOf(entry, names)).join(',')}]`;
  const entries = Object.entries(asDictionary(value) ?? {})
    .filter(([key]) => !without(key))
    .map(([key, entry]) => [JSON.stringify(key), canonicalOf(entry, names)])
    .sort(byFirst);
  return `{${entries.map((pair) => pair.join(':')).join(',')}}`;
}

function shownOf(value: PropertyListValue): string {
  if (typeof value === 'string') return value === '' ? '(empty)' : value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((entry) => (typeof entry === 'string' ? entry : '…')).join(', ');
  return typeof value === 'object' ? '…' : String(value);
}

function masked(canonical: string): string {
  return `‹sha256 ${createHash('sha256').update(canonical).digest('hex').slice(0, 12)}…›`;
}
