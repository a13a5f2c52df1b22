/**
 * A profile to look at: its structure and whatever says how devices are managed, as it is; everything that is or may be
 * a secret as length and hash. What is readable is listed, so that what nobody thought of is masked.
 */
import { Secret } from '../secret';
import { asDictionary, textOf, type PropertyListDictionary, type PropertyListValue } from '../sources/property-list';
import { MDM_TYPE, SCEP_TYPE, type Enrollment } from './enrollment';

/** One line of the profile. */
export interface MaskedLine {
  /** Levels below the root. */
  readonly depth: number;
  /** The key; null for an entry of a list. */
  readonly key: string | null;
  /** The value, or what stands for it; empty where the lines below are the value. */
  readonly value: string;
  /** True when the value is not shown. */
  readonly masked: boolean;
}

/** Readable wherever they stand: what a profile and its payloads are called. */
const NAMES: ReadonlySet<string> = new Set([
  'PayloadIdentifier',
  'PayloadType',
  'PayloadUUID',
  'PayloadDisplayName',
  'PayloadDescription',
  'PayloadOrganization',
  'PayloadScope',
  'PayloadCertificateFileName',
]);

/** Readable besides, by type of payload. */
const READABLE: Readonly<Record<string, ReadonlySet<string>>> = {
  [MDM_TYPE]: new Set([
    'ServerURL',
    'CheckInURL',
    'Topic',
    'IdentityCertificateUUID',
    'ServerCapabilities',
    'EnrollmentMode',
    'AssignedManagedAppleID',
  ]),
  [SCEP_TYPE]: new Set(['URL', 'Name', 'Subject', 'Key Type', 'CACaps']),
};
const NOTHING: ReadonlySet<string> = new Set();

/** Lines shown; a profile with more is of no use to look at. */
const MOST_LINES = 2_000;
/** Of a text that is shown. */
const MOST_CHARACTERS = 400;

/** The profile line by line, in its own order. */
export function maskedLines({ root }: Pick<Enrollment, 'root'>): MaskedLine[] {
  const lines: MaskedLine[] = [];
  dictionary(lines, root, 0, NOTHING);
  return lines.length <= MOST_LINES
    ? lines
    : [
        ...lines.slice(0, MOST_LINES),
        { depth: 0, key: null, value: `and ${lines.length - MOST_LINES} more lines`, masked: false },
      ];
}

function dictionary(
  lines: MaskedLine[],
  value: PropertyListDictionary,
  depth: number,
  readable: ReadonlySet<string>,
): void {
  // Inside a payload its own type says what may be read; below that what the payload said.
  const own = READABLE[textOf(value, 'PayloadType') ?? ''] ?? readable;
  for (const [key, entry] of Object.entries(value)) {
    put(lines, key, entry, depth, own, NAMES.has(key) || own.has(key));
  }
}

function put(
  lines: MaskedLine[],
  key: string | null,
  value: PropertyListValue,
  depth: number,
  readable: ReadonlySet<string>,
  open: boolean,
): void {
  const scalar = scalarOf(key, value, open, readable !== NOTHING);
  if (scalar !== null) {
    lines.push({ depth, key, ...scalar });
    return;
  }
  const texts = open ? textsOf(value) : null;
  if (texts !== null) {
    lines.push({ depth, key, value: shortened(texts), masked: false });
    return;
  }
  // A payload in the list of payloads is told by what it is.
  const heading = key === null && !Array.isArray(value) ? (textOf(asDictionary(value) ?? {}, 'PayloadType') ?? '') : '';
  lines.push({ depth, key, value: shortened(heading), masked: false });
  if (Array.isArray(value)) for (const entry of value) put(lines, null, entry, depth + 1, readable, open);
  // Dictionaries open their own keys: that one may be read says nothing of what is inside.
  else dictionary(lines, asDictionary(value) ?? {}, depth + 1, readable);
}

/** Lists of nothing but texts in one line (`O Fleet, CN FleetDM Identity`); null for anything else. */
function textsOf(value: PropertyListValue, inside = false): string | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const parts = value.map((entry) => (typeof entry === 'string' ? entry : textsOf(entry, true)));
  if (!parts.every((part) => part !== null)) return null;
  // A pair inside a list is an attribute and its value.
  return parts.join(inside && value.length === 2 && value.every((entry) => typeof entry === 'string') ? ' ' : ', ');
}

/** A value that is no list; null for one that is. `known`: it stands in a payload whose numbers are known. */
function scalarOf(
  key: string | null,
  value: PropertyListValue,
  open: boolean,
  known: boolean,
): Pick<MaskedLine, 'value' | 'masked'> | null {
  if (typeof value === 'boolean') return { value: value ? 'yes' : 'no', masked: false };
  if (typeof value === 'number') {
    // A number may be somebody's PIN, and the hash of one is no secret.
    const shown = open || known || key === 'PayloadVersion' || key === 'DurationUntilRemoval';
    return shown ? { value: String(value), masked: false } : { value: '‹number›', masked: true };
  }
  if (value instanceof Date) return { value: value.toISOString(), masked: false };
  if (Buffer.isBuffer(value)) return { value: String(new Secret('data', value)), masked: true };
  if (typeof value !== 'string') return null;
  return open
    ? { value: shortened(value), masked: false }
    : { value: String(new Secret(key ?? 'text', value)), masked: true };
}

function shortened(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}
