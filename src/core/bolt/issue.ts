import { unreadable, type Failure, type FailureError } from '../failure';

/**
 * Something worth knowing about a Bolt file that did not stop the reading.
 *
 * `error`: data is missing or cannot be trusted. `warning`: all data is there, yet something is not as a Bolt
 * writer leaves it. `info`: normal, but worth a line in a report.
 */
export interface BoltIssue {
  /** Stable code, `bolt/…`. */
  readonly code: string;
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
  /** Number of the page concerned. */
  readonly page?: number;
  /** Display name of the bucket concerned, nested names joined with ` / `. */
  readonly bucket?: string;
}

/** What to do about a damaged file. One sentence for all kinds, because the way out is always the same. */
export const FRESH_COPY_REMEDY =
  'Take a new copy: download it with GET /boltbackup, or stop the server and copy the file again.';

/** Where in the file the reader was when it met a fault. */
export interface Place {
  /** Display name of the bucket being read; the nameless root bucket is `(root)`. */
  readonly bucket: string;
  /** The page holding the reference that was followed; 0 or 1 for a meta page. */
  readonly referencedBy: number;
}

/**
 * Throws the failure for damage met at a place in the file.
 *
 * @param page the page concerned, exact: a bigint where a pointer does not fit a number
 */
export function damaged(
  code: string,
  page: number | bigint,
  place: Place,
  message: string,
  detail?: Failure['detail'],
): never {
  const number = typeof page === 'bigint' && page <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(page) : page;
  return unreadable(
    code,
    `${message} Reached from page ${place.referencedBy}, in bucket ${place.bucket}.`,
    FRESH_COPY_REMEDY,
    {
      page: typeof number === 'bigint' ? number.toString() : number,
      bucket: place.bucket,
      referencedBy: place.referencedBy,
      ...detail,
    },
  );
}

/** The issue that a failure amounts to when reading goes on without the part concerned. */
export function issueOf(error: FailureError, severity: BoltIssue['severity'] = 'error'): BoltIssue {
  const { code, message, detail } = error.failure;
  const page = detail?.['page'];
  const bucket = detail?.['bucket'];
  return {
    code,
    severity,
    message,
    ...(typeof page === 'number' ? { page } : {}),
    ...(typeof bucket === 'string' ? { bucket } : {}),
  };
}

/** More issues than this tell nobody anything, and a hostile file must not fill the memory with them. */
const MAX_ISSUES = 1000;

/** Adds an issue unless it is there already (a second walk meets the same damage) or the list is full. */
export function addIssue(list: BoltIssue[], issue: BoltIssue): void {
  if (list.length > MAX_ISSUES) return;
  if (list.some((known) => known.code === issue.code && known.page === issue.page && known.message === issue.message)) {
    return;
  }
  if (list.length === MAX_ISSUES) {
    list.push({
      code: 'bolt/more-issues',
      severity: 'error',
      message: `More than ${MAX_ISSUES} issues; the others are not listed.`,
    });
    return;
  }
  list.push(issue);
}

/** A key or bucket name for people: its text where it is printable UTF-8, else hexadecimal; cut when long. */
export function displayName(name: Buffer): string {
  const text = name.toString('utf8');
  const printable = name.length > 0 && !/[\p{Cc}\uFFFD]/u.test(text);
  const shown = printable ? text : `0x${name.subarray(0, 40).toString('hex')}`;
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
}
