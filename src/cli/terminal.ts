/**
 * Everything the commands print. Data goes to standard output, everything else to standard error.
 *
 * Text that comes from a device, a database or a file is shown through {@link plain}: a device name may hold escape
 * sequences that would otherwise repaint the operator's terminal.
 */
import { unreadable, type Failure } from '../core/failure';
import type { OnProgress } from '../core/progress';

type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';

const CODES: Readonly<Record<Style, string>> = { bold: '1', dim: '2', red: '31', yellow: '33', green: '32' };

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Makes text safe for a terminal: control and direction characters become `\u{…}`. */
export function plain(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}

/** Whether a stream wants colour: a terminal, and nobody said NO_COLOR (https://no-color.org). */
function wantsColour(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
}

/** Wraps text in a style when standard output is a colour terminal. */
export function styled(text: string, style: Style, stream: NodeJS.WriteStream = process.stdout): string {
  return wantsColour(stream) ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
}

/** Prints lines of text to standard output. */
export async function print(...lines: string[]): Promise<void> {
  await write(process.stdout, `${lines.join('\n')}\n`);
}

/** Tells something that is not data: standard error. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The reader of standard output is gone: what is left is said to nobody. */
let unheard = false;

/** Errors of the output are seen where it is written; as events they must not end the process. */
export function guardOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/**
 * Writes with back-pressure: a pipe that is slow never makes the process hold the output in memory.
 *
 * A reader that goes away (`| head`) is no error of ours, and no reason to leave off: the work goes on to its exit
 * code. Throws `file/cannot-write` for anything else, such as a full disk.
 */
export async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (unheard) return;
  const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => stream.write(text, resolve));
  if (error == null) return;
  unheard = true;
  if (error.code === 'EPIPE') return;
  unreadable(
    'file/cannot-write',
    `The output could not be written (${error.code ?? 'unknown error'}); what is there is not whole.`,
    'Make room where it goes, and run the command again.',
  );
}

/**
 * Prints an object as JSON whose list `name` may be long: its entries are written in portions, each on its own line.
 * The list's key stands after all keys of `head` and before those of `tail`.
 */
export async function printJsonList(
  head: Readonly<Record<string, unknown>>,
  name: string,
  entries: Iterable<unknown>,
  tail: Readonly<Record<string, unknown>> = {},
  before = '\n',
): Promise<void> {
  const opening = JSON.stringify(head);
  let text = `${opening.slice(0, -1)}${opening === '{}' ? '' : ','}${JSON.stringify(name)}:[`;
  let first = true;
  for (const entry of entries) {
    text += (first ? before : `,${before}`) + JSON.stringify(entry);
    first = false;
    if (text.length > 262_144) {
      await write(process.stdout, text);
      text = '';
    }
  }
  const closing = JSON.stringify(tail);
  text += `]${closing === '{}' ? '' : `,${closing.slice(1, -1)}`}}\n`;
  await write(process.stdout, text);
}

/** Prints an object as one line of JSON. */
export async function printJson(value: unknown): Promise<void> {
  await write(process.stdout, `${JSON.stringify(value)}\n`);
}

/** Prints a failure to standard error: three lines for people, one line of JSON for machines. */
export function tellFailure(failure: Failure, json: boolean): void {
  if (json) {
    const { code, message, remedy, kind, detail } = failure;
    process.stderr.write(
      `${JSON.stringify({ schema: 1, error: { code, message, remedy, kind, detail: detail ?? {} } })}\n`,
    );
    return;
  }
  tell(`${styled('✗', 'red', process.stderr)} ${plain(failure.message)}`);
  const problems = failure.detail?.['problems'];
  if (typeof problems === 'string' && problems.includes('\n')) {
    for (const problem of problems.split('\n')) tell(`    ${plain(problem)}`);
    const more = Number(failure.detail?.['more'] ?? 0);
    if (more > 0) tell(`    and ${more.toLocaleString('en')} more`);
  }
  tell(`  ${plain(failure.remedy)}`);
  tell(`  ${styled(failure.code, 'dim', process.stderr)}`);
}

/**
 * A progress line on standard error: redrawn in place on a terminal, silent when piped or when `quiet`.
 * Call `end` when the work is over, whatever its outcome.
 */
export function progressLine(quiet: boolean): { readonly onProgress: OnProgress; readonly end: () => void } {
  if (quiet || !process.stderr.isTTY) return { onProgress: () => undefined, end: () => undefined };
  let started = Date.now();
  let label = '';
  let drawnAt = 0;
  const clear = (): void => void process.stderr.write('\r\u001b[2K');
  return {
    onProgress(progress) {
      const now = Date.now();
      if (progress.label !== label) {
        label = progress.label;
        started = now;
        drawnAt = 0;
      }
      if (now - drawnAt < 80) return;
      drawnAt = now;
      clear();
      process.stderr.write(line(label, progress.done, progress.total, (now - started) / 1000));
    },
    end: clear,
  };
}

function line(label: string, done: number, total: number | null, seconds: number): string {
  const rate = seconds > 0.5 ? ` · ${Math.round(done / seconds).toLocaleString('en')}/s` : '';
  if (total === null || total === 0) return `${label} ${done.toLocaleString('en')}${rate}`;
  const share = Math.min(1, done / total);
  const filled = Math.round(share * 24);
  const left = seconds > 1 && done > 0 ? ` · ${Math.ceil((seconds / done) * (total - done))} s left` : '';
  return `${label} ${'█'.repeat(filled)}${'░'.repeat(24 - filled)} ${Math.floor(share * 100)} %${rate}${left}`;
}

/** Columns of text, padded; cells are made safe for the terminal. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string[] {
  const clean = rows.map((row) => row.map(plain));
  const widths: number[] = [];
  for (const row of clean) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return clean.map((row) =>
    `${indent}${row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ')}`.trimEnd(),
  );
}

/** `1,234 devices`, `1 device`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** The sign before a finding: how grave it is, at a glance. */
export function mark(severity: 'error' | 'warning' | 'info'): string {
  return severity === 'error' ? styled('✗', 'red') : severity === 'warning' ? styled('!', 'yellow') : '·';
}
