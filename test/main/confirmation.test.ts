/** What main refuses before a write, whatever the window allows; and the states of the rail that go with it. */
import { describe, expect, it } from 'vitest';
import type { CheckRow, Settings } from '../../src/contract/state';
import { whyNotApply, whyNotUndo } from '../../src/main/confirmation';
import { checksAreStale, fleetNamed, NO_FACTS, planStaleness, type Facts } from '../../src/main/facts';
import { stepsOf } from '../../src/main/steps';
import { DEFAULT_SETTINGS } from '../../src/main/workspace-file';

const settings: Settings = {
  ...DEFAULT_SETTINGS,
  badge: 'production',
  fleet: { ...DEFAULT_SETTINGS.fleet, host: 'db.example.com', user: 'slipway', database: 'fleet_production' },
};

function check(more: Partial<CheckRow>): CheckRow {
  return {
    id: 'mysql-grants',
    phase: 'target',
    title: 'Grants',
    status: 'pass',
    code: 'mysql-grants',
    sentence: '',
    remedy: '',
    overridable: false,
    subjects: [],
    commands: [],
    blocking: false,
    acknowledgedBy: null,
    ...more,
  };
}

const source = {
  fingerprint: 'a',
  readAt: 1_000,
  instant: 1_000,
  sample: false,
  findings: [],
  counts: { devices: 3, ready: 2, caution: 1, blocked: 0, withoutUdid: 0 },
  scepCa: null,
  push: null,
} as unknown as NonNullable<Facts['source']>;

const plan = {
  fingerprint: 'a',
  summary: {
    id: 'p',
    path: '/p.json',
    madeAt: 2_000,
    accepted: [],
    queueLeftovers: 3,
    queueChosen: false,
    serials: { sourceNext: '61', targetNext: '2', lifted: '100061' },
    reasons: [{ code: 'no-agent', held: true }],
    counts: { insert: 2, refresh: 1, keep: 0, held: 0, blocked: 0 },
    target: { host: 'db.example.com', port: 3306, database: 'fleet_production', generation: '4.69' },
  },
} as unknown as NonNullable<Facts['plan']>;

const undone = { rehearsal: false, finishedAt: 3_000, counts: { journaled: 3, removed: 3, gone: 0, left: 0 } };

function facts(more: Partial<Facts> = {}, given: Partial<Settings> = {}): Facts {
  const workspace = { name: 'w', path: '/w', settings: { ...settings, ...given } };
  const basis = { readAt: 1_000, fleet: fleetNamed(workspace.settings) };
  return { ...NO_FACTS, workspace, source, plan, checks: { at: 1_500, results: [check({})], basis }, ...more };
}

const right = { typed: 'fleet_production' };

describe('apply', () => {
  it('may start with a fresh plan, no blocking check, a badge and the name typed', () => {
    expect(whyNotApply(facts(), right)).toBeNull();
    // Checks that were never run are run just before.
    expect(whyNotApply(facts({ checks: null }), right)).toBeNull();
  });

  const blocking = {
    at: 1,
    results: [check({ status: 'fail', code: 'grants-missing' })],
    basis: { readAt: 1_000, fleet: fleetNamed(settings) },
  };
  it.each<[string, Facts, string]>([
    ['without a workspace', facts({ workspace: null }), 'workspace/none'],
    ['without a plan', facts({ plan: null }), 'plan/none'],
    ['with a source that changed', facts({ source: { ...source, fingerprint: 'b' } }), 'plan/stale'],
    ['with another database named', facts({}, { fleet: { ...settings.fleet, database: 'other' } }), 'plan/stale'],
    ['with another server named', facts({}, { fleet: { ...settings.fleet, host: 'other' } }), 'plan/stale'],
    ['with another port named', facts({}, { fleet: { ...settings.fleet, port: 3307 } }), 'plan/stale'],
    ['with other cautions accepted', facts({}, { accepted: ['no-agent'] }), 'plan/stale'],
    ['after what it wrote was taken back', facts({ undone: undone as never }), 'plan/stale'],
    ['without a badge', facts({}, { badge: 'unset' }), 'workspace/badge-unset'],
    ['with a check that blocks', facts({ checks: blocking }), 'apply/checks-failed'],
  ])('is refused %s', (_what, known, code) => {
    expect(whyNotApply(known, right)?.code).toBe(code);
  });

  it.each(['', 'fleet', 'FLEET_PRODUCTION', ' fleet_production', 'fleet_production '])(
    'is refused when %j was typed',
    (typed) => {
      expect(whyNotApply(facts(), { typed })?.code).toBe('apply/not-confirmed');
    },
  );

  it('is not held up by a check that was accepted by name, but by one that cannot be', () => {
    const fail = (more: Partial<CheckRow>): Facts['checks'] => ({
      at: 1,
      results: [check({ status: 'fail', code: 'c', ...more })],
      basis: { readAt: 1_000, fleet: fleetNamed(settings) },
    });
    const known = (checks: Facts['checks'], given: Partial<Settings>): string | undefined =>
      whyNotApply(facts({ checks }, given), right)?.code;
    expect(known(fail({ overridable: true }), {})).toBe('apply/checks-failed');
    expect(known(fail({ overridable: true }), { accepted: ['c'] })).toBeUndefined();
    expect(known(fail({ overridable: false }), { accepted: ['c'] })).toBe('apply/checks-failed');
    const answers = { backup: { by: 'Ann', note: '' } };
    expect(known(fail({ id: 'backup', overridable: true }), { answers })).toBeUndefined();
  });
});

