/** The engine's thread, built as it is shipped: answers, progress, stopping in the middle of a reading, dying. */
import { newFolder } from '../home';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine, EngineThread } from '../../../src/main/engine/engine';
import { JobControl, type SourceAccess } from '../../../src/main/engine/protocol';
import { writeMicroMdm } from '../../micromdm-writer';
import { builtEngine } from '../built-worker';
import { failureOf } from '../failure-of';

const QUERY = {
  search: '',
  verdicts: [],
  actions: [],
  platforms: [],
  sources: [],
  reasons: [],
  states: [],
  attention: [],
  sort: 'name',
  descending: false,
  offset: 0,
  limit: 10,
  hold: false,
} as const;
const query = {
  ...QUERY,
  verdicts: [],
  actions: [],
  platforms: [],
  reasons: [],
  sources: [],
  states: [],
  attention: [],
};
const threads: EngineThread[] = [];
let engine: Engine;
let small: SourceAccess;
let large: SourceAccess;

function access(path: string): SourceAccess {
  const copies = newFolder('copies');
  return {
    reference: `micromdm:${path}`,
    copies,
    copy: null,
    login: {
      apiKey: null,
      password: null,
      keyPassphrase: null,
      caFile: null,
      pinSha256: null,
      tls: null,
      plaintextConfirmed: false,
      ssh: null,
    },
    logins: [],
    salvage: false,
    sample: false,
  };
}

beforeAll(async () => {
  const folder = newFolder('sources');
  writeMicroMdm(join(folder, 'small.db'), { devices: 40, at: Date.now() });
  writeMicroMdm(join(folder, 'large.db'), { devices: 12_000, at: Date.now(), unlockTokenBytes: 100 });
  small = access(join(folder, 'small.db'));
  large = access(join(folder, 'large.db'));
  engine = await builtEngine(threads);
});

afterAll(async () => {
  await engine.stop();
});

describe('the engine’s thread', () => {
  it('reads a source from its private copy and answers questions about it', async () => {
    const read = await engine.call('read', small);
    expect(read.copy.path.startsWith(small.copies)).toBe(true);
    expect(read.summary.path).toBe(small.reference.slice('micromdm:'.length));
    const page = await engine.call('query', query);
    expect(page.total).toBe(read.summary.counts.devices + read.summary.counts.withoutUdid);
    expect(page.rows).toHaveLength(10);
    const detail = await engine.call('detail', { id: page.rows[0]!.id, accepted: [], fleet: null });
    expect(detail).toMatchObject({ device: page.rows[0], rows: null });
  });

  it('says what is the matter as a failure, and goes on', async () => {
    expect((await failureOf(() => engine.call('detail', { id: 'nobody', accepted: [], fleet: null }))).code).toBe(
      'devices/unknown',
    );
    expect((await failureOf(() => engine.call('read', { ...small, reference: 'micromdm:/nowhere.db' }))).code).toMatch(
      /^bolt\/|^source\//,
    );
    expect((await failureOf(() => engine.call('connect', { fleet: { kind: 'sample' } }))).code).toBe(
      'fleet/not-connected',
    );
    // What was read before is still there.
    expect((await engine.call('query', query)).total).toBeGreaterThan(0);
  });

  it('stops in the middle of a reading, although reading never waits', async () => {
    const control = new JobControl();
    const labels: string[] = [];
    const reading = failureOf(() =>
      engine.call('read', large, {
        control,
        onProgress: ({ label }) => {
          labels.push(label);
          control.cancel();
        },
      }),
    );
    expect((await reading).code).toBe('job/cancelled');
    expect(labels.length).toBeGreaterThan(0);
    // Nothing half read took the place of what was there.
    expect((await engine.call('query', query)).total).toBeLessThan(100);
  });

  it('leaves main’s event loop alone while it reads', async () => {
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const read = await engine.call('read', large);
    clearInterval(beat);
    expect(read.summary.counts.devices).toBeGreaterThan(10_000);
    // Reading takes seconds; on a busy machine a beat may come late, but not by that much.
    expect(longest).toBeLessThan(1_000);
  });

  it('tells of its death as a failure, and is there again with the next call', async () => {
    const crashed = vi.fn();
    engine.onCrash = crashed;
    const waiting = failureOf(() => engine.call('read', large));
    await sleep(50);
    await (threads.at(-1) as unknown as Worker).terminate();
    expect((await waiting).code).toBe('engine/crashed');
    expect(crashed).toHaveBeenCalledTimes(1);
    expect((await failureOf(() => engine.call('query', query))).code).toBe('source/not-read');
    expect(threads).toHaveLength(2);
    await engine.call('read', small);
    expect((await engine.call('query', query)).total).toBeGreaterThan(0);
    engine.onCrash = null;
  });

  it('drops whatever an answer holds that was not promised', async () => {
    const fake = new (class {
      listeners = new Map<string, (value: never) => void>();
      on(event: string, listener: (value: never) => void): void {
        this.listeners.set(event, listener);
      }
      postMessage({ id, method }: { id: number; method: string }): void {
        const value = method === 'udids' ? ['A', 7] : { devices: 1, password: 'hunter2' };
        queueMicrotask(() => this.listeners.get('message')?.({ id, kind: 'done', value } as never));
      }
      terminate(): Promise<number> {
        return Promise.resolve(0);
      }
    })();
    const { Engine: Client } = await import('../../../src/main/engine/engine');
    const client = new Client(() => fake);
    const log = vi.spyOn(console, 'error').mockReturnValue();
    expect(await client.call('exportCsv', { filter: query, ids: null, path: '/x' })).toEqual({ devices: 1 });
    expect((await failureOf(() => client.call('udids', query))).code).toBe('engine/defect');
    expect(JSON.stringify(log.mock.calls)).not.toContain('hunter2');
    log.mockRestore();
  });
});
