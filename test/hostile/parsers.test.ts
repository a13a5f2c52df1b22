/**
 * Every parser, on every input of its corpus and on changed ones: an answer or a coded refusal, never anything else.
 *
 * What an input may cost is bounded by its size: none is larger than 256 KiB, an answer may not be much larger than its
 * input, and whatever takes more than its length in time runs into the test's own limit. `SLIPWAY_FUZZ=<number>` repeats
 * the changes of a run, `SLIPWAY_SOAK=1` makes new and more ones and keeps every input that was not borne.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FailureError } from '../../src/core/failure';
import { corpusFolders, corpusOf, keep, toHex } from './corpus';
import { mutated, Numbers } from './mutation';
import { CANARY } from './names';
import { PARSERS, type Parser, type Read } from './parsers';

const soak = process.env['SLIPWAY_SOAK'] === '1';
const number = Number(process.env['SLIPWAY_FUZZ'] ?? (soak ? Date.now() % 2 ** 31 : 20_261_124));
const ROUNDS = 150;

const folder = mkdtempSync(join(tmpdir(), 'slipway-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
console.info(`hostile input: number ${number}`);

beforeEach(() => {
  // A parser that speaks of its input tells somebody's terminal or log.
  for (const way of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, way);
});
afterEach(() => {
  for (const way of ['log', 'info', 'warn', 'error'] as const) expect(console[way]).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

/** Things and bytes of an answer, shared ones counted each time they are met; at most `most`. */
function weightOf(value: unknown, most: number): number {
  let weight = 0;
  const open: unknown[] = [value];
  while (open.length > 0 && weight <= most) {
    const one = open.pop();
    weight += 1;
    if (typeof one === 'string' || Buffer.isBuffer(one)) weight += one.length;
    else if (one instanceof Map || one instanceof Set) open.push(...one.keys(), ...one.values());
    else if (typeof one === 'object' && one !== null)
      open.push(...Object.keys(one), ...(Object.values(one) as unknown[]));
  }
  return weight;
}

/** Tries one input. @returns the code it was refused with; null when something read it. Throws for whatever must not happen. */
async function attempt({ read, refuses, longest = 2_000 }: Parser, bytes: Buffer): Promise<string | null> {
  const codes: (string | null)[] = [];
  for (const one of typeof read === 'function' ? [read] : read)
    codes.push(await outcome(one, { refuses, longest }, bytes));
  return codes.includes(null) ? null : (codes[0] ?? null);
}

async function outcome(
  read: Read,
  { refuses, longest }: Required<Pick<Parser, 'longest'>> & { refuses: RegExp | undefined },
  bytes: Buffer,
): Promise<string | null> {
  try {
    const most = 40 * bytes.length + 100_000;
    const weight = weightOf(await read(bytes, { folder }), most);
    if (weight > most) throw new Error(`the answer is far larger than the ${bytes.length} bytes it was read from`);
    return null;
  } catch (error) {
    if (!(error instanceof FailureError) || refuses?.test(error.failure.code) !== true) throw error;
    const { code, message, remedy } = error.failure;
    const said = JSON.stringify(error.failure);
    if (!/^[a-z-]+\/[a-z0-9-]+$/.test(code) || message.length < 10 || remedy.length < 5)
      throw new Error(`a refusal that says too little: ${said}`, { cause: error });
    if (said.length > longest) throw new Error(`a refusal of ${said.length} characters`, { cause: error });
    if (said.includes(CANARY)) throw new Error('a refusal repeats a secret', { cause: error });
    return code;
  }
}

/** The same, with the input in the message, or kept, when it was not borne. */
async function borne(name: string, parser: Parser, bytes: Buffer, what: string): Promise<string | null> {
  try {
    return await attempt(parser, bytes);
  } catch (error) {
    const where = soak ? `kept in ${keep(name, bytes)}` : `the input, in hex:\n${toHex(bytes).slice(0, 20_000)}`;
    throw new Error(`${name}, ${what}: ${error instanceof Error ? error.message : String(error)}\n${where}`, {
      cause: error,
    });
  }
}

it('has inputs for every parser, and a parser for all inputs', () => {
  expect(corpusFolders()).toEqual(Object.keys(PARSERS).sort());
});

describe.each(Object.entries(PARSERS))('%s', (name, parser) => {
  const kept = corpusOf(name);
  const seeds = [...kept.map(({ bytes }) => bytes), ...(parser.made?.() ?? [])];

  it('bears its inputs as they are', async () => {
    const codes: (string | null)[] = [];
    for (const { name: what, bytes } of kept) codes.push(await borne(name, parser, bytes, what));
    for (const bytes of parser.made?.() ?? []) codes.push(await borne(name, parser, bytes, 'a made one'));
    // At least one is what it should be, or nothing behind the door is ever tried.
    expect(codes).toContain(null);
  });

  it(
    'bears them changed',
    async () => {
      const numbers = new Numbers(number);
      const rounds = Math.ceil((parser.rounds ?? ROUNDS) * (soak ? 20 : 0.5));
      for (const [index, seed] of seeds.entries()) {
        // What is long is there for its length.
        const times = Math.ceil(rounds / Math.max(1, seed.length / 20_000));
        for (let round = 0; round < times; round += 1) {
          const changed = mutated(seed, parser.form, numbers, seeds);
          const bytes = parser.mend !== undefined && round % 2 === 0 ? parser.mend(changed) : changed;
          await borne(name, parser, bytes, `number ${number}, input ${index}, round ${round}`);
        }
      }
    },
    soak ? 600_000 : 60_000,
  );
});