describe('undo', () => {
  it('asks for the same name and badge', () => {
    expect(whyNotUndo(facts(), right)).toBeNull();
    expect(whyNotUndo(facts(), { typed: 'x' })?.code).toBe('apply/not-confirmed');
    expect(whyNotUndo(facts({}, { badge: 'unset' }), right)?.code).toBe('workspace/badge-unset');
    expect(whyNotUndo(facts({}, { fleet: DEFAULT_SETTINGS.fleet }), right)?.code).toBe('fleet/not-named');
  });
});

describe('the rail', () => {
  const states = (known: Facts): Record<string, string> =>
    Object.fromEntries(Object.entries(stepsOf(known)).map(([step, { state }]) => [step, state]));

  it('is empty without a workspace, and fills as things become known', () => {
    expect(new Set(Object.values(states(NO_FACTS)))).toEqual(new Set(['empty']));
    expect(states(facts())).toMatchObject({
      source: 'done',
      certificates: 'attention',
      checks: 'done',
      plan: 'done',
      apply: 'empty',
    });
  });

  it('shows what a new reading makes stale', () => {
    const read = facts({ source: { ...source, fingerprint: 'b', readAt: 9_000 } });
    expect(states(read)).toMatchObject({ checks: 'stale', plan: 'stale' });
    expect(checksAreStale(read)).toBe(true);
    // The same devices read again: the checks are, the plan is not.
    expect(states(facts({ source: { ...source, readAt: 9_000 } }))).toMatchObject({ checks: 'stale', plan: 'done' });
  });

  it('does not take a check’s code for a caution that changes the plan', () => {
    const checks = {
      at: 1,
      results: [check({ id: 'target-ca', code: 'target-identity-unproven' })],
      basis: { readAt: 1_000, fleet: '' },
    };
    expect(planStaleness(facts({ checks }, { accepted: ['target-identity-unproven'] }))).toBeNull();
  });

  it('notices that something else was chosen besides the devices’ rows', () => {
    const { planning } = DEFAULT_SETTINGS;
    const now = (part: Partial<Settings['planning']>, more: Partial<Facts> = {}): string | null =>
      planStaleness(facts(more, { planning: { ...planning, ...part } }));
    expect(now({})).toBeNull();
    expect(now({ queue: true })).toContain('earlier import');
    expect(now({ serials: false })).toContain('serials');
    expect(now({ teamMap: '/t.csv' })).toContain('team map');
    expect(now({ teamMap: '/t.csv' }, { teamMap: '/t.csv' })).toBeNull();
    expect(now({}, { teamMap: '/t.csv' })).toContain('team map');
    // Where there is nothing to switch off or to lift, the choice changes nothing.
    const bare = { ...plan, summary: { ...plan.summary, queueLeftovers: 0, serials: null } };
    expect(now({ queue: true, serials: false }, { plan: bare })).toBeNull();
  });

  it('takes one that is both for what it is, and a withdrawn one always', () => {
    const checks = {
      at: 1,
      results: [check({ id: 'no-agent', code: 'no-agent' })],
      basis: { readAt: 1_000, fleet: '' },
    };
    expect(planStaleness(facts({ checks }, { accepted: ['no-agent'] }))).toContain('no-agent');
    const accepting = { ...plan, summary: { ...plan.summary, accepted: ['no-agent'], reasons: [] } };
    expect(planStaleness(facts({ checks, plan: accepting }, { accepted: ['no-agent'] }))).toBeNull();
    expect(planStaleness(facts({ checks, plan: accepting }))).toContain('no-agent');
  });

  it('counts what must be looked at', () => {
    const held = { ...plan, summary: { ...plan.summary, counts: { ...plan.summary.counts, held: 4 } } };
    expect(stepsOf(facts({ plan: held })).plan).toMatchObject({ state: 'attention', count: 4 });
    const failed = facts({
      failures: { fleet: { code: 'fleet/unreachable', message: 'It cannot be reached.', remedy: '' } },
    });
    expect(stepsOf(failed).fleet).toEqual({ state: 'attention', count: null, sentence: 'It cannot be reached.' });
  });
});
